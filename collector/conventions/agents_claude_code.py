"""Claude Code: `claude_code.api_request` and `claude_code.api_error`.

Source: the Claude Code manual, "Monitoring" (code.claude.com/docs/en/monitoring-usage), read November 2026, and
published exports of real sessions of 2.1.224 to 2.1.266 (August to October 2026): scope
`com.anthropic.claude_code.events`, the event's full name in the body, `event.name` without the prefix. Counts
came as text in older releases. `input_tokens` is the API's own number, which leaves cached tokens out (a real
request: input 2, read from cache 84,562, written to cache 7,096), so the canonical input is the sum of three.

Not calls: `api_refusal` (the refused request has its own api_request), `api_request_body` and the rest.
`claude_code.llm_request` spans (traces, beta) tell of the same requests and are context; metrics too.
"""

from __future__ import annotations

from collector.conventions.agents import PERSON, AgentFamily, CallEvent
from collector.conventions.columns import FromAttributes

FAMILY = AgentFamily(
    emitter="claude_code",
    event_prefix="claude_code.",
    provider="anthropic",
    calls=(
        CallEvent("claude_code.api_request"),
        CallEvent("claude_code.api_error", failed=True),  # after the last attempt; `attempt` counts them all
    ),
    mapping=(
        FromAttributes("model_requested", ("model",), "text"),
        FromAttributes("input_tokens", ("input_tokens",), "count"),  # uncached only
        FromAttributes("cached_input_tokens", ("cache_read_tokens",), "count"),
        FromAttributes("cache_write_tokens", ("cache_creation_tokens",), "count"),
        FromAttributes("output_tokens", ("output_tokens",), "count"),
        FromAttributes("reported_cost_usd", ("cost_usd",), "number"),  # Claude Code's own estimate, USD
        FromAttributes("duration_ms", ("duration_ms",), "number"),  # with every retry of it
        FromAttributes("attempt", ("attempt",), "count"),
        FromAttributes("http_status", ("status_code",), "count"),  # "undefined" when there was no answer
        FromAttributes("error_text", ("error",), "text"),
        FromAttributes("speed", ("speed",), "text"),  # fast | normal
        FromAttributes("response_id", ("request_id",), "text"),  # the API's request-id header
        FromAttributes("request_id", ("client_request_id",), "text"),
        FromAttributes("session_id", ("session.id",), "text"),
        FromAttributes("prompt", ("prompt.id",), "text"),  # one prompt of a person: many requests
        FromAttributes("tenant_id", ("organization.id",), "text"),
        FromAttributes("agent_name", ("agent.name",), "text"),  # the subagent's type
        PERSON,
    ),
    input_is=("input_tokens", "cached_input_tokens", "cache_write_tokens"),
    usage_semantics="exclusive",
)
