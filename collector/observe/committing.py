"""What the store server counts while it commits. The committer calls these; pages and probes read `state`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from collector.observe.registry import REGISTRY, SECONDS

# How far back the commits and rows of a minute are known, and how many commits that can be at most.
_REMEMBERED_S = 60.0
_REMEMBERED_COMMITS = 10_000

_commits = Counter("steelyard_store_commits", "Transactions committed.", registry=REGISTRY)
_segments = Counter("steelyard_store_segments_committed", "Spool segments committed.", registry=REGISTRY)
_rows = Counter("steelyard_store_rows_committed", "Rows committed, by table.", ("table",), registry=REGISTRY)
_calls = Counter(
    "steelyard_store_calls_committed",
    "Model calls committed since the start, by cost_status.",
    ("cost_status",),
    registry=REGISTRY,
)
_commit_seconds = Histogram(
    "steelyard_store_commit_seconds", "One transaction, begin to commit.", buckets=SECONDS, registry=REGISTRY
)
_decode_seconds = Histogram(
    "steelyard_store_decode_seconds",
    "Reading and decoding the segments of one transaction.",
    buckets=SECONDS,
    registry=REGISTRY,
)
_visible_seconds = Histogram(
    "steelyard_store_visible_seconds",
    "From the arrival of the newest record of a commit until it can be queried.",
    buckets=(*SECONDS, 60.0, 300.0, 3600.0),
    registry=REGISTRY,
)
_checkpoint_seconds = Histogram(
    "steelyard_store_checkpoint_seconds", "One checkpoint.", buckets=SECONDS, registry=REGISTRY
)
_quarantined = Counter(
    "steelyard_store_segments_quarantined", "Segments that could not be stored.", registry=REGISTRY
)
_newest_received = Gauge(
    "steelyard_store_newest_committed_received_timestamp_seconds",
    "When the newest committed record was received, as Unix time; 0 before the first.",
    registry=REGISTRY,
)
_last_error = Gauge(
    "steelyard_store_last_error", "1 while the store cannot take data, 0 when it can.", registry=REGISTRY
)


@dataclass(frozen=True)
class State:
    """The committer as it stands. Times are Unix seconds, None before the first."""

    commits_last_minute: int
    rows_last_minute: int
    last_commit_at_s: float | None
    newest_received_at_s: float | None
    trouble: str | None
    silent_s: float | None  # since the committer last gave a sign of life


class _Recent:
    """The commits of the last minute and what was last heard."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.commits: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED_COMMITS)  # (monotonic s, rows)
        self.last_commit_at_s: float | None = None
        self.newest_received_at_s: float | None = None
        self.trouble: str | None = None
        self.alive_at: float | None = None


_recent = _Recent()


def committed(
    *,
    seconds: float,
    rows: Mapping[str, int],
    n_segments: int = 1,
    newest_received_at_us: int | None = None,
    calls_by_cost_status: Mapping[str, int] | None = None,
) -> None:
    """One transaction is committed. `rows` by table; `newest_received_at_us` is of its newest record, Unix time."""
    _commits.inc()
    _segments.inc(n_segments)
    _commit_seconds.observe(seconds)
    for table, n_rows in rows.items():
        if n_rows > 0:
            _rows.labels(table).inc(n_rows)
    for status, n_calls in (calls_by_cost_status or {}).items():
        if n_calls > 0:
            _calls.labels(status).inc(n_calls)
    now_s = time.time()
    with _recent.lock:
        _recent.commits.append((time.monotonic(), sum(rows.values())))
        _recent.last_commit_at_s = now_s
        if newest_received_at_us is not None:
            received_at_s = newest_received_at_us / 1e6
            _recent.newest_received_at_s = max(received_at_s, _recent.newest_received_at_s or 0.0)
            # A clock that was set back meanwhile must not count as negative time.
            _visible_seconds.observe(max(0.0, now_s - received_at_s))
            _newest_received.set(_recent.newest_received_at_s)


def decoded(seconds: float) -> None:
    """The segments of one transaction are read and decoded."""
    _decode_seconds.observe(seconds)


def quarantined() -> None:
    """A segment was put aside for a person."""
    _quarantined.inc()


def checkpointed(seconds: float) -> None:
    """The write-ahead log was folded into the store file."""
    _checkpoint_seconds.observe(seconds)


def trouble(message: str | None) -> None:
    """What keeps the store from taking data now, in our words; None when nothing does."""
    _last_error.set(0 if message is None else 1)
    _recent.trouble = message


def alive() -> None:
    """The committer goes round; called at least once a second, whether there is work or not."""
    _recent.alive_at = time.monotonic()


def state() -> State:
    """The committer as it stands."""
    now = time.monotonic()
    with _recent.lock:
        in_time = [n_rows for at, n_rows in _recent.commits if now - at <= _REMEMBERED_S]
        return State(
            len(in_time),
            sum(in_time),
            _recent.last_commit_at_s,
            _recent.newest_received_at_s,
            _recent.trouble,
            None if _recent.alive_at is None else now - _recent.alive_at,
        )
