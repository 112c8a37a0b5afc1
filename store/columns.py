"""Records as they came in JSON, as Arrow columns of the types that the store keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from store.records import FieldType

_ARROW: dict[FieldType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us"),
    "date": pa.date32(),
    "json": pa.string(),
    "decimal(9,6)": pa.decimal128(9, 6),
    "decimal(18,2)": pa.decimal128(18, 2),
    "decimal(18,6)": pa.decimal128(18, 6),
    "decimal(18,9)": pa.decimal128(18, 9),
    "decimal(38,12)": pa.decimal128(38, 12),
}


def columns(fields: Mapping[str, FieldType], rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    """The fields of records that were found well-formed (records.problems); what a row lacks is NULL."""
    return {
        name: pa.array([stored(row.get(name), field) for row in rows], _ARROW[field])
        for name, field in fields.items()
    }


def received(rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    """When the records came."""
    return pa.array([naive(row["received_at"]) for row in rows], pa.timestamp("us"))


def stored(value: Any, field: FieldType) -> Any:
    """A value of the wire as the store has it."""
    if value is None:
        return None
    match field:
        case "time":
            return naive(datetime.fromisoformat(value))
        case "json":
            return json.dumps(value)
        case "number":
            return float(value)
        case "date":
            return date.fromisoformat(value)
        case "text" | "integer":
            return value
        case _:
            return Decimal(value)


def naive(moment: datetime) -> datetime:
    """UTC without a zone, as the store keeps it."""
    return moment.replace(tzinfo=None)
