"""What one stored call would cost if it were charged again now, by the same statement as every commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from collector.commit.attribution import attribute
from collector.commit.charging import charge_into, priceable
from collector.server.explain_sql import statement
from store.terms import Terms

# What a repricing goes by (collector/repricing/): a call that differs in one of these is charged anew.
_COMPARED = (
    "cost_status",
    "list_cost_usd",
    "effective_cost_usd",
    "saved_cost_usd",
    "cost_estimated",
    "rate_card",
    "agreement",
    "billed_to",
    "attributed_tenant_id",
)


@dataclass(frozen=True)
class Repriced:
    """The charge of a call by today's terms, and which of its columns would be others: name -> (now, then)."""

    charge: Mapping[str, Any]
    differences: Mapping[str, tuple[Any, Any]]


def repriced(
    whole: duckdb.DuckDBPyConnection, row: Mapping[str, Any], ids: Mapping[str, Any], terms: Terms
) -> Repriced | None:
    """Charge the call again on this session, which keeps nothing of it; None for a span that is no call."""
    if row["role"] != "call":
        return None
    spans = attribute(_stored(whole, ids), terms)
    charge_into(whole, priceable(spans, terms), terms)
    [charge] = (
        whole.sql("select * exclude (project, trace_id, span_id) from charged").to_arrow_table().to_pylist()
    )
    charge["attributed_tenant_id"] = spans.column("attributed_tenant_id")[0].as_py()
    charge["attributed_by"] = spans.column("attributed_by")[0].as_py()
    differences = {
        name: (row[name], charge[name])
        for name in _COMPARED
        if _as_compared(name, row[name]) != _as_compared(name, charge[name])
    }
    return Repriced(charge, differences)


def _as_compared(name: str, value: Any) -> Any:
    """What was stored before it was told apart was billed to us, and no estimate."""
    match name:
        case "billed_to":
            return value or "us"
        case "cost_estimated":
            return bool(value)
    return value


def _stored(whole: duckdb.DuckDBPyConnection, ids: Mapping[str, Any]) -> pa.Table:
    call = whole.sql(statement("stored_call"), params=dict(ids)).to_arrow_table()
    raw = call.column("trace_id").combine_chunks().cast(pa.binary(16))
    at = call.schema.get_field_index("trace_id")
    return call.set_column(at, "trace_id", pa.ExtensionArray.from_storage(pa.uuid(), raw))
