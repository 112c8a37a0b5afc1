"""OpenTelemetry GenAI, current names (semantic-conventions-genai), as official instrumentations send them.

Source: the GenAI semantic conventions, status Development, read November 2026; never gate on schema_url,
emitters send 1.30.0, 1.37.0 or nothing. `gen_ai.usage.cache_creation.input_tokens` was renamed to
`cache_write` and both are live: both are accepted for ever. Input includes cached and written tokens,
output includes reasoning: the canonical meaning, so values are taken as they are.
"""

from __future__ import annotations

from collector.conventions.columns import FromAttributes

# A span is one billable model call when it names one of these operations and carries no other family's
# marker: those families mark wrappers and prompts with GenAI attributes too, and need rules of their own.
CALL_OPERATIONS = (
    "chat",
    "generate_content",
    "text_completion",
    "embeddings",
    "completion",
    "acompletion",
    "responses",
)
FOREIGN_MARKERS = (
    "openinference.span.kind",
    "langfuse.observation.type",
    "langsmith.span.kind",
    "ai.operationId",
    "traceloop.span.kind",
    "logfire.span_type",
    "llm_request.context",  # Claude Code: the same request is a log event, and that is the call
)

MAPPING = (
    FromAttributes("operation", ("gen_ai.operation.name",), "text"),
    FromAttributes("provider", ("gen_ai.provider.name", "gen_ai.system"), "text"),
    FromAttributes("model_requested", ("gen_ai.request.model",), "text"),
    FromAttributes("model_answered", ("gen_ai.response.model",), "text"),
    FromAttributes(
        "service_tier", ("openai.response.service_tier", "gen_ai.openai.response.service_tier"), "text"
    ),
    FromAttributes("input_tokens", ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"), "count"),
    FromAttributes("cached_input_tokens", ("gen_ai.usage.cache_read.input_tokens",), "count"),
    FromAttributes(
        "cache_write_tokens",
        ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        "count",
    ),
    FromAttributes(
        "output_tokens", ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"), "count"
    ),
    FromAttributes("reasoning_tokens", ("gen_ai.usage.reasoning.output_tokens",), "count"),
    FromAttributes("audio_input_tokens", ("gen_ai.usage.audio.input_tokens",), "count"),
    FromAttributes("audio_output_tokens", ("gen_ai.usage.audio.output_tokens",), "count"),
    FromAttributes("stream", ("gen_ai.request.stream",), "flag"),
    FromAttributes("ttft_s", ("gen_ai.response.time_to_first_chunk",), "number"),
    FromAttributes("finish_reason", ("gen_ai.response.finish_reasons",), "first_text"),
    FromAttributes("error_type", ("error.type",), "text"),
    FromAttributes("http_status", ("http.response.status_code",), "count"),
    FromAttributes("response_id", ("gen_ai.response.id",), "text", moved=True),
    FromAttributes("session_id", ("gen_ai.conversation.id", "session.id"), "text", moved=True),
    FromAttributes("user_id", ("user.id", "enduser.id"), "text", moved=True),
    FromAttributes("tenant_id", ("tenant.id", "tenant", "organization.id"), "text", moved=True),
    FromAttributes("prompt_name", ("gen_ai.prompt.name",), "text"),
    FromAttributes("prompt_version", ("gen_ai.prompt.version",), "text"),
    FromAttributes("agent_name", ("gen_ai.agent.name", "gen_ai.workflow.name"), "text"),
    # What our own gateway adds, because the conventions have no word for it.
    FromAttributes("request_id", ("steelyard.request_id",), "text"),
    FromAttributes("attempt", ("steelyard.attempt",), "count"),
    FromAttributes("cache_hit", ("steelyard.cache_hit",), "flag"),
    FromAttributes("run_id", ("steelyard.run_id",), "text"),
    FromAttributes("case_id", ("steelyard.case_id",), "text"),
    FromAttributes("feature", ("steelyard.feature",), "text"),
)

# Read from the resource; tenant and user only where the span itself names none.
RESOURCE_MAPPING = (
    FromAttributes("service_name", ("service.name",), "text"),
    FromAttributes("environment", ("deployment.environment.name", "deployment.environment"), "text"),
    FromAttributes("resource_tenant_id", ("tenant.id", "tenant", "organization.id"), "text"),
    FromAttributes("resource_user_id", ("user.id", "enduser.id"), "text"),
)

# Providers under one name each: what older or other emitters call them.
PROVIDER_ALIASES = {
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "xai": "x_ai",
    "bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
}
