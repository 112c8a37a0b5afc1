"""Microsoft Agent Framework (Python scope `agent_framework`; .NET `Experimental.Microsoft.Agents.AI` and
`Experimental.Microsoft.Extensions.AI`).

Not captured here. Source: agent_framework/observability.py (read November 2026) and what the conventions document of this
collector's captures saw of it.

Traps. `invoke_agent` repeats the usage of its calls under the same names. The provider may be the framework. Finish reasons
are JSON in text (`'["stop"]'`). The type of an error is `ChatClientException`, which hides the provider's; the status text
has it. Workflow and executor spans have no GenAI attributes.
"""

from __future__ import annotations

from collector.conventions.columns import Family, FromAttributes, Is
from collector.conventions.otel_current import CALL_OPERATIONS

FAMILY = Family(
    name="ms_agent_framework",
    precedence=63,
    marks=(
        Is(
            scope=r"(agent_framework|Experimental\.Microsoft\.(Agents|Extensions)\.AI|Microsoft\.(Agents|Extensions)\.AI)"
        ),
        Is(value=("gen_ai.system", ("microsoft.agent_framework",))),
        Is(value=("gen_ai.provider.name", ("microsoft.agent_framework",))),
    ),
    roles=((Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),),
    mapping=(
        FromAttributes("finish_reason", ("gen_ai.response.finish_reasons",), "first_text"),
        FromAttributes("agent_name", ("gen_ai.agent.name", "workflow.name"), "text"),
    ),
)
