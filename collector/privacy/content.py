"""Attributes that carry what a user or a model wrote, or a credential: dropped before the store.

Keys as seen in captures of fifty emitter set-ups; several send content by default. A pattern here matches
the key itself or, when it ends in `*`, every key that starts so. Behind the list stands a rule for keys that
nobody has seen yet: one whose last word names text (`rag.question`, `my_prompt`, `toolArgs`) or a credential
(`vendor.api_key`) is taken to hold some. Where settling needs a value inside such an attribute (`metadata`, `request_data`),
it reads it while decoding; the attribute itself is not stored.
"""

from __future__ import annotations

import re
from functools import lru_cache

from collector.privacy.redact import scrub_text

# Counts and amounts under names that look like content; nothing else stands under these keys.
NUMBERS_ONLY = (
    "gen_ai.usage*",
    "gen_ai.aggregated_usage*",
    "gen_ai.cost*",
    "llm.token_count*",
    "llm.cost*",
    "llm.usage*",
    "llm.openai.usage",
    "llm.anthropic.usage",
    "ai.usage*",
    "langfuse.observation.usage_details",
    "langfuse.observation.cost_details",
)

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
    "gen_ai.tool.json_schema",
    # OpenInference
    "input.value*",
    "output.value*",
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
    "embedding.vector*",
    "retrieval*",
    "audio.*",
    "image.*",
    "input.audio*",
    "input.image*",
    "output.audio*",
    "output.image*",
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
    "llm.headers*",
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
    "langsmith.env*",
    "LANGSMITH_*",
    "LANGCHAIN_*",
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
    "smolagents.task",
    "haystack.component.input*",
    "haystack.component.output*",
    "mcp.request.argument*",
    # Coding agents
    "input-json",
    "output-json",
    "file_path",
    "body_ref",
    "workspace.host_paths",
    # Exceptions quote prompts; the type alone is kept
    "exception.message",
    "exception.stacktrace",
    "error.message",
    "error.stack_trace",
    "gen_ai.error.message",
    "error",
    "log.record.original",
    # HTTP, databases and messages: bodies, and what carries credentials
    "http.request.body*",
    "http.response.body*",
    "http.url",
    "http.target",
    "url.full",
    "url.original",
    "url.path",
    "url.query",
    "url.fragment",
    "db.statement",
    "db.query.text",
    "db.query.parameter*",
    "db.operation.parameter*",
    "graphql.document",
    "rpc.message.body",
    "messaging.message.body",
    "baggage*",
    # Who sits at the machine, and what was typed to start the process
    "process.command*",
    "process.environment*",
    "process.owner",
    "process.user*",
    "process.real_user*",
    "process.saved_user*",
    "process.executable.path",
    "process.working_directory",
    "host.user*",
    "user.email",
    "user.name",
    "user.full_name",
    "client.address",
    "http.client_ip",
    "source.address",
)

# fmt: off
_WORDS_FOR_TEXT = frozenset((
    "answer", "answers", "arg", "args", "argument", "arguments", "body", "chunks", "command", "comment", "completion",
    "completions", "content", "contents", "context", "contexts", "conversation", "definition", "definitions",
    "description", "document", "documents", "explanation", "header", "headers", "input", "inputs", "instruction",
    "instructions", "message", "messages", "metadata", "output", "outputs", "param", "parameter", "parameters", "params",
    "passage", "passages", "payload", "prompt", "prompts", "query", "question", "questions", "raw", "reasoning",
    "request", "response", "responses", "result", "results", "stacktrace", "stdin", "stdout", "stderr", "summary", "text",
    "texts", "thinking", "thought", "thoughts", "traceback", "transcript", "utterance",
))
_WORDS_FOR_CREDENTIALS = frozenset((
    "authorization", "apikey", "cookie", "cookies", "credential", "credentials", "passphrase", "passwd", "password", "pwd",
    "secret", "secrets",
))
_CREDENTIALS = frozenset((
    "access key", "access token", "api key", "api token", "auth key", "auth token", "bearer token", "encryption key",
    "github token", "id token", "private key", "refresh token", "secret key", "security token", "session token",
    "signing key",
))
_TEXTS_OF_TWO_WORDS = frozenset(("stack trace", "error details"))
# LiteLLM copies a provider's whole request and answer to `llm.<provider>.<field>`; of those only these say nothing.
_HARMLESS_RAW_FIELDS = frozenset((
    "created", "id", "max_completion_tokens", "max_tokens", "model", "n", "object", "parallel_tool_calls", "role", "seed",
    "service_tier", "stop_reason", "store", "stream", "system_fingerprint", "temperature", "top_k", "top_p", "type", "usage",
    "user",
))
# fmt: on
# No convention has a longer key; a map with texts for keys, flattened, has.
_LONGEST_KEY = 200
# Second words of `llm.*` that are a convention's own and not the name of a provider.
_LLM_NAMESPACES = frozenset(
    ("cost", "prompt_template", "request", "response", "token_count", "usage", "chat", "watsonx", "headers")
)


@lru_cache(maxsize=16_384)
def is_content(key: str) -> bool:
    """Whether the value of this attribute, or the key itself, may hold what a user or a model wrote, or a credential."""
    if len(key) > _LONGEST_KEY or scrub_text(key) != key:
        return True
    if key in _KEPT or key.startswith(_KEPT_PREFIXES):
        return False
    return (
        key in _EXACT
        or key.startswith(_PREFIXES)
        or _NUMBERED_PROMPT.match(key) is not None
        or _HEADERS.search(key) is not None
        or _is_raw_field(key)
        or _ends_in_text(key)
    )


def is_numbers_only(key: str) -> bool:
    """Whether this attribute holds counts or amounts, however long: it is kept whole."""
    return key in _KEPT or key.startswith(_KEPT_PREFIXES)


def _is_raw_field(key: str) -> bool:
    namespace, _, field = key.removeprefix("llm.").partition(".")
    return (
        key.startswith("llm.")
        and field != ""
        and namespace not in _LLM_NAMESPACES
        and field.partition(".")[0] not in _HARMLESS_RAW_FIELDS
    )


@lru_cache(maxsize=16_384)
def names_credential(key: str) -> bool:
    """Whether a value under this name is a password, a key or a token."""
    words = _words(key)
    return words == ["token"] or words[-1] in _WORDS_FOR_CREDENTIALS or " ".join(words[-2:]) in _CREDENTIALS


def _ends_in_text(key: str) -> bool:
    words = _words(key)
    return (
        words[-1] in _WORDS_FOR_TEXT
        or words[-1] in _WORDS_FOR_CREDENTIALS
        or words == ["token"]
        or " ".join(words[-2:]) in _CREDENTIALS | _TEXTS_OF_TWO_WORDS
    )


def _words(key: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(key)]
    # `headers.3`, `prompt_2`: the number says which one, not what it is.
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return words or [""]


# Words of snake_case, kebab-case, dotted and camelCase names.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
# OpenTelemetry's old messages, `gen_ai.prompt.3.content`; `gen_ai.prompt.name` is not one.
_NUMBERED_PROMPT = re.compile(r"gen_ai\.prompt\.\d")
_HEADERS = re.compile(r"\bheaders?\.", re.IGNORECASE)
_EXACT = frozenset(key for key in CONTENT_KEYS if not key.endswith("*"))
_PREFIXES = tuple(key[:-1] for key in CONTENT_KEYS if key.endswith("*"))
_KEPT = frozenset(key for key in NUMBERS_ONLY if not key.endswith("*"))
_KEPT_PREFIXES = tuple(key[:-1] for key in NUMBERS_ONLY if key.endswith("*"))
