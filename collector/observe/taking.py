"""What the receiver counts: who knocked, what was taken, what was not, and how long the disk took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from collector.observe.registry import REGISTRY, SECONDS

DOORS = ("http", "grpc")
SIGNALS = ("traces", "logs", "metrics", "records")
OTHER = "other"

# Why an item was refused, as a label: a reason that holds one of the words on the left. First match wins.
_REASON_CLASSES = (
    ("id", ("trace id", "span id", "trace_id", "span_id", "id is")),
    ("time", ("time", "clock")),
    ("too_large", ("over ", "too large", "too deep", "too many", "longer than", "nested")),
    ("unreadable", ("unreadable", "protobuf", "json", "utf-8", "cannot be read", "damaged", "cut short")),
    ("not_stored", ("not stored", "not kept", "does not store")),
)

_requests = Counter(
    "steelyard_receiver_requests",
    "Requests answered, by door, signal and the status they were answered with.",
    ("door", "signal", "status"),
    registry=REGISTRY,
)
_accepted = Counter(
    "steelyard_receiver_items_accepted",
    "Spans, log records, metric points and records that are safe on disk.",
    ("signal",),
    registry=REGISTRY,
)
_rejected = Counter(
    "steelyard_receiver_items_rejected",
    "Items that the sender was told not to send again, by reason class.",
    ("signal", "reason"),
    registry=REGISTRY,
)
_bytes = Counter(
    "steelyard_receiver_body_bytes",
    "Bytes of request bodies after decompression.",
    ("signal",),
    registry=REGISTRY,
)
_answer_seconds = Histogram(
    "steelyard_receiver_ack_seconds",
    "From a request's headers to its answer.",
    ("door",),
    buckets=SECONDS,
    registry=REGISTRY,
)
_fsync_seconds = Histogram(
    "steelyard_receiver_fsync_seconds",
    "One write and fsync of the spool, which many requests share.",
    buckets=SECONDS,
    registry=REGISTRY,
)
_in_flight = Gauge("steelyard_receiver_requests_in_flight", "Requests not answered yet.", registry=REGISTRY)


def answered(door: str, signal: str, status: int | str, seconds: float) -> None:
    """A request was answered. `status` is an HTTP status or the name of a gRPC one."""
    known = _signal(signal)
    _requests.labels(door, known, str(status)).inc()
    if known != OTHER:  # probes and lost browsers would make the doors look faster than they are
        _answer_seconds.labels(door).observe(seconds)


def read(signal: str, n_bytes: int) -> None:
    """A body was read and decompressed."""
    _bytes.labels(_signal(signal)).inc(n_bytes)


def accepted(signal: str, n_items: int) -> None:
    """Items are on disk."""
    _accepted.labels(_signal(signal)).inc(n_items)


def rejected(signal: str, n_items: int, reason: str) -> None:
    """Items were refused for good; of the reason only its class is kept."""
    _rejected.labels(_signal(signal), reason_class(reason)).inc(n_items)


def fsynced(seconds: float) -> None:
    """The spool took one group of records."""
    _fsync_seconds.observe(seconds)


@contextmanager
def in_flight() -> Iterator[None]:
    """Around one request."""
    _in_flight.inc()
    try:
        yield
    finally:
        _in_flight.dec()


def reason_class(reason: str) -> str:
    """One of a few words for a reason in our own prose: a label must not grow with what people send."""
    said = reason.lower()
    return next((name for name, words in _REASON_CLASSES if any(word in said for word in words)), OTHER)


def _signal(signal: str) -> str:
    known = signal.split("/")[0]
    return known if known in SIGNALS else OTHER
