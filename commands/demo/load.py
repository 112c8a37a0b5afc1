"""Through the real doors: OTLP for spans, the records API for eval runs, the read API to see them arrive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from ulid import ULID

from commands.demo.story import Edition
from commands.demo.traffic import Batch
from commands.local import LocalServer
from errors import ServerError
from store.projects import DEMO_PROJECT, PROJECT_HEADER
from store.reader import Reader
from store.remote import bearer, post_records

CONNECTIONS = 4
SEND_PATIENCE_S = 30.0  # that the receiver may stay busy for one batch
VISIBLE_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.2


def send_spans(server: LocalServer, batches: Iterable[Batch]) -> int:
    """Send every batch over a few connections, while the next ones are made. Returns the calls sent."""
    headers = {
        "content-type": "application/x-protobuf",
        PROJECT_HEADER: DEMO_PROJECT,
        **bearer(server.api_key),
    }
    n_calls = 0
    on_the_way: set[Future[None]] = set()
    with (
        httpx.Client(
            base_url=server.receiver_url, headers=headers, timeout=60.0, trust_env=False, verify=server.verify
        ) as http,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        for batch in batches:
            n_calls += batch.n_calls
            on_the_way.add(pool.submit(_send, http, batch))
            if len(on_the_way) >= 2 * CONNECTIONS:
                on_the_way = _arrived(on_the_way)
        for sent in on_the_way:
            sent.result()
    return n_calls


def _arrived(on_the_way: set[Future[None]]) -> set[Future[None]]:
    """Wait for one of them; what is still on the way. Raises what a batch failed with."""
    done, rest = wait(on_the_way, return_when=FIRST_COMPLETED)
    for sent in done:
        sent.result()
    return rest


def _send(http: httpx.Client, batch: Batch) -> None:
    give_up_at = time.monotonic() + SEND_PATIENCE_S
    while True:
        try:
            answer = http.post("/v1/traces", content=batch.body)
        except httpx.HTTPError as failed:
            raise ServerError(
                f"the receiver at {http.base_url} stopped answering ({type(failed).__name__}). "
                "Look at its log, then run `steelyard demo` again: it sends only what is missing."
            ) from failed
        if answer.status_code == 200:
            return _check_all_taken(answer.content)
        if answer.status_code != 503 or time.monotonic() > give_up_at:
            raise ServerError(
                f"the receiver at {http.base_url} answered HTTP {answer.status_code} to the demo spans. "
                "Run `steelyard doctor`, then `steelyard demo` again."
            )
        time.sleep(float(answer.headers.get("retry-after", "2")))


def _check_all_taken(body: bytes) -> None:
    refused = ExportTraceServiceResponse.FromString(body).partial_success
    if refused.rejected_spans:
        raise ServerError(
            f"the receiver refused {refused.rejected_spans} demo spans: {refused.error_message}"
        )


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
