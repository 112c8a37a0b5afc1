"""Which model a name means, and what the compiled books hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from pricing.book import Book, load_book
from pricing.cards import Card, PriceRecords, Rate
from pricing.layout import lay_out
from pricing.price import Cost, price
from pricing.prices import prices_of


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


@pytest.mark.parametrize(
    ("host", "provider", "model", "key"),
    [
        ("azure", "openai", "gpt-4o", "azure/openai/gpt-4o"),
        ("google", "anthropic", "claude-haiku-4-5", "google/claude-haiku-4-5"),
        (
            "aws",
            "anthropic",
            "claude-haiku-4-5-20251001",
            "aws/regional.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        ("google", "openai", "gemini-2.5-pro", "google/gemini-2.5-pro"),  # through its OpenAI-like address
        ("aws", "openai", "gpt-4o", None),  # the host is known, and does not sell it
        ("a-proxy-of-ours", "openai", "gpt-4o", "openai/gpt-4o"),
        ("openrouter", "openai", "gpt-4o", None),  # bills by prices of its own, and nobody has them
    ],
)
def test_where_a_model_runs_owns_its_price_before_whose_it_is(
    book: Book, host: str, provider: str, model: str, key: str | None
) -> None:
    assert book.resolve_call(provider, model, None, host_provider=host) == key


def test_generated_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricing.book.MAX_CACHED_NAMES", 10)
    book = load_book()
    for number in range(25):
        book.resolve("cohere", f"model-{number}")
    assert len(book._resolved) <= 10


def a_card(key: str = "my-vllm/acme-8b", **columns: object) -> Card:
    provider, _, model = key.partition("/")
    card = Card(
        rate_card=f"{key}@2026-10-01",
        model_key=key,
        provider=provider,
        model=model,
        valid_from=datetime(2026, 10, 1),  # noqa: DTZ001 - UTC, as the store has it
        layer="override",
        rates=(Rate("uncached_input", 0, Decimal("0.1")), Rate("output", 0, Decimal("0.2"))),
    )
    return replace(card, **columns)  # type: ignore[arg-type]


def test_a_model_that_only_a_record_has_is_found_by_its_own_name_word_for_word(book: Book) -> None:
    knowing = book.with_cards([a_card(), a_card("openai/gpt-4o-ours"), a_card("deepseek/deepseek-chat-ours")])
    assert knowing.resolve("My-vLLM", "Acme-8B") == "my-vllm/acme-8b"
    assert knowing.resolve("my-vllm", "acme-8b-instruct") is None
    assert knowing.resolve("other-vllm", "acme-8b") is None
    assert knowing.resolve("openai.chat", "gpt-4o-ours") == "openai/gpt-4o-ours"
    # Before a shipped rule that takes every name that begins so.
    assert book.resolve("deepseek", "deepseek-chat-ours") == "deepseek/deepseek-chat"
    assert knowing.resolve("deepseek", "deepseek-chat-ours") == "deepseek/deepseek-chat-ours"
    assert knowing.resolve("litellm", "my-vllm/acme-8b") == "my-vllm/acme-8b"
    assert knowing.resolve_call("openai", "acme-8b", None, host_provider="my-vllm") == "my-vllm/acme-8b"


def test_of_name_patterns_the_longest_that_fits_goes_first(book: Book) -> None:
    knowing = book.with_cards(
        [
            a_card("openai/fine-tuned", name_pattern="ft:gpt-4o*"),
            a_card("openai/fine-tuned-mini", name_pattern="FT:gpt-4o-mini*"),
            a_card("openai/gpt-4o", name_pattern="our-gpt"),
        ]
    )
    assert knowing.resolve("openai", "ft:gpt-4o-2024-08-06:acme::1") == "openai/fine-tuned"
    assert knowing.resolve("openai", "ft:gpt-4o-mini-2024-07-18:acme::1") == "openai/fine-tuned-mini"
    assert knowing.resolve("openai", "our-gpt") == "openai/gpt-4o"
    assert knowing.resolve("azure", "our-gpt") is None


def test_a_card_that_is_held_or_withdrawn_names_nothing(book: Book) -> None:
    held = a_card(held_because="output 100 times what it was")
    assert book.with_cards([held]).resolve("my-vllm", "acme-8b") is None
    withdrawal = a_card(rate_card="w", rates=(), withdraws=a_card().rate_card)
    assert book.with_cards([a_card(), withdrawal]).resolve("my-vllm", "acme-8b") is None


def test_a_name_that_nobody_resolved_is_reported_with_what_it_may_mean(book: Book) -> None:
    assert book.resolve(None, "o1") is None
    assert book.candidates(None, "o1") == ("azure/o1", "openai/o1")
    assert book.candidates("openai-compatible", "gpt-4o-mini") == ("openai/gpt-4o-mini",)
    assert book.candidates("openai", "no-such-model") == ()


def test_every_card_has_one_identity_and_every_rate_a_place_of_its_own(book: Book) -> None:
    cards = [card.rate_card for card in book.cards]
    assert len(set(cards)) == len(cards) > 1_000
    for card in book.cards:
        places = Counter((rate.unit, rate.tier_from_tokens) for rate in card.rates)
        assert max(places.values(), default=1) == 1


def test_a_shipped_card_has_no_end_and_says_where_it_is_from(book: Book) -> None:
    for card in book.cards:
        assert card.valid_to is None, card
        assert card.layer == "snapshot"
        assert card.source, card
        assert card.source_version, card
        assert card.checked_on, card


def test_a_resold_model_names_its_maker(book: Book) -> None:
    makers = {card.model_key: card.model_provider for card in book.cards}
    assert makers["azure/openai/gpt-4o"] == "openai"
    assert makers["aws/regional.anthropic.claude-haiku-4-5-20251001-v1:0"] == "anthropic"
    assert makers["aws/amazon.titan-embed-text-v1"] == "amazon"
    assert makers["openai/gpt-4o"] is None


@pytest.mark.parametrize(
    ("key", "region", "multiplier"),
    [
        ("anthropic/claude-opus-4-6", "us", "1.1"),  # inference_geo
        ("anthropic/claude-opus-4-6", "global", None),
        ("anthropic/claude-opus-4-5", "us", None),  # refuses inference_geo
        ("openai/gpt-5.4-mini", "eu", "1.1"),
        ("openai/gpt-4o", "eu", None),  # released before the uplift
        ("google/claude-sonnet-4-5", "us-east5", "1.1"),
        ("google/anthropic/claude-sonnet-5", "europe-west1", "1.1"),
        ("google/gemini-2.5-pro", "us-central1", None),
        ("mistral/mistral-large", "eu", "1.1"),
    ],
)
def test_a_region_that_costs_more_multiplies_the_list_price(
    book: Book, key: str, region: str, multiplier: str | None
) -> None:
    cards = [card for card in book.cards if card.model_key == key]
    assert {card.region_multipliers.get(region) for card in cards} == {multiplier and Decimal(multiplier)}
    if multiplier:
        assert all("regions by https://" in (card.note or "") for card in cards)


def test_the_price_of_the_hour_holds_within_its_hours(book: Book) -> None:
    layout = lay_out(PriceRecords(cards=book.cards))

    def card_at(text: str) -> str:
        segment = layout.find("deepseek/deepseek-v4-flash", "standard", datetime.fromisoformat(text))
        assert segment is not None
        return segment.card.rate_card

    assert card_at("2026-11-20T00:59:59") == "deepseek/deepseek-v4-flash@2026-09-10"
    assert card_at("2026-11-20T01:00") == "deepseek/deepseek-v4-flash@2026-09-10~0100-0400"
    assert card_at("2026-11-20T04:00") == "deepseek/deepseek-v4-flash@2026-09-10"
    assert card_at("2026-11-20T09:59:59") == "deepseek/deepseek-v4-flash@2026-09-10~0600-1000"


def test_the_version_names_the_source_and_the_content(book: Book) -> None:
    assert book.version.startswith("genai-prices 0.2.3, steelyard (")
    assert load_book().version == book.version


@pytest.mark.parametrize(
    ("provider", "model", "at", "tier", "usd"),
    [
        ("openai", "gpt-4o", "2026-11-20", None, "0.035"),  # 10,000 × 2.50 + 1,000 × 10
        (
            "openai",
            "o3",
            "2025-06-09",
            None,
            "0.14",
        ),  # 10,000 × 10 + 1,000 × 40, the last day of the old price
        ("openai", "o3", "2025-06-10", None, "0.028"),  # 10,000 × 2 + 1,000 × 8
        ("openai", "gpt-5", "2026-11-20", "flex", "0.01125"),  # 10,000 × 0.625 + 1,000 × 5
        (
            "openai",
            "gpt-5",
            "2026-01-01",
            "flex",
            "unpriced_unit",
        ),  # genai-prices knows it from 2026-10-12 on
        ("azure", "gpt-5", "2026-11-20", "flex", "unpriced_unit"),  # OpenAI's flex price is not Azure's
        ("google", "gemma-3-27b-it", "2026-11-20", None, "unpriced_model"),  # known by name, without a price
        ("deepseek", "deepseek-v4-flash", "2026-11-20T02:00", None, "0.0042"),  # 10,000 × 0.30 + 1,000 × 1.20
        ("fake", "fake-1", "2026-11-20", None, "0"),  # an explicit zero
    ],
)
def test_the_book_prices_a_known_model_an_old_day_a_tier_and_an_hour(
    book: Book, provider: str, model: str, at: str, tier: str | None, usd: str
) -> None:
    usage = {"input_tokens": 10_000, "output_tokens": 1_000}
    prices = prices_of(book, PriceRecords(cards=book.cards))
    cost = price(usage, provider, model, datetime.fromisoformat(at), service_tier=tier, prices=prices)
    if isinstance(cost, Cost):
        assert cost.list_cost_usd == Decimal(usd)
        assert (cost.status == "free") == (usd == "0")
    else:
        assert cost.status == usd


def test_searches_and_perplexitys_fee_are_rates_of_their_own(book: Book) -> None:
    rates = {card.model_key: {r.unit: r.per_million for r in card.rates} for card in book.cards}
    assert rates["anthropic/claude-sonnet-4-5"]["web_searches"] == 10_000  # 10 USD per 1,000
    assert rates["perplexity/sonar-pro"]["request"] == 14_000  # 14 USD per 1,000, the highest
    estimated = {card.model_key for card in book.cards if card.estimated_because}
    assert "perplexity/sonar-pro" in estimated
    assert "anthropic/claude-sonnet-4-5" not in estimated
