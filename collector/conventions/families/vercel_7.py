"""AI SDK (Vercel) from version 7 on: package @ai-sdk/otel, scope `gen_ai`, current OpenTelemetry names.

Captured: generate and stream, Anthropic, retries, with the supplemental attributes, November 2026.

Traps. `invoke_agent` and `agent_step` (span "step 1") repeat the usage of their calls; embeddings have an outer span of the
same operation without usage. Whom a call is for stands on the wrappers only, as `ai.settings.context.<key>`, and only when
the application opted in. Retries within a call are not seen.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, FromDocument, Is
from collector.conventions.families.vercel_6 import ANSWERED_TIERS, ANSWERED_USAGES
from collector.conventions.otel_current import CALL_OPERATIONS
from collector.conventions.raw_usage import DETAILS, of_document

_CONTEXT = "ai.settings.context"
_ANSWERED = "ai.response.providerMetadata"

FAMILY = Family(
    name="vercel_7",
    precedence=64,
    marks=(Is(scope=r"gen_ai$"), Is(has=("ai.usage.inputTokenDetails.noCacheTokens",))),
    roles=((Is(value=("gen_ai.operation.name", CALL_OPERATIONS)), "call"),),
    mapping=(
        FromAttributes("cache_write_tokens", ("ai.usage.inputTokenDetails.cacheWriteTokens",), "count"),
        FromAttributes("reasoning_tokens", ("ai.usage.outputTokenDetails.reasoningTokens",), "count"),
        FromDocument("service_tier", _ANSWERED, ANSWERED_TIERS, "text"),
        *of_document(_ANSWERED, *ANSWERED_USAGES, columns=DETAILS),
        FromAttributes("ttft_s", ("gen_ai.client.operation.time_to_first_chunk",), "number"),
        Always("stream", True, Is(has=("gen_ai.client.operation.time_to_first_chunk",))),
        FromAttributes(
            "session_id",
            tuple(
                f"{_CONTEXT}.{name}"
                for name in ("sessionId", "session_id", "threadId", "chatId", "conversationId")
            ),
            "text",
            moved=True,
        ),
        FromAttributes("user_id", (f"{_CONTEXT}.userId", f"{_CONTEXT}.user_id"), "text", moved=True),
        FromAttributes(
            "tenant_id",
            tuple(
                f"{_CONTEXT}.{name}"
                for name in ("tenant", "tenantId", "tenant_id", "organizationId", "orgId")
            ),
            "text",
            moved=True,
        ),
        FromAttributes("prompt_name", (f"{_CONTEXT}.promptName",), "text"),
        FromDocument("prompt_name", f"{_CONTEXT}.langfusePrompt", ("name",), "text"),
        FromAttributes("prompt_version", (f"{_CONTEXT}.promptVersion",), "text"),
        FromDocument("prompt_version", f"{_CONTEXT}.langfusePrompt", ("version",), "text"),
    ),
    input_includes_cache=(Is(),),
)
