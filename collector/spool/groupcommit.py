"""Group commit: many requests share one fsync.

While one fsync runs, the records that arrive gather; the next fsync takes them all. The file work runs in
a single thread, so the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from collector.observe import logs, taking
from collector.settings import MEGABYTE, CollectorSettings
from collector.spool.segments import SpoolWriter, spool_bytes

# The spool is measured on disk this often; between two looks our own appends are added up.
_MEASURE_EVERY_S = 0.25
_log = logs.of("receiver")


class SpoolFullError(Exception):
    """There is no room now; the client should come again in a moment."""


@dataclass
class _Waiting:
    encoded: bytes
    done: asyncio.Future[Path]


class GroupCommit:
    """The way from a request handler to the disk."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._writer = SpoolWriter(settings.spool_dir, segment_max_bytes=settings.segment_max_bytes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._pending: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._queued_bytes = 0
        self._free_bytes = 0
        self._measured_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_end_when_broken)

    async def put(self, *encoded: bytes) -> Path:
        """Return when the records are on disk: the segment's name once sealed.

        Raises SpoolFullError when the bound or the disk's reserve is reached, OSError when the disk fails.
        """
        n_bytes = sum(map(len, encoded))
        if (refusal := self.refusal(n_bytes)) is not None:
            raise SpoolFullError(refusal)
        self._queued_bytes += n_bytes
        self._free_bytes -= n_bytes
        done: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        self._pending.append(_Waiting(b"".join(encoded), done))
        self._arrived.set()
        return await done

    async def close(self) -> None:
        """Seal the open segment; nothing may be put afterwards."""
        if self._task is not None:
            self._task.cancel()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.seal)
        self._thread.shutdown()

    def refusal(self, n_bytes: int = 0) -> str | None:
        """Why so many bytes would not be taken now; None when they would."""
        now = time.monotonic()
        if now - self._measured_at > _MEASURE_EVERY_S:
            self._measured_at = now
            self._queued_bytes = spool_bytes(self._settings.spool_dir)
            self._free_bytes = shutil.disk_usage(self._settings.spool_dir).free
        if self._queued_bytes + n_bytes > self._settings.spool_max_bytes:
            return (
                f"the spool holds {self._queued_bytes // MEGABYTE} MB of {self._settings.spool_max_bytes // MEGABYTE} MB"
                " that wait to be committed; send again"
            )
        if self._free_bytes - n_bytes < self._settings.disk_reserve_bytes:
            return (
                f"the disk has {self._free_bytes // MEGABYTE} MB free and {self._settings.disk_reserve_bytes // MEGABYTE}"
                " MB are kept to commit what is already accepted; free some space, then send again"
            )
        return None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if await self._something_arrived():
                batch, self._pending = self._pending, []
                self._arrived.clear()
                await loop.run_in_executor(self._thread, self._append, batch, loop)
            if self._segment_is_due():
                await loop.run_in_executor(self._thread, self._writer.seal)

    async def _something_arrived(self) -> bool:
        """Wait for a record, but no longer than until the open segment must roll."""
        timeout_s = self._until_due_s() if self._writer.has_open_segment else None
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _until_due_s(self) -> float:
        age_s = time.monotonic() - self._writer.opened_at_monotonic
        return max(0.0, self._settings.segment_max_age_ms / 1000 - age_s)

    def _segment_is_due(self) -> bool:
        return self._writer.has_open_segment and self._until_due_s() == 0.0

    def _append(self, batch: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        started = time.monotonic()
        try:
            sealed = self._writer.append([waiting.encoded for waiting in batch])
        except OSError as failed:
            _log.error(
                "spool_write_failed", f"the disk did not take it: {failed.strerror}", n_requests=len(batch)
            )
            loop.call_soon_threadsafe(_settle, batch, failed)
        else:
            taking.fsynced(time.monotonic() - started)
            loop.call_soon_threadsafe(_settle, batch, sealed)


def _end_when_broken(task: asyncio.Task[None]) -> None:
    """Without its writer a receiver would accept requests and never answer: better that another one starts."""
    if not task.cancelled() and (broken := task.exception()) is not None:
        _log.error("spool_broken", f"stopping, the spool cannot be written: {logs.described(broken)}")
        os._exit(1)


def _settle(batch: list[_Waiting], outcome: Path | OSError) -> None:
    for waiting in batch:
        if waiting.done.done():  # the client hung up; its record is on disk all the same
            continue
        if isinstance(outcome, OSError):
            waiting.done.set_exception(outcome)
        else:
            waiting.done.set_result(outcome)
