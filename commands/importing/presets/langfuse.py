"""Langfuse: observations, as the blob storage integration, the pages (Export) and the API write them.

Source, read November 2026: langfuse.com/docs "Blob storage export field reference", "Observations API" (v2) and "Token
& cost tracking"; github.com/langfuse/langfuse, worker/src/features/database-read-stream/observation-stream.ts and
packages/shared/src/server/repositories/observations_converters.ts (what Export writes: the API's names). Blob storage
writes snake_case, everything else camelCase; times are UTC with or without a zone; "" and null are nothing.

* Only generations and embeddings are calls; spans, events, agents, tools … repeat what is inside of them.
* Usage types are buckets that exclude each other, and their names are free: all that say "input" add up to the input,
  all that say "output" to the output, as Langfuse's own pages add them. A usage object with other keys than OpenAI's
  was stored as it came (`prompt_tokens` …), where counts include each other.
* Observations of the legacy blob export know no user and no session. There is no tenant: it is looked for in metadata.
* Ids of spans that came by OpenTelemetry are kept, so a call that is also received live is one call.
"""

from __future__ import annotations

from commands.importing.presets import Preset

# `usage` is an object of counts; `yes` and `no` are regular expressions on its keys.
_MACROS = r"""
create macro langfuse_sum(usage, yes, no) as
    list_sum(list_transform(
        list_filter(
            map_entries(from_json(usage, '"MAP(VARCHAR,JSON)"')),
            lambda bucket: regexp_matches(bucket.key, yes) and not regexp_matches(bucket.key, no)),
        lambda bucket: number_of(bucket.value::varchar)));
create macro langfuse_input(usage) as
    coalesce(
        langfuse_sum(usage, '^prompt_tokens$', '^$'),
        langfuse_sum(usage, 'input|cache_read|cache_creation|cache_write', 'output|^total|cost'));
create macro langfuse_output(usage) as
    coalesce(
        langfuse_sum(usage, '^completion_tokens$', '^$'),
        langfuse_sum(usage, 'output|^reasoning', 'input|^total|cost'));
"""


def _of_usage(macro: str, otherwise: str) -> str:
    return f"coalesce({macro}::varchar, {otherwise})"


PRESET = Preset(
    name="langfuse",
    marks=(
        ("traceId", "trace_id"),
        ("startTime", "start_time"),
        ("type",),
        (
            "usageDetails",
            "usage_details",
            "promptTokens",
            "inputUsage",
            "providedModelName",
            "provided_model_name",
        ),
    ),
    columns={
        "id": ("id",),
        "trace_id": ("traceId", "trace_id"),
        "operation": ("type",),
        "started_at": ("startTime", "start_time"),
        "ended_at": ("endTime", "end_time"),
        "first_token_at": ("completionStartTime", "completion_start_time"),
        "model_requested": ("providedModelName", "provided_model_name", "model"),
        "model_answered": ("providedModelName", "provided_model_name", "model"),
        "input_tokens": ("inputUsage", "promptTokens", "usage.input"),
        "output_tokens": ("outputUsage", "completionTokens", "usage.output"),
        "reported_cost_usd": (
            "totalCost",
            "total_cost",
            "calculatedTotalCost",
            "costDetails.total",
            "cost_details.total",
        ),
        "status": (
            "level",
        ),  # ERROR | WARNING | DEFAULT | DEBUG; the status message quotes prompts and stays behind
        "user_id": ("userId", "user_id"),
        "session_id": ("sessionId", "session_id"),
        "tenant_id": ("metadata.tenant", "metadata.tenant_id", "metadata.tenantId"),
        "feature": ("traceName", "trace_name"),
        "prompt_name": ("promptName", "prompt_name"),
        "prompt_version": ("promptVersion", "prompt_version"),
        "environment": ("environment",),
        "service_tier": ("modelParameters.service_tier", "model_parameters.service_tier"),
        "input_messages": ("input",),
        "output_messages": ("output",),
    },
    documents={"_usage": ("usageDetails", "usage_details")},
    computed={
        "model_answered": "case when status is null or not is_failure(status) then model_answered end",
        "input_tokens": _of_usage("langfuse_input(_usage)", "input_tokens"),
        "cached_input_tokens": "langfuse_sum(_usage, 'cache_read|cached', 'creation|write')::varchar",
        "cache_write_tokens": "langfuse_sum(_usage, 'cache_creation|cache_write', '^$')::varchar",
        "output_tokens": _of_usage("langfuse_output(_usage)", "output_tokens"),
        "reasoning_tokens": "langfuse_sum(_usage, 'reasoning', '^$')::varchar",
    },
    macros=_MACROS,
    operations={"generation": "chat", "embedding": "embeddings"},
)
