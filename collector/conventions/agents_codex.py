"""Codex CLI: `codex.sse_event` of kind `response.completed`, and what failed before it.

Source: github.com/openai/codex, codex-rs/otel/src/events/session_telemetry.rs, read November 2026. A stream
tells of `response.completed` twice: once as an event of the wire, with a duration and no counts, and once with
the counts; only the second is the call. Requests that ended in an error have `codex.api_request` (HTTP) or
`codex.websocket_request` with `error.message`; a stream that broke has `response.completed` with one. Numbers
come as text. Counts are the Responses API's: input includes cached, output includes reasoning (`tool_token_count`
is the total). The completed event has no duration: the call's time is when it was complete. Codex's spans carry
usage without an operation: context.
"""

from __future__ import annotations

from collector.conventions.agents import PERSON, AgentFamily, CallEvent
from collector.conventions.columns import FromAttributes

# The model's endpoints; older releases name none. Others (`/models`, sign-in) are not model calls.
_ENDPOINTS = (
    None,
    "unknown",
    "responses",
    "/responses",
    "/responses/compact",
    "/v1/responses",
    "/chat/completions",
)

FAMILY = AgentFamily(
    emitter="codex",
    event_prefix="codex.",
    provider="openai",
    calls=(
        CallEvent(
            "codex.sse_event", where=(("event.kind", ("response.completed",)),), requires="input_token_count"
        ),
        CallEvent(
            "codex.sse_event",
            failed=True,
            where=(("event.kind", ("response.completed",)),),
            requires="error.message",
        ),
        CallEvent(
            "codex.api_request", failed=True, where=(("endpoint", _ENDPOINTS),), requires="error.message"
        ),
        CallEvent("codex.websocket_request", failed=True, requires="error.message"),
    ),
    mapping=(
        FromAttributes("model_requested", ("model", "slug"), "text"),
        FromAttributes("input_tokens", ("input_token_count",), "count"),
        FromAttributes("cached_input_tokens", ("cached_token_count",), "count"),
        FromAttributes("output_tokens", ("output_token_count",), "count"),
        FromAttributes("reasoning_tokens", ("reasoning_token_count",), "count"),
        FromAttributes("duration_ms", ("duration_ms",), "number"),
        FromAttributes("attempt", ("attempt",), "count"),
        FromAttributes("http_status", ("http.response.status_code",), "count"),
        FromAttributes("error_text", ("error.message",), "text"),
        FromAttributes("session_id", ("conversation.id",), "text"),
        FromAttributes("tenant_id", ("organization.id",), "text"),
        PERSON,
    ),
)
