"""The committed books are what the compiler writes, and price as genai-prices does."""

from __future__ import annotations

import random
from datetime import UTC
from itertools import product
from typing import Any

import pytest

from pricing.book import load_book
from tests.pricing.charging import a_call, charge, open_book, utc

genai_prices = pytest.importorskip(
    "genai_prices", reason="genai-prices is not installed: pip install 'steelyard[prices]'"
)

from pricing.compile_books import BOOKS, PROVIDERS, compile_books  # noqa: E402 - needs genai-prices

DAYS = [utc("2025-06-01T23:00"), utc("2026-03-14T23:00"), utc("2026-11-20T23:00"), utc("2027-01-02T23:00")]
# Ours, and genai-prices' name for the same count.
USAGE_KEYS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_input_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}
USAGES = [
    {"input_tokens": 1_234, "output_tokens": 567},
    {"input_tokens": 150_001, "cached_input_tokens": 100_000, "output_tokens": 999, "reasoning_tokens": 500},
    {"input_tokens": 300_007, "cached_input_tokens": 7, "cache_write_tokens": 90_000, "output_tokens": 1},
    {"input_tokens": 9_000, "cache_write_tokens": 5_000, "cache_write_1h_tokens": 2_000, "output_tokens": 8},
]
VARIANTS: list[tuple[str | None, dict[str, str]]] = [
    (None, {}),
    ("batch", {"processing": "batch"}),
    ("flex", {"service_tier": "flex"}),
    ("priority", {"service_tier": "priority"}),
]


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


def test_calls_cost_what_genai_prices_says() -> None:
    """Every call that the book prices without an estimate, over all providers, days, tiers and variants."""
    book = load_book()
    providers = genai_prices.data_snapshot.get_snapshot().providers
    models = [
        (provider, model) for provider in providers if provider.id in PROVIDERS for model in provider.models
    ]
    cases = list(product(models, VARIANTS, DAYS, USAGES))
    calls = [
        a_call(model_key=f"{provider.id}/{model.id}", service_tier=tier, started_at=day, **usage)
        for (provider, model), (tier, _), day, usage in cases
    ]
    priced = [
        (row, case)
        for row, case in zip(charge(open_book(book), calls), cases, strict=True)
        if row["cost_status"] == "priced" and not row["cost_estimated"]
    ]
    assert len(priced) > 9_000
    # genai-prices takes 0.4 ms a call: a seeded sample keeps the suite quick
    for row, ((provider, model), (_, context), day, usage) in random.Random(0).sample(priced, 2_000):
        cost = model.calc_price(
            genai_prices.Usage(**{USAGE_KEYS[name]: count for name, count in usage.items()}),
            provider,
            genai_request_timestamp=day.replace(tzinfo=UTC),
            price_context=context,
        )
        assert row["list_cost_usd"] == cost.total_price, (provider.id, model.id, context, day, usage)


def test_a_price_begins_on_the_day_genai_prices_says() -> None:
    o3 = [
        row
        for row in load_book().card_rows()
        if row["model_key"] == "openai/o3" and row["variant"] == "standard"
    ]
    assert [(row["valid_from"], row["valid_to"]) for row in o3] == [
        (utc("1970-01-01"), utc("2025-06-10")),
        (utc("2025-06-10"), None),
    ]
