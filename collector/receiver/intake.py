"""What every door does with a request once it is read: check it, put it on disk, say what was taken.

HTTP and gRPC hand over plain bytes; neither the wire's framing nor its status codes are known here.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

from collector.keys import Caller
from collector.receiver import otlp
from collector.settings import CollectorSettings
from collector.spool.groupcommit import GroupCommit
from collector.spool.segments import Record, encode
from store.records import KINDS, problems


class Intake:
    """The way from a request's body to the spool, for every signal. A method returns when its data is on disk.

    Raises otlp.BadRequestError for what the sender must not send again, SpoolFullError and OSError for trouble of ours.
    """

    def __init__(self, settings: CollectorSettings) -> None:
        self._spool = GroupCommit(settings)

    def start(self) -> None:
        self._spool.start()

    async def close(self) -> None:
        await self._spool.close()

    async def traces(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportTraceServiceRequest; returns the response's body in the same media type."""
        traces = otlp.read_traces(body, media)
        records = []
        if traces.n_spans:
            records.append(_record("traces", caller, traces.body))
        if traces.n_rejected:
            records.append(_reject(caller, "traces", traces.reason, traces.n_rejected))
        if records:
            await self._spool.put(*records)
        return otlp.traces_answer(traces, media)

    async def logs(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportLogsServiceRequest; returns the response's body in the same media type."""
        return otlp.logs_refused(otlp.count_logs(body, media), media)

    async def metrics(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportMetricsServiceRequest; returns the response's body in the same media type."""
        return otlp.metrics_refused(otlp.count_metric_points(body, media), media)

    async def records(self, kind: str, body: bytes, caller: Caller) -> tuple[int, Path | None]:
        """Take records of one kind, as a JSON list or one object: how many, and the segment that will hold them."""
        rows = _records(kind, body, caller.project)
        if not rows:
            return 0, None
        return len(rows), await self._spool.put(
            _record(f"records/{kind}", caller, json.dumps(rows).encode(), "json")
        )


def _record(signal: str, caller: Caller, body: bytes, encoding: str = "protobuf") -> bytes:
    now_us = time.time_ns() // 1000
    return encode(
        Record(
            now_us, signal, caller.project, body, encoding, caller.key_id, caller.tenant, caller.environment
        )
    )


def _reject(caller: Caller, signal: str, reason: str, n_items: int) -> bytes:
    why = {"reject_id": str(uuid.uuid4()), "signal": signal, "reason": reason, "n_items": n_items}
    return _record("rejects", caller, json.dumps(why).encode(), "json")


def _records(kind: str, body: bytes, project: str) -> list[object]:
    if kind not in KINDS:
        raise otlp.BadRequestError(f"there is no record kind {kind!r}. There are: {', '.join(KINDS)}")
    try:
        document = json.loads(body)
    except ValueError as broken:
        raise otlp.BadRequestError(f"the body is not JSON: {broken}") from None
    rows: list[object] = document if isinstance(document, list) else [document]
    wrong = problems(KINDS[kind], rows)
    if kind == "erasures" and project != "demo":
        wrong.append("only project `demo` can be erased this way")
    if wrong:
        shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise otlp.BadRequestError(f"nothing was stored: {shown}")
    return rows
