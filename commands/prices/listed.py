"""`steelyard prices list`: what models cost, now or at another time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from commands.connect import connect
from commands.moments import MOMENT, shown
from commands.output import Format, format_option, print_rows, text_table
from commands.prices import words
from commands.prices.known import billing_name, data_option, known_prices, now
from commands.prices.states import Stand, stands
from pricing.plausible import amount
from pricing.units import UNITS

_TEXTS = ("rate_card", "state", "model_key", "provider", "model", "variant", "utc_window", "currency")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("valid_from", pa.timestamp("us")),
        ("valid_to", pa.timestamp("us")),
        *((f"{unit}_per_million", pa.decimal128(18, 6)) for unit in UNITS),
        ("rates", pa.string()),
        ("region_multipliers", pa.string()),
        ("layer", pa.string()),
        ("source", pa.string()),
        ("source_version", pa.string()),
        ("checked_on", pa.date32()),
        ("recorded_at", pa.timestamp("us")),
        ("recorded_by", pa.string()),
        ("note", pa.string()),
        ("held_because", pa.string()),
    ]
)
_SHOWN = ("uncached_input", "cached_input", "output")


@click.command("list")
@click.option("--provider", help="Only what this provider bills.")
@click.option("--model", help="Only models whose key contains this.")
@click.option("--at", "moment", type=MOMENT, help="What holds at this time (default: now).")
@click.option("--all", "everything", is_flag=True, help="Past, replaced, held and withdrawn ones too.")
@data_option
@format_option
def list_prices(
    provider: str | None,
    model: str | None,
    moment: datetime | None,
    everything: bool,
    data: Path | None,
    output_format: Format,
) -> None:
    """What models cost a million tokens: what holds now (or --at a time), and prices that are still to come.

    \b
    Example:
      steelyard prices list --provider anthropic
      steelyard prices list --model gpt-4o --at 2026-09-15
      steelyard prices list --all --format csv > prices.csv
    """
    at = moment or now()
    with connect(data) as reader:
        prices = known_prices(reader)
    billed_by = billing_name(prices, provider) if provider else None
    chosen = [
        stand
        for stand in stands(prices, at)
        if (everything or stand.state in ("in force", "future"))
        and (billed_by is None or stand.card.provider == billed_by)
        and (model is None or model.lower() in stand.card.model_key.lower())
    ]
    if output_format != "table":
        print_rows(pa.Table.from_pylist([_row(stand) for stand in chosen], schema=_SCHEMA), output_format)
    elif chosen:
        sys.stdout.write(_table(chosen, at))
    else:
        print("steelyard: no price matches; `steelyard prices list` shows them all", file=sys.stderr)


def _row(stand: Stand) -> dict[str, Any]:
    card = stand.card
    return {
        **{name: getattr(card, name) for name in _SCHEMA.names if hasattr(card, name)},
        "state": stand.state,
        "utc_window": words.window(card) or None,
        "valid_from": stand.holds_from or card.valid_from,
        "valid_to": stand.holds_to or card.valid_to,
        **{f"{unit}_per_million": words.base_rate(card, unit) for unit in UNITS},
        "rates": words.rates(card),
        "region_multipliers": words.regions(card) or None,
    }


def _table(chosen: Sequence[Stand], at: datetime) -> str:
    headers = ["model", "variant", "input", "cached", "output", "also", "holds", "by", "state"]
    lines = [
        [
            stand.card.model_key,
            words.variant(stand.card),
            *(_cell(words.base_rate(stand.card, unit)) for unit in _SHOWN),
            _also(stand),
            words.times(stand.holds_from or stand.card.valid_from, stand.holds_to or stand.card.valid_to),
            stand.card.layer,
            "" if stand.state == "in force" else stand.state,
        ]
        for stand in chosen
    ]
    return f"Prices of a million tokens, at {shown(at)} (UTC)\n\n" + text_table(headers, lines)


def _also(stand: Stand) -> str:
    """What the columns have no room for."""
    card = stand.card
    units = {one.unit for one in card.rates} - {*_SHOWN}
    said = [
        words.rate(unit, rate)
        for unit in UNITS
        if unit in units and (rate := words.base_rate(card, unit)) is not None
    ]
    tiers = {one.tier_from_tokens for one in card.rates} - {0}
    said += [f"other prices above {tier:,} tokens" for tier in sorted(tiers)]
    if card.region_multipliers:
        said.append(words.regions(card))
    if card.currency != "USD":
        said.append(f"in {card.currency}")
    return ", ".join(said)


def _cell(rate: Decimal | None) -> str:
    return "–" if rate is None else amount(rate)
