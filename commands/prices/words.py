"""Cards in words: rates, times, windows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from commands.moments import shown
from pricing.cards import Card, Rate
from pricing.plausible import COUNTED, amount
from pricing.shipped import clock
from pricing.units import UNITS

# For people; on the wire and in files a unit has its own name.
SHORT = {"uncached_input": "input"}
_LONG_AGO = datetime(1971, 1, 1)  # noqa: DTZ001 - an undated price begins in 1970


def since(at: datetime | None) -> str:
    """The beginning of a price; the books' undated ones begin with the epoch."""
    return "ever" if at is None or at < _LONG_AGO else shown(at)


def times(begins: datetime | None, ends: datetime | None) -> str:
    """`from 2026-10-01 on`, `2026-10-01 to 2026-11-01` (the end excluded)."""
    return f"{since(begins)} to {shown(ends)}" if ends else f"from {since(begins)} on"


def window(card: Card) -> str:
    """`00:30-16:30 UTC` of each day; empty = all day."""
    if card.window is None:
        return ""
    start, end = (f"{clock(minute)[:2]}:{clock(minute)[2:]}" for minute in card.window)
    return f"{start}-{end} UTC"


def unit_name(unit: str) -> str:
    return SHORT.get(unit, unit)


def base_rate(card: Card, unit: str) -> Decimal | None:
    """What a million of the unit costs in the lowest tier."""
    return next(
        (one.per_million for one in card.rates if one.unit == unit and not one.tier_from_tokens), None
    )


def rates(card: Card) -> str:
    """`input 2.50, output 10.00, web_searches 0.01 each; above 200,000 tokens: input 5.00`, in the card's currency.

    Of a million tokens; of one search or call.
    """
    tiers = sorted({one.tier_from_tokens for one in card.rates})
    return "; ".join(
        (f"above {tier:,} tokens: " if tier else "") + _of_tier(card.rates, tier) for tier in tiers
    )


def _of_tier(found: Iterable[Rate], tier: int) -> str:
    of_tier = [one for one in found if one.tier_from_tokens == tier]
    of_tier.sort(key=lambda one: UNITS.index(one.unit) if one.unit in UNITS else len(UNITS))
    return ", ".join(rate(one.unit, one.per_million) for one in of_tier)


def rate(unit: str, per_million: Decimal) -> str:
    """`input 2.50` for a million tokens, `web_searches 0.01 each`."""
    if unit in COUNTED:
        return f"{unit} {amount((per_million / 1_000_000).normalize())} each"
    return f"{unit_name(unit)} {amount(per_million)}"


def regions(card: Card) -> str:
    """`us ×1.1`: what every amount is multiplied by in a region."""
    return ", ".join(
        f"{region} ×{factor.normalize():f}" for region, factor in card.region_multipliers.items()
    )


def variant(card: Card) -> str:
    """The variant with the window that it is confined to."""
    return f"{card.variant} {window(card)}".strip()
