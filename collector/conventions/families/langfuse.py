"""Langfuse SDKs from version 3 on, which are built on OpenTelemetry; and other senders of `langfuse.observation.*`.

Captured: langfuse.openai, manual generations and the decorator, November 2026. From the SDK's source and not captured: the
LangChain handler (CallbackHandler), whose usage has buckets that exclude each other (`input` without `input_cache_read`,
`output` without `output_reasoning`, and of Vertex AI both without any modality); the total gives that away. Manual usage may
be either.

Traps. Many values are JSON in text ("\\"v\\""). No provider is named: the model tells. One model attribute: the one that
answered, or on failure the one asked for. A cost of 0 on failures is a filler. `completion_start_time` is a time, not a
duration. `metadata.id` is a response's id only when it looks like one.
"""

from __future__ import annotations

from collector.conventions.columns import (
    Always,
    Counted,
    Family,
    FromAttributes,
    FromDocument,
    FromPattern,
    Is,
    Unsaid,
)
from collector.conventions.raw_usage import DETAILS, PATHS, of_document

_TYPE = "langfuse.observation.type"
_USAGE = "langfuse.observation.usage_details"
_METADATA = "langfuse.observation.metadata"
_TRACE = "langfuse.trace.metadata"
_STARTED = "langfuse.observation.completion_start_time"


def _modal(side: str, modality: str) -> tuple[str, ...]:
    """What its LangChain handler makes of Vertex AI's lists."""
    return f"{side}_modality_{modality.upper()}", f"{side}_modality_{modality}"


FAMILY = Family(
    name="langfuse",
    precedence=20,
    marks=(Is(has=(_TYPE,)), Is(scope=r"langfuse-sdk")),
    roles=((Is(value=(_TYPE, ("generation", "embedding"))), "call"),),
    mapping=(
        Always("operation", "embeddings", Is(value=(_TYPE, ("embedding",)))),
        Always("operation", "chat"),
        FromAttributes("provider", (f"{_METADATA}.ls_provider",), "text"),
        FromAttributes("model", ("langfuse.observation.model.name",), "text"),
        FromDocument(
            "input_tokens",
            _USAGE,
            (
                *PATHS["input_tokens"],
                "prompt_tokens",
                "input_tokens",
                "input",
                "promptTokens",
                "prompt_token_count",
            ),
            "count",
        ),
        FromDocument(
            "cached_input_tokens",
            _USAGE,
            (*PATHS["cached_input_tokens"], "input_cache_read", "input_cached_tokens"),
            "count",
        ),
        FromDocument(
            "cache_write_tokens",
            _USAGE,
            (*PATHS["cache_write_tokens"], "input_cache_creation"),
            "count",
        ),
        FromDocument(
            "output_tokens",
            _USAGE,
            (
                *PATHS["output_tokens"],
                "completion_tokens",
                "output_tokens",
                "output",
                "completionTokens",
                "candidates_token_count",
            ),
            "count",
        ),
        FromDocument(
            "reasoning_tokens",
            _USAGE,
            (*PATHS["reasoning_tokens"], "output_reasoning", "output_reasoning_tokens"),
            "count",
        ),
        FromDocument(
            "audio_input_tokens",
            _USAGE,
            (*PATHS["audio_input_tokens"], "input_audio", "input_audio_tokens", *_modal("input", "audio")),
            "count",
        ),
        FromDocument(
            "audio_output_tokens",
            _USAGE,
            (
                *PATHS["audio_output_tokens"],
                "output_audio",
                "output_audio_tokens",
                *_modal("output", "audio"),
            ),
            "count",
        ),
        *(
            FromDocument(f"{modality}_{side}_tokens", _USAGE, _modal(side, modality), "count")
            for modality in ("text", "image")
            for side in ("input", "output")
        ),
        FromDocument("cached_audio_input_tokens", _USAGE, _modal("cached", "audio"), "count"),
        # The names that its LangChain handler makes of the provider's.
        FromDocument(
            "cache_write_1h_tokens",
            _USAGE,
            (
                *PATHS["cache_write_1h_tokens"],
                "cache_creation_ephemeral_1h_input_tokens",
                "input_ephemeral_1h_input_tokens",
            ),
            "count",
        ),
        *of_document(_USAGE, columns=DETAILS),
        FromDocument("total_tokens", _USAGE, ("total_tokens", "total", "totalTokens"), "count"),
        FromDocument("reported_cost_usd", "langfuse.observation.cost_details", ("total",), "number"),
        Unsaid("reported_cost_usd", Is(failed=True)),
        FromAttributes("service_tier", (f"{_METADATA}.service_tier",), "text"),
        # From release 5 on what was answered replaces what was asked for.
        FromDocument(
            "service_tier_requested", "langfuse.observation.model.parameters", ("service_tier",), "text"
        ),
        FromDocument("stream", "langfuse.observation.model.parameters", ("stream",), "flag"),
        Always("stream", True, Is(has=(_STARTED,))),
        FromAttributes("ttft_at", (_STARTED,), "text"),
        FromAttributes("finish_reason", (f"{_METADATA}.finish_reason",), "text"),
        FromPattern("response_id", f"{_METADATA}.id", r'^"?((?:chatcmpl|resp|msg)[-_][^"]+)', "text"),
        # A call of the Chat Completions API, or an item of the Responses API.
        Counted(
            "tool_calls",
            r'"type"\s*:\s*"(?:function|function_call|tool_call)"',
            ("langfuse.observation.output",),
        ),
        FromAttributes(
            "session_id",
            (
                "session.id",
                "langfuse.session.id",
                f"{_METADATA}.session_id",
                f"{_METADATA}.langfuse_session_id",
                f"{_TRACE}.session_id",
                f"{_METADATA}.thread_id",
            ),
            "text",
        ),
        FromAttributes(
            "user_id",
            (
                "user.id",
                "langfuse.user.id",
                f"{_METADATA}.user_id",
                f"{_METADATA}.langfuse_user_id",
                f"{_TRACE}.user_id",
            ),
            "text",
        ),
        FromAttributes(
            "tenant_id",
            (f"{_TRACE}.tenant", f"{_METADATA}.tenant", f"{_TRACE}.tenant_id", f"{_METADATA}.tenant_id"),
            "text",
        ),
        FromAttributes("prompt_name", ("langfuse.observation.prompt.name",), "text"),
        FromAttributes("prompt_version", ("langfuse.observation.prompt.version",), "text"),
        FromAttributes("environment", ("langfuse.environment",), "text"),
        FromAttributes("agent_name", (f"{_METADATA}.lc_agent_name",), "text"),
    ),
)
