"""Rules of the families for what no capture shows: older releases, other settings, and traps."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.one_span import CLAUDE, decoded, holds


def test_ai_sdk_5_counts_claudes_input_without_the_cache() -> None:
    said = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "anthropic.messages",
        "ai.model.id": "claude-sonnet-4-5",
        "ai.usage.inputTokens": 200,
        "ai.usage.cachedInputTokens": 150,
    }
    row = decoded("ai", "ai.generateText.doGenerate", said)
    holds(
        row, emitter="vercel_6", provider="anthropic", input_tokens=350, cached_input_tokens=150, stream=False
    )


def test_ai_sdk_7_says_whose_call_it_is_on_the_wrapper() -> None:
    said = {
        "gen_ai.operation.name": "agent_step",
        "ai.settings.context.sessionId": "s-1",
        "ai.settings.context.tenant": "acme",
        "ai.settings.context.langfusePrompt": '{"name": "greet", "version": 3}',
        "gen_ai.usage.input_tokens": 10,
    }
    row = decoded("gen_ai", "step 1", said)
    holds(row, emitter="vercel_7", role="wrapper", session_id="s-1", tenant_id="acme", input_tokens=None)
    holds(row, prompt_name="greet", prompt_version="3")


def test_langfuses_langchain_handler_has_buckets_that_exclude_each_other() -> None:
    said = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "gpt-4.1-mini",
        "langfuse.observation.usage_details": '{"input": 70, "output": 15, "total": 120, "input_cache_read": 30, '
        '"output_reasoning": 5}',
    }
    row = decoded("langfuse-sdk", "ChatOpenAI", said)
    holds(row, input_tokens=100, cached_input_tokens=30, output_tokens=20, reasoning_tokens=5)


def test_a_document_of_ones_own_is_no_response_id_in_langfuse() -> None:
    said = {"langfuse.observation.type": "generation", "langfuse.observation.metadata.id": '"order-7"'}
    holds(decoded("langfuse-sdk", "gen", said), role="call", response_id=None)


def test_what_a_model_wrote_is_no_response_id_in_openinference() -> None:
    said = {"openinference.span.kind": "LLM", "output.value": '{"id": "7"}', "output.mime_type": "text/plain"}
    holds(decoded("openinference.instrumentation.litellm", "completion", said), response_id=None)
    del said["output.mime_type"]
    holds(decoded("openinference.instrumentation.litellm", "completion", said), response_id=None)


def test_an_agent_that_sums_up_its_steps_is_no_call_in_openinference() -> None:
    said = {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 900, "llm.model_name": "gpt-4o"}
    holds(
        decoded("openinference.instrumentation.smolagents", "CodeAgent.run", said),
        role="wrapper",
        input_tokens=None,
    )


def test_openllmetry_before_operations_had_names() -> None:
    said = {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 4,
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.name": "a",
        "gen_ai.completion.0.tool_calls.1.name": "b",
    }
    row = decoded("opentelemetry.instrumentation.openai.v1", "openai.chat", said, kind=Span.SPAN_KIND_CLIENT)
    holds(
        row,
        emitter="openllmetry",
        role="call",
        provider="openai",
        input_tokens=10,
        output_tokens=4,
        tool_calls=2,
    )
    holds(decoded("x", "rerank", {"llm.request.type": "rerank"}), role="wrapper")


def test_openllmetrys_google_leaves_the_thoughts_to_the_total() -> None:
    said = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.total_tokens": 150,
    }
    row = decoded("opentelemetry.instrumentation.google_generativeai", "gemini.generate_content", said)
    holds(row, emitter="openllmetry", output_tokens=50, reasoning_tokens=30, usage_source="reconstructed")


def test_bedrock_in_strands_counts_its_input_without_the_cache() -> None:
    said = CLAUDE | {"gen_ai.provider.name": "strands-agents", "gen_ai.usage.total_tokens": 135}
    holds(decoded("strands.telemetry.tracer", "chat", said), input_tokens=130, usage_semantics="exclusive")


def test_the_agent_development_kit_before_operations_had_names() -> None:
    said = {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash"}
    row = decoded("gcp.vertex.agent", "call_llm", said)
    holds(row, emitter="google_adk", role="call", operation="generate_content", provider="gcp.gemini")
    holds(decoded("gcp.vertex.agent", "invocation", {}), role="wrapper")


def test_counting_a_prompts_tokens_is_no_call() -> None:
    row = decoded(
        "com.anthropic.sdk.python", "anthropic.messages.count_tokens", {"gen_ai.operation.name": "chat"}
    )
    holds(row, emitter="anthropic_sdk", role="wrapper")


@pytest.mark.parametrize(
    ("operation", "role"),
    [
        ("chat", "call"),
        ("embeddings", "call"),
        ("chat.completions", "call"),
        ("execute_tool", "wrapper"),
        ("rerank", "wrapper"),
        ("plan", "wrapper"),
        ("an operation that nobody knows", "wrapper"),
    ],
)
def test_an_unknown_operation_is_no_call(operation: str, role: str) -> None:
    holds(decoded("some.library", "x", {"gen_ai.operation.name": operation}), emitter="otel", role=role)


def test_a_span_without_any_mark_is_context() -> None:
    holds(decoded("fastapi", "GET /", {"http.route": "/"}), role="context", emitter=None)


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ({"logfire.sample_rate": 0.25}, 0.25),
        ({"SampleRate": 20}, 0.05),
        ({"sampler.type": "probabilistic", "sampler.param": 0.5}, 0.5),
        ({"sampler.type": "const", "sampler.param": 1}, None),
        ({"sample_rate": 16_000}, None),
    ],
)
def test_samplers_say_what_share_they_kept(said: dict[str, Any], rate: float | None) -> None:
    holds(decoded("some.library", "chat x", CLAUDE | said), sampling_rate=rate)
