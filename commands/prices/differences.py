"""`steelyard prices diff`: where a file of prices differs from what holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from commands.connect import connect
from commands.moments import MOMENT
from commands.output import Format, format_option, print_rows
from commands.prices.files import read_file
from commands.prices.known import data_option, known_prices, now
from commands.prices.plan import planned
from commands.prices.sent import say
from pricing.cards import Card
from pricing.prices import Prices

_SCHEMA = pa.schema(
    [
        ("model_key", pa.string()),
        ("variant", pa.string()),
        ("unit", pa.string()),
        ("tier_from_tokens", pa.int64()),
        ("in_force", pa.decimal128(18, 6)),
        ("in_file", pa.decimal128(18, 6)),
        ("currency", pa.string()),
        ("change", pa.string()),
        ("rate_card", pa.string()),
    ]
)


@click.command("diff")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--at",
    "moment",
    type=MOMENT,
    help="Compare with what holds at this time (default: when each price begins).",
)
@data_option
@format_option
def diff(file: Path, moment: datetime | None, data: Path | None, output_format: Format) -> None:
    """Show where the cards of a file differ from what holds when they begin; nothing is recorded.

    A file without valid_from, such as a vendor's list, is compared with what holds now.

    \b
    Example:
      steelyard prices diff october.csv
      steelyard prices diff vendor.json --at 2026-10-01 --format csv
    """
    entries = read_file(file, moment or now())
    with connect(data) as reader:
        prices = known_prices(reader)
    cards = [
        plan.card
        for plan in planned(prices, [one.row for one in entries if one.kind == "rate_cards"], recorded_by="-")
    ]
    found = [row for card in cards for row in _differences(prices, card, moment or card.valid_from)]
    if found or output_format != "table":
        print_rows(pa.Table.from_pylist(found, schema=_SCHEMA), output_format)
        sys.stdout.flush()
    n_differing = len({(row["model_key"], row["variant"]) for row in found})
    say(f"{n_differing} of {len(cards)} cards differ from what holds")


def _differences(prices: Prices, card: Card, at: datetime) -> Iterator[Mapping[str, Any]]:
    holds = prices.list_layout.find(card.model_key, card.variant, _within(card, at))
    before = {} if holds is None else _rates(holds.card)
    now_ = _rates(card)
    is_comparable = holds is None or holds.card.currency == card.currency
    for unit, tier in sorted({*before, *now_}):
        old, new = before.get((unit, tier)), now_.get((unit, tier))
        if old == new and is_comparable:
            continue
        yield {
            "model_key": card.model_key,
            "variant": card.variant,
            "unit": unit,
            "tier_from_tokens": tier,
            "in_force": old,
            "in_file": new,
            "currency": card.currency
            if is_comparable or holds is None
            else f"{holds.card.currency} -> {card.currency}",
            "change": _change(old, new) if is_comparable else None,
            "rate_card": None if holds is None else holds.card.rate_card,
        }


def _within(card: Card, at: datetime) -> datetime:
    """A moment of the day at which the card holds."""
    if card.window is None:
        return at
    return at.replace(hour=card.window[0] // 60, minute=card.window[0] % 60, second=0, microsecond=0)


def _rates(card: Card) -> dict[tuple[str, int], Decimal]:
    return {(one.unit, one.tier_from_tokens): one.per_million for one in card.rates}


def _change(old: Decimal | None, new: Decimal | None) -> str:
    if old is None or new is None:
        return "new" if old is None else "gone"
    return f"{(new - old) / old:+.1%}" if old else "was free"
