"""OpenLIT, LangSmith, Microsoft's Agent Framework and LiteLLM: emitters that no capture shows, or not whole."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.one_span import CLAUDE, decoded, holds


def test_openlit_counts_claudes_input_without_the_cache() -> None:
    row = decoded("openlit.instrumentation.anthropic", "chat claude-sonnet-4-5", CLAUDE)
    holds(
        row,
        emitter="openlit",
        role="call",
        input_tokens=130,
        cached_input_tokens=100,
        usage_semantics="exclusive",
    )


def test_openlit_counts_openais_input_with_the_cache() -> None:
    said = CLAUDE | {"gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 200}
    row = decoded("openlit.instrumentation.openai", "chat gpt-4o", said)
    holds(row, input_tokens=200, usage_semantics="inclusive")


def test_openlits_failed_claude_call_has_nothing_but_its_name() -> None:
    row = decoded(
        "openlit.instrumentation.anthropic",
        "chat claude-sonnet-4-5",
        {},
        kind=Span.SPAN_KIND_CLIENT,
        error="Error code: 529 - overloaded",
    )
    holds(
        row,
        role="call",
        operation="chat",
        model_requested="claude-sonnet-4-5",
        provider="anthropic",
        error_class="server",
    )


def test_openlits_time_to_the_first_token_is_in_seconds_and_none_without_a_stream() -> None:
    said = CLAUDE | {"gen_ai.server.time_to_first_token": 0.5, "gen_ai.request.is_stream": True}
    holds(decoded("openlit.instrumentation.openai", "chat gpt-4o", said), ttft_ns=500_000_000, stream=True)
    said |= {"gen_ai.request.is_stream": False}
    holds(decoded("openlit.instrumentation.openai", "chat gpt-4o", said), ttft_ns=None, stream=False)


def test_what_openlit_guesses_of_a_stream_without_usage_is_not_reported() -> None:
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cost": 0,
        "openlit.agent.version_hash": "73fedb5000f1916c",
        "openai.response.service_tier": "auto",
    }
    row = decoded("openlit.instrumentation.openai", "chat gpt-4o", said)
    holds(
        row,
        usage_source="none",
        input_tokens=None,
        output_tokens=None,
        reported_cost_usd=None,
        service_tier=None,
    )
    said |= {"gen_ai.usage.cache_read.input_tokens": 0}
    holds(
        decoded("openlit.instrumentation.openai", "chat gpt-4o", said),
        input_tokens=4,
        usage_source="reported",
    )


def test_openlit_counts_the_ids_of_called_tools() -> None:
    said = CLAUDE | {
        "gen_ai.tool.call.id": "toolu_1, toolu_2",
        "gen_ai.response.finish_reasons": ["tool_use"],
    }
    row = decoded("openlit.instrumentation.anthropic", "chat claude-sonnet-4-5", said)
    holds(row, tool_calls=2, finish_reason="tool_calls")


def test_langsmiths_prompts_are_marked_chat_and_are_no_calls() -> None:
    said = {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat", "gen_ai.system": "langchain"}
    holds(decoded("langsmith", "ChatPromptTemplate", said), emitter="langsmith", role="wrapper")


def test_langsmiths_chains_repeat_the_usage_of_their_calls() -> None:
    said = {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain", "gen_ai.usage.input_tokens": 10}
    holds(decoded("langsmith", "RunnableSequence", said), role="wrapper", input_tokens=None)


def test_langsmiths_details_of_the_usage_are_a_repr() -> None:
    said = {
        "langsmith.span.kind": "llm",
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "langchain",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.input_token_details": "{'audio': 0, 'cache_read': 30}",
        "gen_ai.usage.output_token_details": "{'reasoning': 12}",
        "gen_ai.response.finish_reasons": "stop, length",
        "gen_ai.completion": '{"generations": [[{"message": {"kwargs": {"response_metadata": {"id": "chatcmpl-9"}}}}]]}',
        "langsmith.metadata.thread_id": "t-1",
        "langsmith.metadata.tenant": "acme",
        "langsmith.trace.session_name": "a project",
    }
    row = decoded("langsmith", "ChatOpenAI", said)
    holds(
        row, role="call", provider="openai", cached_input_tokens=30, reasoning_tokens=12, finish_reason="stop"
    )
    holds(row, response_id="chatcmpl-9", session_id="t-1", tenant_id="acme")


def test_langsmith_keeps_the_details_of_langchains_models_in_the_answer() -> None:
    said = {
        "langsmith.span.kind": "llm",
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.completion": '{"generations": [[{"message": {"kwargs": {"usage_metadata": {"input_tokens": 50, '
        '"input_token_details": {"cache_read": 30}, "output_token_details": {"reasoning": 12}}}}}]]}',
    }
    holds(
        decoded("langsmith", "ChatOpenAI", said), input_tokens=50, cached_input_tokens=30, reasoning_tokens=12
    )


def test_an_agents_invocation_in_microsofts_framework_is_a_wrapper() -> None:
    said = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.agent.name": "a",
    }
    holds(decoded("agent_framework", "invoke_agent a", said), emitter="ms_agent_framework", role="wrapper")


def test_microsofts_framework_is_no_provider() -> None:
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "microsoft.agent_framework",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.finish_reasons": '["tool_calls"]',
    }
    row = decoded("agent_framework", "chat gpt-4o", said, error="Error code: 429 - slow down")
    holds(
        row,
        role="call",
        provider="openai",
        finish_reason="tool_calls",
        error_class="rate_limit",
        http_status=429,
    )


def test_litellms_proxy_writes_the_call_on_its_own_span_or_is_around_it() -> None:
    name = "Received Proxy Server Request"
    holds(decoded("litellm", name, {}, kind=Span.SPAN_KIND_SERVER), emitter="litellm", role="wrapper")
    said = {
        "gen_ai.operation.name": "acompletion",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.system": "openai",
    }
    holds(decoded("litellm", name, said, kind=Span.SPAN_KIND_SERVER), role="call", operation="chat")


@pytest.mark.parametrize("name", ["router", "auth", "self", "proxy_pre_call", "raw_gen_ai_request"])
def test_litellms_own_work_is_no_call(name: str) -> None:
    holds(decoded("litellm", name, {"service": "x"}), role="wrapper")


def test_litellm_quotes_what_its_client_sent_as_a_repr() -> None:
    said = {
        "gen_ai.operation.name": "acompletion",
        "gen_ai.request.model": "gpt-4o",
        "litellm.provider.model": "azure/gpt-4o",
        "metadata.user_api_key_team_id": "",
        "metadata.requester_metadata": "{'session_id': 's-1', 'tenant': 'acme', 'user_id': 'u-1'}",
        "metadata.user_api_key_user_id": "key-owner",
    }
    row = decoded("litellm", "litellm_request", said)
    holds(row, provider="azure.ai.openai", session_id="s-1", tenant_id="acme", user_id="u-1")


def test_an_alias_of_litellms_proxy_is_no_model_that_answered() -> None:
    said = {
        "gen_ai.operation.name": "acompletion",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.response.model": "fast",
        "litellm.model_group": "fast",
    }
    holds(decoded("litellm", "litellm_request", said), model_requested="gpt-4.1-mini", model_answered=None)


def test_agno_always_writes_the_model_that_it_asked_for() -> None:
    said = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.provider": "OpenAI"}
    row = decoded("openinference.instrumentation.agno", "OpenAIChat.invoke", said)
    holds(row, provider="openai", model_requested="gpt-4o", model_answered=None)


def test_litellms_second_version_has_names_of_its_own() -> None:
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "fast",
        "gen_ai.response.model": "fast",
        "litellm.provider.model": "openai/gpt-4.1-mini",
        "litellm.request.route": "/v1/chat/completions",
        "litellm.call_id": "c-1",
        "litellm.team.id": "acme",
        "litellm.end_user.id": "u-1",
        "litellm.cost.total": 0.5,
        "litellm.request.streaming": True,
    }
    row = decoded("litellm", "chat gpt-4o", said, kind=Span.SPAN_KIND_CLIENT)
    holds(row, role="call", tenant_id="acme", user_id="u-1", reported_cost_usd=0.5, stream=True)
    holds(row, model_requested="gpt-4.1-mini", model_answered=None)
