"""Charge hand-made calls through a real DuckDB: the factories that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from pricing.cards import Agreement, Card, FxRate, PriceRecords, Rate
from pricing.charge import charge_input
from pricing.layout import Layout, lay_out
from pricing.units import COUNTS, STANDARD, UNITS


def utc(text: str) -> datetime:
    """The store's TIMESTAMP: UTC by contract, without a zone."""
    return datetime.fromisoformat(text)


EVER = utc("1970-01-01")
NOON = utc("2026-11-20T12:00")
LEAVES = tuple(f"{unit}_usd" for unit in UNITS)

PRICEABLE = pa.schema(
    [
        ("project", pa.string()),
        ("trace_id", pa.string()),
        ("span_id", pa.uint64()),
        ("started_at", pa.timestamp("us")),
        ("model_key", pa.string()),
        ("service_tier", pa.string()),
        ("region", pa.string()),
        ("tenant_id", pa.string()),
        *[(name, pa.int64()) for name in COUNTS],
        ("usage_source", pa.string()),
        ("cache_hit", pa.bool_()),
        ("status", pa.string()),
        ("reported_cost_usd", pa.float64()),
        ("billed_to", pa.string()),
    ]
)


def a_call(**columns: Any) -> dict[str, Any]:
    call = dict.fromkeys(PRICEABLE.names) | {
        "project": "default", "started_at": NOON, "model_key": "acme/m", "cache_hit": False, "status": "ok", "billed_to": "us"
    }  # fmt: skip
    assert columns.keys() <= call.keys()
    return call | columns


def a_card(
    rates: Mapping[str, str], above: Mapping[int, Mapping[str, str]] | None = None, **columns: Any
) -> Card:
    """A card of `acme/m`; `above` holds the context tiers."""
    model_key = columns.get("model_key", "acme/m")
    variant = "" if columns.get("variant", STANDARD) == STANDARD else f"+{columns['variant']}"
    valid_from = columns.get("valid_from", EVER)
    given = {
        "rate_card": f"{model_key}{variant}@{valid_from:%Y-%m-%d}",
        "model_key": model_key,
        "provider": model_key.split("/")[0],
        "model": model_key.split("/")[-1],
        "valid_from": valid_from,
        "rates": tuple(
            Rate(unit, tier, Decimal(amount))
            for tier, units in ({0: rates} | dict(above or {})).items()
            for unit, amount in units.items()
        ),
    }
    return Card(**(given | columns))


def prices(
    *cards: Card, agreements: Iterable[Agreement] = (), fx_rates: Iterable[FxRate] = ()
) -> PriceRecords:
    return PriceRecords(cards, tuple(agreements), tuple(fx_rates))


def charge(layout: Layout, calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each call cost, in the order of the calls."""
    numbered = [
        {**call, "span_id": number, "trace_id": str(UUID(int=number))} for number, call in enumerate(calls)
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        charged = charge_relation(connection, layout, pa.Table.from_pylist(numbered, schema=PRICEABLE))
        rows: list[dict[str, Any]] = charged.order("span_id").to_arrow_table().to_pylist()
    assert [row["span_id"] for row in rows] == list(range(len(numbered)))
    return rows


def charge_relation(
    connection: duckdb.DuckDBPyConnection, layout: Layout, calls: pa.Table
) -> duckdb.DuckDBPyRelation:
    """What charge.sql makes of these calls (PRICEABLE)."""
    ready = charge_input(calls, layout)
    connection.register("priceable", ready.priceable)
    connection.register("price_sheets", ready.price_sheets)
    return connection.sql(ready.sql)


def charge_one(*cards: Card, **columns: Any) -> dict[str, Any]:
    return charge_by(prices(*cards), **columns)


def charge_by(records: PriceRecords, **columns: Any) -> dict[str, Any]:
    [row] = charge(lay_out(records), [a_call(**columns)])
    return row
