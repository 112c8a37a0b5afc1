"""Whether a new card may hold at once, or waits for somebody to approve it: feeds and fingers slip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pricing.cards import Card, FxRate, PriceRecords, Rate
from pricing.layout import lay_out
from pricing.units import STANDARD

JUMP = 5
# The dearest tokens on sale cost a fifteenth of it.
MOST_USD_PER_MILLION = 10_000
# A search or a call: 10 cents each.
MOST_USD_PER_MILLION_COUNTED = 100_000
# Not tokens: priced each.
COUNTED = ("web_searches", "request")


def why_held(card: Card, recorded: Sequence[Card], fx_rates: Sequence[FxRate] = ()) -> str | None:
    """Why the card must not hold before it is approved; None when nothing speaks against it.

    `recorded`: the cards of its model so far. Each unit is compared with what holds when the card begins (else what
    holds first after that): of the same variant, or of the standard one when the variant has no price yet.
    A price of zero is held unless somebody set it by hand.
    """
    usd = usd_per_unit(card.currency, card.valid_from, fx_rates)
    found = [*_absurd(card, usd)]
    before = _compared_with(card, recorded)
    if before is not None:
        usd_before = usd_per_unit(before.currency, card.valid_from, fx_rates)
        if card.currency == before.currency:
            usd = usd_before = Decimal(1)
        if usd is not None and usd_before is not None:
            found += _jumps(card, before, usd, usd_before)
    return "; ".join(found) or None


def usd_per_unit(currency: str, at: datetime, fx_rates: Sequence[FxRate]) -> Decimal | None:
    """USD for one unit of the currency; None when no rate of it is recorded."""
    if currency == "USD":
        return Decimal(1)
    begun = [rate for rate in fx_rates if rate.currency == currency and rate.valid_from <= at]
    newest = max(begun, key=lambda rate: (rate.valid_from, rate.recorded_at or rate.valid_from), default=None)
    return newest.usd_per_unit if newest else None


def _compared_with(card: Card, recorded: Sequence[Card]) -> Card | None:
    if not recorded:
        return None
    layout = lay_out(PriceRecords(cards=tuple(recorded)))
    in_window = timedelta(minutes=card.window[0] if card.window else 0)
    for variant in (card.variant, STANDARD):
        later = [
            one.card for one in layout.segments(card.model_key, variant) if one.valid_from > card.valid_from
        ]
        holds = layout.find(card.model_key, variant, card.valid_from + in_window)
        if holds or later:
            return holds.card if holds else later[0]
    return None


def _absurd(card: Card, usd: Decimal | None) -> Iterator[str]:
    for rate in card.rates:
        most = MOST_USD_PER_MILLION_COUNTED if rate.unit in COUNTED else MOST_USD_PER_MILLION
        if rate.per_million < 0:
            yield f"{_named(rate)} is negative: {amount(rate.per_million)}"
        elif rate.per_million * (usd or 1) > most:
            yield f"{_named(rate)} costs {amount(rate.per_million)} {card.currency} a million, more than {most:,} USD"


def _jumps(card: Card, before: Card, usd: Decimal, usd_before: Decimal) -> Iterator[str]:
    known = {(rate.unit, rate.tier_from_tokens): rate.per_million for rate in before.rates}
    for rate in card.rates:
        old = known.get((rate.unit, rate.tier_from_tokens), known.get((rate.unit, 0)))
        if old is None or old <= 0 or rate.per_million < 0:
            continue
        then, now = old * usd_before, rate.per_million * usd
        if now == 0 and card.layer != "override":
            yield f"{_named(rate)} would be free, and cost {amount(old)} by {before.rate_card}"
        elif now != 0 and (now >= then * JUMP or now * JUMP <= then):
            yield (
                f"{_named(rate)} would cost {amount(rate.per_million)} {card.currency} a million after "
                f"{amount(old)} {before.currency} by {before.rate_card}, a factor of {JUMP} or more"
            )


def _named(rate: Rate) -> str:
    return rate.unit + (f" above {rate.tier_from_tokens:,} tokens" if rate.tier_from_tokens else "")


def amount(per_million: Decimal) -> str:
    """2.500000 as 2.50: at least cents, and every digit that counts."""
    text = f"{per_million:f}"
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"
