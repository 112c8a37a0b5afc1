"""Rewriting the store's file, so that what was deleted is no longer in it.

DuckDB marks deleted rows, and a checkpoint frees the blocks of row groups that are deleted whole; neither writes
over the bytes, and free blocks keep theirs until something else needs the room (tested by planting markers:
DELETE, CHECKPOINT, rewriting days in place and VACUUM all left some behind). A new file made from the live rows
has never held the others. So: copy to a new file, verify it, and put it in the old one's place at the next open.

Crash safety: the new file gets its final name only when it is complete and on disk. Nothing may be committed between
the copy and the swap; the swap checks that, and drops a copy that the store has moved on from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

ROOM = "rewrite"
_READY = "store.duckdb.ready"
_PART = "store.duckdb.part"
_COPY = "rewritten"
_ROWS_AT_ONCE = 250_000
# Copied some days at a time, in this order: better compression and narrower zone maps than the order of arrival.
_BY_DAY = {
    "spans": "project, started_at",
    "charges": "project, trace_id",
    "contents": "project, occurred_at",
    "log_records": "project, occurred_at",
    "metric_points": "project, occurred_at",
    "scores": "project, occurred_at",
}


def copy_live_rows(
    session: duckdb.DuckDBPyConnection, path: Path, storage_version: str, *, go_on: Callable[[], bool]
) -> bool:
    """Write a verified copy of the live rows beside the store at `path`; False when `go_on` said stop.

    The caller must let nothing commit from before this until the file is swapped. Raises duckdb.Error, such as
    for a full disk; nothing is left behind then.
    """
    part = path.parent / ROOM / _PART
    part.parent.mkdir(mode=0o700, exist_ok=True)
    _remove(part)
    try:
        session.execute(f"attach '{_quoted(part)}' as {_COPY} (storage_version '{storage_version}')")
        try:
            if not all(go_on() for _ in _copy(session)):
                return False
            _verify(session)
            session.execute(f"checkpoint {_COPY}")
        finally:
            session.execute(f"detach {_COPY}")
        _onto_disk(part)
        part.rename(part.with_name(_READY))
        _onto_disk(part.parent)
        return True
    finally:
        _remove(part)


def swap_in(path: Path, connect: Callable[[Path], duckdb.DuckDBPyConnection]) -> bool:
    """Before the store at `path` is opened: put a finished copy in its place, if it is as new; whether it did."""
    ready = path.parent / ROOM / _READY
    _remove(path.parent / ROOM / _PART)
    if not ready.exists():
        return False
    if path.exists() and _mark(connect, path) != _mark(connect, ready):
        _remove(ready)  # something was committed after the copy: it is made again when it is due
        return False
    _date_the_erasures(connect, ready)
    # The old file's log first: found beside the new file it would be taken for that one's. What it holds is in the
    # copy, and the copy is still there if we die in between.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    ready.replace(path)
    _onto_disk(path.parent)
    return True


def _copy(session: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Each step copies some days of a large table, or one small table."""
    session.execute(f"copy from database store to {_COPY} (schema)")
    for table in _tables(session):
        into = f"insert into {_COPY}.{table} by name from store.{table}"
        if table not in _BY_DAY:
            session.execute(into)
            yield
            continue
        for first, last in _runs_of_days(session, table):
            session.execute(f"{into} where day between ? and ? order by day, {_BY_DAY[table]}", [first, last])
            yield
        session.execute(f"{into} where day is null")


def _runs_of_days(session: duckdb.DuckDBPyConnection, table: str) -> Iterator[tuple[date, date]]:
    """First and last day of runs that hold about as many rows as are sorted at once in little memory."""
    first, n_rows = None, 0
    days = session.execute(
        f"select day, count(*) from store.{table} where day is not null group by day order by day"
    ).fetchall()
    for day, n_of_day in days:
        first, n_rows = first or day, n_rows + n_of_day
        if n_rows >= _ROWS_AT_ONCE or day == days[-1][0]:
            yield first, day
            first, n_rows = None, 0


def _verify(session: duckdb.DuckDBPyConnection) -> None:
    for table in _tables(session):
        counts = [
            _count(session, f"select count(*) from {database}.{table}") for database in ("store", _COPY)
        ]
        if counts[0] != counts[1]:
            raise duckdb.IOException(f"the copy of {table} has {counts[1]} of {counts[0]} rows")


def _mark(connect: Callable[[Path], duckdb.DuckDBPyConnection], path: Path) -> dict[str, int]:
    """What tells whether two files hold the same commits: rows per table."""
    connection = connect(path)
    try:
        return {table: _count(connection, f"select count(*) from {table}") for table in _tables(connection)}
    finally:
        connection.close()


def _date_the_erasures(connect: Callable[[Path], duckdb.DuckDBPyConnection], ready: Path) -> None:
    """Every erasure that the copy knows was before it: its rows are in no block of this file."""
    connection = connect(ready)
    try:
        connection.execute(
            "update erasures set physically_removed_at = ? where physically_removed_at is null",
            [datetime.now(UTC).replace(tzinfo=None)],
        )
        connection.execute("checkpoint")
    finally:
        connection.close()


def _tables(session: duckdb.DuckDBPyConnection) -> list[str]:
    found = session.execute(
        "select table_name from duckdb_tables() where database_name = 'store' and not temporary order by table_name"
    ).fetchall()
    return [table for (table,) in found]


def _count(session: duckdb.DuckDBPyConnection, sql: str) -> int:
    [(count,)] = session.execute(sql).fetchall()
    return int(count)


def _onto_disk(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")
