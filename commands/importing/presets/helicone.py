"""Helicone: requests, as `npx @helicone/export` (JSON, JSONL, CSV) and `POST /v1/request/query-clickhouse` give them.

Source, read November 2026: docs.helicone.ai "Export data" and "Get requests"; github.com/Helicone/helicone,
examples/export/typescript/index.ts (the CSV's columns), packages/llm-mapper/types.ts (HeliconeRequest),
valhalla/jawn/src/lib/stores/request/request.ts (what the API selects) and packages/cost/usage (what counts mean).

* `prompt_tokens` leaves out what was read from and written to the provider's cache: it is added. Older rows of OpenAI
  models include what was read; nothing in an export tells them apart, and for them the input is that much too high.
* `delay_ms` is milliseconds, as `latency` in a CSV; `time_to_first_token` too.
* `response_status` below zero: -1 timed out, -2 still pending, -3 cancelled, -4 the connection was closed.
* A `cache_reference_id` other than zeros is an answer from Helicone's own cache.
* Tools, vector searches and data of the manual logger bear a model like `tool:name` and are skipped.
* The CSV writer doubles the quotes of its documents twice; they are read all the same.
"""

from __future__ import annotations

from commands.importing.presets import Preset

_NO_CACHE = "00000000-0000-0000-0000-000000000000"


def _property(*names: str) -> tuple[str, ...]:
    """A custom property, in the places where exports have them."""
    return tuple(f"{place}.{name}" for name in names for place in ("properties", "request_properties"))


PRESET = Preset(
    name="helicone",
    marks=(("request_created_at",), ("response_status",), ("request_id", "response_id")),
    columns={
        "id": ("request_id", "response_id"),
        "started_at": ("request_created_at",),
        "ended_at": ("response_created_at",),
        "duration_ms": ("delay_ms", "latency"),
        "ttft_ms": ("time_to_first_token",),
        "operation": ("request_path", "target_url"),
        "provider": ("provider",),
        "model_requested": ("request_model", "model_override", "model"),
        "model_answered": ("response_model", "model", "request_model"),
        "input_tokens_without_cache": ("prompt_tokens",),
        "cached_input_tokens": ("prompt_cache_read_tokens",),
        "cache_write_tokens": ("prompt_cache_write_tokens",),
        "output_tokens": ("completion_tokens",),
        "audio_input_tokens": ("prompt_audio_tokens",),
        "audio_output_tokens": ("completion_audio_tokens",),
        "reported_cost_usd": ("cost", "costUSD", "cost_usd"),
        "http_status": ("response_status",),
        "cache_hit": ("cache_reference_id",),
        "user_id": ("request_user_id",),
        "session_id": _property("Helicone-Session-Id"),
        "tenant_id": _property("tenant", "tenant_id", "Tenant", "customer"),
        "feature": _property("Helicone-Session-Name", "feature", "Feature"),
        "environment": _property("environment", "Environment"),
        "prompt_name": ("prompt_id",),
        "prompt_version": ("prompt_version",),
        "input_messages": ("request_body",),
        "output_messages": ("response_body",),
    },
    helpers={"_status": ("response_status",), "_model": ("model", "request_model")},
    computed={
        "operation": "case when regexp_matches(_model, '^(tool|vector_db|data):') then regexp_extract(_model, '^[a-z_]+') "
        "when contains(operation, '/embeddings') then 'embeddings' else 'chat' end",
        "provider": "lower(provider)",
        "model_answered": "case when number_of(http_status) between 100 and 399 then model_answered end",
        # The moment of the answer says when it was logged; the delay is what was measured.
        "ended_at": "case when duration_ms is null then ended_at end",
        "ttft_ms": "nullif(ttft_ms, '0')",
        "http_status": "case when number_of(http_status) >= 100 then http_status end",
        "error_type": "case number_of(_status) when -1 then 'timeout' when -3 then 'cancelled' "
        "when -4 then 'connection closed' end",
        "cache_hit": f"case when cache_hit is not null then (cache_hit <> '{_NO_CACHE}')::varchar end",
    },
    operations={"chat": "chat", "embeddings": "embeddings"},
)
