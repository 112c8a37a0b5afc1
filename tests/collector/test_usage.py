"""Which attribute carries what of a call's usage, its tier, its place and its payer: docs/usage.md, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.conventions.hosts import place_of
from tests.one_span import decoded, holds

CHAT = "gen_ai.operation.name"
IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
OPENAI = "opentelemetry.instrumentation.genai.openai"
ANSWERED = "openai.response.service_tier"
ASKED = "openai.request.service_tier"
SAID = "steelyard.service_tier"


def usage_of(*, scope: str = OPENAI, provider: str = "openai", **said: Any) -> dict[str, Any]:
    """A chat call of 1,000 tokens in and 100 out, with what is said besides (`__` in a name is a dot)."""
    given = {CHAT: "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": "m", IN: 1000, OUT: 100}
    given |= {name.replace("__", "."): value for name, value in said.items()}
    return decoded(scope, "chat m", {name: value for name, value in given.items() if value is not None})


def raw_usage(**document: Any) -> dict[str, Any]:
    """A provider's own usage, as Logfire hands it on."""
    return usage_of(scope="logfire.openai", gen_ai__usage__raw=json.dumps(document))


@pytest.mark.parametrize(
    ("answered", "said", "asked", "tier"),
    [
        ("flex", "batch", "priority", "flex"),
        (None, "priority", "flex", "priority"),
        (None, None, "flex", "flex"),
        # Asked for priority and served at the standard tier: that is what is billed.
        ("default", None, "priority", "default"),
        # A batch's answers name the tier of the request in it.
        ("default", "batch", None, "batch"),
        ("standard", "Batch", None, "batch"),
        # A wish is no tier.
        ("auto", None, "flex", "flex"),
        (None, None, "auto", None),
        (None, "ON_DEMAND_PRIORITY", None, "priority"),
    ],
)
def test_the_tier_is_the_answers_then_the_applications_then_the_requests(
    answered: str | None, said: str | None, asked: str | None, tier: str | None
) -> None:
    holds(decoded(OPENAI, "chat m", {CHAT: "chat", **_texts(answered, said, asked)}), service_tier=tier)


def _texts(answered: str | None, said: str | None, asked: str | None) -> dict[str, str]:
    given = {ANSWERED: answered, SAID: said, ASKED: asked}
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"service_tier": "standard", "speed": "standard"}, "standard"),
        # Batches are never fast.
        ({"service_tier": "batch", "speed": "fast"}, "batch"),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned"),
    ],
)
def test_the_tier_stands_in_a_providers_own_usage(usage: dict[str, str], tier: str) -> None:
    holds(raw_usage(**usage), service_tier=tier)


@pytest.mark.parametrize(
    ("address", "host", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws", "us-east-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/x/converse", "aws", "us-gov-west-1"),
        ("vpce-0ab.bedrock-runtime.eu-central-1.vpce.amazonaws.com", "aws", "eu-central-1"),
        ("bedrock-mantle.us-west-2.api.aws", "aws", "us-west-2"),
        ("us-east5-aiplatform.googleapis.com", "google", "us-east5"),
        ("aiplatform.googleapis.com", "google", "global"),
        ("aiplatform.eu.rep.googleapis.com", "google", "eu"),
        ("generativelanguage.googleapis.com", "google", None),
        ("My-Resource.openai.azure.com", "azure", None),
        ("my-resource.services.ai.azure.com", "azure", None),
        ("https://eu.api.openai.com/v1/", "openai", "eu"),
        ("https://user:pw@api.openai.com:443/v1?x=@y", "openai", None),
        ("us-east-1.api.x.ai", "x_ai", "us-east-1"),
        ("api.eu.mistral.ai", "mistral_ai", "eu"),
        ("https://api.groq.com/openai/v1", "groq", None),
        # Never a part of a name: whoever runs this is not known.
        ("api.openai.com.proxy.internal", None, None),
        ("notapi.openai.com", None, None),
        ("127.0.0.1", None, None),
        ("(300 characters, not stored)", None, None),
        ("", None, None),
        ("https://" + "a" * 5000, None, None),
    ],
)
def test_an_address_tells_who_runs_the_model_and_where(
    address: str, host: str | None, region: str | None
) -> None:
    assert place_of(address) == (host, region)


def test_where_a_call_ran_is_the_answers_word_before_the_address() -> None:
    at_eu = {"server__address": "eu.api.openai.com"}
    holds(usage_of(**at_eu), host_provider="openai", region="eu")
    holds(usage_of(**at_eu, steelyard__region="US"), host_provider="openai", region="us")
    raw = {"scope": "logfire.anthropic", "server__address": "api.anthropic.com"}
    geo = json.dumps({"inference_geo": "us"})
    holds(usage_of(**raw, gen_ai__usage__raw=geo, steelyard__region="eu"), region="us")
    nowhere = json.dumps({"inference_geo": "not_available"})
    holds(usage_of(**raw, gen_ai__usage__raw=nowhere), region=None, host_provider="anthropic")


def test_a_clients_region_counts_only_in_its_cloud() -> None:
    said = {"cloud__region": "eu-west-1"}
    holds(usage_of(**said), region=None, host_provider=None)
    holds(usage_of(provider="aws.bedrock", **said), region="eu-west-1", host_provider="aws")
    at_openai = {"server__address": "api.openai.com"}
    holds(usage_of(**at_openai, **said), region=None, host_provider="openai")


def test_old_names_of_an_address_are_read_too() -> None:
    holds(usage_of(gen_ai__openai__api_base="https://api.deepseek.com/v1/"), host_provider="deepseek")
    holds(usage_of(net__peer__name="api.x.ai"), host_provider="x_ai")


@pytest.mark.parametrize(("said", "owner"), [("customer", "customer"), ("US", "us"), ("acme", None)])
def test_whose_key_it_was_is_one_of_two_words(said: str, owner: str | None) -> None:
    holds(usage_of(steelyard__key_owner=said), key_owner=owner)


def test_current_names_of_modalities_are_read() -> None:
    row = usage_of(
        gen_ai__usage__image__input_tokens=300,
        gen_ai__usage__image__cache_read__input_tokens=100,
        gen_ai__usage__audio__input_tokens=200,
        gen_ai__usage__audio__cache_read__input_tokens=50,
        gen_ai__usage__image__output_tokens=40,
        gen_ai__usage__audio__output_tokens=30,
        steelyard__web_searches=2,
        steelyard__cache_write_1h_tokens=7,
    )
    holds(
        row,
        image_input_tokens=200,  # those from the cache are among the cached
        audio_input_tokens=200,
        cached_audio_input_tokens=50,
        image_output_tokens=40,
        audio_output_tokens=30,
        web_searches=2,
        cache_write_1h_tokens=7,
    )


def test_anthropics_own_usage_is_read_to_the_last_part() -> None:
    row = raw_usage(
        cache_creation_input_tokens=300,
        cache_read_input_tokens=200,
        cache_creation={"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        server_tool_use={"web_search_requests": 3},
        output_tokens_details={"thinking_tokens": 40},
    )
    counts = {"cache_write_tokens": 300, "cache_write_1h_tokens": 100, "cached_input_tokens": 200}
    holds(row, **counts, web_searches=3, reasoning_tokens=40, input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize(("list_name", "count_name"), [("TokensDetails", "tokenCount"), ("", "")])
def test_geminis_modalities_are_read_out_of_their_lists(list_name: str, count_name: str) -> None:
    """As its API writes them, and as its Python SDK does."""

    def modal(part: str, **counts: int) -> dict[str, Any]:
        name = f"{part}TokensDetails" if list_name else f"{part}_tokens_details"
        return {
            name: [{"modality": modality, count_name or "token_count": n} for modality, n in counts.items()]
        }

    document = (
        modal("prompt", TEXT=500, AUDIO=200, IMAGE=300)
        | modal("cache", AUDIO=150, IMAGE=100)
        | modal("candidates", TEXT=60, IMAGE=40)
    )
    holds(
        raw_usage(**document),
        audio_input_tokens=200,
        cached_audio_input_tokens=150,
        image_input_tokens=200,
        image_output_tokens=40,
    )


def test_openais_image_and_realtime_counts_are_read() -> None:
    holds(
        raw_usage(
            input_tokens_details={"image_tokens": 700, "text_tokens": 300},
            output_tokens_details={"image_tokens": 90},
        ),
        image_input_tokens=700,
        image_output_tokens=90,
    )
    holds(
        raw_usage(input_token_details={"audio_tokens": 400, "cached_tokens_details": {"audio_tokens": 300}}),
        audio_input_tokens=400,
        cached_audio_input_tokens=300,
    )


def test_bedrocks_writes_for_an_hour_are_read() -> None:
    details = [{"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 90}]
    holds(
        raw_usage(cacheWriteInputTokens=100, cacheDetails=details),
        cache_write_tokens=100,
        cache_write_1h_tokens=90,
    )


def test_deepseeks_hits_are_part_of_its_prompt() -> None:
    row = raw_usage(prompt_cache_hit_tokens=600, prompt_cache_miss_tokens=400)
    holds(row, input_tokens=1000, cached_input_tokens=600, usage_semantics="inclusive")


def langfuse(usage: dict[str, Any], *, model: str) -> dict[str, Any]:
    said = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": model,
        "langfuse.observation.usage_details": json.dumps(usage),
    }
    return decoded("langfuse-sdk", "OpenAI-generation", said)


def test_perplexity_bills_citations_reasoning_and_searches_beside_its_counts() -> None:
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 700,
        "total_tokens": 730,
        "citation_tokens": 20_000,
        "reasoning_tokens": 95_000,
        "num_search_queries": 18,
    }
    holds(
        langfuse(usage, model="sonar-deep-research"),
        provider="perplexity",
        input_tokens=20_030,
        output_tokens=95_700,
        reasoning_tokens=95_000,
        web_searches=18,
    )


def test_counts_that_leave_out_every_modality_are_put_together_again() -> None:
    """Langfuse's LangChain handler on Vertex AI: prompt 1,000 with 200 cached, candidates 100, thoughts 50, total 1,150."""
    usage = {
        "input": 0,
        "output": 0,
        "total": 1150,
        "cached_content_token_count": 200,
        "thoughts_token_count": 50,
    }
    usage |= {"input_modality_TEXT": 500, "input_modality_AUDIO": 300, "output_modality_TEXT": 100}
    usage |= {"cached_modality_TEXT": 120, "cached_modality_AUDIO": 80}
    holds(
        langfuse(usage, model="gemini-2.5-flash"),
        input_tokens=1000,
        cached_input_tokens=200,
        audio_input_tokens=380,
        cached_audio_input_tokens=80,
        output_tokens=150,
        reasoning_tokens=50,
    )


def test_an_audio_count_that_a_total_includes_is_not_added_to_it() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    usage |= {"prompt_tokens_details": {"audio_tokens": 300, "cached_tokens": 200}}
    holds(langfuse(usage, model="gpt-4o-audio"), input_tokens=1000, audio_input_tokens=300, output_tokens=100)


def test_cohere_is_counted_as_it_bills() -> None:
    usage = {
        "billed_units": {"input_tokens": 12, "output_tokens": 34},
        "input_tokens": 500,
        "output_tokens": 40,
    }
    holds(langfuse(usage, model="command-a-03-2025"), input_tokens=12, output_tokens=34)


GROK: dict[str, Any] = {
    "provider": "x_ai",
    "gen_ai__usage__reasoning__output_tokens": 60,
}


@pytest.mark.parametrize(
    ("said", "output_tokens"),
    [
        ({}, 160),  # chat: beside the completion
        ({"openai__api__type": "responses"}, 100),  # Responses: within
        ({"gen_ai__usage__total_tokens": 1100}, 100),  # its total leaves nothing over: within
        ({"gen_ai__usage__total_tokens": 1160}, 160),
        ({"scope": "ai.sdk.of.another"}, 100),  # who knows what that one does: by the convention
        ({"provider": "openai", "server__address": "api.x.ai"}, 160),  # by the host that answered
        ({"provider": "openai"}, 100),
    ],
)
def test_reasoning_of_xai_is_added_to_its_output_once(said: dict[str, Any], output_tokens: int) -> None:
    holds(usage_of(**GROK | said), output_tokens=output_tokens, reasoning_tokens=60)


def test_thoughts_of_gemini_through_openais_sdk_are_what_its_total_leaves_over() -> None:
    row = usage_of(provider="gcp.gemini", gen_ai__usage__total_tokens=1400)
    holds(row, output_tokens=400, reasoning_tokens=300, usage_source="reconstructed")


CACHED = "gen_ai__usage__cache_read__input_tokens"


@pytest.mark.parametrize(
    ("scope", "said", "semantics", "confidence", "input_tokens"),
    [
        # What botocore hands on is what Bedrock says.
        ("opentelemetry.instrumentation.botocore.bedrock-runtime", {CACHED: 500}, "exclusive", "rule", 1500),
        ("openlit.instrumentation.anthropic", {CACHED: 500}, "exclusive", "rule", 1500),
        (OPENAI, {CACHED: 500}, "inclusive", "rule", 1000),
        # More cached than all: whatever is known of the emitter, this release counts otherwise.
        (OPENAI, {CACHED: 5000}, "exclusive", "arithmetic", 6000),
        ("somebody", {CACHED: 5000}, "exclusive", "arithmetic", 6000),
        ("somebody", {CACHED: 500, "gen_ai__usage__total_tokens": 1600}, "exclusive", "arithmetic", 1500),
        ("somebody", {CACHED: 500, "gen_ai__usage__total_tokens": 1100}, "inclusive", "convention", 1000),
        ("somebody", {}, "inclusive", "convention", 1000),
        ("somebody", {"gen_ai__usage__input_tokens": None}, None, None, None),
    ],
)
def test_what_an_input_means_is_known_by_rule_or_arithmetic_or_convention(
    scope: str, said: dict[str, Any], semantics: str | None, confidence: str | None, input_tokens: int | None
) -> None:
    row = usage_of(scope=scope, provider="aws.bedrock", **said)
    holds(row, usage_semantics=semantics, usage_confidence=confidence, input_tokens=input_tokens)
