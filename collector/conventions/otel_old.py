"""OpenTelemetry GenAI, deprecated names and the spellings that were never in the conventions: looked for last.

Sources: the deprecation notes of the GenAI conventions; captures of opentelemetry-instrumentation-openai-v2 2.4b0, the
JavaScript instrumentation, LiteLLM and strands; OpenLLMetry before 0.40 and OpenLIT before 1.35 (source code) for
`llm.usage.*`, `gen_ai.completion.N.*` and `gen_ai.request.is_stream`. Meaning of the counts as in the current names.
"""

from __future__ import annotations

from collector.conventions.columns import Counted, FromAttributes

MAPPING = (
    FromAttributes("provider", ("gen_ai.system",), "text"),
    FromAttributes("model_requested", ("llm.request.model",), "text"),
    FromAttributes("model_answered", ("llm.response.model",), "text"),
    FromAttributes(
        "service_tier", ("gen_ai.openai.response.service_tier", "gen_ai.response.service_tier"), "text"
    ),
    FromAttributes(
        "service_tier_requested",
        ("gen_ai.openai.request.service_tier", "gen_ai.request.service_tier"),
        "text",
    ),
    FromAttributes("address", ("net.peer.name", "gen_ai.openai.api_base", "http.url"), "text"),
    FromAttributes("input_tokens", ("gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"), "count"),
    FromAttributes(
        "cached_input_tokens",
        (
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
            "gen_ai.usage.cached_input_tokens",
        ),
        "count",
    ),
    FromAttributes(
        "cache_write_tokens",
        ("gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens"),
        "count",
    ),
    FromAttributes(
        "output_tokens", ("gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"), "count"
    ),
    FromAttributes(
        "reasoning_tokens",
        (
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
            "llm.usage.reasoning_tokens",
        ),
        "count",
    ),
    FromAttributes("total_tokens", ("llm.usage.total_tokens",), "count"),
    FromAttributes("stream", ("gen_ai.is_streaming", "llm.is_streaming", "gen_ai.request.is_stream"), "flag"),
    FromAttributes("ttft_s_or_ms", ("gen_ai.server.time_to_first_token",), "number"),
    FromAttributes("ttft_s", ("gen_ai.client.operation.time_to_first_chunk",), "number"),
    FromAttributes(
        "finish_reason", ("gen_ai.response.finish_reason", "gen_ai.completion.0.finish_reason"), "first_text"
    ),
    Counted("tool_calls", r"^gen_ai\.completion\.\d+\.tool_calls\.\d+\.name$", of_names=True),
    FromAttributes(
        "user_id", ("gen_ai.user", "gen_ai.request.user", "llm.user", "user_id"), "text", moved=True
    ),
    FromAttributes("session_id", ("session_id",), "text", moved=True),
    FromAttributes("tenant_id", ("tenant_id",), "text", moved=True),
    FromAttributes(
        "reported_cost_usd", ("gen_ai.usage.cost", "gen_ai.cost.total_cost", "operation.cost"), "number"
    ),
)
