"""Logfire's own instrumentations of openai and anthropic (scopes `logfire.openai`, `logfire.anthropic`).

Captured: Logfire with chat, streams, Responses API, embeddings and Claude, November 2026.

Traps. A stream's span ends when the answer begins, without usage; a span of length zero, "streaming response from ...",
brings usage, cost and the true duration in seconds later: beside it, or as the root of another trace. `gen_ai.response.model`
is the model asked for on streams and failures. `gen_ai.usage.raw` is the provider's own usage: with Claude its input leaves
out the cache, which `gen_ai.usage.input_tokens` does not. Finish reasons are JSON in text. Baggage arrives as plain
attributes (`session_id`, `user_id`, `tenant`).
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, FromDocument, Is, Unsaid
from collector.conventions.otel_current import CALL_OPERATIONS
from collector.conventions.raw_usage import of_document

_RAW = "gen_ai.usage.raw"
_IS_CARRIER = Is(span_name="streaming response from ")

FAMILY = Family(
    name="logfire",
    precedence=51,
    marks=(
        Is(
            scope=r"logfire\.",
            has=("gen_ai.request.model", "gen_ai.provider.name", "gen_ai.system", "request_data"),
        ),
        Is(has=("logfire.span_type",), span_name="streaming response from "),
    ),
    roles=(
        (_IS_CARRIER, "carrier"),
        # What the SDK sends when a span begins, for a live view.
        (Is(value=("logfire.span_type", ("pending_span",))), "wrapper"),
        (Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),
    ),
    mapping=(
        Unsaid("model_answered", _IS_CARRIER),
        Unsaid("model_answered", Is(lacks=("gen_ai.response.id", "gen_ai.usage.input_tokens"))),
        *of_document(_RAW),
        FromDocument("service_tier_requested", "request_data", ("service_tier",), "text"),
        FromDocument("speed", "request_data", ("speed",), "text"),
        FromAttributes("reported_cost_usd", ("operation.cost",), "number"),
        FromDocument("stream", "request_data", ("stream",), "flag"),
        Always("stream", True, _IS_CARRIER),
        FromAttributes("carrier_duration_s", ("duration",), "number"),
        FromAttributes("finish_reason", ("gen_ai.response.finish_reasons",), "first_text"),
        FromDocument("finish_reason", "gen_ai.output.messages", ("0.finish_reason",), "text"),
        FromAttributes(
            "session_id", ("gen_ai.conversation.id", "session.id", "session_id"), "text", moved=True
        ),
        FromAttributes("user_id", ("user.id", "user_id"), "text", moved=True),
        FromAttributes("tenant_id", ("tenant", "tenant_id"), "text", moved=True),
        FromAttributes("agent_name", ("gen_ai.agent.name", "agent_name"), "text"),
    ),
    input_includes_cache=(Is(),),
)
