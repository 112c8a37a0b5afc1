"""Rollups: closed hours of calls, aggregated once, so that pages need not read every call (docs/rollups.md).

`open_hours` names the hours with calls that are read from the calls. Whatever stores, changes or removes a call puts its hour
there in its own transaction; `roll` aggregates it and takes it out. So a question is answered alike whether an hour is rolled or
not, and an hour that nobody has rolled is slow and never wrong. Which queries read rollups, and when: store/rolled.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from store.dimensions import BUILT_IN

# A call is stored when it has ended: most of an hour's calls are there this long after it. Later ones open it again.
GRACE = timedelta(minutes=5)
# A project with fewer calls is left as it is: reading them takes 10 ms, and planning the same over rollups 5 ms more than that.
WORTH_ROLLING_CALLS = 200_000
# A commit waits while a piece is aggregated: so many calls take about 0.5 s of CPU.
CALLS_IN_A_PIECE = 200_000
# An hour of one dimension may have so many rows, or a quarter of its calls; beyond, aggregating it saves nothing.
CELLS_IN_AN_HOUR = 5_000
# In every row already, or with next to as many values as calls.
IN_EVERY_ROW = frozenset({"environment", "model", "provider", "emitter"})
_TOO_MANY_VALUES = frozenset({"user_id", "session_id"})
_DIMENSIONS = tuple(name for name in BUILT_IN if name not in IN_EVERY_ROW | _TOO_MANY_VALUES)
_SUMS = ("rollup_hours", "rollup_outcomes", "rollup_latencies")
# What is made from the calls and can be made again: no count of anybody's rows.
TABLES = frozenset({*_SUMS, "open_hours", "rolled_dimensions"})


@dataclass(frozen=True)
class Piece:
    """Hours of one day of one project that are to be aggregated."""

    project: str
    day: date
    hours: Sequence[datetime]  # UTC without a zone
    n_calls: int

    def params(self) -> dict[str, Any]:
        return {"project": self.project, "day": self.day, "hours": list(self.hours)}


def are_open(session: duckdb.DuckDBPyConnection, calls: pa.Table) -> bool:
    """Whether `open_calls` has nothing to do for these calls, as for nearly every commit: known in a quarter of its time."""
    hours = pc.floor_temporal(calls.column("started_at").drop_null(), unit="hour")
    if not len(hours):
        return True
    found = session.execute(
        "select project, hour_at from open_hours where hour_at between $min and $max",
        pc.min_max(hours).as_py(),
    )
    touched = product(pc.unique(calls.column("project")).to_pylist(), pc.unique(hours).to_pylist())
    return set(touched) <= set(found.fetchall())


def open_calls(session: duckdb.DuckDBPyConnection, relation: str) -> None:
    """From now on the hours of these calls are read from the calls; in the caller's transaction.

    `relation` is a name the session knows, with `project` and `started_at`.
    """
    _open(
        session,
        "select project, cast(started_at as date) as day, date_trunc('hour', started_at) as hour_at "
        f"from {relation} where started_at is not null",
    )


def open_days(session: duckdb.DuckDBPyConnection, relation: str) -> None:
    """The same for all hours of the days of `relation` (`project`, `day`)."""
    _open(
        session,
        f"select project, day, day + to_hours(unnest(range(24))) as hour_at from {relation} where day is not null",
    )


def forget_days(
    session: duckdb.DuckDBPyConnection, project: str, days: Sequence[date], *, has_calls: bool
) -> None:
    """Nothing is left of what was aggregated of these days: for calls that must not be found any more.

    `has_calls`: others remain, and are read from the calls.
    """
    which = {"project": project, "days": list(days)}
    for table in ("open_hours", *_SUMS):
        session.execute(
            f"delete from {table} where project = $project and day in (select unnest($days))", which
        ).fetchall()
    if has_calls:
        all_hours = "select $project as project, day, day + to_hours(unnest(range(24))) as hour_at "
        _open(session, f"{all_hours} from (select unnest(cast($days as date[])) as day)", which)


def _open(session: duckdb.DuckDBPyConnection, hours: str, params: dict[str, Any] | None = None) -> None:
    session.execute(
        f"insert into open_hours by name {hours} except select project, day, hour_at from open_hours", params
    ).fetchall()


def due(
    session: duckdb.DuckDBPyConnection, now: datetime, *, worth_calls: int = WORTH_ROLLING_CALLS
) -> Iterator[Piece]:
    """What can be aggregated at `now` (UTC without a zone), the newest day first.

    Each piece is asked for when the one before is done. A project is rolled once it has had `worth_calls`.
    """
    closed = _hour_of(now - GRACE)
    open_days = session.execute(_text("due"), {"closed": closed}).fetchall()
    worth = {
        project: _is_worth_it(session, project, worth_calls) for project in {row[0] for row in open_days}
    }
    for project, day, hours in open_days:
        if worth[project]:
            yield from _pieces_of(session, project, day, hours)


def roll(session: duckdb.DuckDBPyConnection, piece: Piece) -> None:
    """Aggregate these hours, in a transaction of its own."""
    session.execute("begin transaction")
    try:
        _roll(session, piece)
        session.execute("commit")
    except BaseException:
        session.execute("rollback")
        raise


def _is_worth_it(session: duckdb.DuckDBPyConnection, project: str, worth_calls: int) -> bool:
    [(is_rolled, n_calls)] = session.execute(
        "select exists (from rolled_dimensions where project = $project), "
        "(select count(*) from spans where project = $project and role = 'call')",
        {"project": project},
    ).fetchall()
    return bool(is_rolled or n_calls >= worth_calls)


def _pieces_of(
    session: duckdb.DuckDBPyConnection, project: str, day: date, open_hours: Sequence[datetime]
) -> Iterator[Piece]:
    found = session.execute(_text("hours"), {"project": project, "day": day, "hours": open_hours})
    hours: list[datetime] = []
    n_calls = 0
    for hour_at, n_of_hour in found.fetchall():
        if hours and n_calls + n_of_hour > CALLS_IN_A_PIECE:
            yield Piece(project, day, hours, n_calls)
            hours, n_calls = [], 0
        hours, n_calls = [*hours, hour_at], n_calls + n_of_hour
    if hours:
        yield Piece(project, day, hours, n_calls)


def _roll(session: duckdb.DuckDBPyConnection, piece: Piece) -> None:
    which = piece.params()
    for table in ("open_hours", *_SUMS):
        session.execute(
            f"delete from {table} where project = $project and day = $day and hour_at in (select unnest($hours))",
            which,
        ).fetchall()
    if piece.n_calls:
        [(n_exceptions,)] = session.execute(_text("n_exceptions"), which).fetchall()
        for dimension in _dimensions(session, piece):
            if _roll_dimension(session, piece, dimension) and n_exceptions:
                session.execute(_text("exceptions"), {"dimension": dimension, **which}).fetchall()
        for sums in ("outcomes", "latencies"):
            session.execute(_text(sums), which).fetchall()


def _dimensions(session: duckdb.DuckDBPyConnection, piece: Piece) -> Sequence[str]:
    """'' (all calls), what is built in, and the names that `dims` of the project's calls have; without those known to be wide.

    Every hour has them all, so that a query finds all hours under each.
    """
    of_day = "from spans where project = ? and role = 'call' and day = ?"
    keys = session.execute(
        f"select distinct unnest(keys) from (select distinct map_keys(dims) as keys {of_day})",
        [piece.project, piece.day],
    ).fetchall()
    known = dict(
        session.execute(
            "select dimension, is_wide from rolled_dimensions where project = ?", [piece.project]
        ).fetchall()
    )
    own = {name for (name,) in keys} - set(BUILT_IN)
    for name in ["", *_DIMENSIONS, *sorted(own)]:
        if name not in known:
            known[name] = False
            _begin_dimension(session, piece.project, name)
    return [name for name, is_wide in known.items() if not is_wide]


def _begin_dimension(session: duckdb.DuckDBPyConnection, project: str, dimension: str) -> None:
    whose = {"project": project, "dimension": dimension}
    session.execute(_text("backfill"), whose).fetchall()
    session.execute("insert into rolled_dimensions values ($project, $dimension, false)", whose).fetchall()


def _roll_dimension(session: duckdb.DuckDBPyConnection, piece: Piece, dimension: str) -> bool:
    """Whether the dimension can be rolled: has it too many values, it is taken out of the rollup."""
    [(n_cells,)] = session.execute(_text("dimension"), {"dimension": dimension, **piece.params()}).fetchall()
    if n_cells <= max(CELLS_IN_AN_HOUR * len(piece.hours), piece.n_calls // 4):
        return True
    wide = {"project": piece.project, "dimension": dimension}
    for table in ("rollup_hours", "rolled_dimensions"):
        session.execute(
            f"delete from {table} where project = $project and dimension = $dimension", wide
        ).fetchall()
    session.execute("insert into rolled_dimensions values ($project, $dimension, true)", wide).fetchall()
    return False


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@cache
def _text(name: str) -> str:
    return files("store").joinpath("rolling", f"{name}.sql").read_text("utf-8")
