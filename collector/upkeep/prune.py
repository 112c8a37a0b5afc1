"""Retention by age: the oldest day of one table of one project at a time, in a transaction of its own.

Deleting a day of half a million rows takes about 15 ms (2 cores), so the commit that waits behind it does not
notice. Days are found through the zone maps of `day`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args

import duckdb

from collector.retention import Retention, Table
from store import rollups

# `rejects` has no day of its own.
_DAY = {"rejects": "cast(received_at as date)"}


@dataclass(frozen=True)
class Due:
    """A day of one table of one project that is to go."""

    table: Table
    project: str
    day: date


def prune_one(session: duckdb.DuckDBPyConnection, retention: Retention, now: datetime) -> Due | None:
    """Delete the first day that is older than its table is kept; None when there is none. `now` is UTC."""
    due = next(_due(session, retention, now), None)
    if due is None:
        return None
    session.execute("begin transaction")
    try:
        session.execute(
            f"delete from {due.table} where project = ? and {_day_of(due.table)} = ?", [due.project, due.day]
        )
        if due.table == "spans":
            rollups.forget_days(session, due.project, [due.day], has_calls=False)
        session.execute("commit")
    except BaseException:
        session.execute("rollback")
        raise
    return due


def _due(session: duckdb.DuckDBPyConnection, retention: Retention, now: datetime) -> Iterator[Due]:
    table: Table
    for table in get_args(Table):
        shortest = retention.shortest_days(table)
        if shortest is None:
            continue
        day = _day_of(table)
        oldest = session.execute(
            f"select project, min({day}) from {table} where {day} < ? group by project order by project",
            [_first_kept_day(now, shortest)],
        ).fetchall()
        for project, first in oldest:
            days = retention.days(table, project)
            if days is not None and first < _first_kept_day(now, days):
                yield Due(table, project, first)


def _first_kept_day(now: datetime, days: int) -> date:
    """Today and the `days` days before it are kept."""
    return now.date() - timedelta(days=days)


def _day_of(table: Table) -> str:
    return _DAY.get(table, "day")
