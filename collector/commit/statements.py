"""The committer's SQL: one statement a file in `collector/commit/sql/`, with its reasons inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa


@cache
def statement(name: str) -> str:
    """The text of `collector/commit/sql/<name>.sql`."""
    return files("collector.commit").joinpath("sql", f"{name}.sql").read_text("utf-8")


def load_statements() -> None:
    """Read every statement: an installation that lacks one must say so at its start, and not blame a segment."""
    for path in files("collector.commit").joinpath("sql").iterdir():
        if path.name.endswith(".sql"):
            statement(path.name.removesuffix(".sql"))


# DuckDB 1.5 pushes the filter of a join into a table from outside, and fails when that filter is on a UUID.
_FILTERS_UUIDS = int(duckdb.__version__.split(".")[0]) >= 2


@contextmanager
def registered(session: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Let the session's SQL read these tables by their names, for as long as this lasts.

    Results must be fetched to their end within: DuckDB drops no view beside one that could have another row.
    """
    for name, table in tables.items():
        session.register(name if _FILTERS_UUIDS else f"{name}_outside", table)
        if not _FILTERS_UUIDS:
            rows = f"with rows as materialized (select * from {name}_outside) select * from rows"
            session.execute(f"create or replace temp view {name} as {rows}").fetchall()
    try:
        yield
    finally:
        for name in tables:
            session.unregister(name if _FILTERS_UUIDS else f"{name}_outside")
            if not _FILTERS_UUIDS:
                session.execute(f"drop view if exists temp.{name}").fetchall()
