"""Charge hand-made calls through a real DuckDB: the factories that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from pricing.book import Book
from pricing.charge import CHARGE_SQL
from store.schema import migrations


def utc(text: str) -> datetime:
    """The store's TIMESTAMP: UTC by contract, without a zone."""
    return datetime.fromisoformat(text)


NOON = utc("2026-11-20T12:00")
TOKENS = (
    "input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "output_tokens", "reasoning_tokens", "audio_input_tokens", "audio_output_tokens",
)  # fmt: skip
LEAVES = (
    "uncached_input_usd", "cached_input_usd", "cache_write_usd", "cache_write_1h_usd",
    "output_usd", "reasoning_usd", "audio_input_usd", "audio_output_usd", "request_usd",
)  # fmt: skip

PRICEABLE = pa.schema(
    [
        ("project", pa.string()),
        ("trace_id", pa.string()),
        ("span_id", pa.uint64()),
        ("started_at", pa.timestamp("us")),
        ("model_key", pa.string()),
        ("service_tier", pa.string()),
        *[(name, pa.int64()) for name in TOKENS],
        ("cache_hit", pa.bool_()),
        ("status", pa.string()),
        ("reported_cost_usd", pa.decimal128(18, 12)),
    ]
)


def a_call(**columns: Any) -> dict[str, Any]:
    call = dict.fromkeys(PRICEABLE.names) | {
        "project": "default", "started_at": NOON, "model_key": "acme/m", "cache_hit": False, "status": "ok"
    }  # fmt: skip
    assert columns.keys() <= call.keys()
    return call | columns


def a_card(
    rates: Mapping[str, str], above: Mapping[int, Mapping[str, str]] | None = None, **columns: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A card of `acme/m` and its rates, ready for `charge`; `above` holds the context tiers."""
    card = {"model_key": "acme/m", "variant": "standard", "valid_from": utc("1970-01-01"), "valid_to": None}
    card |= {"estimated_because": None} | columns
    card["rate_card"] = f"{card['model_key']}+{card['variant']}@{card['valid_from']:%Y-%m-%d}"
    tiers = {0: rates} | dict(above or {})
    return card, [
        {"rate_card": card["rate_card"], "unit": unit, "tier_from_tokens": tier, "per_million": usd}
        for tier, units in tiers.items()
        for unit, usd in units.items()
    ]


def open_prices(
    cards: Iterable[Mapping[str, Any]], rates: Iterable[Mapping[str, Any]]
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    for migration in migrations():
        connection.execute(migration.sql)
    for table, rows in (("rate_cards", list(cards)), ("rates", list(rates))):
        if rows:
            incoming = pa.Table.from_pylist(rows)
            connection.register("incoming", incoming)
            connection.execute(f"insert into {table} by name select * from incoming")
    return connection


def open_book(book: Book) -> duckdb.DuckDBPyConnection:
    return open_prices(book.card_rows(), book.rate_rows())


def charge(connection: duckdb.DuckDBPyConnection, calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each call cost, in the order of the calls."""
    numbered = [
        {**call, "span_id": number, "trace_id": str(UUID(int=number))} for number, call in enumerate(calls)
    ]
    connection.register("numbered", pa.Table.from_pylist(numbered, schema=PRICEABLE))
    connection.execute(
        "create or replace temp view priceable as select * replace (trace_id::uuid as trace_id) from numbered"
    )
    rows: list[dict[str, Any]] = (
        connection.sql(f"from ({CHARGE_SQL}) order by span_id").to_arrow_table().to_pylist()
    )
    assert [row["span_id"] for row in rows] == list(range(len(numbered)))
    return rows


def charge_one(card: Any, /, *more_cards: Any, **columns: Any) -> dict[str, Any]:
    cards = [card, *more_cards]
    connection = open_prices([c for c, _ in cards], [rate for _, rates in cards for rate in rates])
    [row] = charge(connection, [a_call(**columns)])
    return row
