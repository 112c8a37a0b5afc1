"""Vectors of what only the place of a count, the address or a rule about the provider tells; and of what has no cost."""

from __future__ import annotations

import json

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.cost_vectors import ANTHROPIC, BEDROCK, GOOGLE, OPENAI, Vector
from tests.collector.sending import otel

SUBTLE = [
    # text 350 × 4 + 50 × 0.40, audio 450 × 32 + 150 × 0.40, out 100 × 16 + 400 × 64:
    # 0.0014 + 0.00002 + 0.0144 + 0.00006 + 0.0016 + 0.0256
    Vector(
        "gpt-realtime, cached text and cached audio",
        "logfire.openai",
        otel("openai", "gpt-realtime", input=1_000, output=500)
        | {
            "gen_ai.usage.raw": json.dumps(
                {
                    "input_tokens": 1_000,
                    "input_token_details": {
                        "cached_tokens": 200,
                        "text_tokens": 400,
                        "audio_tokens": 600,
                        "cached_tokens_details": {"text_tokens": 50, "audio_tokens": 150},
                    },
                    "output_tokens": 500,
                    "output_token_details": {"text_tokens": 100, "audio_tokens": 400},
                }
            ),
            "request_data": "{}",
        },
        "0.04308",
        is_estimated=True,  # as above: of images nothing is said
    ),
    # DeepSeek's own names of what was cached, outside the peak: 1,000 × 0.15 + 3,000 × 0.003 + 500 × 0.60
    Vector(
        "deepseek-v4-flash, hit and miss",
        "logfire.openai",
        otel("deepseek", "deepseek-v4-flash", input=4_000, output=500)
        | {
            "gen_ai.usage.raw": json.dumps(
                {
                    "prompt_tokens": 4_000,
                    "prompt_cache_hit_tokens": 3_000,
                    "prompt_cache_miss_tokens": 1_000,
                    "completion_tokens": 500,
                    "total_tokens": 4_500,
                }
            ),
            "request_data": "{}",
        },
        "0.000459",
    ),
    # xAI's Responses API has the reasoning in the output, LiteLLM adds it: 600 × 3 + 400 × 0.75 + 800 × 15, as above
    Vector(
        "grok-4, responses",
        OPENAI,
        otel("x_ai", "grok-4", answered="grok-4-0709", input=1_000, cached=400, output=800, reasoning=300)
        | {"openai.api.type": "responses"},
        "0.0141",
    ),
    Vector(
        "grok-4, LiteLLM",
        "litellm",
        otel("xai", "grok-4", answered="grok-4-0709", input=1_000, output=800)
        | {
            "litellm.call_id": "c-2",
            "litellm.provider.model": "xai/grok-4",
            "metadata.usage_object": str(
                {
                    "completion_tokens": 800,
                    "prompt_tokens": 1_000,
                    "total_tokens": 1_800,
                    "completion_tokens_details": {"reasoning_tokens": 300},
                    "prompt_tokens_details": {"cached_tokens": 400},
                }
            ),
        },
        "0.0141",
    ),
    # Gemini through its endpoint that is like OpenAI's: 1,000 × 0.30 + (200 + 300) × 2.50
    Vector(
        "gemini-2.5-flash through OpenAI's SDK",
        OPENAI,
        otel("gcp.gemini", "gemini-2.5-flash", input=1_000, output=200, reasoning=300),
        "0.00155",
    ),
    # Bedrock never counts the cache in, even where nothing shows it: 2,000 × 1 + 1,000 × 0.10 + 100 × 5
    Vector(
        "claude-haiku-4-5 on Bedrock, cached less than asked, no total",
        BEDROCK,
        otel(
            "aws.bedrock",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            input=2_000,
            cached=1_000,
            output=100,
        ),
        "0.0026",
    ),
    # LiteLLM counts it in: 2,000 × 1 + 1,000 × 0.10 + 100 × 5
    Vector(
        "claude-haiku-4-5 on Bedrock, LiteLLM",
        "litellm",
        otel("bedrock", "global.anthropic.claude-haiku-4-5-20251001-v1:0", input=3_000, output=100)
        | {
            "litellm.call_id": "c-3",
            "gen_ai.usage.cache_read.input_tokens": 1_000,
            "gen_ai.usage.total_tokens": 3_100,
        },
        "0.0026",
    ),
    # Anthropic's SDK on Bedrock: the address says who bills. 1,000 × 1.10 + 100 × 5.50
    Vector(
        "claude-haiku-4-5 on Bedrock, by Anthropic's SDK",
        ANTHROPIC,
        otel("anthropic", "us.anthropic.claude-haiku-4-5-20251001-v1:0", input=1_000, output=100)
        | {"server.address": "bedrock-runtime.us-east-1.amazonaws.com"},
        "0.00165",
    ),
    # on Vertex a region costs a tenth more, the global endpoint does not: 1,000 × 3 + 100 × 15
    Vector(
        "claude-sonnet-4-5 on Vertex, global",
        ANTHROPIC,
        otel("anthropic", "claude-sonnet-4-5@20250929", input=1_000, output=100)
        | {"server.address": "aiplatform.googleapis.com"},
        "0.0045",
    ),
    Vector(
        "claude-sonnet-4-5 on Vertex, in a region",
        ANTHROPIC,
        otel("anthropic", "claude-sonnet-4-5@20250929", input=1_000, output=100)
        | {"server.address": "us-east5-aiplatform.googleapis.com"},
        "0.00495",
    ),
    # Cohere bills fewer tokens than it counts: 900 × 2.50 + 90 × 10
    Vector(
        "command-a, billed units",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "command-a-03-2025",
            "langfuse.observation.metadata.ls_provider": "cohere",
            "langfuse.observation.usage_details": json.dumps(
                {
                    "input_tokens": 1_400,
                    "output_tokens": 95,
                    "billed_units": {"input_tokens": 900, "output_tokens": 90},
                }
            ),
        },
        "0.00315",
        kind=Span.SPAN_KIND_INTERNAL,
    ),
    # searches and reasoning are billed apart: 1,000 × 2 + 500 × 8 + 300 × 3 + 5 × 5,000 = 0.002 + 0.004 + 0.0009 + 0.025
    Vector(
        "sonar-deep-research",
        "logfire.openai",
        otel("perplexity", "sonar-deep-research", input=1_000, output=500)
        | {
            "gen_ai.usage.raw": json.dumps(
                {
                    "prompt_tokens": 1_000,
                    "completion_tokens": 500,
                    "total_tokens": 1_500,
                    "reasoning_tokens": 300,
                    "num_search_queries": 5,
                }
            ),
            "request_data": "{}",
        },
        "0.0319",
        is_estimated=True,  # its citations, too, are billed, and no count tells of them
    ),
    # 1,000 × 0.56 + 100 × 1.68
    Vector(
        "deepseek-v3p2 on Fireworks",
        OPENAI,
        otel("fireworks_ai", "accounts/fireworks/models/deepseek-v3p2", input=1_000, output=100),
        "0.000728",
    ),
    # 1,000 × 0.30 + 100 × 1.20
    Vector(
        "DeepSeek-V4.1-Flash at Together",
        OPENAI,
        otel("together_ai", "deepseek-ai/DeepSeek-V4.1-Flash", input=1_000, output=100),
        "0.00042",
    ),
    # LiteLLM's proxy and OpenRouter write dates without dashes: 1,000 × 2.50 + 100 × 10
    Vector(
        "gpt-4o, its date written together",
        OPENAI,
        otel("openai", "gpt-4o", answered="gpt-4o-20240806", input=1_000, output=100),
        "0.0035",
    ),
]
UNKNOWN = [
    Vector(
        "a model nobody has a price for",
        OPENAI,
        otel("openai", "gpt-99-preview", input=1_000, output=100),
        None,
        "unpriced_model",
    ),
    Vector(
        "a provider nobody has a book of",
        OPENAI,
        otel("openai-compatible", "gpt-4o", input=1_000, output=100),
        None,
        "unpriced_model",
    ),
    Vector("no usage at all", OPENAI, otel("openai", "gpt-4o"), None, "no_usage"),
    # a part above its total, which no rule explains
    Vector(
        "more audio than there was input",
        OPENAI,
        otel("openai", "gpt-realtime", input=100, output=10, **{"gen_ai.usage.audio.input_tokens": 900}),
        None,
        "conflict",
    ),
    # audio has no price there: text's would be an eighth of it
    Vector(
        "audio where only text has a price",
        OPENAI,
        otel(
            "openai",
            "gpt-4o-audio-preview",
            input=1_000,
            output=100,
            **{"gen_ai.usage.audio.input_tokens": 900},
        ),
        None,
        "unpriced_unit",
    ),
    # an image and no word of how many tokens of the answer it was: text's price would be a twelfth of it
    Vector(
        "gemini-2.5-flash-image, images not told apart",
        GOOGLE,
        otel("gcp.gemini", "gemini-2.5-flash-image", operation="generate_content", input=100, output=1_300),
        None,
        "unpriced_unit",
    ),
]
