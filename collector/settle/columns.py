"""Which columns of a span other spans may change, and what kind each is."""

from __future__ import annotations

import pyarrow as pa

from collector.decode.columns import CANONICAL, DIMENSION, RESOURCE_DIMENSION

# Whose call it is: looked for on the call itself, on its duplicates, up the tree, in the trace, on the resource.
IDENTITY = ("tenant_id", "session_id", "user_id", "feature", "prompt_name", "prompt_version", "agent_name")
# Of these a span further away in the trace says nothing: a trace has many prompts and agents.
FROM_ANCESTORS_ONLY = ("prompt_name", "prompt_version", "agent_name")
# What the resource may say, used when nothing nearer does: column -> the decoded column.
FROM_RESOURCE = {name: f"resource_{name}" for name in ("tenant_id", "session_id", "user_id", "feature")}

# Token counts are filled in groups: parts only from a span that agrees on the total.
INPUT_USAGE = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "cached_audio_input_tokens",
    "image_input_tokens",
)
OUTPUT_USAGE = ("output_tokens", "reasoning_tokens", "audio_output_tokens", "image_output_tokens")
# What a duplicate may know and the span that stays does not.
GAPS = (
    "operation",
    "provider",
    "model_requested",
    "model_answered",
    "service_tier",
    "stream",
    "ttft_ns",
    "error_class",
    "error_type",
    "http_status",
    "finish_reason",
    "safety_decision",
    "cache_hit",
    "run_id",
    "case_id",
    "response_id",
    "tool_calls",
    "reported_cost_usd",
    "web_searches",
    "host_provider",
    "region",
    "key_owner",
)
# What becomes of the span itself.
DECIDED: dict[str, pa.DataType] = {
    "role": pa.string(),
    "duplicate_of": pa.uint64(),
    "doubt": pa.string(),
    "request_id": pa.string(),
    "attempt": pa.int64(),
    "duration_ns": pa.int64(),
}
# Only failed calls have these.
OF_FAILURES = ("error_class", "error_type")


def dimensions_of(names: list[str]) -> list[str]:
    """The columns of configured dimensions among these."""
    return [name for name in names if name.startswith(DIMENSION)]


def settled_columns(names: list[str]) -> dict[str, pa.DataType]:
    """Every column that settling may change, of a table with these columns."""
    said = (
        *INPUT_USAGE,
        *OUTPUT_USAGE,
        "usage_source",
        "usage_semantics",
        "usage_confidence",
        *GAPS,
        *IDENTITY,
    )
    own = dict.fromkeys(dimensions_of(names), pa.string())
    return DECIDED | {name: CANONICAL[name] for name in said} | own


# What the rules read of a span, besides the columns that they may change.
READ = (
    "project",
    "trace_id",
    "span_id",
    "parent_span_id",
    "started_at",
    "failed",
    "emitter",
    "scope_name",
    "service_name",
    "carrier_duration_ns",
    "estimated_input_tokens",
    "estimated_output_tokens",
    *FROM_RESOURCE.values(),
)
# Of those what is no column of the store: kept in `as_sent`.
ONLY_READ: dict[str, pa.DataType] = dict.fromkeys(
    ("carrier_duration_ns", "estimated_input_tokens", "estimated_output_tokens"), pa.int64()
)


def settle_input(spans: pa.Table) -> pa.Table:
    """The columns that settling reads and writes; those that are not there are NULL."""
    names = spans.column_names
    dimensions = [name for name in names if name.startswith((DIMENSION, RESOURCE_DIMENSION))]
    kinds = settled_columns(names) | ONLY_READ
    wanted = dict.fromkeys((*READ, *settled_columns(names), *dimensions))
    missing = {
        name: pa.nulls(spans.num_rows, kinds.get(name, pa.string())) for name in wanted if name not in names
    }
    return pa.table({name: missing.get(name) if name in missing else spans.column(name) for name in wanted})
