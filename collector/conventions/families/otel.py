"""OpenTelemetry GenAI spans that no more specific family takes.

Captured: the official instrumentations (genai-openai, genai-anthropic, genai-langchain, genai-openai-agents, openai-v2 in
its old and latest modes, google-genai, JavaScript openai). Also every library that speaks the conventions by itself:
Semantic Kernel, Spring AI, botocore, Azure AI inference, our own gateway.

Traps. The operation decides, whatever the span's kind. google-genai sums nothing: one span of automatic function calling
covers several requests and reports the last one's usage. Claude Code's spans repeat what its log events say, and the log
event is the call.
"""

from __future__ import annotations

from collector.conventions.columns import Family, Is
from collector.conventions.otel_current import CALL_OPERATIONS

FAMILY = Family(
    name="otel",
    precedence=90,
    marks=(
        Is(
            has=(
                "gen_ai.operation.name",
                "gen_ai.provider.name",
                "gen_ai.system",
                "gen_ai.request.model",
                "gen_ai.agent.name",
                "gen_ai.workflow.name",
                "gen_ai.tool.name",
                "llm_request.context",
            )
        ),
    ),
    roles=(
        (Is(has=("llm_request.context",)), "wrapper"),
        (Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),
    ),
    mapping=(),
    # botocore hands on what Bedrock says.
    input_excludes_cache=(Is(scope=r"opentelemetry\.instrumentation\.botocore"),),
    input_includes_cache=(
        Is(scope=r"opentelemetry\.(instrumentation\.(genai|google_genai|openai_v2)|util\.genai)"),
        Is(scope=r"steelyard"),
    ),
)
