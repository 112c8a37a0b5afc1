"""Run a query the safe way: one SELECT, in a read-only transaction, with a deadline and a row cap.

Used by the store server for everyone, and by a command on the file when no server runs.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from errors import QueryError
from store.catalog import ParamValue
from store.rolled import over_rollups

MAX_ROWS = 1_000_000
TIMEOUT_S = 30.0
_BATCH_ROWS = 65_536
# A copy of the rows of a named query is small beside planning it twice.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
# A key of the answer's schema metadata: there were more rows than the cap.
TRUNCATED = b"steelyard.truncated"


def run_select(
    session: duckdb.DuckDBPyConnection,
    sql: str,
    params: Mapping[str, ParamValue] | None = None,
    *,
    max_rows: int = MAX_ROWS,
    timeout_s: float = TIMEOUT_S,
) -> pa.Table:
    """The rows of one SELECT as Arrow, at most `max_rows` of them.

    Raises QueryError for anything but exactly one SELECT, for a wrong query, and past the deadline.
    """
    _refuse_all_but_one_select(session, sql)
    expired = threading.Event()

    def interrupt() -> None:
        expired.set()
        session.interrupt()

    deadline = threading.Timer(timeout_s, interrupt)
    deadline.daemon = True
    deadline.start()
    try:
        session.execute("begin transaction read only")
        try:
            return _first_rows(_reader(session, sql, params), max_rows)
        finally:
            session.execute("rollback")
    except duckdb.Error as wrong:
        if expired.is_set():
            raise QueryError(
                f"the query was stopped after {timeout_s:g} s. Narrow it (a shorter time range, a LIMIT)."
            ) from wrong
        raise QueryError(f"the query failed: {wrong}") from wrong
    finally:
        deadline.cancel()


def _refuse_all_but_one_select(session: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = session.extract_statements(sql)
    except duckdb.Error as wrong:
        raise QueryError(f"the query does not parse: {wrong}") from wrong
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError(
            "only a single SELECT is allowed here; the store is read-only to everyone but its server."
        )


def is_truncated(table: pa.Table) -> bool:
    """Whether the query had more rows than the cap let through."""
    return TRUNCATED in (table.schema.metadata or {})


def _reader(
    session: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, ParamValue] | None
) -> pa.RecordBatchReader:
    """The answer, to be read piece by piece.

    A relation streams, so that a statement of anybody's stops at the cap; but it is planned when it is made and once more when
    it is read. A named query, which is what has parameters, is bounded by its text: it is planned once and run to its end.
    """
    if not params:
        return session.sql(sql).to_arrow_reader(_BATCH_ROWS)
    text, given = over_rollups(session, sql, params)
    return session.execute(text, dict(given)).to_arrow_reader(_BATCH_ROWS)


def _first_rows(reader: pa.RecordBatchReader, max_rows: int) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    n_rows = 0
    for batch in reader:
        batches.append(batch.slice(0, max_rows - n_rows))
        n_rows += batch.num_rows
        if n_rows > max_rows:
            # Said in the answer itself, so that nobody takes a part for the whole.
            noted = reader.schema.with_metadata({TRUNCATED: b"true"})
            return pa.Table.from_batches(batches, reader.schema).cast(noted)
    return pa.Table.from_batches(batches, reader.schema)
