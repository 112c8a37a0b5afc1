"""Coding agents: each request to a model is one call, whatever else the agent sends about it.

The payloads are written by hand from each agent's documentation or source (named in collector/conventions/agents_*.py);
they are not captures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    Metric,
    NumberDataPoint,
    Sum,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.signals import a_record, empty, export_logs, export_metrics, key_values
from tests.spans import export
from tests.stores import Store, open_store

# 2026-11-21T12:00:00Z
NOON_NS = 1_795_262_400 * 10**9
CLAUDE_SCOPE = "com.anthropic.claude_code.events"
TRACE, SPAN = bytes(range(16)), bytes(range(8))


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("agents") / "data") as opened:
        yield opened


@pytest.fixture
def store(one_store: Store) -> Iterator[Store]:
    yield one_store
    empty(one_store)


def receive(store: Store, *records: LogRecord, scope: str = CLAUDE_SCOPE) -> None:
    store.send(export_logs(*records, scope=scope), signal="logs")
    store.commit()


def claude(event: str = "api_request", **attributes: Any) -> LogRecord:
    """Claude Code's event as it is documented: the full name is the body, `event.name` is short."""
    given = {
        "event.name": event,
        "session.id": "session-1",
        "prompt.id": "prompt-1",
        "user.id": "an installation",
        "user.account_uuid": "account-1",
        "user.email": "dev@example.com",
        "organization.id": "org-1",
        "model": "claude-sonnet-4-5-20250929",
        "duration_ms": 2500,
    }
    usage = {
        "cost_usd": 0.027,
        "input_tokens": 100,
        "output_tokens": 50,
        "cache_read_tokens": 9000,
        "cache_creation_tokens": 400,
        "request_id": "req_011",
    }
    given |= (usage if event == "api_request" else {}) | {
        name.replace("__", "."): value for name, value in attributes.items()
    }
    return a_record(body=f"claude_code.{event}", at_ns=NOON_NS, attributes=given)


def test_a_claude_code_request_is_one_call_with_cached_tokens_in_its_input(store: Store) -> None:
    receive(store, claude())
    [call] = store.rows(
        "select emitter, provider, model_answered, operation, status, input_tokens, cached_input_tokens, "
        "cache_write_tokens, output_tokens, usage_semantics, session_id, user_id, tenant_id, started_at, duration_ns, "
        "reported_cost_usd, response_id, service_name from calls"
    )
    assert call == {
        "emitter": "claude_code",
        "provider": "anthropic",
        "model_answered": "claude-sonnet-4-5-20250929",
        "operation": "chat",
        "status": "ok",
        "input_tokens": 9500,  # 100 + 9,000 + 400
        "cached_input_tokens": 9000,
        "cache_write_tokens": 400,
        "output_tokens": 50,
        "usage_semantics": "exclusive",
        "session_id": "session-1",
        "user_id": "account-1",
        "tenant_id": "org-1",
        "started_at": datetime(2026, 11, 21, 11, 59, 57, 500_000),  # noon less 2.5 s  # noqa: DTZ001
        "duration_ns": 2_500_000_000,
        "reported_cost_usd": Decimal("0.027000000000"),
        "response_id": "req_011",
        "service_name": "test",
    }


def test_a_claude_code_request_is_priced_by_our_own_book_beside_the_reported_cost(store: Store) -> None:
    receive(store, claude())
    # Claude Sonnet 4.5: 3.00 in, 0.30 cached, 3.75 written, 15.00 out a million.
    # 100 × 3 + 9,000 × 0.3 + 400 × 3.75 + 50 × 15 = 300 + 2,700 + 1,500 + 750 = 5,250 millionths.
    [call] = store.rows("select cost_status, list_cost_usd from calls")
    assert call == {"cost_status": "priced", "list_cost_usd": Decimal("0.005250000000")}


def test_numbers_that_arrive_as_text_are_numbers(store: Store) -> None:
    receive(
        store,
        claude(
            input_tokens="100",
            cache_read_tokens="9000",
            cache_creation_tokens="400",
            output_tokens="50",
            cost_usd="0.027",
        ),
    )
    [call] = store.rows("select input_tokens, output_tokens, reported_cost_usd from calls")
    assert call == {"input_tokens": 9500, "output_tokens": 50, "reported_cost_usd": Decimal("0.027000000000")}


def test_an_event_that_is_sent_again_is_the_same_call(store: Store) -> None:
    record = claude()
    receive(store, record, record)
    receive(store, record)
    assert store.value("select count(*) from calls") == 1
    assert store.value("select count(*) from log_records") == 1
    assert store.value("select sum(list_cost_usd) from charges") == Decimal("0.005250000000")
    assert store.value("select cast(sum(n_calls) as bigint) from batches") == 1


@pytest.mark.parametrize(
    ("attributes", "error_class", "http_status"),
    [
        ({"status_code": "529", "error": "529 Overloaded"}, "server", 529),
        ({"status_code": 429, "error": "rate limited"}, "rate_limit", 429),
        ({"status_code": "undefined", "error": "Connection error."}, "connection", None),
        ({"status_code": None, "error": "Request timed out."}, "timeout", None),
        ({"status_code": None, "error": "something nobody has seen"}, "other", None),
    ],
)
def test_a_claude_code_error_is_a_failed_call_of_its_class(
    store: Store, attributes: dict[str, Any], error_class: str, http_status: int | None
) -> None:
    receive(store, claude("api_error", attempt=3, **attributes))
    [call] = store.rows(
        "select status, error_class, http_status, attempt, input_tokens, usage_semantics, model_requested, model_answered, "
        "cost_status from calls"
    )
    assert call == {
        "status": "error",
        "error_class": error_class,
        "http_status": http_status,
        "attempt": 3,
        "input_tokens": None,
        "usage_semantics": None,
        "model_requested": "claude-sonnet-4-5-20250929",
        "model_answered": None,
        "cost_status": "no_usage",
    }


def test_what_one_prompt_set_off_stands_in_one_trace(store: Store) -> None:
    receive(
        store, claude(request_id="a"), claude(request_id="b"), claude(prompt__id="prompt-2", request_id="c")
    )
    traces = store.rows("select trace_id, count(*) as n from calls group by trace_id order by n")
    assert [row["n"] for row in traces] == [1, 2]


def test_a_record_inside_a_span_is_a_child_of_that_span(store: Store) -> None:
    record = claude()
    record.trace_id, record.span_id = TRACE, SPAN
    receive(store, record)
    [call] = store.rows("select trace_id, span_id, parent_span_id from calls")
    assert (call["trace_id"], call["parent_span_id"]) == (TRACE.hex(), SPAN.hex())
    assert call["span_id"] != SPAN.hex()


def test_a_claude_code_request_with_its_span_and_its_metrics_is_counted_once(store: Store) -> None:
    span = Span(
        trace_id=TRACE,
        span_id=SPAN,
        name="claude_code.llm_request",
        start_time_unix_nano=NOON_NS - 2_500_000_000,
        end_time_unix_nano=NOON_NS,
        attributes=key_values(
            {
                # Documented today, and the operation that a later release may add.
                "gen_ai.operation.name": "chat",
                "gen_ai.system": "anthropic",
                "gen_ai.request.model": "claude-sonnet-4-5-20250929",
                "llm_request.context": "interaction",
                "request_id": "req_011",
                "input_tokens": 100,
                "output_tokens": 50,
            }
        ),
    )
    points = [
        NumberDataPoint(time_unix_nano=NOON_NS, as_double=count, attributes=key_values({"type": kind}))
        for kind, count in (("input", 100), ("output", 50), ("cacheRead", 9000), ("cacheCreation", 400))
    ]
    metric = Metric(
        name="claude_code.token.usage",
        unit="tokens",
        sum=Sum(data_points=points, aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA, is_monotonic=True),
    )
    store.send(export(span))
    store.send(export_metrics(metric), signal="metrics")
    receive(store, claude())
    [total] = store.rows("select count(*) as n, cast(sum(input_tokens) as bigint) as input_tokens from calls")
    assert total == {"n": 1, "input_tokens": 9500}
    assert store.value("select count(*) from metric_points") == 4
    assert store.value("select count(*) from spans where role = 'wrapper'") == 1


def test_other_events_of_an_agent_are_log_records_and_no_calls(store: Store) -> None:
    names = (
        "user_prompt",
        "tool_result",
        "tool_decision",
        "api_refusal",
        "api_request_body",
        "assistant_response",
    )
    receive(store, *(claude(name) for name in names))
    assert store.value("select count(*) from calls") == 0
    stored = {row["event_name"] for row in store.rows("select event_name from log_records")}
    assert stored == {f"claude_code.{name}" for name in names}


def test_what_a_person_wrote_to_an_agent_is_not_stored(store: Store) -> None:
    planted = {
        "prompt": "PLANTED1",
        "error": "400 your prompt PLANTED2",
        "tool_input": "PLANTED3",
        "tool_parameters": '{"full_command": "PLANTED4"}',
        "response": "PLANTED5",
        "body": "PLANTED6",
        "response_text": "PLANTED7",
        "function_args": "PLANTED8",
        "user.email": "PLANTED9@example.com",
    }
    receive(store, *(claude(name, **planted) for name in ("api_error", "user_prompt", "tool_result")))
    receive(store, a_record("gemini_cli.api_request", "PLANTED body", attributes=planted), scope="gemini-cli")
    kept = json.dumps(store.rows("from log_records") + store.rows("from spans"), default=str)
    assert "PLANTED" not in kept
    assert "session-1" in kept  # what is searched does hold the rest


def codex(event: str, **attributes: Any) -> LogRecord:
    """Codex's event as its source writes it: numbers as text, and a code location as the record's event name."""
    given = {
        "event.name": event,
        "conversation.id": "conversation-1",
        "user.account_id": "account-2",
        "model": "gpt-5-codex",
    }
    given |= {name.replace("__", "."): value for name, value in attributes.items()}
    location = "event otel/src/events/session_telemetry.rs:780"
    return a_record(location, at_ns=NOON_NS, attributes=given)


def test_a_codex_response_is_one_call_though_its_stream_tells_of_it_twice(store: Store) -> None:
    receive(
        store,
        codex(
            "codex.api_request",
            duration_ms="412",
            attempt=0,
            endpoint="/responses",
            http__response__status_code=200,
        ),
        codex("codex.sse_event", event__kind="response.output_text.delta", duration_ms="3"),
        codex("codex.sse_event", event__kind="response.completed", duration_ms="9"),
        codex(
            "codex.sse_event",
            event__kind="response.completed",
            input_token_count="2000",
            cached_token_count=1500,
            output_token_count="300",
            reasoning_token_count=200,
            tool_token_count="2300",
        ),
        scope="codex_otel",
    )
    [call] = store.rows(
        "select emitter, provider, model_answered, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, "
        "usage_semantics, session_id, user_id, duration_ns, cost_status from calls"
    )
    assert call == {
        "emitter": "codex",
        "provider": "openai",
        "model_answered": "gpt-5-codex",
        "input_tokens": 2000,
        "cached_input_tokens": 1500,
        "output_tokens": 300,
        "reasoning_tokens": 200,
        "usage_semantics": "inclusive",
        "session_id": "conversation-1",
        "user_id": "account-2",
        "duration_ns": None,
        "cost_status": "priced",
    }
    assert store.value("select count(*) from log_records where event_name = 'codex.sse_event'") == 3


def test_a_codex_attempt_that_failed_is_a_call_of_its_own(store: Store) -> None:
    failed = {
        "duration_ms": "80",
        "attempt": 0,
        "error__message": "quota",
        "http__response__status_code": 429,
    }
    receive(
        store,
        codex("codex.api_request", endpoint="/responses", **failed),
        codex("codex.api_request", endpoint="/models", **failed),
        codex(
            "codex.sse_event",
            event__kind="response.completed",
            input_token_count="10",
            output_token_count="1",
        ),
        scope="codex_otel",
    )
    calls = store.rows("select status, error_class, duration_ns from calls order by status")
    assert calls == [
        {"status": "error", "error_class": "rate_limit", "duration_ns": 80_000_000},
        {"status": "ok", "error_class": None, "duration_ns": None},
    ]


def gemini(event: str, **attributes: Any) -> LogRecord:
    given = {
        "event.name": event,
        "session.id": "session-3",
        "installation.id": "installation-3",
        "prompt_id": "p-3",
        "model": "gemini-2.5-pro",
        "duration_ms": 1000,
    }
    return a_record(body="API response from gemini-2.5-pro.", at_ns=NOON_NS, attributes=given | attributes)


GEMINI_USAGE = {
    "input_token_count": 1000,
    "cached_content_token_count": 600,
    "output_token_count": 40,
    "thoughts_token_count": 60,
    "tool_token_count": 20,
    "total_token_count": 1120,
    "status_code": 200,
    "finish_reasons": ["stop"],
}


def test_a_gemini_cli_response_is_one_call_with_thoughts_in_its_output(store: Store) -> None:
    details = a_record(
        at_ns=NOON_NS,
        attributes={
            "event.name": "gen_ai.client.inference.operation.details",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 40,
        },
    )
    receive(store, gemini("gemini_cli.api_response", **GEMINI_USAGE), details, scope="gemini-cli")
    [call] = store.rows(
        "select emitter, provider, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, finish_reason, "
        "user_id, http_status from calls"
    )
    assert call == {
        "emitter": "gemini_cli",
        "provider": "gcp.gemini",
        "input_tokens": 1020,  # 1,000 and 20 of tool results
        "cached_input_tokens": 600,
        "output_tokens": 100,  # 40 and 60 thoughts
        "reasoning_tokens": 60,
        "finish_reason": "stop",
        "user_id": "installation-3",
        "http_status": 200,
    }
    assert store.value("select count(*) from log_records") == 2


@pytest.mark.parametrize(
    "attributes",
    [
        # Gemini CLI's trace of a call, and Codex's of a response.
        {
            "gen_ai.operation.name": "llm_call",
            "gen_ai.request.model": "gemini-2.5-pro",
            "gen_ai.usage.input_tokens": 9,
        },
        {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 1, "codex.usage.total_tokens": 10},
    ],
)
def test_the_spans_of_other_agents_are_no_calls_either(store: Store, attributes: dict[str, Any]) -> None:
    span = Span(trace_id=TRACE, span_id=SPAN, start_time_unix_nano=NOON_NS, attributes=key_values(attributes))
    store.send(export(span))
    store.commit()
    assert store.value("select count(*) from calls") == 0
    assert store.rows("select input_tokens from spans") == [{"input_tokens": None}]


def test_a_gemini_cli_response_without_usage_has_none_and_not_zero(store: Store) -> None:
    nothing = {name: 0 for name in GEMINI_USAGE if name.endswith("_count")}
    receive(store, gemini("gemini_cli.api_response", **nothing), scope="gemini-cli")
    [call] = store.rows(
        "select input_tokens, cached_input_tokens, output_tokens, usage_source, cost_status from calls"
    )
    assert call == {
        "input_tokens": None,
        "cached_input_tokens": None,
        "output_tokens": None,
        "usage_source": "none",
        "cost_status": "no_usage",
    }


def test_a_gemini_cli_error_is_a_failed_call(store: Store) -> None:
    error = {
        "error.type": "ApiError",
        "status_code": 503,
        "error": "The model is overloaded",
        "http.status_code": 503,
    }
    receive(store, gemini("gemini_cli.api_error", **error), scope="gemini-cli")
    [call] = store.rows("select status, error_class, error_type, http_status from calls")
    assert call == {"status": "error", "error_class": "server", "error_type": "ApiError", "http_status": 503}
