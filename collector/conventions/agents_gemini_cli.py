"""Gemini CLI: `gemini_cli.api_response` and `gemini_cli.api_error`.

Source: github.com/google-gemini/gemini-cli, packages/core/src/telemetry (types.ts, loggers.ts, trace.ts), read
November 2026. The counts are Gemini's own usage metadata: the input includes cached tokens and not those of
tool results, the output does not include thoughts; the canonical counts add them. A response without usage
metadata says zero everywhere, which is not known, not zero. Beside each event stands a
`gen_ai.client.inference.operation.details` event of the same request: a log record, never a second call. Its spans
(traces, opt-in) call the operation `llm_call`, which is no billable operation: context.
"""

from __future__ import annotations

from collector.conventions.agents import PERSON, AgentFamily, CallEvent
from collector.conventions.columns import FromAttributes

FAMILY = AgentFamily(
    emitter="gemini_cli",
    event_prefix="gemini_cli.",
    provider="gcp.gemini",
    calls=(
        CallEvent("gemini_cli.api_response"),
        CallEvent("gemini_cli.api_error", failed=True),
    ),
    mapping=(
        FromAttributes("model_requested", ("model", "model_name"), "text"),
        FromAttributes("input_tokens", ("input_token_count",), "count"),
        FromAttributes("tool_input_tokens", ("tool_token_count",), "count"),
        FromAttributes("cached_input_tokens", ("cached_content_token_count",), "count"),
        FromAttributes("output_tokens", ("output_token_count",), "count"),
        FromAttributes("reasoning_tokens", ("thoughts_token_count",), "count"),
        FromAttributes("total_tokens", ("total_token_count",), "count"),
        FromAttributes("duration_ms", ("duration_ms", "duration"), "number"),
        FromAttributes("http_status", ("http.status_code", "status_code"), "count"),
        FromAttributes("error_type", ("error.type", "error_type"), "text"),
        FromAttributes("error_text", ("error", "error.message"), "text"),
        FromAttributes("finish_reason", ("finish_reasons",), "first_text"),
        FromAttributes("session_id", ("session.id",), "text"),
        FromAttributes("prompt", ("prompt_id",), "text"),
        FromAttributes("tenant_id", ("organization.id",), "text"),
        PERSON,
    ),
    input_is=("input_tokens", "tool_input_tokens"),
    output_is=("output_tokens", "reasoning_tokens"),
)
