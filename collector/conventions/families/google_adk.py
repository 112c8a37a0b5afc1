"""Google's Agent Development Kit (scope `gcp.vertex.agent`).

Captured: agents with and without tools, errors, November 2026. From the source code and not captured: releases before 1.20,
whose `call_llm` span has model and usage but names no operation.

Traps. Calls are INTERNAL spans. `invocation` and `agent_run` of older releases, `invoke_agent` and `invoke_workflow` of newer
ones are wrappers. The id of the user is not exported, the response's id neither. `gen_ai.system` of older releases names the
framework.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, Is
from collector.conventions.otel_current import CALL_OPERATIONS
from collector.conventions.raw_usage import DETAILS, of_document

_OLD_CALL = Is(span_name=r"call_llm$", has=("gen_ai.request.model",), lacks=("gen_ai.operation.name",))

FAMILY = Family(
    name="google_adk",
    precedence=62,
    marks=(Is(scope=r"gcp\.vertex\.agent"), Is(has=("gcp.vertex.agent.invocation_id",))),
    roles=((Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"), (_OLD_CALL, "call")),
    mapping=(
        Always("operation", "generate_content", _OLD_CALL),
        FromAttributes(
            "session_id", ("gen_ai.conversation.id", "gcp.vertex.agent.session_id"), "text", moved=True
        ),
        # Of the answer as a whole, where the application lets it be sent.
        *of_document(
            "gcp.vertex.agent.llm_response",
            "usage_metadata.",
            columns=(*DETAILS, "audio_input_tokens", "audio_output_tokens"),
        ),
    ),
    input_includes_cache=(Is(),),
)
