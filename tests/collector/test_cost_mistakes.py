"""Mistakes that other tools made with the cost of calls, each with a number worked by hand.

The issues are named as repository and number: LF langfuse/langfuse, LL BerriAI/litellm, PX Arize-ai/phoenix,
OP comet-ml/opik, HE Helicone/helicone, MF mlflow/mlflow, GP pydantic/genai-prices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.sending import NOON, Sent, otel, request
from tests.stores import Store, open_store

INTERNAL = Span.SPAN_KIND_INTERNAL
OPENAI = "opentelemetry.instrumentation.openai_v2"
SONNET = "claude-sonnet-4-5-20250929"
# 1,000 × 2.50 + 100 × 10
GPT_4O = otel("openai", "gpt-4o", input=1_000, output=100)
GPT_4O_USD = Decimal("0.0035")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("mistakes")) as opened:
        yield opened


def calls_of(store: Store, *sent: Sent) -> list[dict[str, Any]]:
    """What `calls` says of the traces of these spans, which are sent now, in one request."""
    store.send(request(*sent))
    store.commit()
    return stored(store, *sent)


def stored(store: Store, *sent: Sent) -> list[dict[str, Any]]:
    traces = ", ".join(f"'{trace}'" for trace in {one.trace_id.hex() for one in sent})
    return store.rows(f"select * from calls where trace_id in ({traces}) order by started_at, span_id")


def costs(rows: list[dict[str, Any]]) -> list[Decimal | None]:
    return [row["list_cost_usd"] for row in rows]


def within(parent: Sent, one: Sent, after_ms: int = 10) -> Sent:
    """The span as a child of another, a little later."""
    return replace(
        one, trace_id=parent.trace_id, parent=parent, at=parent.at + timedelta(milliseconds=after_ms)
    )


# What was cached, counted twice or at the full price: LF#10592, LF#12306, LL#9812, LL#6575, LL#11364, PX#10036, OP#6976.
# Anthropic's 500 in, 20,000 read, 2,000 written, 400 out: 500 × 3 + 20,000 × 0.30 + 2,000 × 3.75 + 400 × 15.
CACHED_USD = Decimal("0.021")
_COUNTS = {"output": 400, "cached": 20_000, "written": 2_000}
INCLUSIVE = otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=22_500, **_COUNTS)
EXCLUSIVE = otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=500, **_COUNTS)
_RAW = {
    "input_tokens": 500,
    "cache_read_input_tokens": 20_000,
    "cache_creation_input_tokens": 2_000,
    "output_tokens": 400,
}


SAME_CALL: list[tuple[str, dict[str, Any]]] = [
    ("opentelemetry.instrumentation.anthropic", INCLUSIVE | {"gen_ai.usage.total_tokens": 22_900}),
    ("opentelemetry.instrumentation.anthropic_v2", INCLUSIVE),
    ("pydantic-ai", INCLUSIVE | {"gen_ai.usage.details.cache_read_tokens": 20_000}),
    ("openlit.instrumentation.anthropic", EXCLUSIVE),
    ("my.own.instrumentation", EXCLUSIVE),
    ("opentelemetry.instrumentation.botocore.bedrock-runtime", EXCLUSIVE),
    (
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": SONNET,
            "langfuse.observation.usage_details": json.dumps(_RAW),
        },
    ),
    (
        "openinference.instrumentation.anthropic",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "anthropic",
            "llm.model_name": SONNET,
            "llm.token_count.prompt": 22_500,
            "llm.token_count.prompt_details.cache_read": 20_000,
            "llm.token_count.prompt_details.cache_write": 2_000,
            "llm.token_count.completion": 400,
            "llm.token_count.total": 22_900,
        },
    ),
]


def test_what_was_cached_is_billed_once_however_an_emitter_counts(store: Store) -> None:
    rows = calls_of(store, *(Sent(scope, attributes) for scope, attributes in SAME_CALL))
    assert [(row["input_tokens"], row["list_cost_usd"]) for row in rows] == [(22_500, CACHED_USD)] * len(
        SAME_CALL
    )


# A model without a price is silently free: LF#5568, HE#5804, LL#39340.
def test_a_model_without_a_price_costs_null_and_a_sum_of_such_calls_is_null(store: Store) -> None:
    sent = [Sent(OPENAI, otel("openai", "gpt-launched-today", input=1_000, output=100)) for _ in range(2)]
    rows = calls_of(store, *sent)
    assert [(row["cost_status"], row["list_cost_usd"], row["effective_cost_usd"]) for row in rows] == [
        ("unpriced_model", None, None)
    ] * 2
    assert (
        store.value("select sum(list_cost_usd) from calls where model_answered = 'gpt-launched-today'")
        is None
    )


# An explicit zero taken for "missing", and the reverse: LL#37992.
def test_a_price_of_zero_is_known_and_a_missing_price_is_not(store: Store) -> None:
    free, unknown = (
        Sent(OPENAI, otel("fake", "fake-mini", input=1_000, output=100)),
        Sent(OPENAI, otel("fake", "nobody-knows", input=1_000, output=100)),
    )
    [row] = calls_of(store, free)
    assert (row["cost_status"], row["list_cost_usd"]) == ("free", Decimal(0))
    [row] = calls_of(store, unknown)
    assert (row["cost_status"], row["list_cost_usd"]) == ("unpriced_model", None)


def test_no_usage_is_not_usage_of_zero(store: Store) -> None:
    [silent] = calls_of(store, Sent(OPENAI, otel("openai", "gpt-4o")))
    [zero] = calls_of(store, Sent(OPENAI, otel("openai", "gpt-4o", input=0, output=0)))
    assert (silent["cost_status"], silent["list_cost_usd"]) == ("no_usage", None)
    assert (zero["cost_status"], zero["list_cost_usd"]) == ("priced", Decimal(0))


# An agent's totals beside the calls they are made of: LF#14754, PX#12768, PX#12775, PX#15793, MF#25007.
@pytest.mark.parametrize(
    "agent_scope", ["pydantic-ai", "strands.telemetry.tracer", "gcp.vertex.agent", "my.agent"]
)
def test_an_agents_total_is_not_billed_on_top_of_its_calls(store: Store, agent_scope: str) -> None:
    total = otel("openai", "gpt-4o", operation="invoke_agent", input=2_000, output=200)
    agent = Sent(agent_scope, total, name="invoke_agent shop", kind=INTERNAL, duration_ms=5_000)
    first = within(agent, Sent(agent_scope, GPT_4O))
    second = within(agent, Sent(agent_scope, GPT_4O), after_ms=1_500)
    assert costs(calls_of(store, agent, first, second)) == [GPT_4O_USD, GPT_4O_USD]


def test_a_total_that_differs_from_its_calls_is_not_billed_either(store: Store) -> None:
    total = otel("openai", "gpt-4o", input=9_999, output=999)
    outer = Sent("my.framework", total, name="chat", kind=INTERNAL, duration_ms=5_000)
    calls = [within(outer, Sent(OPENAI, GPT_4O)), within(outer, Sent(OPENAI, GPT_4O), after_ms=1_500)]
    assert costs(calls_of(store, outer, *calls)) == [GPT_4O_USD, GPT_4O_USD]


def test_one_call_seen_by_two_instrumentations_is_billed_once_in_whatever_order_they_come(
    store: Store,
) -> None:
    native = Sent(
        "com.anthropic.sdk.python",
        INCLUSIVE | {"gen_ai.response.id": "msg_01"},
        name="anthropic.messages.create",
        at=NOON + timedelta(hours=2),
    )
    around = Sent(
        "opentelemetry.instrumentation.anthropic",
        INCLUSIVE | {"gen_ai.response.id": "msg_01"},
        at=NOON + timedelta(hours=2),
        duration_ms=1_100,
    )
    inner = within(around, native)
    assert costs(calls_of(store, inner)) == [CACHED_USD]
    assert costs(calls_of(store, around)) == [CACHED_USD]
    assert official_sum(store, around) == CACHED_USD


def test_two_calls_at_one_moment_that_were_answered_differently_are_two_calls(store: Store) -> None:
    at = NOON + timedelta(hours=1)
    native = Sent("com.anthropic.sdk.python", INCLUSIVE, name="anthropic.messages.create", at=at)
    elsewhere = Sent(
        "opentelemetry.instrumentation.anthropic",
        otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=1_000, output=100),
        at=at,
    )
    # 1,000 × 3 + 100 × 15
    assert set(costs(calls_of(store, native, elsewhere))) == {CACHED_USD, Decimal("0.0045")}


# Usage of streams lost, or only its beginning kept: LF#8625, LL#33736, LL#30630, LL#37558, LL#36008.
def test_a_streams_usage_that_comes_in_a_later_span_is_billed_once(store: Store) -> None:
    asked = {"request_data": '{"model":"gpt-4o","stream":true}'}
    began = Sent("logfire.openai", otel("openai", "gpt-4o", answered=None) | asked, duration_ms=50)
    ended = Sent(
        "logfire.openai",
        otel("openai", "gpt-4o", answered="gpt-4o-2024-08-06", input=1_000, output=100)
        | asked
        | {"logfire.span_type": "log", "duration": 2.0},
        name="streaming response from {request_data[model]!r} took {duration:.2f}s",
        at=NOON + timedelta(seconds=2),
        duration_ms=0,
        trace_id=began.trace_id,
        parent=began,
    )
    assert costs(calls_of(store, began)) == [None]
    assert costs(calls_of(store, ended)) == [GPT_4O_USD]


def test_a_stream_cut_off_without_usage_is_estimated_and_says_so(store: Store) -> None:
    # 30 chunks came: 30 tokens out at least. What went in is 400 characters, some 100 tokens.
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "x" * 400}]}])
    cut_off = Sent(
        OPENAI,
        otel("openai", "gpt-4o", answered=None)
        | {"gen_ai.request.stream": True, "gen_ai.input.messages": asked},
        error="cancelled",
        events=[("gen_ai.content.completion.chunk", {})] * 30,
    )
    [call] = calls_of(store, cut_off)
    assert (call["usage_source"], call["cost_estimated"], call["cost_status"]) == (
        "estimated",
        True,
        "priced",
    )
    assert call["output_tokens"] == 30
    assert 90 <= call["input_tokens"] <= 140
    assert call["list_cost_usd"] == (call["input_tokens"] * Decimal("2.50") + 30 * 10) / 1_000_000


def test_a_stream_that_reported_its_usage_before_it_broke_is_billed_as_reported(store: Store) -> None:
    broke = Sent(
        OPENAI,
        GPT_4O | {"gen_ai.request.stream": True},
        error="connection reset",
        events=[("gen_ai.content.completion.chunk", {})] * 7,
    )
    [call] = calls_of(store, broke)
    assert (call["usage_source"], call["cost_estimated"], call["list_cost_usd"]) == (
        "reported",
        False,
        GPT_4O_USD,
    )


# The wrong tier: LF#8482, LF#13780, LL#13810, LL#19680, LL#14874.
def test_the_tier_that_answered_is_billed_not_the_one_asked_for(store: Store) -> None:
    said = [  # asked for, answered, said by the application
        ("priority", "default", None, "0.0035"),
        ("auto", "priority", None, "0.00595"),  # 1,000 × 4.25 + 100 × 17
        ("batch", None, None, "0.00175"),  # nothing else was said: 1,000 × 1.25 + 100 × 5
        ("auto", None, None, "0.0035"),
        ("priority", None, "batch", "0.00175"),
        (None, "default", "batch", "0.00175"),  # answers of a batch name the tier of the request in it
        ("batch", "priority", None, "0.00595"),
    ]
    names = ("openai.request.service_tier", "openai.response.service_tier", "steelyard.service_tier")
    sent = [
        Sent(OPENAI, GPT_4O | dict(zip(names, tiers, strict=True)), at=NOON + timedelta(seconds=number))
        for number, (*tiers, _) in enumerate(said)
    ]
    assert costs(calls_of(store, *sent)) == [Decimal(usd) for *_, usd in said]


def test_a_tier_nobody_has_a_price_for_is_not_billed_as_standard(store: Store) -> None:
    [call] = calls_of(store, Sent(OPENAI, GPT_4O | {"openai.response.service_tier": "scale"}))
    assert (call["cost_status"], call["list_cost_usd"]) == ("unpriced_unit", None)


# A failed request priced from what was asked: LF#9038.
def test_a_failed_attempt_costs_what_it_used_and_nothing_is_made_up_for_one_that_used_nothing(
    store: Store,
) -> None:
    refused = Sent(
        OPENAI, otel("openai", "gpt-4o", answered=None) | {"error.type": "RateLimitError"}, error="429"
    )
    filtered = replace(
        Sent(OPENAI, GPT_4O | {"error.type": "content_filter"}, error="filtered"), trace_id=refused.trace_id
    )
    rows = calls_of(store, refused, replace(filtered, at=NOON + timedelta(seconds=5)))
    assert [(row["cost_status"], row["list_cost_usd"]) for row in rows] == [
        ("no_usage", None),
        ("priced", GPT_4O_USD),
    ]


# A fallback or redirect priced as the model that was asked for: LL#39294 (35 % low to 109 % high), LL#38730 (up to 5.4 times).
def test_the_model_that_answered_is_billed(store: Store) -> None:
    redirected = [
        ("openai", "gpt-4o", "gpt-4o-mini-2024-07-18", "0.00021"),  # 1,000 × 0.15 + 100 × 0.60
        ("x_ai", "grok-3-mini", "grok-4-0709", "0.0045"),  # 1,000 × 3 + 100 × 15
        ("openai", "my-alias", "gpt-4o-2024-08-06", "0.0035"),
    ]
    sent = [
        Sent(
            OPENAI,
            otel(provider, asked, answered=answered, input=1_000, output=100),
            at=NOON + timedelta(seconds=number),
        )
        for number, (provider, asked, answered, _) in enumerate(redirected)
    ]
    assert costs(calls_of(store, *sent)) == [Decimal(usd) for *_, usd in redirected]


def test_every_attempt_of_a_retried_request_is_billed_for_what_it_used(store: Store) -> None:
    first = Sent(OPENAI, GPT_4O | {"steelyard.request_id": "r-1", "steelyard.attempt": 1}, error="timeout")
    second = replace(
        Sent(OPENAI, GPT_4O | {"steelyard.request_id": "r-1", "steelyard.attempt": 2}),
        trace_id=first.trace_id,
        at=NOON + timedelta(seconds=3),
    )
    assert costs(calls_of(store, first, second)) == [GPT_4O_USD, GPT_4O_USD]


def test_what_a_gateways_cache_answered_costs_nothing_and_says_what_it_saved(store: Store) -> None:
    [call] = calls_of(store, Sent("steelyard.gateway", GPT_4O | {"steelyard.cache_hit": True}))
    assert (call["cost_status"], call["list_cost_usd"], call["effective_cost_usd"]) == (
        "cache_hit",
        Decimal(0),
        Decimal(0),
    )
    assert call["saved_cost_usd"] == GPT_4O_USD


# The cost a client computed itself taken for the cost, or overwritten by it.
def test_a_reported_cost_stands_beside_the_computed_one(store: Store) -> None:
    [call] = calls_of(
        store, Sent("litellm", GPT_4O | {"litellm.call_id": "c", "gen_ai.cost.total_cost": 0.99})
    )
    assert (call["reported_cost_usd"], call["list_cost_usd"]) == (Decimal("0.99"), GPT_4O_USD)


# A span delivered twice added up: every exporter repeats what was not answered in time.
def test_a_call_that_is_delivered_again_is_billed_once_and_a_fuller_copy_replaces_it(store: Store) -> None:
    started = Sent(OPENAI, otel("openai", "gpt-4o", input=1_000))
    finished = replace(started, attributes=GPT_4O)
    calls_of(store, started)
    for _ in range(2):
        calls_of(store, finished, finished)
    calls_of(store, started)
    assert costs(stored(store, started)) == [GPT_4O_USD]
    assert official_sum(store, started) == GPT_4O_USD


def official_sum(store: Store, *sent: Sent) -> Decimal | None:
    """The sum over the charges of these traces that no later one supersedes."""
    traces = ", ".join(f"'{trace}'" for trace in {one.trace_id.hex() for one in sent})
    found: Decimal | None = store.value(
        f"""select sum(list_cost_usd) from (
            select arg_max(coalesce(list_cost_usd, 0), seq) as list_cost_usd from charges
            where replace(trace_id::varchar, '-', '') in ({traces}) group by project, trace_id, span_id)"""
    )
    return found


# A price that changed rewrote history: LF#12184, GP#703.
def test_a_call_of_last_year_is_billed_by_last_years_price_whenever_it_arrives(store: Store) -> None:
    day = NOON.replace(year=2025, month=6, day=9)
    o3 = otel("openai", "o3", input=1_000, output=1_000)
    rows = calls_of(store, Sent(OPENAI, o3, at=day), Sent(OPENAI, o3, at=day + timedelta(days=1)))
    assert costs(rows) == [Decimal("0.05"), Decimal("0.01")]  # 10 and 40, then 2 and 8


def test_the_sum_over_calls_is_the_sum_over_official_charges(store: Store) -> None:
    of_calls = store.value("select sum(list_cost_usd) from calls")
    of_charges = store.value(
        """select sum(list_cost_usd) from (
            select arg_max(coalesce(list_cost_usd, 0), seq) as list_cost_usd
            from charges group by project, trace_id, span_id)"""
    )
    assert of_calls == of_charges > 0


# A call on the customer's own account billed as ours.
def test_what_a_customers_own_key_paid_has_a_list_price_and_costs_us_nothing(store: Store) -> None:
    [call] = calls_of(store, Sent(OPENAI, GPT_4O | {"steelyard.key_owner": "customer"}))
    assert (call["billed_to"], call["list_cost_usd"], call["effective_cost_usd"]) == (
        "customer",
        GPT_4O_USD,
        Decimal(0),
    )
