"""Upkeep of the store between commits: what is too old goes, and what was erased leaves the file.

The committer's thread calls `step` when it has nothing to commit, or every few seconds; so nothing is committed
while a step runs. A step of retention takes milliseconds. The rewrite after an erasure takes five to ten
seconds per million spans (2 cores), is due at most once in `erasure_rewrite_hours`, and gives way when the spool
fills or the server stops. Meanwhile the receiver goes on acknowledging and readers go on reading; only what is new
appears later.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb

from collector.observe import committing, logs
from collector.settings import CollectorSettings
from collector.spool.quarantine import expire_quarantine
from collector.spool.segments import spool_bytes
from collector.upkeep.prune import prune_one
from store import rewrite, rollups
from store.backends.file import STORAGE_VERSION

LOOK_EVERY = timedelta(minutes=1)
# Late calls open closed hours again: each of these is aggregated at most this often.
ROLL_EVERY = timedelta(minutes=5)
# A rewrite that gave way, or that the disk had no room for, is tried again after this long.
RETRY_REWRITE_AFTER = timedelta(minutes=15)
# Of what the spool may hold: beyond it committing is more urgent than rewriting.
SPOOL_PRESSURE = 0.5

_log = logs.of("store server")


class StoreRewritten(Exception):  # noqa: N818 - not an error: the way out of the committer's loop
    """A rewritten file is ready; the store must be closed, without another commit, and opened again."""


class Upkeep:
    """What keeps one open store in shape. One thread uses it, `rewrite_soon` excepted."""

    def __init__(self, session: duckdb.DuckDBPyConnection, settings: CollectorSettings) -> None:
        self._session = session
        self._settings = settings
        self._retention = settings.retention
        self._look_at = datetime.min  # noqa: DTZ901 - UTC without a zone, as the store has it
        self._rewrite_at = datetime.min  # noqa: DTZ901
        self._roll_at = datetime.min  # noqa: DTZ901
        self._to_roll: Iterator[rollups.Piece] | None = None
        self._usual_patience = timedelta(hours=settings.retention.erasure_rewrite_hours)
        self._patience = self._usual_patience
        self._rewrite_asked = threading.Event()
        self._stopping = threading.Event()
        # Held by whoever else needs the file to stay the one it is: a backup, an export.
        self.alone = threading.Lock()

    def rewrite_soon(self) -> None:
        """Let the next step rewrite the file if anything erased is still in it, however young."""
        self._rewrite_asked.set()

    def stop(self) -> None:
        """Let a rewrite that runs give up, so that the server can end."""
        self._stopping.set()

    def step(self, now: datetime) -> bool:
        """Do a bounded amount of work in transactions of its own; whether more is to do. `now` has a zone.

        Raises StoreRewritten when the store's file is to be swapped, and duckdb.Error when the store cannot write.
        """
        now = now.astimezone(UTC).replace(tzinfo=None)
        if self._rewrite_asked.is_set():
            self._rewrite_asked.clear()
            self._patience, self._rewrite_at = timedelta(0), now
        elif now < self._look_at:
            return False
        if self._rewrite_is_due(now):
            if not self.alone.acquire(blocking=False):
                return False  # a backup is being made: the next step asks again
            self._rewrite(now)
            # Not when a file is ready: then nothing else may begin on this one.
            self.alone.release()
        if prune_one(self._session, self._retention, now) is not None:
            return True
        if self._roll(now):
            return True
        expire_quarantine(self._settings.spool_dir, now.replace(tzinfo=UTC), self._settings.quarantine_days)
        self._look_at = now + LOOK_EVERY
        return False

    def _roll(self, now: datetime) -> bool:
        """Aggregate a piece of the closed hours; False when there is none, or none is looked for yet."""
        if self._to_roll is None:
            if now < self._roll_at:
                return False
            self._to_roll = rollups.due(self._session, now)
        piece = next(self._to_roll, None)
        if piece is None:
            self._to_roll, self._roll_at = None, now + ROLL_EVERY
            return False
        rollups.roll(self._session, piece)
        return True

    def _rewrite_is_due(self, now: datetime) -> bool:
        if now < self._rewrite_at:
            return False
        # The demo comes and goes whole and concerns nobody: it leaves the file with the next rewrite.
        [(n_due,)] = self._session.execute(
            "select count(*) from erasures where physically_removed_at is null and scope <> 'project' and applied_at <= ?",
            [now - self._patience],
        ).fetchall()
        if not n_due:
            self._patience = self._usual_patience
        return bool(n_due)

    def _rewrite(self, now: datetime) -> None:
        self._rewrite_at = now + RETRY_REWRITE_AFTER
        if problem := self._no_room():
            self._put_off(problem)
            return
        try:
            is_ready = rewrite.copy_live_rows(
                self._session, self._settings.store_path, STORAGE_VERSION, go_on=self._may_go_on
            )
        except (duckdb.Error, OSError) as failed:
            # The store itself is untouched: it goes on, and the next try may find room.
            self._put_off(str(failed).splitlines()[0])
            return
        if is_ready:
            raise StoreRewritten
        if not self._stopping.is_set():
            self._put_off("the spool was filling up, and committing is more urgent")

    def _no_room(self) -> str | None:
        """Why a second file must not be begun: the receiver needs the rest of the disk."""
        free, size = shutil.disk_usage(self._settings.data).free, self._settings.store_path.stat().st_size
        if free - size > self._settings.disk_reserve_bytes:
            return None
        return f"the disk has {free:,} bytes free, and a copy of the store takes up to {size:,}"

    def _put_off(self, problem: str) -> None:
        _log.warning(
            "rewrite_put_off",
            f"what was erased is still in the store's file: {problem}. It is tried again in "
            f"{RETRY_REWRITE_AFTER.seconds // 60} minutes.",
        )

    def _may_go_on(self) -> bool:
        committing.alive()  # the committer is at work, if not at committing
        limit = SPOOL_PRESSURE * self._settings.spool_max_bytes
        return not self._stopping.is_set() and spool_bytes(self._settings.spool_dir) < limit
