"""Erasing a project: every row of it, from every table, in the caller's transaction."""

from __future__ import annotations

import duckdb


def project(session: duckdb.DuckDBPyConnection, name: str) -> None:
    """Delete every row of the project."""
    tables = session.execute(
        "select distinct table_name from information_schema.columns "
        "where column_name = 'project' and table_catalog = current_database() "
        "and table_name in (select table_name from information_schema.tables where table_type = 'BASE TABLE')"
    ).fetchall()
    for (table,) in tables:
        session.execute(f"delete from {table} where project = ?", [name])
