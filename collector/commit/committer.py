"""The committer: takes sealed segments in order and stores each exactly once.

One transaction holds the rows of one or more segments and their batch ids; a segment whose batch id is
stored is only deleted. So a crash between commit and delete stores nothing twice, and a crash before the
commit loses nothing: the segment is still there. A segment that cannot be stored is quarantined, and the
rest goes on; trouble of the database itself (disk full, memory) is waited out, never blamed on a segment.

While the database stores one batch, the next is read and decoded beside it (prepare.py).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from collector.commit import canary
from collector.commit.crashloop import CrashLoop
from collector.commit.give_back import give_back_memory
from collector.commit.isolate import culprits, without
from collector.commit.memory import Memory
from collector.commit.prepare import Prepared, next_segments, prepare
from collector.commit.statements import load_statements
from collector.commit.transaction import Added, store_groups, stored_batches
from collector.commit.unpack import Group, SpoolFile, groups
from collector.decode.rules import Rules
from collector.observe import committing as observe
from collector.observe import logs
from collector.privacy.clean import cleaner
from collector.privacy.kept import kept_error
from collector.spool import quarantine
from collector.spool.segments import Record, read_segment
from pricing.book import Book
from store import insert, terms

_log = logs.of("store server")

_log = logs.of("store server")

LOOK_EVERY_S = 0.02
CHECKPOINT_WHEN_IDLE_S = 5.0
# Between commits, at most this often: what `upkeep` does must not hold up a commit for long.
UPKEEP_EVERY_S = 1.0
# A store that is never idle would keep what its largest commit needed.
GIVE_BACK_EVERY_S = 60.0
_RETRY_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0)

# Trouble of the machine or the database: trying later can succeed, and no segment is to blame.
_TRANSIENT = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.InterruptException,
    MemoryError,
)
_OUT_OF_MEMORY = (duckdb.OutOfMemoryException, MemoryError)
_MEMORY_TRIES = 5


class StoreBrokenError(Exception):
    """The database cannot go on in this process; its supervisor starts another."""


# The database is unusable, or our SQL is wrong: a restart is the only thing that can help.
_FATAL = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.ConnectionException,
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.ParserException,
    StoreBrokenError,
)


class Committer:
    """Moves the spool into the store. One thread of one process runs it."""

    def __init__(
        self,
        session: duckdb.DuckDBPyConnection,
        spool_dir: Path,
        book: Book,
        rules: Rules,
        upkeep: Callable[[datetime], bool] = lambda now: False,
    ) -> None:
        """`upkeep` does a bounded piece of other work on the store and says whether there is more."""
        load_statements()
        self._session = session
        self._spool_dir = spool_dir
        self._book = book
        self._terms = terms.load(session, book)
        self._rules = rules
        self._upkeep = upkeep
        self._memory = Memory.of(session)
        self._crashes = CrashLoop(spool_dir)
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")
        self._ready: Prepared | None = None
        self._stop = threading.Event()
        self.n_committed = 0  # commits so far: what a cached answer is as fresh as
        self.last_error: str | None = None

    def run(self) -> None:
        """Commit until stopped and the spool is empty. Raises StoreBrokenError when the database is."""
        failures, idle_since, checkpointed, upkeep_at = 0, time.monotonic(), False, 0.0
        given_back_at = time.monotonic()
        while True:
            observe.alive()
            if time.monotonic() - given_back_at > GIVE_BACK_EVERY_S:
                give_back_memory()
                given_back_at = time.monotonic()
            try:
                busy = self.commit_waiting()
                if time.monotonic() >= upkeep_at and not self._stop.is_set():
                    more = self._upkeep(datetime.now(UTC))
                    upkeep_at = time.monotonic() + (0.0 if more and not busy else UPKEEP_EVERY_S)
                    checkpointed = checkpointed and not more
            except _TRANSIENT as failed:
                self._complain(f"the store cannot take data now, and is tried again: {_first_line(failed)}")
                if self._stop.is_set():
                    return
                if failures >= _MEMORY_TRIES and isinstance(failed, _OUT_OF_MEMORY):
                    self._give_up(failed)
                self._stop.wait(_RETRY_AFTER_S[min(failures, len(_RETRY_AFTER_S) - 1)])
                failures += 1
                continue
            except _FATAL as broken:
                raise StoreBrokenError(_first_line(broken)) from broken
            failures = 0
            self._recovered()
            if busy:
                idle_since, checkpointed = time.monotonic(), False
                continue
            if self._stop.is_set():
                return
            if not checkpointed and time.monotonic() - idle_since > CHECKPOINT_WHEN_IDLE_S:
                checkpointed = self._checkpoint()
            self._stop.wait(LOOK_EVERY_S)

    def _give_up(self, failed: Exception) -> None:
        """Let a fresh process try, which has all its memory; when a segment takes that as well, its deaths are counted."""
        paths = self._ready.paths if self._ready else []
        with self._crashes.watch(paths, deadly=_FATAL):
            raise StoreBrokenError(_first_line(failed)) from failed

    @property
    def terms(self) -> terms.Terms:
        """What calls are charged by now."""
        return self._terms

    def stop(self) -> None:
        """Finish what the spool holds, then return from `run`."""
        self._stop.set()

    def commit_waiting(self) -> bool:
        """Commit the oldest waiting segments; False when there were none."""
        if self._ready is None:
            self._ready = self._take_first()
        if self._ready is None:
            return False
        current = self._ready
        coming = self._next_beside(current)
        with self._crashes.watch(current.paths, beside=coming, deadly=_FATAL):
            ahead = self._ahead.submit(prepare, coming, self._rules) if coming else None
            try:
                self._finish(current)
            except BaseException:
                _wait_for(ahead)
                raise
            self._ready = ahead.result() if ahead else None
        return True

    def _take_first(self) -> Prepared | None:
        """The next segments, decoded here and now: nothing was prepared beside a commit."""
        paths = self._crashes.together(next_segments(self._spool_dir, ()))
        if not paths:
            return None
        if deadly := self._crashes.poison(paths):
            self._quarantine(deadly, "the store server ended each time it was stored")
            self._crashes.forget(deadly)
            paths = [path for path in paths if path != deadly]
        with self._crashes.watch([], beside=paths, deadly=_FATAL):
            return prepare(paths, self._rules)

    def _next_beside(self, current: Prepared) -> Sequence[Path]:
        """What to prepare while the current segments are stored; nothing while a segment is under suspicion."""
        if self._crashes.has_suspects():
            return []
        return next_segments(self._spool_dir, set(current.paths))

    def _finish(self, prepared: Prepared) -> None:
        """Store what can be stored of these segments and put the rest aside; none of them is in the spool afterwards."""
        for one in prepared.unreadable:
            self._quarantine(one.path, one.reason)
        try:
            self._commit(prepared)
        except (*_TRANSIENT, *_FATAL):
            raise
        except Exception as poison:  # noqa: BLE001 - whatever one segment does to us, the next must go on
            self._isolate(prepared.paths, poison)

    def _isolate(self, paths: Sequence[Path], poison: Exception) -> None:
        """Find the segment that cannot be stored by committing each alone."""
        if ours := canary.fails(self._session, self._terms, self._rules):
            raise StoreBrokenError(f"nothing can be stored: {_first_line(ours)}") from ours
        if len(paths) == 1:
            self._store_the_rest(SpoolFile(paths[0], read_segment(paths[0])), poison)
            return
        for path in paths:
            try:
                self._commit(prepare([path], self._rules))
            except (*_TRANSIENT, *_FATAL):
                raise
            except Exception as failed:  # noqa: BLE001 - this is the one
                self._isolate([path], failed)

    def _store_the_rest(self, one: SpoolFile, poison: Exception) -> None:
        """Put the records aside that cannot be stored, and store the others of the segment."""
        bad = culprits(self._session, self._terms, self._rules, one, (*_TRANSIENT, *_FATAL))
        good = without(one, bad)
        if good.segment.records:
            self._store(groups([good], self._rules))
        self._quarantine(one.path, kept_error(poison), only=bad if good.segment.records else None)

    def _commit(self, prepared: Prepared) -> None:
        if prepared.failure is not None:
            raise prepared.failure
        if not prepared.files:
            return
        known = stored_batches(self._session, [one.segment.batch_id for one in prepared.files])
        if known:
            # They were committed by a process that died before it could delete them.
            prepared = self._without(prepared, known)
            if prepared.failure is not None:
                raise prepared.failure
        started = time.monotonic()
        added = self._store(prepared.groups)
        self._tell(prepared, added, time.monotonic() - started)
        for one in prepared.files:
            self._discard(one)

    def _store(self, found: Sequence[Group]) -> Added:
        added = store_groups(self._session, found, self._terms, self._memory)
        self._terms = added.terms or self._terms
        # Before the segments go: who waited for that must not be answered from before the commit.
        self.n_committed += 1
        return added

    def _without(self, prepared: Prepared, known: set[str]) -> Prepared:
        for one in prepared.files:
            if one.segment.batch_id in known:
                self._discard(one)
        rest = [one.path for one in prepared.files if one.segment.batch_id not in known]
        return prepare(rest, self._rules)

    def _discard(self, one: SpoolFile) -> None:
        """The segment is stored: it goes. What of it could not be read is kept, and said."""
        if damage := _damage(one):
            self._quarantine(one.path, damage)
        else:
            one.path.unlink(missing_ok=True)

    def _tell(self, prepared: Prepared, added: Added, seconds: float) -> None:
        received = [at for one in prepared.files if (at := one.newest_received_at_us) is not None]
        observe.committed(
            seconds=seconds,
            rows=added.rows,
            calls_by_cost_status=added.cost_statuses,
            n_segments=len(prepared.files),
            newest_received_at_us=max(received, default=None),
        )

    def _quarantine(self, path: Path, reason: str, only: Sequence[Record] | None = None) -> None:
        """Put what may be kept of the segment where nothing commits it, and say so: in the log, and in `rejects`."""
        try:
            kept = quarantine.keep(path, reason, cleaner(self._rules.content), only)
        except FileNotFoundError:
            return  # somebody took it away
        observe.quarantined()
        self._complain(f"{path.name} cannot be stored ({reason}); it is kept in {kept.path.parent}")
        row = {
            "reject_id": str(uuid.uuid4()),
            "signal": "segment",
            "reason": reason[:500],
            "n_items": kept.n_records + kept.n_dropped or None,
            "batch_id": path.stem,
            "received_at": datetime.now(UTC),
        }
        insert.rejects(self._session, "default", [row])

    def _checkpoint(self) -> bool:
        started = time.monotonic()
        try:
            self._session.execute("checkpoint")
        except duckdb.TransactionException:
            return False  # a reader is at work: try at the next idle look
        except duckdb.IOException as failed:
            # The rows are safe in the write-ahead log; the next commit tells whether the database still works.
            self._complain(f"the store could not be compacted: {_first_line(failed)}")
        else:
            observe.checkpointed(time.monotonic() - started)
        give_back_memory()
        return True

    def _complain(self, message: str) -> None:
        if message != self.last_error:
            _log.error("store_trouble", message)
        self.last_error = message
        observe.trouble(message)

    def _recovered(self) -> None:
        if self.last_error is not None:
            self.last_error = None
            observe.trouble(None)


def _wait_for(ahead: Future[Prepared] | None) -> None:
    """Until it is over, whatever came of it: its segments are prepared again."""
    if ahead is not None:
        ahead.exception()


def _damage(one: SpoolFile) -> str:
    """What of the segment cannot be read; empty when all of it can."""
    found = []
    if one.segment.n_damaged:
        found.append(f"{one.segment.n_damaged} of its records are damaged")
    if one.segment.torn_bytes:
        found.append(f"{one.segment.torn_bytes} bytes at its end cannot be read")
    return ", ".join(found)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
