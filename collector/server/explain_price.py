"""The arithmetic of a charge: the card that it rests on, and every step from the counts to the dollars, to the last digit.

The amounts are worked out here once more, with plain decimals, and not copied from the charge: so the two can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from pricing.cards import Card, PriceRecords
from pricing.layout import COSTS_AS_MUCH_AS, USD, Layout, Sheet, lay_out
from pricing.prices import Prices
from pricing.units import COUNTS
from pricing.usage import Conflict, Usage, leaves

Row = Mapping[str, Any]
_TWELVE_PLACES = Decimal("0.000000000001")
_DIGITS = 60
_MILLION = 1_000_000
_PER_CALL = "request"


@dataclass(frozen=True)
class Basis:
    """The card that a charge rests on: the rates of the tier that the call is in, and from when to when the card holds."""

    card: Card
    sheet: Sheet
    holds_from: datetime
    holds_to: datetime | None


@dataclass(frozen=True)
class Line:
    """One disjoint kind of token of a call. `per_million` is in the card's currency; None = the card has no rate for it."""

    unit: str
    count: int
    per_million: Decimal | None
    priced_as: str  # the unit whose rate it takes
    amount_usd: Decimal | None
    arithmetic: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Factors:
    """What amounts are multiplied by, as the charge says it."""

    region: Decimal | None
    currency: str
    fx_rate: Decimal | None

    @classmethod
    def of(cls, charge: Row | None, card: Card) -> Factors:
        if charge is None:
            return cls(None, card.currency, None)
        return cls(charge["region_multiplier"], card.currency, charge["fx_rate"])


def basis_of(row: Row, charged_at: datetime | None, prices: Prices) -> Basis | None:
    """What the official charge of a call rests on, by what was known when it was made (UTC); None where it rests on no card."""
    rate_card, at = row["rate_card"], row["started_at"]
    card = next((card for card in prices.records.cards if card.rate_card == rate_card), None)
    if card is None:
        return None
    found = alone(card).find(card.model_key, card.variant, at)
    if found is None:
        return None
    since, until = _holds(card, at, _known(prices.records, card.model_key, charged_at))
    return Basis(card, found.sheet_for(row["input_tokens"] or 0), since, until)


def alone(card: Card) -> Layout:
    """The card as if there were no other."""
    return Layout([card], (), ())


def counted(row: Row) -> Mapping[str, int] | str:
    """How much of each unit the call used; a sentence when its counts contradict each other."""
    found = leaves(Usage.of({name: row[name] for name in COUNTS}))
    return found.reason if isinstance(found, Conflict) else found.counts


def lines_of(counts: Mapping[str, int], basis: Basis, factors: Factors) -> list[Line]:
    """What was used, and what each kind of it comes to."""
    used = dict(counts)
    if _PER_CALL in basis.sheet.rates:
        used[_PER_CALL] = 1
    return [_line(unit, count, basis, factors) for unit, count in used.items()]


def total_of(lines: list[Line]) -> Decimal | None:
    """The list price: the sum of what was used; None when something of it has no rate."""
    used = [line.amount_usd for line in lines if line.count]
    return None if None in used else sum((usd for usd in used if usd is not None), Decimal(0))


def multiplied(usd: Decimal, by: Decimal) -> Decimal:
    """With twelve places, as the store rounds."""
    with localcontext(prec=_DIGITS):
        return (usd * by).quantize(_TWELVE_PLACES, ROUND_HALF_UP)


def plain(number: Decimal | int) -> str:
    """A number in full, without zeros at its end: 2,000 or 0.0025."""
    text = f"{number:,f}" if isinstance(number, Decimal) else f"{number:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(unit: str, count: int, basis: Basis, factors: Factors) -> Line:
    rate = basis.sheet.rates.get(unit)
    has_own = any(
        one.unit == unit and one.tier_from_tokens <= basis.sheet.above_tokens for one in basis.card.rates
    )
    priced_as = unit if has_own or rate is None else COSTS_AS_MUCH_AS.get(unit, unit)
    if rate is None:
        return Line(unit, count, None, unit, None, f"{plain(count)} × no rate")
    needs_fx = factors.currency != USD
    if needs_fx and factors.fx_rate is None:
        return Line(unit, count, rate, priced_as, None, f"{plain(count)} × {plain(rate)} {factors.currency}")
    told, listed = _in_currency(count, rate, factors.region)
    if not needs_fx or factors.fx_rate is None:
        return Line(unit, count, rate, priced_as, listed, f"{told} {plain(listed)}")
    usd = multiplied(listed, factors.fx_rate)
    told = f"{told} {plain(listed)} {factors.currency} × {plain(factors.fx_rate)} = {plain(usd)}"
    return Line(unit, count, rate, priced_as, usd, told)


def _in_currency(count: int, rate: Decimal, region: Decimal | None) -> tuple[str, Decimal]:
    """(the words up to the equals sign, the amount): `2,000 × 1.25 / 1,000,000 =`."""
    with localcontext(prec=_DIGITS):
        exact = count * rate / _MILLION * (1 if region is None else region)
        amount = exact.quantize(_TWELVE_PLACES, ROUND_HALF_UP)
    factor = "" if region is None else f" × {plain(region)}"
    # Twelve places are what an amount has; where more would be needed the sign says so.
    return (
        f"{plain(count)} × {plain(rate)}{factor} / {plain(_MILLION)} {'=' if amount == exact else '≈'}",
        amount,
    )


def _known(records: PriceRecords, model_key: str, known_at: datetime | None) -> Layout:
    """The list prices of one model by what was recorded up to a moment."""
    cards = tuple(card for card in records.cards if card.model_key == model_key)
    return lay_out(PriceRecords(cards), known_at=known_at)


def _holds(card: Card, at: datetime, layout: Layout) -> tuple[datetime, datetime | None]:
    """From when to when the card holds without a break around a moment; its own validity where another is before it."""
    runs: list[tuple[datetime, datetime | None]] = []
    for one in layout.segments(card.model_key, card.variant):
        if one.card.rate_card != card.rate_card:
            continue
        # Time is also cut where other things begin, and a day where other cards hold for a part of it.
        if runs and (runs[-1][1] is None or one.valid_from <= runs[-1][1]):
            runs[-1] = (runs[-1][0], one.valid_to)
        else:
            runs.append((one.valid_from, one.valid_to))
    around = (run for run in runs if run[0] <= at and (run[1] is None or at < run[1]))
    return next(around, (card.valid_from, card.valid_to))
