"""Export: the tables as files that anything can read, one per table and month, with a manifest.

Types stay what they are in Parquet (DECIMAL, UUID, JSON, MAP, TIMESTAMP); this is also how data moves to another
store. CSV has no types: NULL is an empty field, maps and JSON are text.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from errors import QueryError
from store.backup import MANIFEST
from store.schema import schema_version

Format = Literal["parquet", "csv"]
_OPTIONS: Mapping[Format, str] = {
    "parquet": "format parquet, compression zstd",
    "csv": "format csv, header true",
}
# Of the store itself, not of what it holds.
_INTERNAL = ("meta", "batches")


@dataclass(frozen=True)
class Selection:
    """What to export. Days are UTC, `until` exclusive; None and () mean everything."""

    project: str | None = None
    since: date | None = None
    until: date | None = None
    tables: Sequence[str] = ()


@dataclass(frozen=True)
class _Table:
    name: str
    has_project: bool
    day: str | None  # the expression that says which day a row is about


def export(
    session: duckdb.DuckDBPyConnection,
    data: Path,
    selection: Selection,
    file_format: Format,
    steelyard_version: str,
) -> tuple[Path, Mapping[str, object]]:
    """Write the selected rows into `exports/` of the data directory: the folder, and its manifest.

    All from one snapshot, while others write. Raises QueryError for a table that is not there, and duckdb.Error or
    OSError, such as for a full disk; nothing is left behind then.
    """
    now = datetime.now(UTC)
    final = data / "exports" / f"steelyard-{now:%Y%m%dT%H%M%S%f}Z"
    part = final.with_suffix(".part")
    part.mkdir(mode=0o700, parents=True)
    try:
        session.execute("begin transaction")
        try:
            files = [
                written
                for table in _tables(session, selection)
                for written in _write(session, table, selection, part, file_format)
            ]
            version = schema_version(session)
        finally:
            session.execute("rollback")
        manifest = {
            "created_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "steelyard_version": steelyard_version,
            "schema_version": version,
            "format": file_format,
            "project": selection.project,
            "since": selection.since and selection.since.isoformat(),
            "until": selection.until and selection.until.isoformat(),
            "files": files,
        }
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final, manifest


def _tables(session: duckdb.DuckDBPyConnection, selection: Selection) -> list[_Table]:
    found = session.execute(
        "select table_name, list(column_name) from duckdb_columns() where database_name = 'store' "
        "and table_name in (select table_name from duckdb_tables() where database_name = 'store') "
        "group by table_name order by table_name"
    ).fetchall()
    tables = {name: _table(name, columns) for name, columns in found if name not in _INTERNAL}
    unknown = [name for name in selection.tables if name not in tables]
    if unknown:
        raise QueryError(f"there is no table {unknown[0]!r} to export. There are: {', '.join(tables)}.")
    return [table for name, table in tables.items() if not selection.tables or name in selection.tables]


def _table(name: str, columns: Sequence[str]) -> _Table:
    day = (
        "day"
        if "day" in columns
        else "cast(received_at as date)"
        if "received_at" in columns
        else None  # prices: their own dates say when they hold
    )
    return _Table(name, "project" in columns, day)


def _write(
    session: duckdb.DuckDBPyConnection,
    table: _Table,
    selection: Selection,
    folder: Path,
    file_format: Format,
) -> Iterator[dict[str, object]]:
    where, params = _where(table, selection)
    for month, condition, bounds in _months(session, table, where, params):
        (folder / table.name).mkdir(mode=0o700, exist_ok=True)
        path = folder / table.name / f"{month}.{file_format}"
        target = str(path.absolute()).replace("'", "''")
        [(n_rows,)] = session.execute(
            f"copy (select * from {table.name} where {condition}) to '{target}' ({_OPTIONS[file_format]})",
            bounds,
        ).fetchall()
        path.chmod(0o600)
        yield {"table": table.name, "month": month, "file": f"{table.name}/{path.name}", "rows": int(n_rows)}


def _months(
    session: duckdb.DuckDBPyConnection, table: _Table, where: str, params: list[object]
) -> Iterator[tuple[str, str, list[object]]]:
    """(file name, condition, its parameters) of each file of this table."""
    if table.day is None:
        yield "all", where, params
        return
    months = session.execute(
        f"select distinct cast(date_trunc('month', {table.day}) as date) as month from {table.name} "
        f"where {where} order by month",
        params,
    ).fetchall()
    for (first,) in months:
        if first is None:
            yield "undated", f"{where} and {table.day} is null", params
            continue
        after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        yield f"{first:%Y-%m}", f"{where} and {table.day} >= ? and {table.day} < ?", [*params, first, after]


def _where(table: _Table, selection: Selection) -> tuple[str, list[object]]:
    conditions, params = ["true"], list[object]()
    if selection.project is not None and table.has_project:
        conditions.append("project = ?")
        params.append(selection.project)
    if table.day is not None and selection.since is not None:
        conditions.append(f"{table.day} >= ?")
        params.append(selection.since)
    if table.day is not None and selection.until is not None:
        conditions.append(f"{table.day} < ?")
        params.append(selection.until)
    return " and ".join(conditions), params
