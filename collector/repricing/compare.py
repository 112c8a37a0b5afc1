"""Charging the calls of a piece again, beside what they are charged: the same for a preview and for a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import duckdb
import pyarrow as pa

from collector.commit.attribution import attribute
from collector.commit.charging import charge_into, priceable
from collector.commit.statements import registered
from collector.repricing.months import closed_months, months_of
from collector.repricing.statements import statement
from collector.repricing.task import Piece, Task
from pricing.book import Book
from pricing.prices import prices_of
from store.terms import Terms


@contextmanager
def compared(session: duckdb.DuckDBPyConnection, task: Task, piece: Piece, terms: Terms) -> Iterator[int]:
    """How many calls were looked at. Within, the temporary tables `compared`, `charged`, `booked` and `deltas` say of each
    what it costs now and what it would; the caller owns the transaction.
    """
    calls = _read(session, task, piece)
    spans = attribute(calls, terms)
    months = months_of(piece, closed_months(session, task.project))
    charge_into(session, priceable(spans, terms), terms)
    asked = {
        "project": task.project,
        "known_at": task.known_at,
        "pricing_run": task.pricing_run,
        **piece.params(),
    }
    with registered(session, piece=spans, piece_months=months):
        session.execute(statement("compared"), asked).fetchall()
    session.execute(statement("booked"), {"project": task.project}).fetchall()
    session.execute(statement("deltas")).fetchall()
    [(n_calls,)] = session.execute("select count(*) from compared").fetchall()
    yield n_calls
    # Temporary tables of a session spill to disk, and these hold whom calls are for. A rollback takes them as well.
    for table in ("charged", "compared", "booked", "deltas"):
        session.execute(f"drop table if exists {table}").fetchall()


def known_at(terms: Terms, book: Book, moment: datetime) -> Terms:
    """The same terms with the prices as they were known at that moment. `book` is the shipped one."""
    return replace(terms, prices=prices_of(book, terms.prices.records, moment))


def _read(session: duckdb.DuckDBPyConnection, task: Task, piece: Piece) -> pa.Table:
    params = task.params() | piece.params()
    del params["since"], params["until"]
    calls = session.sql(statement("piece"), params=params).to_arrow_table()
    raw = calls.column("trace_id").combine_chunks().cast(pa.binary(16))
    at = calls.schema.get_field_index("trace_id")
    return calls.set_column(at, "trace_id", pa.ExtensionArray.from_storage(pa.uuid(), raw))
