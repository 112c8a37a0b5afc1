"""Months that were closed: what is found of them later is booked in another."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import duckdb
import pyarrow as pa

from collector.repricing.task import Piece

# A record holds once the store server has said when, and what the month came to (closing.py).
_CLOSED = """
    select month
    from periods
    where project = ? and recorded_at is not null
    group by month
    having arg_max(status, (recorded_at, period_key)) = 'closed'
"""
_MONTHS = pa.schema({"month": pa.date32(), "is_closed": pa.bool_(), "booked_month": pa.date32()})


def closed_months(session: duckdb.DuckDBPyConnection, project: str) -> set[date]:
    """The first days of the months that are closed now."""
    return {month for (month,) in session.execute(_CLOSED, [project]).fetchall()}


def months_of(piece: Piece, closed: Collection[date]) -> pa.Table:
    """Each month of a piece: whether it is closed, and which month carries differences to it."""
    months = [month_of(piece.began_at)]
    while (following := next_month(months[-1])) <= piece.ended_at.date():
        months.append(following)
    rows = [
        {"month": month, "is_closed": month in closed, "booked_month": first_open_after(month, closed)}
        for month in months
    ]
    return pa.Table.from_pylist(rows, _MONTHS)


def first_open_after(month: date, closed: Collection[date]) -> date:
    """The first month after this one that is not closed."""
    found = next_month(month)
    while found in closed:
        found = next_month(found)
    return found


def month_of(moment: datetime) -> date:
    """The first day of its month."""
    return date(moment.year, moment.month, 1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
