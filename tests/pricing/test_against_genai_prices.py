"""Random usage of every real model costs what genai-prices itself says, wherever both have a price.

It is the source of the shipped books, not the engine: this holds the compiler of the books, the rules for names, the
choice of a card and the arithmetic to it, all at once.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import types as genai
from genai_prices.data_snapshot import get_snapshot

from pricing.book import load_book
from pricing.cards import PriceRecords
from pricing.layout import Segment, Sheet
from pricing.price import Cost, price
from pricing.prices import prices_of
from pricing.usage import INPUT_UNITS
from tests.pricing.usages import counts_of

BOOK = load_book()
PRICES = prices_of(BOOK, PriceRecords(cards=BOOK.cards))
PROVIDERS = {provider.id: provider for provider in get_snapshot().providers if provider.id in BOOK.providers}
TODAY = datetime.fromisoformat("2026-11-10T00:00")  # UTC without a zone, as the cards have it
THEIR_NAMES = {
    "input_tokens": "input_tokens",
    "cached_input_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "audio_input_tokens": "input_audio_tokens",
    "cached_audio_input_tokens": "cache_audio_read_tokens",
    "image_input_tokens": "input_image_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "audio_output_tokens": "output_audio_tokens",
    "image_output_tokens": "output_image_tokens",
    "web_searches": "web_searches",
}
# Of how many calls at least both must have a price, so that a comparison of nothing can not pass.
AT_LEAST = {"openai": 1_000, "anthropic": 250, "google": 300, "aws": 300, "deepseek": 50, "mistral": 100}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_price_is_theirs_where_both_have_one(provider: str) -> None:
    chance = random.Random(provider)
    n_compared = 0
    for model in PROVIDERS[provider].models:
        name = f"accounts/fireworks/models/{model.id}" if provider == "fireworks" else model.id
        for segment in _segments(BOOK.resolve(provider, name)):
            for sheet in segment.sheets * 5:
                counts, at = counts_of(_leaves(sheet, chance)), _moment(segment, chance)
                theirs = _their_price(provider, name, counts, at, segment.card.variant)
                if theirs is None or (counts["input_tokens"] is None and counts["output_tokens"] is None):
                    continue
                ours = price(counts, provider, name, at, service_tier=segment.card.variant, prices=PRICES)
                assert isinstance(ours, Cost), (name, counts, at, ours)
                assert ours.list_cost_usd == theirs, (name, counts, at, ours)
                n_compared += 1
    assert n_compared >= AT_LEAST.get(provider, 5)


def _segments(key: str | None) -> Iterator[Segment]:
    """Each price the model ever had. They forget which windows of the day belonged to which of them, so of a model that has
    windows only those that hold today."""
    if key is None:
        return
    for variant in ("standard", "batch", "flex", "priority", "fast"):
        segments = PRICES.list_layout.segments(key, variant)
        has_windows = any(one.card.window for one in segments)
        yield from (one for one in segments if not has_windows or one.valid_to is None)


def _leaves(sheet: Sheet, chance: random.Random) -> dict[str, int]:
    """Some of everything that the sheet has a rate for, in all as much input as its tier begins or ends with."""
    leaves = {
        unit: chance.choice((0, 1, chance.randrange(50_000)))
        for unit in sorted(sheet.rates)
        if unit != "request"
    }
    total = sum(count for unit, count in leaves.items() if unit in INPUT_UNITS)
    wanted = chance.choice((sheet.above_tokens + 1, sheet.up_to_tokens or sheet.above_tokens + 400_000))
    if "uncached_input" in leaves:
        leaves["uncached_input"] += max(0, wanted - total)
    return leaves


def _moment(segment: Segment, chance: random.Random) -> datetime:
    """The first or the last moment that the price holds, or one of today."""
    first = segment.valid_from + timedelta(minutes=segment.from_minute)
    ends = segment.valid_to or TODAY + timedelta(days=1)
    last_minute = timedelta(minutes=segment.to_minute - 1 - 24 * 60, seconds=59)
    return chance.choice((first, ends + last_minute))


def _their_price(
    provider: str, model: str, counts: Mapping[str, int | None], at: datetime, variant: str
) -> Decimal | None:
    """None where they know no price or refuse the usage; what they have no rates for at all, they say costs nothing."""
    usage = genai.Usage(**{THEIR_NAMES[name]: count for name, count in counts.items() if count is not None})
    by_tier = {"fast": {"speed": "fast"}} if provider == "anthropic" else {}
    contexts = {"standard": None, "batch": {"processing": "batch"}, **by_tier}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = genai_prices.calc_price(
                usage,
                model,
                provider_id=provider,
                genai_request_timestamp=at.replace(tzinfo=UTC),
                price_context=contexts.get(variant, {"service_tier": variant}),
            )
    except (LookupError, ValueError):
        return None
    return found.total_price
