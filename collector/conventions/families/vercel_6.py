"""AI SDK (Vercel) up to version 6: `experimental_telemetry`, scope `ai`.

Captured: version 6, generate and stream, tools, embeddings, Anthropic, errors and retries, November 2026. From the source
code and not captured: version 5, whose Anthropic and Bedrock providers report the input without what was cached and have no
`inputTokenDetails`; names of usage before version 5 (`promptTokens`); object generation.

Traps. `ai.generateText` and its like repeat the usage of the `.doGenerate` spans below them. Every attempt of a retried
request is a `.doGenerate` span of its own, failed ones first. The provider has the API behind a dot (`openai.chat`).
Embeddings count under `ai.usage.tokens`.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Counted, Family, FromAttributes, FromDocument, FromEvent, Is
from collector.conventions.raw_usage import DETAILS, of_document

_ID = "ai.operationId"
_EMBEDS = ("ai.embed.doEmbed", "ai.embedMany.doEmbed")
_STREAMS = ("ai.streamText.doStream", "ai.streamObject.doStream")
_GENERATES = ("ai.generateText.doGenerate", "ai.generateObject.doGenerate")
_METADATA = "ai.telemetry.metadata"
_ANSWERED = "ai.response.providerMetadata"
# Where its providers put what they were answered.
ANSWERED_TIERS = tuple(
    f"{provider}.serviceTier" for provider in ("openai", "azure", "anthropic", "google", "vertex", "bedrock")
)
ANSWERED_USAGES = ("anthropic.usage.", "google.usageMetadata.", "vertex.usageMetadata.", "bedrock.usage.")

FAMILY = Family(
    name="vercel_6",
    precedence=40,
    marks=(Is(has=(_ID,)),),
    roles=((Is(value=(_ID, (*_GENERATES, *_STREAMS, *_EMBEDS))), "call"),),
    mapping=(
        Always("operation", "embeddings", Is(value=(_ID, _EMBEDS))),
        Always("operation", "chat"),
        FromAttributes("provider", ("ai.model.provider", "gen_ai.system"), "text"),
        FromAttributes("model_requested", ("ai.model.id",), "text"),
        FromAttributes("model_answered", ("ai.response.model",), "text"),
        FromAttributes(
            "input_tokens", ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"), "count"
        ),
        FromAttributes(
            "cached_input_tokens",
            ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
            "count",
        ),
        FromAttributes("cache_write_tokens", ("ai.usage.inputTokenDetails.cacheWriteTokens",), "count"),
        FromDocument(
            "cache_write_tokens",
            _ANSWERED,
            ("anthropic.cacheCreationInputTokens", "bedrock.usage.cacheWriteInputTokens"),
            "count",
        ),
        FromAttributes("output_tokens", ("ai.usage.outputTokens", "ai.usage.completionTokens"), "count"),
        FromAttributes(
            "reasoning_tokens",
            ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
            "count",
        ),
        FromAttributes("total_tokens", ("ai.usage.totalTokens",), "count"),
        FromDocument("service_tier", _ANSWERED, ANSWERED_TIERS, "text"),
        *of_document(_ANSWERED, *ANSWERED_USAGES, columns=DETAILS),
        Always("stream", True, Is(value=(_ID, _STREAMS))),
        Always("stream", False),
        FromAttributes("ttft_ms", ("ai.response.msToFirstChunk",), "number"),
        FromEvent("ttft_s", "ai.stream.firstChunk"),
        FromAttributes("finish_reason", ("ai.response.finishReason", "ai.finishReason"), "text"),
        FromAttributes("response_id", ("ai.response.id",), "text", moved=True),
        # An answer without a call of a tool has a reason all the same.
        Counted("tool_calls", r'"toolCallId"\s*:', ("ai.response.toolCalls", "ai.response.finishReason")),
        FromAttributes(
            "session_id",
            tuple(
                f"{_METADATA}.{name}"
                for name in ("sessionId", "session_id", "threadId", "chatId", "conversationId")
            ),
            "text",
            moved=True,
        ),
        FromAttributes("user_id", (f"{_METADATA}.userId", f"{_METADATA}.user_id"), "text", moved=True),
        FromAttributes(
            "tenant_id",
            tuple(
                f"{_METADATA}.{name}"
                for name in ("tenant", "tenantId", "tenant_id", "organizationId", "orgId")
            ),
            "text",
            moved=True,
        ),
        FromAttributes("prompt_name", (f"{_METADATA}.promptName",), "text"),
        FromDocument("prompt_name", f"{_METADATA}.langfusePrompt", ("name",), "text"),
        FromAttributes("prompt_version", (f"{_METADATA}.promptVersion",), "text"),
        FromDocument("prompt_version", f"{_METADATA}.langfusePrompt", ("version",), "text"),
        FromAttributes("agent_name", ("ai.telemetry.functionId",), "text"),
    ),
    has_span_per_attempt=True,
    input_includes_cache=(Is(has=("ai.usage.inputTokenDetails.noCacheTokens",)),),
    input_excludes_cache=(
        Is(
            value=(
                "ai.model.provider",
                (
                    "anthropic.messages",
                    "vertex.anthropic.messages",
                    "google.vertex.anthropic.messages",
                    "amazon-bedrock",
                ),
            ),
            lacks=("ai.usage.inputTokenDetails.noCacheTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
        ),
    ),
)
