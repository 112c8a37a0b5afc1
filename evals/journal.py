"""The journal: every answer in a file as it comes, so an interrupted run keeps what it paid for.

An answer is written at once, which survives the death of this process, and fsynced by a task that never rests
while there is something to sync, which survives the machine's. Workers do not wait for the disk: with a
group commit that they waited for, 2,000 cases at 50 in flight took 7.3 s instead of 4.9.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class Journal:
    """An append-only JSON Lines file. `async with` it; everything added is on disk when the block is left."""

    def __init__(self, path: Path) -> None:
        # Unbuffered: a line is the kernel's when `add` returns.
        self._file = path.open("ab", buffering=0)
        self._unsynced = asyncio.Event()

    def add(self, entry: Mapping[str, object]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._unsynced.set()

    async def __aenter__(self) -> Self:
        self._syncing = asyncio.create_task(self._sync())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._syncing.cancel()
        await asyncio.wait([self._syncing])
        with self._file:
            os.fsync(self._file.fileno())

    async def _sync(self) -> None:
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            await asyncio.to_thread(os.fsync, self._file.fileno())
