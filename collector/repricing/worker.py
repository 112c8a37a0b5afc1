"""Works off what was asked of a store's charges, in the order it arrived: repricings, and months to close or to open again.

The committer's thread calls `step` between commits. A step is a piece of a repricing (task.py), so ingest goes on meanwhile;
what is under way when the process dies is asked for in the store still, and begun anew by the next one.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from collector.observe import logs
from collector.repricing.closing import Closing, settle
from collector.repricing.run import Asked, Run, finish
from collector.repricing.task import prepare_session
from collector.repricing.transactions import utc_now
from pricing.book import Book
from store.pricing_scope import ScopeError

_NEXT = """
    select 'run' as what, project, pricing_run, cast(scope as varchar), greatest(received_at, requested_at), received_at
    from pricing_runs
    where finished_at is null
    union all
    select 'period', project, period_key, status, cast(month as timestamp), received_at
    from periods
    where recorded_at is null
    order by received_at, what desc
    limit 1
"""
# The database is in trouble, and not the repricing: the committer knows what to do.
_NOT_OURS = (
    duckdb.IOException,
    duckdb.TransactionException,
    duckdb.InterruptException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.ConnectionException,
)

_log = logs.of("store server")


class Repricing:
    """What is asked of one open store. One thread uses it."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, book: Book, n_committed: Callable[[], int] = lambda: 0
    ) -> None:
        """`n_committed` tells of commits: without one in between there is nothing new to look for."""
        prepare_session(session)
        self._session = session
        self._book = book
        self._n_committed = n_committed
        self._looked_at: int | None = None
        self._asked: Asked | None = None
        self._run: Run | None = None
        self.n_steps = 0  # that changed something: an answer from before is no longer fresh

    def step(self) -> bool:
        """Do a bounded piece of what is asked; whether there is more. Raises duckdb.Error when the store cannot write."""
        if self._asked is None and not self._begin_next():
            return False
        self.n_steps += 1
        if self._asked is not None:
            self._work_on(self._asked)
        return True

    def _begin_next(self) -> bool:
        """Take up what was asked for first; False when nothing is."""
        now = self._n_committed()
        if now == self._looked_at:
            return False
        found = self._session.execute(_NEXT).fetchall()
        if not found:
            self._looked_at = now
            return False
        [(what, project, key, text, moment, _)] = found
        if what == "run":
            self._asked = Asked(project, key, text, moment)
        else:
            settle(self._session, Closing(project, key, moment.date(), text), self._book.version)
        return True

    def _work_on(self, asked: Asked) -> None:
        try:
            if self._run is None:
                self._run = Run(self._session, self._book, asked)
            elif not self._run.step():
                self._asked = self._run = None
        except _NOT_OURS:
            raise
        except (duckdb.Error, ScopeError, ValueError, ArithmeticError, MemoryError) as failed:
            self._give_up(asked, _first_line(failed))

    def _give_up(self, asked: Asked, problem: str) -> None:
        """Ingest must not stop for a repricing that cannot be done: it ends with what it has changed so far."""
        _log.error("repricing_failed", f"pricing run {asked.pricing_run} stopped: {problem}")
        finish(self._session, asked, finished_at=utc_now(), note=f"stopped: {problem}"[:500])
        self._asked = self._run = None


def _first_line(failed: BaseException) -> str:
    return str(failed).splitlines()[0] if str(failed) else type(failed).__name__
