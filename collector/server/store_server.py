"""The store server: the only process that opens the store. It commits the spool and serves the read API."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from collector.commit.committer import Committer
from collector.commit.give_back import give_back_memory
from collector.decode.rules import rules_of
from collector.observe import logs
from collector.processes.serving import serve
from collector.repricing.worker import Repricing
from collector.server import admin, observe, who
from collector.server.access import Access
from collector.server.api import Answers, read_api
from collector.settings import CollectorSettings
from collector.spool.segments import QUARANTINE, sealed_segments, spool_bytes
from collector.tls import server_context
from collector.upkeep.upkeep import StoreRewritten, Upkeep
from errors import DataDirError
from pricing.book import Book, load_book
from store import snapshot
from store.backends import file
from store.schema import latest_version

# After a crash the kernel may take a moment to give up the old process's lock on the file.
OPEN_PATIENCE_S = 10.0

_log = logs.of("store server")


class StoreServer:
    """One open store with its committer and its readers."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._book: Book = load_book()
        self._connection = _open_patiently(settings)
        snapshot.add_new(self._connection, self._book)
        session = file.cursor(self._connection)
        self._upkeep = Upkeep(session, settings)
        self._repricing = Repricing(session, self._book, lambda: self._committer.n_committed)
        self._committer = Committer(
            session, settings.spool_dir, self._book, rules_of(settings), self._between_commits
        )
        self._rewritten = False
        self._answers = Answers(
            self._connection,
            lambda: self._committer.n_committed + self._repricing.n_steps,
            lambda: self._committer.terms,
        )
        # What opening the store and adding prices took: Arrow gives back only what this thread has freed.
        give_back_memory()

    def run(self, fds: Sequence[int]) -> None:
        """Serve until SIGTERM, then commit what the spool holds and close the store cleanly."""
        committing = threading.Thread(target=self._commit_or_die, name="committer")
        committing.start()
        # uvicorn stops on SIGTERM and then raises it again for whoever handled it before: that must not be the
        # default, which would end the process before the spool is committed.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            access = Access(self._settings)
            seen = observe.routes(observe.Pipeline(self._settings), access)
            jobs = admin.Jobs(self._connection, self._settings, self._book, self._upkeep.alone)
            asked = admin.routes(jobs, self._upkeep.rewrite_soon, access)
            asked.append(who.settings_route(self._settings, access))
            api = read_api(self._answers, access, self.about, [*seen, *asked])
            serve(api, fds, graceful_s=3, tls=server_context(self._settings))
        finally:
            self._upkeep.stop()
            self._committer.stop()
            committing.join()
            self._answers.close()
            if self._rewritten:
                # Closing would write the log into a file that is about to be replaced: seconds for nothing.
                os._exit(0)
            self._connection.close()

    def _between_commits(self, now: datetime) -> bool:
        """A bounded piece of what the store needs beside commits; whether there is more."""
        is_repricing = self._repricing.step()
        return self._upkeep.step(now) or is_repricing

    def about(self) -> Mapping[str, Any]:
        """What the server says of itself on /api/v1/health."""
        return {
            "status": "ok" if self._committer.last_error is None else "degraded",
            "problem": self._committer.last_error,
            "data_dir": str(self._settings.data),
            "duckdb_version": duckdb.__version__,
            "schema_version": latest_version(),
            "price_book": self._book.version,
            "spool_bytes": spool_bytes(self._settings.spool_dir),
            "spool_segments": len(sealed_segments(self._settings.spool_dir)),
            "quarantined_segments": len(list((self._settings.spool_dir / QUARANTINE).glob("*.seg"))),
            "receiver_url": self._settings.receiver_url,
            "now": datetime.now(UTC).isoformat(),
        }

    def _commit_or_die(self) -> None:
        """A committer that cannot go on must not leave a server that answers ever older queries."""
        try:
            self._committer.run()
        except StoreRewritten:
            # Nothing may be committed any more: stop as if told to; the supervisor starts the next, which swaps.
            _log.info("store_rewritten", "the file was rewritten without what was erased; opening it")
            self._rewritten = True
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException as broken:  # noqa: BLE001 - a thread's end is silent otherwise
            _log.error("store_broken", f"stopping, the store cannot go on: {logs.described(broken)}")
            os._exit(1)


def _open_patiently(settings: CollectorSettings) -> duckdb.DuckDBPyConnection:
    give_up_at = time.monotonic() + OPEN_PATIENCE_S
    while True:
        try:
            return file.open_for_writing(settings.store_path, memory_limit_mb=settings.store_memory_mb)
        except DataDirError as refused:
            if "open in another process" not in str(refused) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)
