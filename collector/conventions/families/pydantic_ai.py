"""Pydantic AI's own spans (scope `pydantic-ai`).

Captured: agents with tools, streams, OpenAI (chat and Responses) and Claude, errors, November 2026.

Traps. Agent spans sum up: under `gen_ai.aggregated_usage.*`, before instrumentation version 5 under the very names of a
call. Whom a call is for is JSON in `metadata` of the agent's span. A conversation id is made up when the application gives
none. On failure `gen_ai.response.model` is the model asked for.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, FromDocument, Is, Unsaid
from collector.conventions.otel_current import CALL_OPERATIONS

_DETAILS = "gen_ai.usage.details"

FAMILY = Family(
    name="pydantic_ai",
    precedence=65,
    marks=(Is(scope=r"pydantic[-_]ai"),),
    roles=((Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),),
    mapping=(
        Unsaid("model_answered", Is(failed=True)),
        FromAttributes(
            "cached_input_tokens",
            ("gen_ai.usage.cache_read.input_tokens", f"{_DETAILS}.cache_read_tokens"),
            "count",
        ),
        FromAttributes(
            "cache_write_tokens",
            ("gen_ai.usage.cache_creation.input_tokens", f"{_DETAILS}.cache_write_tokens"),
            "count",
        ),
        FromAttributes("cache_write_1h_tokens", (f"{_DETAILS}.ephemeral_1h_input_tokens",), "count"),
        FromAttributes(
            "reasoning_tokens",
            tuple(f"{_DETAILS}.{name}_tokens" for name in ("reasoning", "thoughts", "thinking")),
            "count",
        ),
        FromAttributes(
            "audio_input_tokens",
            (f"{_DETAILS}.input_audio_tokens", f"{_DETAILS}.audio_prompt_tokens"),
            "count",
        ),
        FromAttributes(
            "audio_output_tokens",
            (f"{_DETAILS}.output_audio_tokens", f"{_DETAILS}.audio_candidates_tokens"),
            "count",
        ),
        FromAttributes(
            "cached_audio_input_tokens",
            (f"{_DETAILS}.cache_audio_read_tokens", f"{_DETAILS}.audio_cache_tokens"),
            "count",
        ),
        FromAttributes("image_input_tokens", (f"{_DETAILS}.image_prompt_tokens",), "count"),
        FromAttributes("image_output_tokens", (f"{_DETAILS}.image_candidates_tokens",), "count"),
        FromAttributes("cached_image_input_tokens", (f"{_DETAILS}.image_cache_tokens",), "count"),
        FromAttributes("web_searches", (f"{_DETAILS}.web_search_requests",), "count"),
        FromAttributes("reported_cost_usd", ("operation.cost",), "number"),
        FromAttributes("ttft_s", ("gen_ai.client.operation.time_to_first_chunk",), "number"),
        Always("stream", True, Is(has=("gen_ai.client.operation.time_to_first_chunk",))),
        FromDocument("session_id", "metadata", ("session_id", "thread_id", "conversation_id"), "text"),
        FromDocument("user_id", "metadata", ("user_id",), "text"),
        FromDocument("tenant_id", "metadata", ("tenant", "tenant_id", "organization_id"), "text"),
        FromAttributes("agent_name", ("gen_ai.agent.name", "agent_name"), "text"),
    ),
    input_includes_cache=(Is(),),
)
