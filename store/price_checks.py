"""What a record of prices must be beyond its shape, one sentence for each that is wrong. Plain data, no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing.limits import MAX_NAME_LENGTH
from pricing.units import UNITS
from store.records import is_decimal

# `snapshot` cards come with Steelyard and no other way.
LAYERS = ("import", "override", "agreement")
# A rate takes part in arithmetic of 12 digits, 6 of them behind the point.
RATE_DIGITS, RATE_PLACES = 12, 6
MULTIPLIER_DIGITS, MULTIPLIER_PLACES = 9, 6
# 85 for 0.85 is a slip of the finger.
MOST_OF_LIST_PRICE = 10
MINUTES_A_DAY = 24 * 60

_CURRENCY = re.compile(r"[A-Z]{3}")
_VARIANT = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def card_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these records of rate cards."""
    return _numbered(rows, _card)


def agreement_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these agreements."""
    return _numbered(rows, _agreement)


def fx_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these exchange rates."""
    return _numbered(rows, _fx)


def _numbered(rows: Sequence[Any], check: Callable[[Mapping[str, Any]], Iterator[str]]) -> list[str]:
    return [f"record {number}: {wrong}" for number, row in enumerate(rows) for wrong in check(row)]


def _card(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("approves") or row.get("withdraws"):
        if row.get("approves") and row.get("withdraws"):
            yield "it both `approves` and `withdraws`; send two records"
        return
    for name in ("provider", "model", "valid_from", "layer"):
        if not row.get(name):
            yield f"`{name}` is missing"
    for name in ("provider", "model", "model_key", "name_pattern"):
        if len(row.get(name) or "") > MAX_NAME_LENGTH:
            yield f"`{name}` is longer than {MAX_NAME_LENGTH} characters, which no name of a call may be"
    if row.get("layer") and row["layer"] not in LAYERS:
        yield f"`layer` is {row['layer']!r}, not one of {', '.join(LAYERS)}"
    yield from _written(row)
    yield from _times(row)
    yield from _window(row)
    yield from _rates(row.get("rates"))
    yield from _multipliers(row.get("region_multipliers"))


def _written(row: Mapping[str, Any]) -> Iterator[str]:
    if not _CURRENCY.fullmatch(row.get("currency") or "USD"):
        yield f"`currency` is {row['currency']!r}, not a code such as `USD` or `EUR`"
    if not _VARIANT.fullmatch(row.get("variant") or "standard"):
        yield f"`variant` is {row['variant']!r}, not a service tier such as `standard`, `batch`, `flex` or `priority`"
    pattern = row.get("name_pattern")
    if pattern is not None and (not pattern.strip("*") or "*" in pattern[:-1]):
        yield f"`name_pattern` is {pattern!r}: a name, or the beginning of names and `*`, such as `ft:gpt-4o*`"


def _times(row: Mapping[str, Any]) -> Iterator[str]:
    starts, ends = row.get("valid_from"), row.get("valid_to")
    if starts and ends and datetime.fromisoformat(ends) <= datetime.fromisoformat(starts):
        yield f"`valid_to` {ends} is not after `valid_from` {starts}"


def _window(row: Mapping[str, Any]) -> Iterator[str]:
    minutes = (row.get("from_minute"), row.get("to_minute"))
    if minutes == (None, None):
        return
    if any(minute is None or not 0 <= minute < MINUTES_A_DAY for minute in minutes) or len({*minutes}) == 1:
        yield (
            f"`from_minute` and `to_minute` are {minutes[0]} and {minutes[1]}: give both, two different minutes of the "
            f"UTC day, 0 to {MINUTES_A_DAY - 1}"
        )


def _rates(rates: Any) -> Iterator[str]:
    if not isinstance(rates, list) or not rates:
        yield '`rates` must be a list such as [{"unit": "output", "per_million": "10.00"}]'
        return
    seen = set()
    for rate in rates:
        wrong = _rate(rate)
        if wrong:
            yield wrong
        elif (place := (rate["unit"], rate.get("tier_from_tokens") or 0)) in seen:
            yield f"`rates` has {place[0]} from {place[1]} tokens twice"
        else:
            seen.add(place)


def _rate(rate: Any) -> str | None:
    if not isinstance(rate, dict):
        return f"`rates` has {rate!r}, not an object"
    if rate.get("graduated"):
        return (
            f"`rates` has a graduated tier of {rate.get('unit')}: only tiers that the whole request moves to are charged. "
            "Write the price above the threshold for the whole request."
        )
    if rate.get("unit") not in UNITS:
        return f"`rates` has the unit {rate.get('unit')!r}, not one of {', '.join(UNITS)}"
    tier = rate.get("tier_from_tokens") or 0
    if not isinstance(tier, int) or isinstance(tier, bool) or not 0 <= tier < 2**53:
        return f"`tier_from_tokens` of {rate['unit']} is {tier!r}, not a count of tokens"
    per_million = rate.get("per_million")
    if not isinstance(per_million, str) or not is_decimal(per_million, RATE_DIGITS, RATE_PLACES):
        return (
            f"`per_million` of {rate['unit']} is {per_million!r}, not a decimal in quotes below a million with at most "
            f"{RATE_PLACES} places, such as '2.50'"
        )
    return None


def _multipliers(regions: Any) -> Iterator[str]:
    if regions is not None and not isinstance(regions, dict):
        yield "`region_multipliers` must be an object such as {'eu': '1.1'}"
        return
    for region, multiplier in (regions or {}).items():
        if not isinstance(multiplier, str) or not _is_positive(multiplier):
            yield f"`region_multipliers` of {region!r} is {multiplier!r}, not a decimal in quotes above 0, such as '1.1'"


def _is_positive(text: str) -> bool:
    return (
        is_decimal(text, MULTIPLIER_DIGITS, MULTIPLIER_PLACES) and bool(text.strip("0.")) and text[0] != "-"
    )


def _agreement(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("withdraws"):
        return
    for name in ("agreement", "valid_from"):
        if not row.get(name):
            yield f"`{name}` is missing"
    for name in ("multiplier", "commitment_usd_per_month"):
        if (row.get(name) or "").startswith("-"):
            yield f"`{name}` is {row[name]!r}: it cannot be negative"
    if Decimal(row.get("multiplier") or 0) > MOST_OF_LIST_PRICE:
        yield f"`multiplier` is {row['multiplier']!r}: it is a factor of the list price, and 0.85 means 15 % off"
    yield from _times(row)


def _fx(row: Mapping[str, Any]) -> Iterator[str]:
    if not _CURRENCY.fullmatch(row["currency"]):
        yield f"`currency` is {row['currency']!r}, not a code such as `EUR`"
    elif row["currency"] == "USD":
        yield "`currency` is USD, which everything is converted to"
    if not row["usd_per_unit"].strip("0.") or row["usd_per_unit"].startswith("-"):
        yield f"`usd_per_unit` is {row['usd_per_unit']!r}: it must be above 0"
