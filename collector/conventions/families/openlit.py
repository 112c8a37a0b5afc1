"""OpenLIT, Python and JavaScript (scopes `openlit.instrumentation.*`).

Not among the captures. Sources: OpenLIT's code (semcov, instrumentation/anthropic/utils.py, instrumentation/openai/utils.py),
and release 1.45.0 tried against a local server in November 2026; what earlier releases sent from the conventions document.

Traps. With Claude the input count leaves out what was cached and written (`gen_ai.usage.input_tokens` is the provider's own);
of streams the cache counts are missing or 0, whatever they were. A failed Claude call is a span without any attribute: only
its name says the operation and the model. `gen_ai.server.time_to_first_token` is in seconds, and of a call that does not
stream it is the whole duration. Finish reasons are the provider's (`end_turn`; `completed` for the Responses API). Where a
stream of OpenAI brings no usage the counts are guessed, as half the length of the texts; then nothing is said of the cache,
of which otherwise even 0 is said. A cost of 0 is a model without a price.
"""

from __future__ import annotations

from collector.conventions.columns import (
    SPAN_NAME,
    Always,
    Counted,
    Family,
    FromAttributes,
    FromPattern,
    Is,
    Unsaid,
)
from collector.conventions.otel_current import CALL_OPERATIONS, TOOL_CALL_PART

_ANTHROPIC = r"openlit\.instrumentation\.(async_)?anthropic"
_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
_CACHE_WRITTEN = "gen_ai.usage.cache_creation.input_tokens"
_GUESSED = Is(
    scope=r"openlit\.instrumentation\.(async_)?openai",
    has=("openlit.agent.version_hash",),  # releases before it say nothing of a cache that was not used
    lacks=(_CACHE_READ, _CACHE_WRITTEN),
    value=("gen_ai.request.stream", ("true", "True")),
)
_NOT_STREAMING = ("false", "False", "FALSE")

FAMILY = Family(
    name="openlit",
    precedence=71,
    marks=(Is(scope=r"@?openlit([./]|$)"),),
    roles=(
        (Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),
        (
            Is(
                span_name=r"(chat|embeddings|text_completion) \S",
                kinds=("client",),
                lacks=("gen_ai.operation.name",),
            ),
            "call",
        ),
    ),
    mapping=(
        FromAttributes("operation", ("gen_ai.operation.name",), "text"),
        FromPattern("operation", SPAN_NAME, r"^(chat|embeddings|text_completion) ", "text"),
        FromAttributes("provider", ("gen_ai.provider.name", "gen_ai.system"), "text"),
        Always("provider", "anthropic", Is(scope=_ANTHROPIC)),
        Always("provider", "openai", Is(scope=r"openlit\.instrumentation\.openai")),
        FromAttributes("model_requested", ("gen_ai.request.model",), "text"),
        FromPattern("model_requested", SPAN_NAME, r"^(?:chat|embeddings|text_completion) (\S+)$", "text"),
        FromAttributes("reasoning_tokens", ("gen_ai.usage.reasoning_tokens",), "count"),
        FromAttributes("reported_cost_usd", ("gen_ai.usage.cost",), "number"),
        FromAttributes("stream", ("gen_ai.request.stream", "gen_ai.request.is_stream"), "flag"),
        FromAttributes(
            "ttft_s", ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"), "number"
        ),
        *(
            Unsaid(column, Is(value=(key, _NOT_STREAMING)))
            for column in ("ttft_s", "ttft_s_or_ms")
            for key in ("gen_ai.request.is_stream", "gen_ai.request.stream")
        ),
        *(Unsaid(column, _GUESSED) for column in ("input_tokens", "output_tokens")),
        Unsaid("cached_input_tokens", Is(scope=_ANTHROPIC, value=(_CACHE_READ, ("0",)))),
        Unsaid("cache_write_tokens", Is(scope=_ANTHROPIC, value=(_CACHE_WRITTEN, ("0",)))),
        Unsaid("reported_cost_usd", Is(value=("gen_ai.usage.cost", ("0", "0.0")))),
        Counted("tool_calls", TOOL_CALL_PART, ("gen_ai.output.messages",)),
        Counted("tool_calls", r"[^,\s]+", ("gen_ai.tool.call.id",)),
        FromAttributes("user_id", ("gen_ai.request.user",), "text", moved=True),
    ),
    input_excludes_cache=(Is(scope=_ANTHROPIC), Is(scope=r"openlit\.instrumentation\.bedrock")),
    # Candidates only; thoughts beside them.
    output_excludes_reasoning=(
        Is(scope=r"openlit\.instrumentation\.(async_)?(google_ai_studio|vertexai|google_adk)"),
    ),
)
