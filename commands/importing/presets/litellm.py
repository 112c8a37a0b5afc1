"""LiteLLM proxy: the table `LiteLLM_SpendLogs`, exported by SQL (CSV, JSON, Parquet) or taken from `/spend/logs`.

Source, read November 2026: github.com/BerriAI/litellm, schema.prisma (model LiteLLM_SpendLogs),
litellm/proxy/spend_tracking/spend_tracking_utils.py (`get_logging_payload`) and issues 8784, 11364, 15056 (cached
tokens are in `metadata.additional_usage_values` and `metadata.usage_object`, never in a column).

* `prompt_tokens` includes cached tokens, but for releases that wrote Claude's own count: where the cached ones are more
  than all, they were left out and are added (`projection`).
* Counts and spend are 0 by default: a row without a single token had none reported.
* `cache_hit` is the proxy's own cache, as the text "True", "False" or "None"; its request_id gets `_cache_hit…` behind.
* `session_id` is the trace of the client's request, and unique to the call where the client gave none.
* `completionStartTime` is the end of the call where nothing was streamed.
* Image, audio, file, batch and tool calls have no tokens to count and are skipped. `api_key` (a hash), `cache_key`,
  addresses and request bodies stay behind.
"""

from __future__ import annotations

from commands.importing.presets import Preset

_USAGE = ("metadata.additional_usage_values", "metadata.usage_object")


def _usage(*members: str) -> tuple[str, ...]:
    """The places of a count within the metadata."""
    return tuple(f"{usage}.{member}" for usage in _USAGE for member in members)


PRESET = Preset(
    name="litellm",
    marks=(("request_id",), ("call_type",), ("startTime",), ("spend",)),
    columns={
        "id": ("request_id",),
        "trace_id": ("session_id",),
        "session_id": ("session_id",),
        "response_id": ("request_id",),
        "operation": ("call_type",),
        "started_at": ("startTime",),
        "ended_at": ("endTime",),
        "duration_ms": ("request_duration_ms",),
        "first_token_at": ("completionStartTime",),
        "provider": ("custom_llm_provider",),
        "model_requested": ("model_group", "model"),  # the alias that the client asked for
        "model_answered": ("model",),
        "input_tokens": ("prompt_tokens",),
        "output_tokens": ("completion_tokens",),
        "cached_input_tokens": _usage("cache_read_input_tokens", "prompt_tokens_details.cached_tokens"),
        "cache_write_tokens": _usage(
            "cache_creation_input_tokens", "prompt_tokens_details.cache_creation_tokens"
        ),
        "reasoning_tokens": _usage("completion_tokens_details.reasoning_tokens"),
        "audio_input_tokens": _usage("prompt_tokens_details.audio_tokens"),
        "audio_output_tokens": _usage("completion_tokens_details.audio_tokens"),
        "reported_cost_usd": ("spend",),
        "status": ("status", "metadata.status"),  # success | failure
        "error_type": ("metadata.error_information.error_class",),
        "http_status": ("metadata.error_information.error_code",),
        "cache_hit": ("cache_hit",),
        "tenant_id": ("team_id", "metadata.user_api_key_team_id", "organization_id"),
        "user_id": ("end_user", "user"),
        "agent_name": ("agent_id",),
        "input_messages": ("messages", "proxy_server_request.messages"),
        "output_messages": ("response",),
    },
    computed={
        # openai/gpt-4o, where the provider is openai
        "model_answered": "case when is_failure(status) then null when starts_with(model_answered, provider || '/') "
        "then substr(model_answered, length(provider) + 2) else model_answered end",
        # An answer from the cache bears the id of another call's answer.
        "response_id": "case when not contains(response_id, '_cache_hit') then response_id end",
        # A code of the provider may be a word.
        "http_status": "nullif(regexp_extract(http_status, '^[1-5][0-9][0-9]$'), '')",
        "error_type": "case when is_failure(status) then error_type end",
        "input_messages": "nullif(nullif(input_messages, '{}'), '[]')",
        "output_messages": "nullif(output_messages, '{}')",
    },
    operations={
        "completion": "chat",
        "acompletion": "chat",
        "anthropic_messages": "chat",
        "text_completion": "text_completion",
        "atext_completion": "text_completion",
        "responses": "responses",
        "aresponses": "responses",
        "generate_content": "generate_content",
        "agenerate_content": "generate_content",
        "generate_content_stream": "generate_content",
        "agenerate_content_stream": "generate_content",
        "embedding": "embeddings",
        "aembedding": "embeddings",
        "pass_through_endpoint": "chat",
        "allm_passthrough_route": "chat",
    },
)
