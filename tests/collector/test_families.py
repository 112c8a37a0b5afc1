"""What each family's table makes of the captures of its emitters, span by span: before spans are settled together.

A value that an emitter does not send cannot be found, so a test holds NULL against what the span really carries: if the
true value stands anywhere in it, it has to be found. What emitters send wrong is named here, one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.configure import load_settings
from collector.decode.requests import Request
from collector.decode.spans import decode
from collector.privacy.policy import policy_of
from collector.receiver.otlp import read_traces
from tests.captures import expected, trace_captures

TRUTH = expected()
EMITTERS = sorted({record["emitter"] for record in TRUTH})
TOKENS = {
    "input_tokens": "input_tokens",
    "cached_input_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_creation_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_tokens",
}
IDENTITY = {
    "session_id": "session_id",
    "user_id": "user_id",
    "tenant_id": "tenant",
    "prompt_version": "prompt_version",
    "prompt_name": "prompt_name",
}
# Streams of Claude: OpenLLMetry adds the output count of the stream's first message to the final one.
ONE_TOKEN_TOO_MANY = {
    ("openllmetry-anthropic", "messages_stream_create"),
    ("openllmetry-anthropic", "messages_stream_helper"),
}
# LiteLLM gives answers of Claude ids of its own.
OWN_RESPONSE_ID = {"litellm-otel", "litellm-otel-latest"}
# The emitter's own word, which is not what the provider said.
SAYS_ANOTHER_END = {
    ("openinference-openai-agents", "agent_tool"): "stop",  # "completed", with a call of a tool in it
    ("otel-genai-openai-content", "chat_stream_abandoned"): "error",
}
# No provider is named and the truth has none, because no request was made: the model's name tells one.
MADE_UP = {("langfuse", "manual_generation_cost_prompt"), ("langfuse", "manual_error")}
FINISH_REASONS = {"STOP": "stop", "end_turn": "stop", "tool_use": "tool_calls"}
ERROR_CLASSES = {"server_error": "server"}


@dataclass(frozen=True)
class Call:
    """One call that was made, what was decoded of its span, and all that its span carries as text."""

    truth: dict[str, Any]
    row: dict[str, Any]
    usage_row: dict[str, Any]  # the carrier, where the usage is on another span
    carried: str

    @property
    def where(self) -> tuple[str, str]:
        return self.truth["emitter"], self.truth["case"]

    def carries(self, value: object) -> bool:
        """Whether the value stands anywhere in the span, as a word of its own."""
        return re.search(rf"(?<![\w.-]){re.escape(str(value))}(?![\w.-])", self.carried) is not None


@cache
def rows() -> dict[str, dict[str, Any]]:
    """Every captured span, decoded in one batch."""
    requests = [
        Request(read_traces(capture.body, capture.media).body, "default", 1_000_000, capture.name)
        for capture in trace_captures()
    ]
    spans = decode(requests, policy_of(load_settings())).spans
    return {f"{row['span_id']:016x}": row for row in spans.to_pylist()}


@cache
def carried() -> dict[str, str]:
    """Of every captured span all that it carries but stack traces, as the protocol's text."""
    found = {}
    for capture in trace_captures():
        request = ExportTraceServiceRequest.FromString(read_traces(capture.body, capture.media).body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    of_events = [attribute for event in span.events for attribute in event.attributes]
                    said = [
                        str(one)
                        for one in (*span.attributes, *of_events)
                        if not one.key.endswith("stacktrace")
                    ]
                    found[span.span_id.hex()] = "\n".join([*said, span.name, span.status.message])
    return found


def records(emitter: str, kind: str) -> list[dict[str, Any]]:
    return [one for one in TRUTH if one["emitter"] == emitter and one["record"] == kind]


@cache
def calls(emitter: str) -> list[Call]:
    found = []
    for truth in records(emitter, "llm_call"):
        usage_on = truth.get("usage_carrier_span_id") or truth["span_id"]
        texts = carried()[truth["span_id"]] + carried()[usage_on]
        found.append(Call(truth, rows()[truth["span_id"]], rows()[usage_on], texts))
    return found


@pytest.mark.parametrize("emitter", EMITTERS)
def test_each_span_says_itself_whether_it_is_a_call(emitter: str) -> None:
    for call in calls(emitter):
        assert call.row["role"] == "call", call.where
        assert call.usage_row["role"] in ("call", "carrier"), call.where
    for duplicate in records(emitter, "duplicate"):  # folded later, when its neighbours are known
        assert rows()[duplicate["span_id"]]["role"] == "call", duplicate["span_name"]
    for wrapper in records(emitter, "wrapper"):
        role = rows()[wrapper["span_id"]]["role"]
        is_streams_end = wrapper["span_name"].startswith("streaming response from")
        assert role == ("carrier" if is_streams_end else "wrapper"), wrapper["span_name"]


@pytest.mark.parametrize("emitter", EMITTERS)
def test_every_token_count_that_is_sent_is_found(emitter: str) -> None:
    for call in calls(emitter):
        for column, name in TOKENS.items():
            found, truth = call.usage_row[column], call.truth[name]
            if call.where in ONE_TOKEN_TOO_MANY and column == "output_tokens":
                assert found == truth + 1
            elif found is None:
                assert truth in (0, None) or not call.carries(truth), (call.where, column, truth)
            else:
                assert found == truth, (call.where, column)


@pytest.mark.parametrize("emitter", EMITTERS)
def test_no_usage_is_null_and_never_zero(emitter: str) -> None:
    for call in calls(emitter):
        is_sent = call.truth["usage_on_span"] or "usage_carrier_span_id" in call.truth
        assert call.usage_row["usage_source"] == ("reported" if is_sent else "none"), call.where
        if not is_sent:
            assert [call.row[column] for column in TOKENS] == [None] * len(TOKENS), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_provider_and_models_have_their_names(emitter: str) -> None:
    for call in calls(emitter):
        truth, row = call.truth, call.row
        if call.where in MADE_UP:
            continue
        assert row["provider"] == truth["provider"], call.where
        asked, answered = truth["model_requested"], truth["model_answered"]
        assert row["model_requested"] in (asked, None), call.where
        assert row["model_requested"] or asked == answered or not call.carries(asked), call.where
        if truth["status"] == "error":
            assert row["model_answered"] is None, call.where
        elif row["model_answered"] != answered:
            # Not said, or the asked one said again; neither when the true one stands somewhere.
            assert row["model_answered"] in (None, asked), call.where
            assert asked == answered or not call.carries(answered), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_a_response_id_is_the_providers_own(emitter: str) -> None:
    for call in calls(emitter):
        found, truth = call.row["response_id"], call.truth["response_id"]
        if emitter in OWN_RESPONSE_ID and call.truth["provider"] == "anthropic":
            assert found is not None and found.startswith("chatcmpl-")
        else:
            assert found == truth or (found is None and not call.carries(truth)), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_failures_are_told_from_successes_and_classed(emitter: str) -> None:
    for call in calls(emitter):
        truth, row = call.truth, call.row
        assert row["failed"] == (truth["status"] == "error"), call.where
        wanted = ERROR_CLASSES.get(truth["error_class"], truth["error_class"])
        assert row["error_class"] == wanted, (call.where, row["error_type"])
        assert row["http_status"] in (truth["http_status"], None), call.where
        if truth["status"] == "error" and row["http_status"] is None:
            assert truth["http_status"] is None or not call.carries(truth["http_status"]), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_how_a_call_ended_has_one_word(emitter: str) -> None:
    for call in calls(emitter):
        truth = call.truth["finish_reason_provider"]
        wanted = SAYS_ANOTHER_END.get(call.where, FINISH_REASONS.get(truth, truth))
        assert call.usage_row["finish_reason"] in (wanted, None), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_calls_of_tools_are_counted_where_the_answer_is_there(emitter: str) -> None:
    for call in calls(emitter):
        found, truth = call.usage_row["tool_calls"], call.truth["tool_calls"]
        assert found == truth or found is None, call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_streaming_is_never_said_of_the_wrong_call(emitter: str) -> None:
    for call in calls(emitter):
        if call.where not in MADE_UP:
            assert call.usage_row["stream"] in (call.truth["stream"], None), call.where


@pytest.mark.parametrize("emitter", EMITTERS)
def test_whose_call_it_is_is_found_on_the_call(emitter: str) -> None:
    for call in calls(emitter):
        for column, name in IDENTITY.items():
            places = call.truth.get(f"{name}_found_at") or []
            if any(place.startswith("leaf:") for place in places):
                assert call.row[column] == call.truth[name], (call.where, column)
            elif call.truth.get(name):
                assert call.row[column] in (call.truth[name], None), (call.where, column)


# How many calls of an emitter say this at all: a key that is lost from a table shows here.
@pytest.mark.parametrize(
    ("emitter", "column", "n_calls"),
    [
        ("google-adk", "finish_reason", 3),
        ("langfuse", "ttft_ns", 6),
        ("langfuse", "stream", 6),
        ("langfuse", "tool_calls", 16),
        ("langfuse", "environment", 22),
        ("litellm-otel", "reported_cost_usd", 9),
        ("litellm-otel", "reasoning_tokens", 8),
        ("litellm-otel", "cache_write_1h_tokens", 2),
        ("litellm-otel-latest", "cached_input_tokens", 8),
        ("logfire-native", "reported_cost_usd", 11),
        ("logfire-native", "reasoning_tokens", 9),
        ("openinference-anthropic", "cache_write_1h_tokens", 6),
        ("openinference-anthropic", "response_id", 6),
        ("openinference-langchain", "response_id", 5),
        ("openinference-langchain", "service_tier", 6),
        ("openinference-langchain", "tool_calls", 6),
        ("openinference-litellm", "reported_cost_usd", 8),
        ("openinference-openai", "ttft_ns", 5),
        ("openinference-openai", "stream", 5),
        ("openinference-openai", "response_id", 14),
        ("openllmetry-langchain", "agent_name", 6),
        ("openllmetry-openai", "ttft_ns", 3),
        ("openllmetry-openai", "stream", 17),
        ("otel-genai-openai", "ttft_ns", 5),
        ("otel-genai-openai", "service_tier", 13),
        ("otel-genai-openai-content", "tool_calls", 13),
        ("otel-openai-v2", "service_tier", 10),
        ("pydantic-ai", "agent_name", 8),
        ("pydantic-ai", "reported_cost_usd", 7),
        ("strands", "finish_reason", 3),
        ("strands", "ttft_ns", 3),
        ("vercel-ai-v6", "agent_name", 16),
        ("vercel-ai-v6", "ttft_ns", 4),
        ("vercel-ai-v6", "stream", 16),
        ("vercel-ai-v6", "tool_calls", 11),
        ("vercel-ai-v6", "cache_write_1h_tokens", 2),
        ("vercel-ai-v7-supplemental", "reasoning_tokens", 4),
        ("vercel-ai-v7-supplemental", "ttft_ns", 1),
    ],
)
def test_what_an_emitter_says_is_read(emitter: str, column: str, n_calls: int) -> None:
    said = [call.row[column] for call in calls(emitter)]
    assert len(said) - said.count(None) == n_calls


def test_a_time_to_the_first_token_is_within_the_call_whatever_its_unit() -> None:
    """Strands says milliseconds where others say seconds, Langfuse the time of day."""
    with_time = [
        call
        for emitter in EMITTERS
        for call in calls(emitter)
        if call.row["ttft_ns"] and call.row["duration_ns"]
    ]
    assert len(with_time) > 30
    for call in with_time:
        assert 1e6 < call.row["ttft_ns"] <= call.row["duration_ns"], call.where
