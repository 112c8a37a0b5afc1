"""The committer: takes sealed segments in order and stores each exactly once.

One transaction holds the rows of one or more segments and their batch ids; a segment whose batch id is
stored is only deleted. So a crash between commit and delete stores nothing twice, and a crash before the
commit loses nothing: the segment is still there. A segment that cannot be decoded is quarantined, and the
rest goes on; trouble of the database itself (disk full, memory) is waited out, never blamed on a segment.
"""

from __future__ import annotations

import errno
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from collector.commit.settle import Stored, store_spans
from collector.commit.unpack import Group, SpoolFile, groups
from collector.settings import MEGABYTE
from collector.spool.segments import QUARANTINE, read_segment, sealed_segments
from pricing.book import Book
from store import erase, insert

# One commit takes at most this much of the spool: large commits are several times cheaper a row, but a
# commit is also what a reader waits for.
COMMIT_MAX_BYTES = 16 * MEGABYTE
LOOK_EVERY_S = 0.02
CHECKPOINT_WHEN_IDLE_S = 5.0
_RETRY_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0)

# Trouble of the machine or the database: trying later can succeed, and no segment is to blame.
_TRANSIENT = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.InterruptException,
    MemoryError,
)
# Errors of reading a file that say nothing about the file.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
# The database is unusable, or our SQL is wrong: a restart is the only thing that can help.
_FATAL = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.ConnectionException,
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.ParserException,
)


class StoreBrokenError(Exception):
    """The database cannot go on in this process; its supervisor starts another."""


class Committer:
    """Moves the spool into the store. One thread of one process runs it."""

    def __init__(self, session: duckdb.DuckDBPyConnection, spool_dir: Path, book: Book) -> None:
        self._session = session
        self._spool_dir = spool_dir
        self._book = book
        self._stop = threading.Event()
        self.n_committed = 0  # commits so far: what a cached answer is as fresh as
        self.last_error: str | None = None

    def run(self) -> None:
        """Commit until stopped and the spool is empty. Raises StoreBrokenError when the database is."""
        failures, idle_since, checkpointed = 0, time.monotonic(), False
        while True:
            try:
                busy = self.commit_waiting()
            except _TRANSIENT as failed:
                self._complain(f"the store cannot take data now, and is tried again: {_first_line(failed)}")
                if self._stop.is_set():
                    return
                self._stop.wait(_RETRY_AFTER_S[min(failures, len(_RETRY_AFTER_S) - 1)])
                failures += 1
                continue
            except _FATAL as broken:
                raise StoreBrokenError(_first_line(broken)) from broken
            failures, self.last_error = 0, None
            if busy:
                idle_since, checkpointed = time.monotonic(), False
                continue
            if self._stop.is_set():
                return
            if not checkpointed and time.monotonic() - idle_since > CHECKPOINT_WHEN_IDLE_S:
                checkpointed = self._checkpoint()
            self._stop.wait(LOOK_EVERY_S)

    def stop(self) -> None:
        """Finish what the spool holds, then return from `run`."""
        self._stop.set()

    def commit_waiting(self) -> bool:
        """Commit the oldest waiting segments; False when there were none."""
        paths = _up_to(COMMIT_MAX_BYTES, sealed_segments(self._spool_dir))
        if not paths:
            return False
        prepared = [ready for path in paths if (ready := self._read(path)) is not None]
        try:
            self._commit(prepared)
        except (*_TRANSIENT, *_FATAL):
            raise
        except Exception as poison:  # noqa: BLE001 - whatever one segment does to us, the next must go on
            self._isolate(prepared, poison)
        return True

    def _read(self, path: Path) -> SpoolFile | None:
        try:
            return SpoolFile(path, read_segment(path))
        except FileNotFoundError:
            return None
        except OSError as failed:
            if failed.errno in _OUT_OF_RESOURCES:
                raise MemoryError(f"{path.name} cannot be read now: {failed.strerror}") from failed
            self._quarantine(path, f"{failed.strerror}")
            return None
        except Exception as unreadable:  # noqa: BLE001 - a foreign or damaged file is kept for a person
            self._quarantine(path, str(unreadable))
            return None

    def _isolate(self, prepared: Sequence[SpoolFile], poison: Exception) -> None:
        """Find the segment that cannot be stored by committing each alone."""
        if len(prepared) == 1:
            self._quarantine(prepared[0].path, f"{type(poison).__name__}: {_first_line(poison)}")
            return
        for one in prepared:
            try:
                self._commit([one])
            except (*_TRANSIENT, *_FATAL):
                raise
            except Exception as failed:  # noqa: BLE001 - this is the one
                self._isolate([one], failed)

    def _commit(self, prepared: Sequence[SpoolFile]) -> None:
        known = self._known([one.segment.batch_id for one in prepared])
        new = [one for one in prepared if one.segment.batch_id not in known]
        decoded = groups(new)
        self._session.execute("begin transaction")
        try:
            for group in decoded:
                self._store(group)
            self._session.execute("commit")
        except BaseException:
            self._roll_back()
            raise
        # Before the segments go: who waited for that must not be answered from before the commit.
        self.n_committed += 1
        for one in prepared:
            if one.segment.torn_bytes:
                self._quarantine(one.path, f"{one.segment.torn_bytes} bytes at its end cannot be read")
            else:
                one.path.unlink(missing_ok=True)

    def _store(self, group: Group) -> None:
        stored = Stored()
        n_records = 0
        for step in group.steps:
            if step.erase_project is not None:
                erase.project(self._session, step.erase_project)
            if step.spans is not None:
                stored += store_spans(self._session, step.spans, self._book)
            for (kind, project), rows in step.rows.items():
                n_records += insert.records(self._session, kind, project, rows)
        now = datetime.now(UTC).replace(tzinfo=None)
        # The counts belong to the group; its first batch carries them, so that sums over batches are right.
        counts = [stored.n_spans, stored.n_calls, stored.n_duplicates, n_records]
        for one in group.files:
            row = [one.segment.batch_id, now, *counts]
            self._session.execute("insert into batches values (?, ?, ?, ?, ?, ?)", row)
            counts = [0, 0, 0, 0]

    def _known(self, batch_ids: Sequence[str]) -> set[str]:
        rows = self._session.execute(
            "select batch_id from batches where batch_id in (select unnest(?))", [list(batch_ids)]
        ).fetchall()
        return {row[0] for row in rows}

    def _roll_back(self) -> None:
        try:
            self._session.execute("rollback")
        except duckdb.Error:
            return  # no transaction is left to roll back: the error that brought us here ended it

    def _quarantine(self, path: Path, reason: str) -> None:
        """Put the segment where nothing deletes it, and say so: on stderr, and in `rejects`."""
        self._complain(
            f"{path.name} cannot be stored ({reason}); it is kept in {self._spool_dir / QUARANTINE}"
        )
        (self._spool_dir / QUARANTINE).mkdir(mode=0o700, exist_ok=True)
        path.rename(self._spool_dir / QUARANTINE / path.name)
        row = {
            "reject_id": str(uuid.uuid4()),
            "signal": "segment",
            "reason": reason[:500],
            "n_items": None,
            "batch_id": path.stem,
            "received_at": datetime.now(UTC),
        }
        insert.rejects(self._session, "default", [row])

    def _checkpoint(self) -> bool:
        try:
            self._session.execute("checkpoint")
        except duckdb.TransactionException:
            return False  # a reader is at work: try at the next idle look
        except duckdb.IOException as failed:
            # The rows are safe in the write-ahead log; the next commit tells whether the database still works.
            self._complain(f"the store could not be compacted: {_first_line(failed)}")
        return True

    def _complain(self, message: str) -> None:
        if message != self.last_error:
            print(f"store server: {message}", file=sys.stderr, flush=True)
        self.last_error = message


def _up_to(max_bytes: int, paths: Sequence[Path]) -> list[Path]:
    """The oldest segments that fit one commit, at least one."""
    taken: list[Path] = []
    total = 0
    for path in paths:
        total += path.stat().st_size
        if taken and total > max_bytes:
            break
        taken.append(path)
    return taken


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
