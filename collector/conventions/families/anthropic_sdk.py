"""Anthropic's own SDK (scope `com.anthropic.sdk.python`), which traces each request as soon as a tracer provider is set.

Captured beside the official instrumentation, OpenInference, OpenLLMetry, Logfire and Pydantic AI, November 2026.

Traps. With any instrumentation each call arrives twice: below that span, or as the root of another trace. The input count
includes what was cached and written. Counting tokens of a prompt is no call.
"""

from __future__ import annotations

from collector.conventions.columns import Family, FromAttributes, Is

FAMILY = Family(
    name="anthropic_sdk",
    precedence=70,
    marks=(Is(scope=r"com\.anthropic\.sdk"),),
    roles=(
        (Is(span_name=r".*count_tokens"), "wrapper"),
        (Is(value=("gen_ai.operation.name", ("chat", "text_completion"))), "call"),
        (Is(span_name=r"anthropic\.(beta\.)?messages\.(create|stream)"), "call"),
    ),
    mapping=(
        FromAttributes(
            "cache_write_1h_tokens", ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",), "count"
        ),
        FromAttributes(
            "finish_reason", ("gen_ai.response.finish_reasons", "anthropic.message.stop_reason"), "first_text"
        ),
    ),
    native_of="anthropic",
    input_includes_cache=(Is(),),
)
