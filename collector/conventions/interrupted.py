"""Where a span shows how far a stream came that nobody reported the usage of: counted for an estimate, never stored.

Sources: captures of abandoned streams (OpenInference, Langfuse, the official instrumentations with content), OpenLLMetry's code
for the chunk events, AI SDK's for its failed streams.
"""

from __future__ import annotations

# OpenAI's tokenisers, on English; fewer for code and most other languages, so that the estimate is low there.
CHARACTERS_PER_TOKEN = 4
# One for each piece of the answer that arrived, which is about a token.
CHUNK_EVENTS = ("gen_ai.content.completion.chunk", "llm.content.completion.chunk")
# What was sent to the model: the first line of which a key is there, all keys of that line together.
REQUEST_TEXTS: tuple[tuple[str, ...], ...] = (
    ("gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions"),
    ("input.value",),
    ("langfuse.observation.input",),
    ("ai.prompt.messages", "ai.prompt.tools"),
    ("ai.prompt",),
    ("gen_ai.prompt",),
    ("traceloop.entity.input",),
)
# What had come back when it ended.
ANSWER_TEXTS: tuple[tuple[str, ...], ...] = (
    ("gen_ai.output.messages",),
    ("output.value",),
    ("langfuse.observation.output",),
    ("ai.response.text",),
    ("gen_ai.completion",),
)
# Members of such documents that hold what is read or written; the others name, number and arrange it.
WRITTEN = frozenset(
    (
        "content",
        "text",
        "arguments",
        "args",
        "instructions",
        "input",
        "prompt",
        "system",
        "thinking",
        "reasoning",
        "reasoning_content",
        "result",
        "response",
        "output",
        "description",
        "refusal",
    )
)
# What emitters write as the reason of an end that was none of the model's making.
BROKEN_OFF = ("error",)
