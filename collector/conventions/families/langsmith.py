"""LangSmith's SDK in its OpenTelemetry mode, and other senders of `langsmith.span.kind`.

Not among the captures. Source: langsmith/_internal/otel/_otel_exporter.py of the Python SDK, tried with release 0.15.0
against a local server in November 2026; and the AI SDK exporter of the JavaScript SDK (`langsmith.usage_metadata`).

Traps. Prompt spans are marked `gen_ai.operation.name` = chat and retrievers embeddings: the span kind decides, not the
operation. Chains repeat the usage of their calls. `langsmith.trace.session_name` is the project, no session. Details of the
usage are the repr of a Python dict, and of LangChain's models they stand within the answer only. Finish reasons of several
choices are joined by commas in older releases. On failure the status has no text, the exception event has. Environment
variables arrive as metadata.
"""

from __future__ import annotations

from collector.conventions.columns import Always, Family, FromAttributes, FromDocument, FromPattern, Is
from collector.conventions.raw_usage import of_document

_KIND = "langsmith.span.kind"
_METADATA = "langsmith.metadata"
_INPUT_DETAILS = "gen_ai.usage.input_token_details"
_OUTPUT_DETAILS = "gen_ai.usage.output_token_details"
_USAGE = (f"{_METADATA}.usage_metadata", "langsmith.usage_metadata")
_MESSAGE = "generations.0.0.message.kwargs"
_ANSWER = f"{_MESSAGE}.response_metadata"


def _of_usage(column: str, *paths: str) -> tuple[FromDocument, ...]:
    of_langchain = FromDocument(
        column, "gen_ai.completion", tuple(f"{_MESSAGE}.usage_metadata.{path}" for path in paths), "count"
    )
    return (*(FromDocument(column, key, paths, "count") for key in _USAGE), of_langchain)


FAMILY = Family(
    name="langsmith",
    precedence=30,
    marks=(Is(has=(_KIND,)),),
    roles=((Is(value=(_KIND, ("llm", "embedding"))), "call"),),
    mapping=(
        Always("operation", "embeddings", Is(value=(_KIND, ("embedding",)))),
        Always("operation", "chat"),
        # "langchain" in gen_ai.system means that the exporter could not tell from the model's name.
        FromAttributes("provider", (f"{_METADATA}.ls_provider",), "text"),
        FromAttributes("model_requested", ("gen_ai.request.model", f"{_METADATA}.ls_model_name"), "text"),
        FromAttributes("model_answered", ("gen_ai.response.model",), "text"),
        FromDocument(
            "model_answered",
            "gen_ai.completion",
            ("model", f"{_ANSWER}.model_name", "llm_output.model_name"),
            "text",
        ),
        FromAttributes("input_tokens", ("gen_ai.usage.input_tokens",), "count"),
        *_of_usage("input_tokens", "input_tokens"),
        FromDocument("cached_input_tokens", _INPUT_DETAILS, ("cache_read",), "count"),
        *_of_usage("cached_input_tokens", "input_token_details.cache_read"),
        FromDocument("cache_write_tokens", _INPUT_DETAILS, ("cache_creation",), "count"),
        *_of_usage("cache_write_tokens", "input_token_details.cache_creation"),
        FromDocument("cache_write_1h_tokens", _INPUT_DETAILS, ("ephemeral_1h_input_tokens",), "count"),
        *_of_usage("cache_write_1h_tokens", "input_token_details.ephemeral_1h_input_tokens"),
        FromAttributes("output_tokens", ("gen_ai.usage.output_tokens",), "count"),
        *_of_usage("output_tokens", "output_tokens"),
        FromDocument("reasoning_tokens", _OUTPUT_DETAILS, ("reasoning",), "count"),
        *_of_usage("reasoning_tokens", "output_token_details.reasoning"),
        FromDocument("audio_input_tokens", _INPUT_DETAILS, ("audio",), "count"),
        FromDocument("audio_output_tokens", _OUTPUT_DETAILS, ("audio",), "count"),
        FromAttributes("service_tier", ("gen_ai.response.service_tier",), "text"),
        FromDocument(
            "service_tier",
            "gen_ai.completion",
            ("service_tier", f"{_ANSWER}.service_tier", f"{_ANSWER}.usage.service_tier"),
            "text",
        ),
        *of_document(
            "gen_ai.completion",
            "usage.",
            f"{_ANSWER}.usage.",
            f"{_ANSWER}.token_usage.",
            columns=("web_searches", "speed", "region", "image_input_tokens", "image_output_tokens"),
        ),
        FromAttributes("stream", ("langsmith.request.streaming",), "flag"),
        FromPattern("finish_reason", "gen_ai.response.finish_reasons", r"^([A-Za-z_-]+)", "text"),
        FromDocument(
            "finish_reason",
            "gen_ai.completion",
            ("stop_reason", f"{_ANSWER}.finish_reason", f"{_ANSWER}.stop_reason"),
            "text",
        ),
        FromAttributes("response_id", ("gen_ai.response.id",), "text", moved=True),
        FromDocument("response_id", "gen_ai.completion", ("id", f"{_ANSWER}.id"), "text"),
        FromAttributes(
            "session_id",
            (f"{_METADATA}.session_id", f"{_METADATA}.thread_id", f"{_METADATA}.conversation_id"),
            "text",
            moved=True,
        ),
        FromAttributes("user_id", (f"{_METADATA}.user_id", f"{_METADATA}.user"), "text", moved=True),
        FromAttributes(
            "tenant_id",
            (f"{_METADATA}.tenant", f"{_METADATA}.tenant_id", f"{_METADATA}.organization_id"),
            "text",
            moved=True,
        ),
        FromAttributes("prompt_name", (f"{_METADATA}.lc_hub_repo",), "text"),
        FromAttributes("prompt_version", (f"{_METADATA}.lc_hub_commit_hash",), "text"),
        FromAttributes("agent_name", (f"{_METADATA}.lc_agent_name",), "text"),
    ),
)
