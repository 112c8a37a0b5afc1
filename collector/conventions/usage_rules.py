"""What the counts of some providers leave out, through instrumentations that hand them on as they are.

A family that counts so by itself says it in its own table (`input_excludes_cache`, `output_excludes_reasoning`). These are
about providers whose numbers mean something else than the API that they imitate: the same instrumentation is right about
OpenAI and wrong about them. Sources: the providers' API references, read November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.conventions.columns import Is


@dataclass(frozen=True)
class UsageRule:
    """Calls of these providers (or at these hosts), seen by these instrumentations, have counts that leave something out.

    total_decides: the provider's own total, where it is told, has everything, so that a total that leaves nothing over
    says that this call's count has it too.
    """

    leaves_out: Literal["reasoning", "citations"]
    providers: tuple[str, ...]
    when: Is | None = None
    unless: Is | None = None
    total_decides: bool = True


# Instrumentations of OpenAI's SDKs, which serve every provider with an API like it and pass its counts on.
OPENAI_SDK = (
    r"opentelemetry\.instrumentation\.(genai\.openai|openai_v2|openai\.v\d)|opentelemetry\.util\.genai"
    r"|@(opentelemetry|traceloop)/instrumentation-openai|@arizeai/openinference-instrumentation-openai"
    r"|openinference\.instrumentation\.(openai|openai_agents)$|openlit\.instrumentation\.(async_)?openai"
    r"|langfuse-sdk|logfire\.openai"
)

USAGE_RULES: tuple[UsageRule, ...] = (
    # Its chat API counts what was reasoned beside the completion, its Responses API within.
    UsageRule(
        "reasoning", ("x_ai",), Is(scope=OPENAI_SDK), unless=Is(value=("openai.api.type", ("responses",)))
    ),
    # Through its endpoint that is like OpenAI's, too: thoughts are in the total only.
    UsageRule("reasoning", ("gcp.gemini", "gcp.vertex_ai", "google"), Is(scope=OPENAI_SDK)),
    # Its total is prompt and completion: it tells nothing of what is billed beside them.
    UsageRule("reasoning", ("perplexity",), Is(scope=OPENAI_SDK), total_decides=False),
    UsageRule("citations", ("perplexity",), total_decides=False),
)
