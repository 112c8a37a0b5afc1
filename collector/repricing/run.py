"""A repricing under way: one piece after the other, each in a transaction of its own.

A piece writes only what differs, so one that was done is done again without effect: after a crash the run begins anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

import duckdb

from collector.repricing.compare import compared, known_at
from collector.repricing.statements import statement
from collector.repricing.task import Piece, Task, pieces
from collector.repricing.transactions import replace_row, transaction, utc_now
from pricing.book import Book
from store import rollups
from store import terms as recorded
from store.pricing_scope import PricingScope

_CAME_TO = """
    select
        (select count(*) from charges where project = $project and pricing_run = $run),
        (select count(distinct (trace_id, span_id)) from corrections where project = $project and pricing_run = $run)
"""


@dataclass(frozen=True)
class Asked:
    """A row of `pricing_runs` that is not finished. Times are UTC without a zone."""

    project: str
    pricing_run: str
    scope: str  # JSON
    known_at: datetime


class Run:
    """One repricing of one open store."""

    def __init__(self, session: duckdb.DuckDBPyConnection, book: Book, asked: Asked) -> None:
        """Raises ScopeError when its scope cannot be read."""
        self._session = session
        self._asked = asked
        scope = PricingScope.parse(asked.scope)
        self._task = Task(asked.project, scope, asked.known_at, asked.pricing_run)
        self._terms = known_at(recorded.load(session, book), book, asked.known_at)
        self._pieces = deque(pieces(session, self._task))
        # What an earlier process charged for this run is not looked at again.
        self._n_calls, _ = self._came_to()

    def step(self) -> bool:
        """Work on one piece; whether there may be more. The last step notes what the run came to."""
        if not self._pieces:
            self._finish()
            return False
        with transaction(self._session):
            self._n_calls += self._change(self._pieces[0])
        self._pieces.popleft()
        return True

    def _change(self, piece: Piece) -> int:
        """Write what differs in a piece; how many calls were looked at."""
        run = {"pricing_run": self._asked.pricing_run, "now": utc_now()}
        with compared(self._session, self._task, piece, self._terms) as n_calls:
            self._do("append_charges", **run)
            self._do("book_corrections", **run)
            self._do("take_out", project=self._asked.project, **piece.params())
            rollups.open_calls(self._session, "taken_out")
            self._do("delete_taken")
            self._do("put_back")
            self._session.execute("drop table taken_out").fetchall()
        return n_calls

    def _do(self, name: str, **params: object) -> None:
        self._session.execute(statement(name), params or None).fetchall()

    def _came_to(self) -> tuple[int, int]:
        """(calls charged anew, calls of closed months with a correction) by this run so far."""
        whose = {"project": self._asked.project, "run": self._asked.pricing_run}
        [(n_changed, n_corrected)] = self._session.execute(_CAME_TO, whose).fetchall()
        return n_changed, n_corrected

    def _finish(self) -> None:
        n_changed, n_corrected = self._came_to()
        finish(
            self._session,
            self._asked,
            finished_at=utc_now(),
            n_calls=self._n_calls,
            n_changed=n_changed,
            n_corrected=n_corrected,
        )


def finish(session: duckdb.DuckDBPyConnection, asked: Asked, **values: object) -> None:
    """Note in the row of the run what it came to."""
    replace_row(session, "pricing_runs", asked.project, "pricing_run", asked.pricing_run, values)
