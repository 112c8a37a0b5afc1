"""Strands Agents (scope `strands.telemetry.tracer`).

Captured: agents with and without tools on OpenAI models, errors, November 2026.

Traps. The provider it names is itself. `invoke_agent` sums up the usage of its calls under the same names. The time to the
first token is in milliseconds, in a whole number. Why a model stopped stands only in the `gen_ai.choice` event. Trace
attributes of the application (`session.id`, `user.id`, `tenant.id`) are copied to every span. The answering model is not said.
Bedrock's input leaves out what was cached: the total shows it.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, FromEventAttributes, Is
from collector.conventions.otel_current import CALL_OPERATIONS

FAMILY = Family(
    name="strands",
    precedence=61,
    marks=(
        Is(scope=r"strands\."),
        Is(value=("gen_ai.system", ("strands-agents",))),
        Is(has=("event_loop.cycle_id",)),
    ),
    roles=((Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),),
    mapping=(
        FromAttributes("ttft_ms", ("gen_ai.server.time_to_first_token",), "number"),
        Always("stream", True, Is(has=("gen_ai.server.time_to_first_token",))),
        FromEventAttributes("finish_reason", "gen_ai.choice", ("finish_reason",), "text"),
    ),
)
