"""Storing records: each once, by its own key, whatever is sent again. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from store import price_records
from store.columns import columns, received
from store.records import KINDS, PRICE_KINDS, Kind

_REJECTS = Kind(
    table="rejects",
    key="reject_id",
    required=(),
    fields={
        "reject_id": "text",
        "signal": "text",
        "reason": "text",
        "n_items": "integer",
        "batch_id": "text",
    },
)


def records(
    session: duckdb.DuckDBPyConnection, kind: str, project: str, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Store records of one kind (a key of KINDS, or `rejects`); returns how many were new.

    A row is the record's fields as they came in JSON, plus `received_at`.
    """
    if kind in PRICE_KINDS:
        done = price_records.record(session, kind, rows)
        rejects(session, project, done.refused)
        return done.n_new
    return _store(session, _REJECTS if kind == "rejects" else KINDS[kind], project, rows)


def rejects(session: duckdb.DuckDBPyConnection, project: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Store what was refused, for the Setup page to show."""
    return _store(session, _REJECTS, project, rows)


def _store(
    session: duckdb.DuckDBPyConnection, kind: Kind, project: str, rows: Sequence[Mapping[str, Any]]
) -> int:
    incoming = pa.table(
        {
            "project": pa.array([project] * len(rows), pa.string()),
            "received_at": received(rows),
            **columns(kind.fields, rows),
        }
    )
    session.register("incoming_records", incoming)
    try:
        result = session.execute(
            f"""
            insert into {kind.table} by name
            select * from incoming_records as fresh
            where not exists (
                from {kind.table} as stored
                where stored.project = fresh.project and stored.{kind.key} = fresh.{kind.key}
            )
            qualify row_number() over (partition by {kind.key} order by received_at) = 1
            """
        ).fetchone()
    finally:
        session.unregister("incoming_records")
    return int(result[0]) if result else 0
