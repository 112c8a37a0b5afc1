"""The columns of a decoded span that settling reads, besides what it is and when: all are always there, NULL or not."""

from __future__ import annotations

import pyarrow as pa

# What a span says of whom it was for; of every role, because calls inherit it.
WHOSE: dict[str, pa.DataType] = dict.fromkeys(
    (
        "tenant_id",
        "session_id",
        "user_id",
        "feature",
        "environment",
        "prompt_name",
        "prompt_version",
        "agent_name",
    ),
    pa.string(),
)
# From the resource, for spans that say nothing themselves.
OF_RESOURCE: dict[str, pa.DataType] = dict.fromkeys(
    ("resource_tenant_id", "resource_user_id", "resource_session_id", "resource_feature"), pa.string()
)
# What any span may say of a call.
NAMED: dict[str, pa.DataType] = dict.fromkeys(("operation", "provider", "response_id"), pa.string())
# Of calls and of carriers; NULL for the others, whatever their attributes say.
OF_CALLS: dict[str, pa.DataType] = {
    "model_requested": pa.string(),
    "model_answered": pa.string(),
    "service_tier": pa.string(),
    "input_tokens": pa.int64(),
    "cached_input_tokens": pa.int64(),
    "cache_write_tokens": pa.int64(),
    "cache_write_1h_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "reasoning_tokens": pa.int64(),
    "audio_input_tokens": pa.int64(),
    "audio_output_tokens": pa.int64(),
    "image_input_tokens": pa.int64(),
    "image_output_tokens": pa.int64(),
    "cached_audio_input_tokens": pa.int64(),
    "web_searches": pa.int64(),
    "usage_source": pa.string(),
    "usage_semantics": pa.string(),
    "usage_confidence": pa.string(),
    "host_provider": pa.string(),
    "region": pa.string(),
    "key_owner": pa.string(),
    "stream": pa.bool_(),
    "ttft_ns": pa.int64(),
    "error_class": pa.string(),
    "error_type": pa.string(),
    "http_status": pa.int64(),
    "finish_reason": pa.string(),
    "safety_decision": pa.string(),
    "attempt": pa.int64(),
    "cache_hit": pa.bool_(),
    "run_id": pa.string(),
    "case_id": pa.string(),
    "request_id": pa.string(),
    "tool_calls": pa.int64(),
    "sampling_rate": pa.float64(),
    "reported_cost_usd": pa.float64(),
    "carrier_duration_ns": pa.int64(),
    # Of a stream that broke off: taken for the counts when no span of the call has them.
    "estimated_input_tokens": pa.int64(),
    "estimated_output_tokens": pa.int64(),
}
CANONICAL: dict[str, pa.DataType] = WHOSE | OF_RESOURCE | NAMED | OF_CALLS
DIMENSION, RESOURCE_DIMENSION = "dim:", "resource_dim:"
