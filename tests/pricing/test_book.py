"""Which model a name means, and what the compiled books hold."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

import pytest

from pricing.book import Book, load_book
from tests.pricing.charging import a_call, charge, open_book, utc


@pytest.fixture(scope="module")
def book() -> Book:
    return load_book()


@pytest.mark.parametrize(
    ("provider", "model", "key"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("OpenAI", "GPT-4o", "openai/gpt-4o"),
        ("openai.chat", "gpt-4.1-mini", "openai/gpt-4.1-mini"),
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("gcp.gemini", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("azure.ai.openai", "o1", "azure/o1"),
        ("azure.ai.inference", "phi-4", "azure/phi-4"),
        ("aws.bedrock", "amazon.titan-embed-text-v1", "aws/amazon.titan-embed-text-v1"),
        ("mistral_ai", "codestral-latest", "mistral/codestral"),
        ("x_ai", "grok-4", "x-ai/grok-4-0709"),
        ("litellm", "openai/gpt-4o", "openai/gpt-4o"),
        ("litellm", "gpt-4o", "openai/gpt-4o"),
        ("openai", "gpt-4o-20240806", "openai/gpt-4o"),  # LiteLLM's compact date
    ],
)
def test_a_call_is_priced_by_the_rules_of_whoever_bills_it(
    book: Book, provider: str, model: str, key: str
) -> None:
    assert book.resolve(provider, model) == key


def test_azure_sells_openai_models_at_list_price_under_its_own_name(book: Book) -> None:
    assert book.resolve("azure.ai.openai", "gpt-4o") == "azure/openai/gpt-4o"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", None),
        ("openai", ""),
        ("openai-compatible", "gpt-4o"),  # someone's own server
        ("openrouter", "openai/gpt-4o"),
        (None, "o1"),  # OpenAI's or Azure's
        (None, "claude-sonnet-4-5-20990101"),  # only a prefix matches
        ("openai", "gpt-4o" + "-" * 10_000),
    ],
)
def test_what_no_rule_names_is_not_guessed(book: Book, provider: str | None, model: str | None) -> None:
    assert book.resolve(provider, model) is None


def test_without_a_provider_a_name_that_one_vendor_has_word_for_word_is_enough(book: Book) -> None:
    assert book.resolve(None, "gpt-4o-mini") == "openai/gpt-4o-mini"


def test_the_model_that_answered_decides_then_the_one_requested(book: Book) -> None:
    assert book.resolve_call("openai", "gpt-4o-2024-05-13", "gpt-4o") == "openai/gpt-4o-2024-05-13"
    assert book.resolve_call("openai", None, "gpt-4o") == "openai/gpt-4o"
    assert book.resolve_call("azure", "a-deployment", "gpt-4o") == "azure/openai/gpt-4o"


def test_generated_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricing.book.MAX_CACHED_NAMES", 10)
    book = load_book()
    for number in range(25):
        book.resolve("cohere", f"model-{number}")
    assert len(book._resolved) <= 10


def test_every_card_has_one_identity_and_its_rates_belong_to_it(book: Book) -> None:
    cards = [row["rate_card"] for row in book.card_rows()]
    assert len(set(cards)) == len(cards) > 900
    assert {row["rate_card"] for row in book.rate_rows()} <= set(cards)
    rates = Counter((r["rate_card"], r["unit"], r["tier_from_tokens"]) for r in book.rate_rows())
    assert max(rates.values()) == 1


def test_the_cards_of_a_model_and_variant_meet_without_gap_or_overlap(book: Book) -> None:
    by_model: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = {}
    for row in book.card_rows():
        by_model.setdefault((row["model_key"], row["variant"]), []).append(
            (row["valid_from"], row["valid_to"])
        )
    for spans in by_model.values():
        starts = [start for start, _ in sorted(spans)]
        assert [end for _, end in sorted(spans)] == [*starts[1:], None]


def test_the_version_names_the_source_and_the_content(book: Book) -> None:
    assert book.version.startswith("genai-prices 0.2.3, steelyard (")
    assert load_book().version == book.version


def test_the_book_prices_a_known_model_an_old_day_and_a_batch(book: Book) -> None:
    usage = {"input_tokens": 10_000, "output_tokens": 1_000}
    calls = [
        a_call(model_key="openai/gpt-4o", **usage),
        a_call(model_key="openai/o3", started_at=utc("2025-06-09"), **usage),
        a_call(model_key="openai/o3", started_at=utc("2025-06-10"), **usage),
        a_call(model_key="openai/gpt-5", service_tier="flex", **usage),
        a_call(model_key="openai/gpt-5", service_tier="flex", started_at=utc("2026-01-01"), **usage),
        a_call(model_key="azure/openai/gpt-5", service_tier="flex", **usage),
        a_call(model_key=book.resolve("google", "gemma-3-27b-it"), **usage),
    ]
    rows = charge(open_book(book), calls)
    assert [(row["cost_status"], row["list_cost_usd"]) for row in rows] == [
        ("priced", Decimal("0.035")),  # 10,000 × 2.50 + 1,000 × 10
        ("priced", Decimal("0.14")),  # 10,000 × 10 + 1,000 × 40, the last day of the old price
        ("priced", Decimal("0.028")),  # 10,000 × 2 + 1,000 × 8
        ("priced", Decimal("0.01125")),  # 10,000 × 0.625 + 1,000 × 5
        ("unpriced_unit", None),  # genai-prices knows the flex price from 2026-10-12 on
        ("unpriced_unit", None),  # OpenAI's flex price is not Azure's
        ("unpriced_model", None),  # known by name, but without a price: NULL, not 0
    ]


def test_the_fake_provider_is_free_by_an_explicit_zero(book: Book) -> None:
    call = a_call(model_key=book.resolve("fake", "fake-1"), input_tokens=10, output_tokens=5)
    [charged] = charge(open_book(book), [call])
    assert (charged["cost_status"], charged["list_cost_usd"]) == ("free", 0)
