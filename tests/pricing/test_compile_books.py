"""The committed books are what the compiler writes, and hold the very rates that genai-prices has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pricing.book import load_book
from pricing.cards import PriceRecords
from pricing.layout import lay_out

genai_prices = pytest.importorskip(
    "genai_prices", reason="genai-prices is not installed: pip install 'steelyard[prices]'"
)

from pricing.compile_books import BOOKS, COUNT_UNITS, PROVIDERS, TOKEN_UNITS, compile_books  # noqa: E402

DAYS = [datetime(*day, tzinfo=UTC) for day in ((2025, 6, 1), (2026, 3, 14), (2026, 11, 20), (2027, 1, 2))]
HOURS = (0, 1, 3, 9, 12, 17)  # within every time-of-day window and outside of all
# Ours, and what genai-prices is told for the same.
VARIANTS: dict[str, dict[str, str]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
OVER_EVERY_TIER = 10_000_000


def test_running_the_compiler_again_reproduces_the_committed_books() -> None:
    books = {path.name: path.read_text(encoding="utf-8") for path in BOOKS.glob("*.toml")}
    by_hand = {"fake.toml"}  # our own provider, which genai-prices does not know
    assert compile_books() == {name: text for name, text in books.items() if name not in by_hand}


def names_of(match: Any) -> list[str]:
    """Names that a genai-prices rule is likely to match."""
    if hasattr(match, "or_"):
        return [name for clause in match.or_ for name in names_of(clause)]
    return [text for kind, text in vars(match).items() if kind in ("equals", "starts_with", "contains")]


def test_names_resolve_to_the_model_that_genai_prices_finds() -> None:
    book = load_book()
    snapshot = genai_prices.data_snapshot.get_snapshot()
    providers = {provider.id: provider for provider in snapshot.providers}
    checked = 0
    for provider_id in PROVIDERS:
        provider = providers[provider_id]
        sellers = [provider, *(providers[other] for other in provider.fallback_model_providers or [])]
        for name in {n for seller in sellers for model in seller.models for n in names_of(model.match)}:
            found = provider.find_model(name, all_providers=snapshot.providers)
            ours = book.resolve(provider_id, name)
            assert (ours or "").endswith(f"/{found.id}") if found else ours is None, (provider_id, name)
            checked += 1
    assert checked > 1_000


def their_rates(prices: Any, input_tokens: int) -> dict[str, Decimal]:
    """USD per million of each of our units, in the tier of a call with this total input."""

    def of_tier(price: Any) -> Decimal:
        if isinstance(price, Decimal):
            return price
        return next((t.price for t in reversed(price.tiers) if input_tokens > t.start), price.base)

    said = {key: price for key, price in vars(prices).items() if price is not None}
    rates = {unit: of_tier(said[key]) for key, unit in TOKEN_UNITS.items() if key in said}
    counted = {"request": "requests_kcount", "web_searches": "web_searches_kcount"}
    return rates | {unit: said[key] * 1000 for unit, key in counted.items() if key in said}


def test_every_rate_is_what_genai_prices_says_on_every_day_at_every_hour() -> None:
    """Over all providers, models, tiers and variants; only another variant may be one that we have no card of."""
    assert set(COUNT_UNITS) == {"requests_kcount", "web_searches_kcount"}
    layout = lay_out(PriceRecords(cards=load_book().cards))
    moments = [day + timedelta(hours=hour) for day in DAYS for hour in HOURS]
    checked = 0
    for provider in genai_prices.data_snapshot.get_snapshot().providers:
        for model in provider.models if provider.id in PROVIDERS else ():
            for variant, context in VARIANTS.items():
                for at in moments:
                    segment = layout.find(f"{provider.id}/{model.id}", variant, at.replace(tzinfo=None))
                    if variant == "standard" and their_rates(model.get_prices(at, context), 1):
                        assert segment, (provider.id, model.id, at)
                    for total in (1, OVER_EVERY_TIER) if segment else ():
                        theirs = their_rates(model.get_prices(at, context), total)
                        ours = segment.sheet_for(total).rates if segment else {}
                        if "output_video_mtok" in vars(model.get_prices(at, context)):
                            theirs.pop("output", None)  # their output is video, which nobody counts
                        assert theirs.items() <= ours.items(), (provider.id, model.id, variant, at, total)
                        checked += len(theirs)
    assert checked > 100_000


def test_a_price_begins_on_the_day_genai_prices_says() -> None:
    layout = lay_out(PriceRecords(cards=load_book().cards))
    assert [(one.valid_from, one.valid_to) for one in layout.segments("openai/o3", "standard")] == [
        (datetime(1970, 1, 1), datetime(2025, 6, 10)),  # noqa: DTZ001 - UTC, as the store has it
        (datetime(2025, 6, 10), None),  # noqa: DTZ001
    ]
