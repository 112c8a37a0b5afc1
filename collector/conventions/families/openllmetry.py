"""OpenLLMetry (Traceloop), Python and JavaScript.

Captured: instrumentations of openai, anthropic and langchain, the traceloop SDK and the JavaScript openai package,
November 2026. From the source code and not captured: releases before 0.40, which have no `gen_ai.operation.name` but
`llm.request.type`, openai-agents (operation "response"), capitalised providers ("OpenAI") and flattened `gen_ai.completion.N.*`.

Traps. Spans of the decorators and of LangChain's chains have `traceloop.span.kind`, whatever else they carry, and are
wrappers. Streams of Claude count one output token too many where the counts of message_start are added to the final ones.
Its Google instrumentations leave the thoughts out of the output; only the total shows them. LangChain's spans name
"langchain" as the provider of wrappers, the true one on calls.
"""

from __future__ import annotations

from collector.conventions.columns import Family, FromAttributes, FromEvent, Is, Unsaid
from collector.conventions.otel_current import CALL_OPERATIONS

_PROPERTIES = "traceloop.association.properties"
_LANGCHAIN = r"opentelemetry\.instrumentation\.langchain$|@traceloop/instrumentation-langchain"
_GOOGLE = r"opentelemetry\.instrumentation\.(google_generativeai|vertexai)$|@traceloop/instrumentation-(vertexai|google)"

FAMILY = Family(
    name="openllmetry",
    precedence=52,
    marks=(
        Is(
            has=(
                "traceloop.span.kind",
                "traceloop.workflow.name",
                "traceloop.entity.name",
                "traceloop.entity.path",
                "gen_ai.is_streaming",
                "llm.request.type",
                "llm.is_streaming",
            )
        ),
        Is(
            scope=r"traceloop|@traceloop/|opentelemetry\.instrumentation\.(openai\.v\d|anthropic|langchain|llamaindex|bedrock|"
            r"cohere|groq|mistralai|ollama|together|replicate|watsonx|google_generativeai|alephalpha|sagemaker|crewai|agno|"
            r"haystack|writer|voyageai|openai_agents)$"
        ),
    ),
    roles=(
        (Is(has=("traceloop.span.kind",)), "wrapper"),
        # "response" is what its instrumentation of openai-agents calls a request of the Responses API.
        (Is(value=("gen_ai.operation.name", (*CALL_OPERATIONS, "response"))), "call"),
        (
            Is(
                value=("llm.request.type", ("chat", "completion", "embedding")),
                lacks=("gen_ai.operation.name",),
            ),
            "call",
        ),
    ),
    mapping=(
        FromAttributes("operation", ("gen_ai.operation.name", "llm.request.type"), "text"),
        # What LangChain's handler names as the answering model on failures is the one asked for.
        Unsaid("model_answered", Is(scope=_LANGCHAIN, failed=True)),
        Unsaid("tool_calls", Is(failed=True)),
        FromEvent("ttft_s", "gen_ai.content.completion.chunk"),
        FromEvent("ttft_s", "llm.content.completion.chunk"),
        FromAttributes(
            "session_id",
            (
                f"{_PROPERTIES}.session_id",
                f"{_PROPERTIES}.thread_id",
                f"{_PROPERTIES}.conversation_id",
                "traceloop.session_id",
            ),
            "text",
            moved=True,
        ),
        FromAttributes("user_id", (f"{_PROPERTIES}.user_id", "gen_ai.user", "llm.user"), "text", moved=True),
        FromAttributes(
            "tenant_id",
            (f"{_PROPERTIES}.tenant", f"{_PROPERTIES}.tenant_id", f"{_PROPERTIES}.organization_id"),
            "text",
            moved=True,
        ),
        FromAttributes("prompt_name", ("traceloop.prompt.key",), "text"),
        FromAttributes(
            "prompt_version", ("traceloop.prompt.version", "traceloop.prompt.version_hash"), "text"
        ),
        FromAttributes(
            "agent_name",
            (f"{_PROPERTIES}.lc_agent_name", "gen_ai.agent.name", "traceloop.workflow.name"),
            "text",
        ),
    ),
    # Bedrock's own counts, as its API has them.
    input_excludes_cache=(Is(scope=r"opentelemetry\.instrumentation\.bedrock$"),),
    input_includes_cache=(Is(scope=r"opentelemetry\.instrumentation\.(anthropic|openai|langchain)"),),
    output_excludes_reasoning=(Is(scope=_GOOGLE),),
)
