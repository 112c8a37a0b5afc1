"""Which price holds when: recorded cards, agreements and exchange rates laid out as stretches of time that do not overlap.

    layout = lay_out(PriceRecords(cards=book.cards))
    segment = layout.find("google/gemini-2.5-pro", "standard", datetime(2026, 11, 20))
    segment.card.rate_card, segment.sheet_for(250_000).rates["cached_input"]

Of the cards for a moment the one of the highest layer holds (override, import, snapshot), then the one that began last,
then one for a part of the day, then the one recorded last. So a card holds until the next begins; one about last month
gives way at its end to the one before; a correction is a card with the same start, recorded later.

A model is laid out when it is first asked for: a store knows thousands and meets a few.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pricing.cards import Agreement, Card, FxRate, PriceRecords
from pricing.holding import counting, counting_agreements, list_prices, rank
from pricing.units import STANDARD

USD = "USD"
_FREE = Decimal(0)
MINUTES_A_DAY = 1440
# What a unit without a rate of its own costs: that is what vendors without such a line bill. Three are in no list, because
# their parent's rate would be far too low: writes kept for an hour where short ones have a rate (Anthropic's cost 1.6 times
# as much), audio (at OpenAI up to 17 times text) and images that a model makes.
COSTS_AS_MUCH_AS = {
    "cached_input": "uncached_input",
    "cache_write": "uncached_input",
    "cache_write_1h": "uncached_input",
    "image_input": "uncached_input",
    "cached_audio_input": "audio_input",
    "reasoning": "output",
}
_STANDARD_TIERS = frozenset(
    ("", "default", "auto", "standard", "standard_only", "on_demand", "on-demand"),
)
_LONG_AGO = datetime.min  # noqa: DTZ901 - UTC, as the store has it
# The most tenants x models that are kept laid out; beyond it all start over, some 20 µs each.
_MOST_KEPT = 50_000


@dataclass(frozen=True)
class Sheet:
    """A card's rates from a context tier on: of a call whose total input exceeds `above_tokens` (0 = of any).

    `rates` are for a million, in the card's currency, `COSTS_AS_MUCH_AS` filled in; a unit that is not there has no price.
    """

    above_tokens: int
    up_to_tokens: int | None
    rates: Mapping[str, Decimal]
    is_free: bool  # every rate is an explicit zero

    @property
    def prices_images_apart(self) -> bool:
        """Whether an image in the input costs another rate than text."""
        return self.rates.get("image_input") != self.rates.get("uncached_input")

    @property
    def makes_dearer_images(self) -> bool:
        """Whether an image in the output costs more than text: output that does not tell them apart has no price then."""
        return self.rates.get("image_output", _FREE) > self.rates.get("output", _FREE)


@dataclass(frozen=True)
class Segment:
    """What holds within [valid_from, valid_to), and of each UTC day within [from_minute, to_minute)."""

    valid_from: datetime
    valid_to: datetime | None
    from_minute: int
    to_minute: int
    card: Card
    sheets: tuple[Sheet, ...]
    agreement: Agreement | None
    fx: FxRate | None  # None for a card in USD, and where the currency has no rate yet

    def sheet_for(self, input_tokens: int) -> Sheet:
        """The sheet of the tier that a call with this total input is in."""
        return next(sheet for sheet in reversed(self.sheets) if _is_in(sheet, input_tokens))

    @property
    def is_in_usd(self) -> bool:
        return self.card.currency == USD

    def region_multiplier(self, region: str | None) -> Decimal | None:
        """What every amount is multiplied by in this region; None = nothing is said of it."""
        return self.card.region_multipliers.get(_named(region))

    @property
    def agreement_name(self) -> str | None:
        """What a cost other than the list price rests on; None = it is the list price."""
        has_own_rates = self.card.layer == "agreement"
        if self.agreement is not None and (has_own_rates or self.agreement.multiplier is not None):
            return self.agreement.agreement
        return self.card.rate_card if has_own_rates else None

    @property
    def agreement_multiplier(self) -> Decimal | None:
        return self.agreement.multiplier if self.agreement is not None else None


class Layout:
    """The prices at one state of knowledge, by model, variant and whose terms they are ('' = everybody's)."""

    def __init__(self, cards: Iterable[Card], agreements: Iterable[Agreement], fx: Iterable[FxRate]) -> None:
        self._cards: dict[str, dict[str, list[Card]]] = defaultdict(lambda: defaultdict(list))
        self._regions: dict[str, set[str]] = defaultdict(set)
        for card in cards:
            self._cards[card.model_key][card.variant].append(card)
            if card.region_multipliers:
                self._regions[card.model_key].update(card.region_multipliers)
        self._agreements = sorted(agreements, key=_rank_of_agreement, reverse=True)
        self._fx = _by_currency(fx)
        self._found: dict[tuple[str, str, str], tuple[Segment, ...]] = {}
        self.agreed_models = frozenset(
            key
            for key, variants in self._cards.items()
            if any(c.layer == "agreement" for cs in variants.values() for c in cs)
        )
        # Tenants with an agreement of their own.
        self.tenants = frozenset(one.tenant_id for one in self._agreements if one.tenant_id is not None)

    @property
    def model_keys(self) -> frozenset[str]:
        return frozenset(self._cards)

    def terms_of(self, tenant_id: str | None) -> str:
        """Whose terms a tenant's calls are charged by."""
        return tenant_id if tenant_id is not None and tenant_id in self.tenants else ""

    def segments(self, model_key: str, variant: str, terms_of: str = "") -> tuple[Segment, ...]:
        """Everything that ever holds, by `valid_from` and `from_minute`; no two hold at once."""
        key = (model_key, variant, terms_of)
        found = self._found.get(key)
        if found is None:
            cards = self._cards[model_key][variant] if self._has(model_key, variant) else []
            found = tuple(self._lay_out(cards, terms_of))
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[key] = found
        return found

    def find(self, model_key: str, variant: str, at: datetime, terms_of: str = "") -> Segment | None:
        """What holds at this moment (UTC, without a zone)."""
        minute = at.hour * 60 + at.minute
        for one in self.segments(model_key, variant, terms_of):
            is_within = one.valid_from <= at and (one.valid_to is None or at < one.valid_to)
            if is_within and one.from_minute <= minute < one.to_minute:
                return one
        return None

    def knows(self, model_key: str, at: datetime) -> bool:
        """Whether the model has a standard price at this moment: one of its other variants may still have none."""
        return self.find(model_key, STANDARD, at) is not None

    def priced_region(self, model_key: str, region: str | None) -> str | None:
        """The region, if a card of the model names it; None where the price does not depend on it."""
        named = _named(region)
        return named if named in self._regions.get(model_key, ()) else None

    def _has(self, model_key: str, variant: str) -> bool:
        return model_key in self._cards and variant in self._cards[model_key]

    def _lay_out(self, cards: list[Card], terms_of: str) -> Iterator[Segment]:
        """Cut time wherever something begins or ends; between two cuts the same things hold all along."""
        if not cards:
            return
        sheets = {id(card): _sheets(card) for card in cards}
        ranked = sorted(cards, key=lambda card: (rank(card), card.rate_card), reverse=True)
        agreements = [one for one in self._agreements if _may_concern(one, cards[0].model_key, terms_of)]
        for begins, ends in pairwise([*self._cuts(cards, agreements), None]):
            assert begins is not None
            covering = [card for card in ranked if _covers(card, begins)]
            for from_minute, to_minute, card in _by_minute(covering):
                yield Segment(
                    begins,
                    ends,
                    from_minute,
                    to_minute,
                    card,
                    sheets[id(card)],
                    next((one for one in agreements if _covers(one, begins) and _concerns(one, card)), None),
                    self._fx_at(card.currency, begins),
                )

    def _cuts(self, cards: list[Card], agreements: list[Agreement]) -> list[datetime]:
        cuts = {card.valid_from for card in cards}
        first = min(cuts)
        ends = {card.valid_to for card in cards} | {one.valid_to for one in agreements}
        begins = {one.valid_from for one in agreements}
        cuts |= {moment for moment in ends | begins if moment is not None and moment > first}
        for currency in {card.currency for card in cards}:
            cuts |= {moment for moment in self._fx.get(currency, ((), ()))[0] if moment > first}
        return sorted(cuts)

    def _fx_at(self, currency: str, at: datetime) -> FxRate | None:
        starts, rates = self._fx.get(currency, ((), ()))
        number = bisect_right(starts, at)
        return rates[number - 1] if number and currency != USD else None


def lay_out(
    records: PriceRecords, *, kind: Literal["list", "contract"] = "list", known_at: datetime | None = None
) -> Layout:
    """The prices that hold by what was recorded up to `known_at` (UTC; None = by everything).

    `list` are public prices; `contract` those with the cards of layer `agreement` above them.
    """
    cards = counting(records.cards, known_at)
    return Layout(
        list_prices(cards) if kind == "list" else cards,
        counting_agreements([one for one in records.agreements if _known(one, known_at)]),
        (rate for rate in records.fx_rates if _known(rate, known_at)),
    )


def variant_of(service_tier: str | None) -> str:
    """The variant of a model's cards that prices a call of this service tier: batch, flex, priority ..."""
    tier = (service_tier or "").strip().lower()
    return STANDARD if tier in _STANDARD_TIERS else tier


def _named(region: str | None) -> str:
    """As cards name regions. One that no card names costs the list price: `us` says nothing of `us-east-1`."""
    return (region or "").strip().lower()


def _known(record: Agreement | FxRate, known_at: datetime | None) -> bool:
    return known_at is None or record.recorded_at is None or record.recorded_at <= known_at


def _rank_of_agreement(one: Agreement) -> tuple[bool, bool, bool, datetime, datetime, str]:
    """What was agreed on most closely counts, then what began last."""
    return (
        one.tenant_id is not None,
        one.model_key is not None,
        one.provider is not None,
        one.valid_from,
        one.recorded_at or _LONG_AGO,
        one.agreement,
    )


def _covers(one: Card | Agreement, at: datetime) -> bool:
    return one.valid_from <= at and (one.valid_to is None or at < one.valid_to)


def _may_concern(one: Agreement, model_key: str, terms_of: str) -> bool:
    return one.tenant_id in (None, terms_of or None) and one.model_key in (None, model_key)


def _concerns(one: Agreement, card: Card) -> bool:
    return one.provider in (None, card.provider)


def _by_minute(covering: list[Card]) -> Iterator[tuple[int, int, Card]]:
    """Which of these cards, the best first, holds in which minutes of a day."""
    cuts = {0} | {minute % MINUTES_A_DAY for card in covering for minute in card.window or ()}
    for begins, ends in pairwise([*sorted(cuts), MINUTES_A_DAY]):
        if card := next((card for card in covering if _within(card.window, begins)), None):
            yield begins, ends, card


def _within(window: tuple[int, int] | None, minute: int) -> bool:
    if window is None:
        return True
    begins, ends = window
    return begins <= minute < ends if begins < ends else minute >= begins or minute < ends


def _sheets(card: Card) -> tuple[Sheet, ...]:
    """A sheet for each tier; a unit that a tier does not name keeps its lower rate."""
    tiers = sorted({0, *(rate.tier_from_tokens for rate in card.rates)})
    sheets, rates = [], dict[str, Decimal]()
    for above, up_to in pairwise([*tiers, None]):
        assert above is not None
        rates |= {rate.unit: rate.per_million for rate in card.rates if rate.tier_from_tokens == above}
        sheets.append(Sheet(above, up_to, _filled_in(rates), bool(rates) and max(rates.values()) == 0))
    return tuple(sheets)


def _filled_in(own: Mapping[str, Decimal]) -> dict[str, Decimal]:
    filled = dict(own)
    for unit, other in COSTS_AS_MUCH_AS.items():
        if unit == "cache_write_1h" and "cache_write" in own:
            continue
        if unit not in own and other in own:
            filled[unit] = own[other]
    return filled


def _is_in(sheet: Sheet, input_tokens: int) -> bool:
    return sheet.above_tokens == 0 or input_tokens > sheet.above_tokens


def _by_currency(rates: Iterable[FxRate]) -> dict[str, tuple[tuple[datetime, ...], tuple[FxRate, ...]]]:
    """The rates of each currency with their starts; of two for the same moment the one recorded last."""
    found: dict[str, dict[datetime, FxRate]] = defaultdict(dict)
    for rate in sorted(rates, key=lambda one: one.recorded_at or _LONG_AGO):
        found[rate.currency][rate.valid_from] = rate
    return {
        currency: (tuple(sorted(dated)), tuple(dated[start] for start in sorted(dated)))
        for currency, dated in found.items()
    }
