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


@contextmanager
def registered(session: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Let the session's SQL read these tables by their names, for as long as this lasts.

    Results must be fetched to their end within: DuckDB drops no view beside one that could have another row.
    """
    for name, table in tables.items():
        session.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            session.unregister(name)
