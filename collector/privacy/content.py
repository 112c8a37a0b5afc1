"""Attributes that carry prompt or completion text, in every convention: dropped before the store.

Keys as seen in captures of fifty emitter set-ups; several send content by default. A pattern here matches
the key itself or, when it ends in `*`, every key that starts so. Behind the list stands a rule for keys that
nobody has seen yet: one whose last word names text (`rag.question`, `my.prompt`) is taken to hold some.
"""

from __future__ import annotations

import re

CONTENT_KEYS = (
    # OpenTelemetry, current and old
    "gen_ai.input.messages*",
    "gen_ai.output.messages*",
    "gen_ai.system_instructions*",
    "gen_ai.tool.definitions*",
    "gen_ai.tool.description",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt",
    "gen_ai.prompt.variable*",
    "gen_ai.completion*",
    "gen_ai.content*",
    "gen_ai.evaluation.explanation",
    "gen_ai.agent.description",
    "gen_ai.usage.raw",
    # OpenInference
    "input.value",
    "output.value",
    "llm.input_messages*",
    "llm.output_messages*",
    "llm.prompts*",
    "llm.choices*",
    "llm.completions*",
    "llm.tools*",
    "llm.function_call",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "llm.invocation_parameters",
    "embedding.embeddings*",
    "embedding.text*",
    "retrieval.documents*",
    "reranker.*",
    "document.*",
    "message*",
    "tool.parameters",
    "tool.json_schema",
    "tool.description",
    "tool_call*",
    "metadata*",
    # OpenLLMetry, LiteLLM, OpenLIT, strands
    "traceloop.entity.input*",
    "traceloop.entity.output*",
    "traceloop.prompt.template*",
    "llm.request.functions*",
    "llm.raw_request",
    "llm.raw_response",
    "llm.openai.messages*",
    "llm.openai.choices*",
    "llm.openai.tools*",
    "llm.anthropic.messages*",
    "llm.anthropic.content*",
    "llm.anthropic.tools*",
    "hidden_params*",
    "litellm_params*",
    "request_data*",
    "response_data*",
    "system_prompt*",
    # Langfuse, LangSmith, logfire, pydantic-ai
    "langfuse.observation.input*",
    "langfuse.observation.output*",
    "langfuse.observation.metadata*",
    "langfuse.observation.status_message",
    "langfuse.observation.model.parameters*",
    "langfuse.trace.input*",
    "langfuse.trace.output*",
    "langfuse.trace.metadata*",
    "langsmith.metadata*",
    "logfire.msg*",
    "logfire.json_schema",
    "all_messages*",
    "pydantic_ai.all_messages*",
    "final_result*",
    "tool_arguments",
    "tool_response",
    "model_request_parameters",
    "events",
    # Vercel AI SDK
    "ai.prompt*",
    "ai.response.text",
    "ai.response.object",
    "ai.response.reasoning",
    "ai.response.toolCalls",
    "ai.response.files",
    "ai.result*",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value*",
    "ai.embedding*",
    "ai.schema*",
    "ai.settings.output",
    "ai.telemetry.metadata*",
    # Google ADK, MS Agent Framework, agents in general
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    "crew_*",
    "task_*",
    # Exceptions quote prompts; the type alone is kept
    "exception.message",
    "exception.stacktrace",
    "error.message",
    "error.stack_trace",
    "gen_ai.error.message",
    # HTTP bodies and everything with credentials in it
    "http.request.body*",
    "http.response.body*",
    "http.request.header*",
    "http.response.header*",
    "url.full",
    "url.query",
    "http.url",
    "http.target",
)

# fmt: off
_WORDS_FOR_TEXT = frozenset((
    "answer", "answers", "args", "arguments", "body", "completion", "completions", "content", "contents",
    "conversation", "document", "documents", "input", "inputs", "instructions", "message", "messages",
    "output", "outputs", "prompt", "prompts", "query", "question", "questions", "request", "response",
    "responses", "result", "results", "stack_trace", "stacktrace", "system_prompt", "text", "texts",
    "transcript", "user_prompt",
))
# fmt: on


def is_content(key: str) -> bool:
    """Whether the value of this attribute may hold what a user or a model wrote."""
    return (
        key in _EXACT
        or key.startswith(_PREFIXES)
        or _NUMBERED_PROMPT.match(key) is not None
        or key.rpartition(".")[2].lower() in _WORDS_FOR_TEXT
    )


# OpenTelemetry's old messages, `gen_ai.prompt.3.content`; `gen_ai.prompt.name` is not one.
_NUMBERED_PROMPT = re.compile(r"gen_ai\.prompt\.\d")
_EXACT = frozenset(key for key in CONTENT_KEYS if not key.endswith("*"))
_PREFIXES = tuple(key[:-1] for key in CONTENT_KEYS if key.endswith("*"))
