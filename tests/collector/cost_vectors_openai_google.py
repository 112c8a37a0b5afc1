"""Vectors of OpenAI, Azure and Google: tiers of service and context, dates, audio, images, regions."""

from __future__ import annotations

from tests.collector.cost_vectors import GOOGLE, OPENAI, A, Vector, at
from tests.collector.sending import otel

OPENAI_AND_AZURE = [
    # 2,000 × 4.25 + 8,000 × 2.125 + 1,000 × 17 = 0.0085 + 0.017 + 0.017
    Vector("gpt-4o, priority", OPENAI, otel("openai", "gpt-4o", tier="priority", **A), "0.0425"),
    # batch has no lower price for what is cached: 10,000 × 1.25 + 1,000 × 5
    Vector("gpt-4o, batch", OPENAI, otel("openai", "gpt-4o", tier="batch", **A), "0.0175"),
    # 2,000 × 0.625 + 8,000 × 0.0625 + 1,000 × 5 = 0.00125 + 0.0005 + 0.005
    Vector("gpt-5, flex", OPENAI, otel("openai", "gpt-5", tier="flex", **A), "0.00675"),
    # asked for priority, served as default: 2,000 × 1.25 + 8,000 × 0.125 + 1,000 × 10
    Vector(
        "gpt-5, priority asked for and not given",
        OPENAI,
        otel("openai", "gpt-5", tier="default", **A) | {"openai.request.service_tier": "priority"},
        "0.0135",
    ),
    # at the threshold: 272,000 × 2.50 + 100 × 15; above it 272,001 × 5 + 100 × 22.50
    Vector("gpt-5.4, 272,000 in", OPENAI, otel("openai", "gpt-5.4", input=272_000, output=100), "0.6815"),
    Vector("gpt-5.4, 272,001 in", OPENAI, otel("openai", "gpt-5.4", input=272_001, output=100), "1.362255"),
    # its priority price has no tiers: 272,001 × 5 + 100 × 30
    Vector(
        "gpt-5.4, 272,001 in, priority",
        OPENAI,
        otel("openai", "gpt-5.4", tier="priority", input=272_001, output=100),
        "1.363005",
    ),
    # 1,000 × 10 + 1,000 × 40 a moment before the price fell, 1,000 × 2 + 1,000 × 8 from then on
    Vector(
        "o3, before the cut",
        OPENAI,
        otel("openai", "o3", input=1_000, output=1_000),
        "0.05",
        started_at=at("2025-06-09T23:59:59.999999"),
    ),
    Vector(
        "o3, since the cut",
        OPENAI,
        otel("openai", "o3", input=1_000, output=1_000),
        "0.01",
        started_at=at("2025-06-10T00:00:00"),
    ),
    # 8,191 × 0.02
    Vector(
        "text-embedding-3-small",
        OPENAI,
        otel("openai", "text-embedding-3-small", operation="embeddings", input=8_191),
        "0.00016382",
    ),
    # text 400 × 4 + audio 600 × 32 + text 100 × 16 + audio 400 × 64 = 0.0016 + 0.0192 + 0.0016 + 0.0256
    Vector(
        "gpt-realtime, audio in and out",
        OPENAI,
        otel(
            "openai",
            "gpt-realtime",
            input=1_000,
            output=500,
            **{"gen_ai.usage.audio.input_tokens": 600, "gen_ai.usage.audio.output_tokens": 400},
        ),
        "0.048",
        is_estimated=True,  # an image would cost more than text, and nothing says that there was none
    ),
    # 300 of text × 5 + 700 of image × 10 + 1,000 × 40 = 0.0015 + 0.007 + 0.04
    Vector(
        "gpt-image-1, an image to edit",
        OPENAI,
        otel(
            "openai",
            "gpt-image-1",
            operation="generate_content",
            input=1_000,
            output=1_000,
            **{"gen_ai.usage.image.input_tokens": 700},
        ),
        "0.0485",
    ),
    # Azure sells OpenAI's models at OpenAI's list price
    Vector(
        "gpt-4o on Azure",
        OPENAI,
        otel("azure.ai.openai", "my-deployment", answered="gpt-4o-2024-08-06", **A),
        "0.025",
    ),
    Vector(
        "gpt-4o on Azure, known by its address",
        OPENAI,
        otel("openai", "my-deployment", answered="gpt-4o-2024-08-06", **A)
        | {"server.address": "shop.openai.azure.com"},
        "0.025",
    ),
    # where the application runs says nothing of where the model does: 1,000 × 2.50 + 100 × 15, and no tenth more
    Vector(
        "gpt-5.4, asked for from us-east-1",
        OPENAI,
        otel("openai", "gpt-5.4", input=1_000, output=100) | {"server.address": "api.openai.com"},
        "0.004",
        resource=(("cloud.provider", "aws"), ("cloud.region", "us-east-1")),
    ),
    # on the endpoint of a region a tenth more: 1.1 × (1,000 × 2.50 + 100 × 15)
    Vector(
        "gpt-5.4, kept in the EU",
        OPENAI,
        otel("openai", "gpt-5.4", input=1_000, output=100) | {"server.address": "eu.api.openai.com"},
        "0.0044",
    ),
    # no batch price of Azure's is known: unknown, not OpenAI's
    Vector(
        "gpt-4o on Azure, batch",
        OPENAI,
        otel("azure.ai.openai", "gpt-4o", tier="batch", **A),
        None,
        "unpriced_unit",
    ),
]

GOOGLE_VECTORS = [
    # 200,000 × 1.25 + 10 × 10; one more: 200,001 × 2.50 + 10 × 15
    Vector(
        "gemini-2.5-pro, 200,000 in",
        GOOGLE,
        otel("gcp.gemini", "gemini-2.5-pro", operation="generate_content", input=200_000, output=10),
        "0.2501",
    ),
    Vector(
        "gemini-2.5-pro, 200,001 in",
        GOOGLE,
        otel("gcp.gemini", "gemini-2.5-pro", operation="generate_content", input=200_001, output=10),
        "0.5001525",
    ),
    # batch halves all but the cache: 150,000 × 1.25 + 100,000 × 0.25 + 3,000 × 7.50 = 0.1875 + 0.025 + 0.0225
    Vector(
        "gemini-2.5-pro, batch",
        GOOGLE,
        otel(
            "gcp.gemini",
            "gemini-2.5-pro",
            operation="generate_content",
            input=250_000,
            cached=100_000,
            output=3_000,
            **{"steelyard.service_tier": "batch"},
        ),
        "0.235",
    ),
    # 500 of text × 0.30 + 1,500 of audio × 1.00 + 200 × 2.50 = 0.00015 + 0.0015 + 0.0005
    Vector(
        "gemini-2.5-flash, audio in",
        GOOGLE,
        otel(
            "gcp.vertex_ai",
            "gemini-2.5-flash",
            operation="generate_content",
            input=2_000,
            output=200,
            **{"gen_ai.usage.audio.input_tokens": 1_500},
        ),
        "0.00215",
    ),
    # 100 × 0.30 + 10 of text × 2.50 + 1,290 of image × 30 = 0.00003 + 0.000025 + 0.0387
    Vector(
        "gemini-2.5-flash-image, an image out",
        GOOGLE,
        otel(
            "gcp.gemini",
            "gemini-2.5-flash-image",
            operation="generate_content",
            input=100,
            output=1_300,
            **{"gen_ai.usage.image.output_tokens": 1_290},
        ),
        "0.038755",
    ),
]
