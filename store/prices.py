"""Price records in the store: read as what pricing/ lays out, appended, and never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from pricing.cards import Agreement, Card, FxRate, PriceRecords, Rate
from pricing.shipped import rate_card_id
from store.catalog import bind, named_query

# Prices are of no project: the queries are scoped by one only because every query is.
_SCOPE = "default"


def records(session: duckdb.DuckDBPyConnection) -> PriceRecords:
    """Everything that was ever recorded about prices, in the order in which it was."""
    return records_by(lambda name: _rows(session, name))


def records_by(query: Callable[[str], Iterable[Mapping[str, Any]]]) -> PriceRecords:
    """The same from whoever answers the named queries `rate_cards`, `agreements` and `fx_rates`."""
    return PriceRecords(
        cards=tuple(card_of(row) for row in query("rate_cards")),
        agreements=tuple(Agreement(**row) for row in query("agreements")),
        fx_rates=tuple(FxRate(**row) for row in query("fx_rates")),
    )


def card_of(row: Mapping[str, Any]) -> Card:
    """The card that a row of the query `rate_cards` is."""
    fields = dict(row)
    from_minute, to_minute = fields.pop("from_minute"), fields.pop("to_minute")
    multipliers = json.loads(fields.pop("region_multipliers") or "{}")
    return Card(
        rates=tuple(Rate(**rate) for rate in fields.pop("rates") or ()),
        window=None if from_minute is None else (from_minute, to_minute),
        region_multipliers={region: Decimal(multiplier) for region, multiplier in multipliers.items()},
        **fields,
    )


def _rows(session: duckdb.DuckDBPyConnection, name: str) -> list[Mapping[str, Any]]:
    query = named_query(name)
    found = session.sql(query.sql, params=bind(query, _SCOPE, {})).to_arrow_table()
    rows: list[Mapping[str, Any]] = found.to_pylist()
    return rows


class Numbers:
    """Gives cards their ids: what a card is about, and from the second one on which recording of it."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def named(self, card: Card) -> Card:
        """The card with the next free id, such as `openai/gpt-4o+batch@2026-10-01#2`."""
        base = identity(card)
        found, n = base, 1
        while found in self._taken:
            n += 1
            found = f"{base}#{n}"
        self._taken.add(found)
        return replace(card, rate_card=found)


def identity(card: Card) -> str:
    """The id of the first recording of a card: model, variant, beginning and window."""
    starts = card.valid_from
    moment = rate_card_id(card.model_key, card.variant, starts.date(), card.window)
    if (starts.hour, starts.minute, starts.second, starts.microsecond) == (0, 0, 0, 0):
        return moment
    return moment.replace(f"@{starts.date()}", f"@{starts.isoformat()}", 1)


def withdrawal(card: Card) -> Card:
    """A row without rates that says that the card never counts any more; beside it, so that both are found together."""
    return replace(
        card,
        rates=(),
        approves=None,
        held_because=None,
        withdraws=card.rate_card,
        card_key=None,
        name_pattern=None,
        note=None,
    )


def approval(card: Card) -> Card:
    """A row without rates that puts a held card in force."""
    return replace(
        card,
        rates=(),
        approves=card.rate_card,
        held_because=None,
        card_key=None,
        name_pattern=None,
        note=None,
    )


def append(session: duckdb.DuckDBPyConnection, new: Sequence[Card]) -> None:
    """Add cards with their rates. The caller owns the transaction."""
    insert(session, "rate_cards", [card_row(card) for card in new])
    insert(session, "rates", [row for card in new for row in rate_rows(card)])


def card_row(card: Card) -> dict[str, Any]:
    """The card's row of `rate_cards`."""
    return {
        "rate_card": card.rate_card,
        "model_key": card.model_key,
        "provider": card.provider,
        "model": card.model,
        "variant": card.variant,
        "currency": card.currency,
        "valid_from": card.valid_from,
        "valid_to": card.valid_to,
        "estimated_because": card.estimated_because,
        "source": card.source,
        "source_version": card.source_version,
        "checked_on": card.checked_on,
        "recorded_at": card.recorded_at,
        "recorded_by": card.recorded_by,
        "layer": card.layer,
        "card_key": card.card_key,
        "model_provider": card.model_provider,
        "name_pattern": card.name_pattern,
        "from_minute": card.window and card.window[0],
        "to_minute": card.window and card.window[1],
        "region_multipliers": _multipliers(card.region_multipliers),
        "note": card.note,
        "held_because": card.held_because,
        "approves": card.approves,
        "withdraws": card.withdraws,
    }


def rate_rows(card: Card) -> list[dict[str, Any]]:
    """The card's rows of `rates`."""
    return [
        {
            "rate_card": card.rate_card,
            "unit": rate.unit,
            "tier_from_tokens": rate.tier_from_tokens,
            "per_million": rate.per_million,
        }
        for rate in card.rates
    ]


def _multipliers(regions: Mapping[str, Decimal]) -> str | None:
    return (
        json.dumps({region: f"{multiplier:f}" for region, multiplier in regions.items()}) if regions else None
    )


def insert(session: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows, by the names of their columns."""
    if rows:
        session.register("new_rows", pa.Table.from_pylist(list(rows)))
        session.execute(f"insert into {table} by name select * from new_rows")
        session.unregister("new_rows")
