"""Golden vectors A to D, as the SDKs send them that count each in its own way, and what every table of vectors is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.sending import NOON, otel

OPENAI = "opentelemetry.instrumentation.openai_v2"
ANTHROPIC = "com.anthropic.sdk.python"
GOOGLE = "opentelemetry.instrumentation.google_genai"
BEDROCK = "opentelemetry.instrumentation.botocore.bedrock-runtime"
SONNET = "claude-sonnet-4-5-20250929"
# Golden A: 10,000 in of which 8,000 were cached, 1,000 out of which 600 were reasoned.
A = {"input": 10_000, "cached": 8_000, "output": 1_000, "reasoning": 600}
# Golden B as Anthropic counts: what was cached and written is not within the input.
RAW_B = {
    "input_tokens": 500,
    "cache_read_input_tokens": 20_000,
    "cache_creation_input_tokens": 3_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 1_000},
    "output_tokens": 400,
}
SDK_B = otel(
    "anthropic",
    "claude-sonnet-4-5",
    answered=SONNET,
    input=23_500,
    output=400,
    **{
        "gen_ai.usage.cache_read.input_tokens": 20_000,
        "gen_ai.usage.cache_write.input_tokens": 3_000,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 2_000,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1_000,
    },
)
VERCEL_B = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-sonnet-4-5",
    "ai.response.model": SONNET,
    "gen_ai.system": "anthropic.messages",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": SONNET,
    "ai.usage.inputTokens": 23_500,
    "ai.usage.inputTokenDetails.noCacheTokens": 500,
    "ai.usage.inputTokenDetails.cacheReadTokens": 20_000,
    "ai.usage.inputTokenDetails.cacheWriteTokens": 3_000,
    "ai.usage.cachedInputTokens": 20_000,
    "ai.usage.outputTokens": 400,
    "ai.usage.totalTokens": 23_900,
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@dataclass(frozen=True)
class Vector:
    """A call as sent, and what it cost: USD as text, or None where no number could be defended."""

    claim: str
    scope: str
    attributes: Mapping[str, Any]
    usd: str | None
    status: str = "priced"
    started_at: datetime = NOON
    name: str = "chat"
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_CLIENT
    is_estimated: bool = False
    resource: tuple[tuple[str, str], ...] = ()


def openinference(provider: str, model: str, **counts: int) -> dict[str, Any]:
    named = {f"llm.token_count.{name.replace('__', '.')}": count for name, count in counts.items()}
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": provider,
        "llm.system": provider,
        "llm.model_name": model,
        **named,
    }


GOLDEN = [
    # 2,000 × 2.50 + 8,000 × 1.25 + 1,000 × 10 = 0.005 + 0.010 + 0.010
    Vector("A, OpenTelemetry", OPENAI, otel("openai", "gpt-4o", answered="gpt-4o-2024-08-06", **A), "0.025"),
    Vector(
        "A, OpenInference",
        "openinference.instrumentation.openai",
        openinference(
            "openai",
            "gpt-4o-2024-08-06",
            prompt=10_000,
            prompt_details__cache_read=8_000,
            completion=1_000,
            completion_details__reasoning=600,
            total=11_000,
        ),
        "0.025",
    ),
    Vector(
        "A, LangChain under Langfuse, whose buckets exclude each other",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o-2024-08-06",
            "langfuse.observation.usage_details": json.dumps(
                {
                    "input": 2_000,
                    "input_cache_read": 8_000,
                    "output": 400,
                    "output_reasoning": 600,
                    "total": 11_000,
                }
            ),
        },
        "0.025",
        kind=Span.SPAN_KIND_INTERNAL,
    ),
    Vector(
        "A, LiteLLM",
        "litellm",
        otel("openai", "gpt-4o", answered="gpt-4o-2024-08-06", input=10_000, output=1_000)
        | {
            "litellm.call_id": "c-1",
            "litellm.provider.model": "openai/gpt-4o",
            "metadata.usage_object": str(
                {
                    "completion_tokens": 1_000,
                    "prompt_tokens": 10_000,
                    "total_tokens": 11_000,
                    "completion_tokens_details": {"reasoning_tokens": 600},
                    "prompt_tokens_details": {"cached_tokens": 8_000},
                }
            ),
        },
        "0.025",
    ),
    # 500 × 3 + 20,000 × 0.30 + 2,000 × 3.75 + 1,000 × 6 + 400 × 15 = 0.0015 + 0.006 + 0.0075 + 0.006 + 0.006
    Vector("B, Anthropic's SDK", ANTHROPIC, SDK_B, "0.027"),
    Vector(
        "B, Logfire",
        "logfire.anthropic",
        otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=23_500, output=400)
        | {"gen_ai.usage.raw": json.dumps(RAW_B), "request_data": '{"model":"claude-sonnet-4-5"}'},
        "0.027",
    ),
    Vector(
        "B, Langfuse, with what Anthropic counts",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": SONNET,
            "langfuse.observation.usage_details": json.dumps(RAW_B),
        },
        "0.027",
        kind=Span.SPAN_KIND_INTERNAL,
    ),
    Vector(
        "B, AI SDK",
        "ai",
        VERCEL_B | {"ai.response.providerMetadata": json.dumps({"anthropic": {"usage": RAW_B}})},
        "0.027",
        name="ai.generateText.doGenerate",
        kind=Span.SPAN_KIND_INTERNAL,
    ),
    # 150,000 × 2.50 + 100,000 × 0.25 + 3,000 × 15 = 0.375 + 0.025 + 0.045
    Vector(
        "C, with the thoughts in the output",
        GOOGLE,
        otel(
            "gemini",
            "gemini-2.5-pro",
            operation="generate_content",
            input=250_000,
            cached=100_000,
            output=3_000,
            reasoning=2_000,
        ),
        "0.445",
    ),
    Vector(
        "C, without: only the total shows the thoughts",
        "opentelemetry.instrumentation.google_generativeai",
        otel("google", "gemini-2.5-pro", input=250_000, output=1_000)
        | {"gen_ai.usage.cache_read_input_tokens": 100_000, "llm.usage.total_tokens": 253_000},
        "0.445",
    ),
    # half of B, in every part
    Vector(
        "D, said by the answer", ANTHROPIC, SDK_B | {"anthropic.response.service_tier": "batch"}, "0.0135"
    ),
    Vector(
        "D, said in the raw usage",
        "logfire.anthropic",
        otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=23_500, output=400)
        | {"gen_ai.usage.raw": json.dumps(RAW_B | {"service_tier": "batch"}), "request_data": "{}"},
        "0.0135",
    ),
]
