"""OpenInference (Arize): one span kind for everything, messages flattened into attributes, the answer in `output.value`.

Captured: instrumentations of openai, anthropic, langchain, litellm, openai-agents and crewai, November 2026. Tried against a
local server then: agno. From the specification (spec/semantic_conventions.md) and not captured:
`llm.token_count.prompt_details.cache_input`, `prompt.id`, and the same attributes from smolagents, the JavaScript packages
and whoever else follows it.

Traps. Agent spans of smolagents and the Claude agent SDK carry the summed counts of their steps: only LLM and EMBEDDING are
calls. `llm.model_name` is the model that answered on success and the one asked for on failure; LiteLLM's variant
("openai/gpt-4.1-mini"), agno and smolagents always write the asked one. The response's id stands inside `output.value` only:
at the top, or where LangChain keeps it; an `output.value` that is no JSON by its own word is what the model wrote, and is not
looked into.
"""

from __future__ import annotations

from collector.conventions.columns import (
    Always,
    Counted,
    Family,
    FromAttributes,
    FromDocument,
    FromEvent,
    FromPattern,
    Is,
    Unsaid,
)
from collector.conventions.raw_usage import DETAILS, of_document

_KIND = "openinference.span.kind"
_EMBEDDING = Is(value=(_KIND, ("EMBEDDING", "embedding")))
_LANGCHAIN = "generations.0.0.message.kwargs.response_metadata"

FAMILY = Family(
    name="openinference",
    precedence=10,
    marks=(Is(has=(_KIND,)),),
    roles=((Is(value=(_KIND, ("LLM", "EMBEDDING", "llm", "embedding"))), "call"),),
    mapping=(
        Always("operation", "embeddings", _EMBEDDING),
        Always("operation", "chat"),
        FromAttributes("provider", ("llm.provider", "llm.system"), "text"),
        FromAttributes("model_requested", ("llm.request.model_name",), "text"),
        FromDocument(
            "model_requested", "llm.invocation_parameters", ("model", "model_name", "modelId"), "text"
        ),
        FromDocument("model_requested", "embedding.invocation_parameters", ("model", "model_name"), "text"),
        FromAttributes("model_requested", ("llm.model_name", "embedding.model_name"), "text"),
        # There the parameters are those of the answer.
        Unsaid("model_requested", Is(scope=r"openinference\.instrumentation\.openai_agents")),
        FromAttributes("model_answered", ("llm.response.model_name",), "text"),
        FromDocument(
            "model_answered",
            "output.value",
            ("model", f"{_LANGCHAIN}.model_name", "llm_output.model_name"),
            "text",
        ),
        FromAttributes("model_answered", ("llm.model_name", "embedding.model_name"), "text"),
        Unsaid("model_answered", Is(failed=True)),
        Unsaid("model_answered", Is(scope=r"openinference\.instrumentation\.(agno|smolagents)")),
        FromAttributes("input_tokens", ("llm.token_count.prompt",), "count"),
        FromAttributes(
            "cached_input_tokens",
            ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
            "count",
        ),
        FromAttributes("cache_write_tokens", ("llm.token_count.prompt_details.cache_write",), "count"),
        *of_document(
            "output.value",
            "usage.",
            f"{_LANGCHAIN}.usage.",
            f"{_LANGCHAIN}.token_usage.",
            "usage_metadata.",
            columns=tuple(column for column in DETAILS if column != "service_tier"),
        ),
        # The Responses API counts searches beside its usage.
        FromDocument("web_searches", "output.value", ("tool_usage.web_search.num_requests",), "count"),
        FromAttributes("output_tokens", ("llm.token_count.completion",), "count"),
        FromAttributes("reasoning_tokens", ("llm.token_count.completion_details.reasoning",), "count"),
        FromAttributes("audio_input_tokens", ("llm.token_count.prompt_details.audio",), "count"),
        FromAttributes("audio_output_tokens", ("llm.token_count.completion_details.audio",), "count"),
        FromAttributes("total_tokens", ("llm.token_count.total",), "count"),
        FromAttributes("reported_cost_usd", ("llm.cost.total",), "number"),
        FromDocument(
            "service_tier",
            "output.value",
            (
                "service_tier",
                f"{_LANGCHAIN}.service_tier",
                "usage.service_tier",
                f"{_LANGCHAIN}.usage.service_tier",
                "usage_metadata.traffic_type",
            ),
            "text",
        ),
        FromDocument("service_tier_requested", "llm.invocation_parameters", ("service_tier",), "text"),
        FromDocument("speed", "llm.invocation_parameters", ("speed",), "text"),
        FromDocument("address", "llm.invocation_parameters", ("api_base", "base_url"), "text"),
        # Only a yes: LangChain's settings say no for models that are streamed.
        FromPattern("stream", "llm.invocation_parameters", r'"stream"\s*:\s*(true)', "flag"),
        FromEvent("ttft_s", "First Token Stream Event"),
        FromAttributes("finish_reason", ("llm.finish_reason",), "first_text"),
        FromDocument(
            "finish_reason",
            "output.value",
            ("choices.0.finish_reason", f"{_LANGCHAIN}.finish_reason", "stop_reason"),
            "text",
        ),
        FromDocument(
            "response_id", "output.value", ("id", f"{_LANGCHAIN}.id", "responseId", "response_id"), "text"
        ),
        Unsaid("response_id", Is(lacks=("output.mime_type", "gen_ai.response.id"))),
        Unsaid("response_id", Is(value=("output.mime_type", ("text/plain",)), lacks=("gen_ai.response.id",))),
        Counted(
            "tool_calls",
            r"^llm\.output_messages\.\d+\.message\.tool_calls\.\d+\.tool_call\.function\.name$",
            of_names=True,
        ),
        # An answer without any is there all the same, with the role of its message.
        Counted("tool_calls", "tool_call", ("llm.output_messages.0.message.role",)),
        Unsaid("tool_calls", Is(failed=True)),
        FromAttributes("session_id", ("session.id",), "text", moved=True),
        FromDocument("session_id", "metadata", ("session_id", "thread_id", "conversation_id"), "text"),
        FromDocument("session_id", "llm.invocation_parameters", ("metadata.session_id",), "text"),
        FromAttributes("user_id", ("user.id",), "text", moved=True),
        FromDocument("user_id", "metadata", ("user_id",), "text"),
        FromDocument(
            "user_id", "llm.invocation_parameters", ("user", "metadata.user_id", "safety_identifier"), "text"
        ),
        FromAttributes("tenant_id", ("tenant.id",), "text", moved=True),
        FromDocument("tenant_id", "metadata", ("tenant", "tenant_id", "organization_id"), "text"),
        FromDocument(
            "tenant_id", "llm.invocation_parameters", ("metadata.tenant", "metadata.tenant_id"), "text"
        ),
        FromAttributes("prompt_name", ("prompt.id",), "text"),
        FromAttributes("prompt_version", ("llm.prompt_template.version",), "text"),
        FromAttributes("agent_name", ("agent.name", "graph.node.id"), "text"),
        FromDocument("agent_name", "metadata", ("lc_agent_name",), "text"),
    ),
    # Old releases of its Anthropic instrumentation left the cache out (openinference#2381): then the counts show it.
    input_includes_cache=(
        Is(scope=r"openinference\.instrumentation\.(openai|langchain|litellm|bedrock|anthropic)"),
    ),
)
