"""Vectors of Anthropic, Bedrock and the smaller vendors: cache, searches, hours of the day, fees, dates."""

from __future__ import annotations

import json

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.cost_vectors import ANTHROPIC, BEDROCK, OPENAI, RAW_B, SONNET, Vector, at
from tests.collector.sending import otel

ANTHROPIC_AND_BEDROCK = [
    # 2 searches at 10 a thousand: 1,000 × 3 + 100 × 15 + 2 × 10,000 = 0.003 + 0.0015 + 0.02
    Vector(
        "two web searches",
        "logfire.anthropic",
        otel("anthropic", "claude-sonnet-4-5", answered=SONNET, input=1_000, output=100)
        | {
            "gen_ai.usage.raw": json.dumps(
                {
                    "input_tokens": 1_000,
                    "output_tokens": 100,
                    "server_tool_use": {"web_search_requests": 2},
                }
            ),
            "request_data": "{}",
        },
        "0.0245",
    ),
    # fast: 1,000 × 8 + 100 × 40
    Vector(
        "claude-opus-5-5, fast",
        "logfire.anthropic",
        otel("anthropic", "claude-opus-5-5", input=1_000, output=100)
        | {
            "gen_ai.usage.raw": json.dumps({"input_tokens": 1_000, "output_tokens": 100, "speed": "fast"}),
            "request_data": "{}",
        },
        "0.012",
    ),
    # in the US only, a tenth more, in every part: 1.1 × (500 × 3 + 20,000 × 0.30 + 2,000 × 3.75 + 1,000 × 6 + 400 × 15)
    Vector(
        "claude-sonnet-4-6, in the US only",
        "logfire.anthropic",
        otel("anthropic", "claude-sonnet-4-6", input=23_500, output=400)
        | {"gen_ai.usage.raw": json.dumps(RAW_B | {"inference_geo": "us"}), "request_data": "{}"},
        "0.0297",
    ),
    # asked for from an application in AWS: 1,000 × 3 + 100 × 15
    Vector(
        "claude-sonnet-4-6, asked for from us-east-1",
        ANTHROPIC,
        otel("anthropic", "claude-sonnet-4-6", input=1_000, output=100)
        | {"server.address": "api.anthropic.com"},
        "0.0045",
        resource=(("cloud.provider", "aws"), ("cloud.region", "us-east-1")),
    ),
    # the tier goes by what was cached as well: 200,001 in, of which 190,000 read:
    # 10,001 × 6 + 190,000 × 0.60 + 10 × 22.50 = 0.060006 + 0.114 + 0.000225
    Vector(
        "claude-sonnet-4-5 above 200,000",
        ANTHROPIC,
        otel("anthropic", "claude-sonnet-4-5", input=200_001, cached=190_000, output=10),
        "0.174231",
    ),
    # Bedrock counts exclusively: 500 × 1 + 20,000 × 0.10 + 400 × 5 = 0.0005 + 0.002 + 0.002
    Vector(
        "claude-haiku-4-5 on Bedrock, anywhere",
        BEDROCK,
        otel(
            "aws.bedrock",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            input=500,
            cached=20_000,
            output=400,
        ),
        "0.0045",
    ),
    # in a region a tenth more: 500 × 1.10 + 20,000 × 0.11 + 400 × 5.50
    Vector(
        "claude-haiku-4-5 on Bedrock, in the US",
        BEDROCK,
        otel(
            "aws.bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", input=500, cached=20_000, output=400
        ),
        "0.00495",
    ),
    # little cached, so that no arithmetic gives it away: 2,000 × 1 + 1,000 × 0.10 + 100 × 5 = 0.002 + 0.0001 + 0.0005
    Vector(
        "claude-haiku-4-5 on Bedrock, with less cached than not",
        "strands.telemetry.tracer",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "gen_ai.usage.input_tokens": 2_000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.usage.total_tokens": 3_100,
            "gen_ai.usage.cache_read.input_tokens": 1_000,
        },
        "0.0026",
        kind=Span.SPAN_KIND_INTERNAL,
    ),
    # 1,000 × 0.80 + 100 × 3.20
    Vector(
        "nova-pro", BEDROCK, otel("aws.bedrock", "amazon.nova-pro-v1:0", input=1_000, output=100), "0.00112"
    ),
]

OTHERS = [
    # peak from 01:00 to 04:00 UTC: 1,000 × 0.30 + 3,000 × 0.006 + 500 × 1.20 = 0.0003 + 0.000018 + 0.0006
    *(
        Vector(
            f"deepseek-v4-flash at {clock}",
            OPENAI,
            otel("deepseek", "deepseek-v4-flash", input=4_000, cached=3_000, output=500),
            usd,
            started_at=at(f"2026-11-10T{clock}"),
            # weekends and holidays in China have no peak, which nobody's books tell
            is_estimated=usd == "0.000918",
        )
        for clock, usd in (
            # outside: 1,000 × 0.15 + 3,000 × 0.003 + 500 × 0.60 = 0.00015 + 0.000009 + 0.0003
            ("00:59:59.999999", "0.000459"),
            ("01:00:00", "0.000918"),
            ("03:59:59.999999", "0.000918"),
            ("04:00:00", "0.000459"),
            ("06:00:00", "0.000918"),
            ("10:00:00", "0.000459"),
        )
    ),
    # of the summer's price, before there were windows: 1,000 × 0.22 + 3,000 × 0.007 + 500 × 0.66
    Vector(
        "deepseek-v4-flash, in August",
        OPENAI,
        otel("deepseek", "deepseek-v4-flash", input=4_000, cached=3_000, output=500),
        "0.000571",
        started_at=at("2026-08-20T12:00"),
    ),
    # xAI leaves the reasoning out of the output: 600 × 3 + 400 × 0.75 + (500 + 300) × 15 = 0.0018 + 0.0003 + 0.012
    Vector(
        "grok-4, chat",
        OPENAI,
        otel("x_ai", "grok-4", answered="grok-4-0709", input=1_000, cached=400, output=500, reasoning=300),
        "0.0141",
    ),
    # at 199,999 still the lower price: 199,999 × 1.25 + 10 × 2.50; at 200,000 the higher: 200,000 × 2.50 + 10 × 5
    Vector("grok-4.3, 199,999 in", OPENAI, otel("x_ai", "grok-4.3", input=199_999, output=10), "0.25002375"),
    Vector("grok-4.3, 200,000 in", OPENAI, otel("x_ai", "grok-4.3", input=200_000, output=10), "0.50005"),
    # 1,000 × 1 + 500 × 1 + one request at 12 a thousand: the fee of the largest search, and it says that it is
    Vector(
        "sonar", OPENAI, otel("perplexity", "sonar", input=1_000, output=500), "0.0135", is_estimated=True
    ),
    # 1,000 × 3 + 500 × 15 + one request at 14 a thousand
    Vector(
        "sonar-pro",
        OPENAI,
        otel("perplexity", "sonar-pro", input=1_000, output=500),
        "0.0245",
        is_estimated=True,
    ),
    # a price that went up and down: 1,000 × 0.68 + 100 × 2.09; × 1.36 and 4.18; × 0.70 and 2.10
    *(
        Vector(
            f"mistral-large-4 on {day}",
            OPENAI,
            otel("mistral_ai", "mistral-large-4", input=1_000, output=100),
            usd,
            started_at=at(f"{day}T12:00"),
        )
        for day, usd in (("2026-10-19", "0.000889"), ("2026-10-20", "0.001778"), ("2026-10-29", "0.00091"))
    ),
    # 1,000 × 2.50 + 100 × 10
    Vector("command-a", OPENAI, otel("cohere", "command-a-03-2025", input=1_000, output=100), "0.0035"),
    # 1,000 × 0.12
    Vector(
        "embed-v4.0", OPENAI, otel("cohere", "embed-v4.0", operation="embeddings", input=1_000), "0.00012"
    ),
    # 1,000 × 0.59 + 100 × 0.79
    Vector(
        "llama on Groq", OPENAI, otel("groq", "llama-3.3-70b-versatile", input=1_000, output=100), "0.000669"
    ),
    # our own model that answers for tests is free, which is explicit
    Vector("free", OPENAI, otel("fake", "fake-mini", input=1_000, output=100), "0", "free"),
]
