"""What every door does with a request once it is read: check it, put it on disk, say what was taken.

HTTP and gRPC hand over plain bytes; neither the wire's framing nor its status codes are known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from collector.keys import Caller
from collector.observe import taking
from collector.receiver import otlp
from collector.receiver.rejects import Rejects
from collector.settings import CollectorSettings
from collector.spool.groupcommit import GroupCommit, SpoolFullError
from collector.spool.segments import Record, encode
from store.record_checks import CHECKS
from store.records import KINDS, problems

# Larger bodies are read beside the event loop, which goes on answering small ones meanwhile.
ASIDE_FROM_BYTES = 256 * 1024
READERS = 2

_T = TypeVar("_T")


class Intake:
    """The way from a request's body to the spool, for every signal. A method returns when its data is on disk.

    Raises otlp.BadRequestError for what the sender must not send again, SpoolFullError and OSError for trouble of ours.
    """

    def __init__(self, settings: CollectorSettings) -> None:
        self._spool = GroupCommit(settings)
        self._rejects = Rejects()
        self._readers = ThreadPoolExecutor(READERS, "read")

    def start(self) -> None:
        self._spool.start()

    async def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)
        await self._spool.close()

    def refusal(self) -> str | None:
        """Why new data would be refused now; None when it would be taken."""
        return self._spool.refusal()

    async def traces(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportTraceServiceRequest; returns the response's body in the same media type."""
        return await self._export(otlp.TRACES, body, media, caller)

    async def logs(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportLogsServiceRequest; returns the response's body in the same media type."""
        return await self._export(otlp.LOGS, body, media, caller)

    async def metrics(self, body: bytes, media: str, caller: Caller) -> bytes:
        """Take an ExportMetricsServiceRequest; returns the response's body in the same media type."""
        return await self._export(otlp.METRICS, body, media, caller)

    async def refuse(self, signal: str, refused: otlp.BadRequestError, about: str, caller: Caller) -> None:
        """Keep that a whole request was refused. `about` says what came, without anything of its content."""
        kind = str(refused.status_code)
        reason = f"{kind}: {refused} ({about})"
        record = self._rejects.record(caller.project, signal, kind, reason, None)
        if record is not None:
            # The sender is refused either way, and full disks are told elsewhere.
            with contextlib.suppress(SpoolFullError, OSError):
                await self._spool.put(_record("rejects", caller, record, "json"))

    async def _export(self, shape: otlp.Shape, body: bytes, media: str, caller: Caller) -> bytes:
        taking.read(shape.signal, len(body))
        export = await self.aside(len(body), otlp.read_export, body, media, shape)
        records = []
        if export.n_items:
            kept = export.body
            records.append(await self.aside(len(kept), _record, shape.signal, caller, kept))
        if faults := export.faults:
            for reason, n_items in faults.by_reason().items():
                taking.rejected(shape.signal, n_items, reason)
            reject = self._rejects.record(
                caller.project, shape.signal, "items", faults.reasons(), faults.n_items
            )
            records += [_record("rejects", caller, reject, "json")] if reject is not None else []
        if records:
            await self._spool.put(*records)
        taking.accepted(shape.signal, export.n_items)
        return otlp.export_answer(shape.signal, export.faults, media)

    async def aside(self, n_bytes: int, work: Callable[..., _T], *given: Any) -> _T:
        """Do work on so many bytes: at once when they are few, else beside the event loop."""
        if n_bytes < ASIDE_FROM_BYTES:
            return work(*given)
        return await asyncio.get_running_loop().run_in_executor(self._readers, work, *given)

    async def records(self, kind: str, body: bytes, caller: Caller) -> tuple[int, Path | None]:
        """Take records of one kind, as a JSON list or one object: how many, and the segment that will hold them."""
        rows = _records(kind, body, caller.project)
        if not rows:
            return 0, None
        sealed = await self._spool.put(_record(f"records/{kind}", caller, json.dumps(rows).encode(), "json"))
        taking.accepted("records", len(rows))
        return len(rows), sealed


def _record(signal: str, caller: Caller, body: bytes, encoding: str = "protobuf") -> bytes:
    now_us = time.time_ns() // 1000
    return encode(
        Record(
            now_us, signal, caller.project, body, encoding, caller.key_id, caller.tenant, caller.environment
        )
    )


def _records(kind: str, body: bytes, project: str) -> list[object]:
    if kind not in KINDS:
        raise otlp.BadRequestError(f"there is no record kind {kind!r}. There are: {', '.join(KINDS)}")
    try:
        document = json.loads(body)
    except ValueError as broken:
        raise otlp.BadRequestError(f"the body is not JSON: {broken}") from None
    rows: list[object] = document if isinstance(document, list) else [document]
    wrong = problems(KINDS[kind], rows)
    if not wrong and (check := CHECKS.get(kind)):
        wrong = check(rows, project)
    if wrong:
        shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise otlp.BadRequestError(f"nothing was stored: {shown}")
    return rows
