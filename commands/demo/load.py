"""Through the real doors: OTLP for spans, the records API for eval runs, the read API to see them arrive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ulid import ULID

from commands.demo.story import Edition
from commands.demo.traffic import Batch
from commands.local import LocalServer
from commands.sending import Errand, send_traces
from errors import ServerError
from evals.outbox import Receiver
from store.projects import DEMO_PROJECT
from store.reader import Reader
from store.remote import post_records

_ERRAND = Errand("the demo spans", "`steelyard demo`", patience_s=30.0)
VISIBLE_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.2


def send_spans(server: LocalServer, batches: Iterable[Batch]) -> int:
    """Send every batch over a few connections, while the next ones are made. Returns the calls sent."""
    n_calls = 0

    def bodies() -> Iterator[bytes]:
        nonlocal n_calls
        for batch in batches:
            n_calls += batch.n_calls
            yield batch.body

    to = Receiver(server.receiver_url, DEMO_PROJECT, server.api_key, server.verify)
    refused = send_traces(to, bodies(), _ERRAND)
    if refused.n_spans:
        raise ServerError(f"the receiver refused {refused.n_spans} demo spans: {refused.why}")
    return n_calls


def send_records(server: LocalServer, records: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Records by kind; returns when they are on disk."""
    for kind, rows in records.items():
        _post(server, kind, rows, wait_commit=False)


def _post(server: LocalServer, kind: str, rows: Sequence[Mapping[str, object]], *, wait_commit: bool) -> None:
    post_records(
        server.receiver_url,
        kind,
        rows,
        project=DEMO_PROJECT,
        api_key=server.api_key,
        verify=server.verify,
        wait_commit=wait_commit,
    )


def erase(server: LocalServer, reader: Reader) -> None:
    """Remove project `demo`, all of it and nothing else; returns when it is gone."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    erasure = {"erasure_id": str(ULID()), "scope": "project", "requested_at": now}
    _post(server, "erasures", [erasure], wait_commit=True)
    give_up_at = time.monotonic() + VISIBLE_PATIENCE_S
    while left := _count(reader, "spans") + _count(reader, "runs"):
        if time.monotonic() > give_up_at:
            raise ServerError(
                f"{left:,} rows of the demo are still there after {VISIBLE_PATIENCE_S:.0f} s. "
                "Run `steelyard doctor`."
            )
        time.sleep(_LOOK_EVERY_S)


def wait_until_visible(reader: Reader, sent: Mapping[str, int]) -> None:
    """Return when the read API shows as many rows of each relation as were sent."""
    give_up_at = time.monotonic() + VISIBLE_PATIENCE_S
    while late := [name for name, n_sent in sent.items() if _count(reader, name) < n_sent]:
        if time.monotonic() > give_up_at:
            raise ServerError(
                f"after {VISIBLE_PATIENCE_S:.0f} s the store shows {_count(reader, late[0]):,} of "
                f"{sent[late[0]]:,} demo {late[0]}. They are on disk and may only be late; `steelyard doctor` "
                "says how far behind the store is."
            )
        time.sleep(_LOOK_EVERY_S)


def loaded_edition(reader: Reader) -> Edition | None:
    """The edition that the store holds, read from the mark on its spans; None when it holds none."""
    any_span = (
        f"select cast(resource as varchar) as resource from spans where project = '{DEMO_PROJECT}' limit 1"
    )
    marked = reader.sql(any_span, max_rows=1).to_pylist()
    return Edition.parse(marked[0]["resource"] or "") if marked else None


def is_loaded(reader: Reader) -> bool:
    return _count(reader, "spans") + _count(reader, "runs") > 0


def _count(reader: Reader, relation: str) -> int:
    counted = reader.sql(f"select count(*) as n from {relation} where project = '{DEMO_PROJECT}'", max_rows=1)
    return int(counted.column("n")[0].as_py())
