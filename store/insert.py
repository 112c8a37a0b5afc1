"""Storing records: each once, by its own key, whatever is sent again. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from store.records import KINDS, FieldType, Kind

_ARROW: dict[FieldType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us"),
    "json": pa.string(),
}

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
    return _store(session, _REJECTS if kind == "rejects" else KINDS[kind], project, rows)


def rejects(session: duckdb.DuckDBPyConnection, project: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Store what was refused, for the Setup page to show."""
    return _store(session, _REJECTS, project, rows)


def _store(
    session: duckdb.DuckDBPyConnection, kind: Kind, project: str, rows: Sequence[Mapping[str, Any]]
) -> int:
    columns = {
        name: pa.array([_value(row.get(name), field) for row in rows], _ARROW[field])
        for name, field in kind.fields.items()
    }
    received = pa.array([_naive(row["received_at"]) for row in rows], pa.timestamp("us"))
    incoming = pa.table(
        {"project": pa.array([project] * len(rows), pa.string()), "received_at": received, **columns}
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


def _value(value: Any, field: FieldType) -> Any:
    if value is None:
        return None
    match field:
        case "time":
            return _naive(datetime.fromisoformat(value))
        case "json":
            return json.dumps(value)
        case "number":
            return float(value)
        case _:
            return value


def _naive(moment: datetime) -> datetime:
    """UTC without a zone, as the store keeps it."""
    return moment.replace(tzinfo=None)
