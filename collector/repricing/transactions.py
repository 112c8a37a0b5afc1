"""What the steps of repricing write with: transactions of their own, and rows that are replaced whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import duckdb


@contextlib.contextmanager
def transaction(session: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that happens within, or nothing of it."""
    session.execute("begin transaction")
    try:
        yield
        session.execute("commit")
    except BaseException:
        # The error that brought us here may have ended the transaction already.
        with contextlib.suppress(duckdb.Error):
            session.execute("rollback")
        raise


def replace_row(
    session: duckdb.DuckDBPyConnection,
    table: str,
    project: str,
    key: str,
    key_value: str,
    values: Mapping[str, object],
) -> None:
    """Give the row of this key other values in some columns, in a transaction of its own."""
    replaced = ", ".join(f"${name} as {name}" for name in values)
    ids = {"project": project, "key_value": key_value}
    its_row = f"from {table} where project = $project and {key} = $key_value"
    with transaction(session):
        session.execute(
            f"create or replace temp table one_row as select * replace ({replaced}) {its_row}",
            {**ids, **values},
        ).fetchall()
        session.execute(f"delete {its_row}", ids).fetchall()
        session.execute(f"insert into {table} by name select * from one_row").fetchall()
        session.execute("drop table one_row").fetchall()


def utc_now() -> datetime:
    """Without a zone, as the store has it."""
    return datetime.now(UTC).replace(tzinfo=None)
