"""OpenTelemetry GenAI, current names (semantic-conventions-genai), as official instrumentations send them.

Source: the GenAI semantic conventions, status Development, read November 2026; never gate on schema_url,
emitters send 1.30.0, 1.37.0 or nothing. `gen_ai.usage.cache_creation.input_tokens` was renamed to
`cache_write` and both are live: both are accepted for ever. Input includes cached and written tokens,
output includes reasoning: the canonical meaning, so values are taken as they are.
"""

from __future__ import annotations

from collector.conventions.columns import Counted, FromAttributes

# A span is one billable model call when it names one of these operations. Semantic Kernel's four are from its source
# (model_diagnostics), every other unknown operation is no call: agent steps, tasks, reranking.
CALL_OPERATIONS = (
    "chat",
    "generate_content",
    "text_completion",
    "embeddings",
    "completion",
    "acompletion",
    "responses",
    "chat.completions",
    "chat.streaming_completions",
    "text.completions",
    "text.streaming_completions",
)
# A part of a message that is a call of a tool. Within a text of the model its quotes stand escaped.
TOOL_CALL_PART = r'"type"\s*:\s*"tool_call"'

MAPPING = (
    FromAttributes("operation", ("gen_ai.operation.name",), "text"),
    FromAttributes("provider", ("gen_ai.provider.name",), "text"),
    FromAttributes("model_requested", ("gen_ai.request.model",), "text"),
    FromAttributes("model_answered", ("gen_ai.response.model",), "text"),
    FromAttributes(
        "service_tier", ("openai.response.service_tier", "anthropic.response.service_tier"), "text"
    ),
    FromAttributes(
        "service_tier_requested", ("openai.request.service_tier", "anthropic.request.service_tier"), "text"
    ),
    FromAttributes("input_tokens", ("gen_ai.usage.input_tokens",), "count"),
    FromAttributes("cached_input_tokens", ("gen_ai.usage.cache_read.input_tokens",), "count"),
    FromAttributes(
        "cache_write_tokens",
        ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        "count",
    ),
    FromAttributes("output_tokens", ("gen_ai.usage.output_tokens",), "count"),
    FromAttributes("reasoning_tokens", ("gen_ai.usage.reasoning.output_tokens",), "count"),
    FromAttributes("audio_input_tokens", ("gen_ai.usage.audio.input_tokens",), "count"),
    FromAttributes("audio_output_tokens", ("gen_ai.usage.audio.output_tokens",), "count"),
    FromAttributes("cached_audio_input_tokens", ("gen_ai.usage.audio.cache_read.input_tokens",), "count"),
    FromAttributes("image_input_tokens", ("gen_ai.usage.image.input_tokens",), "count"),
    FromAttributes("image_output_tokens", ("gen_ai.usage.image.output_tokens",), "count"),
    FromAttributes("cached_image_input_tokens", ("gen_ai.usage.image.cache_read.input_tokens",), "count"),
    FromAttributes("address", ("server.address", "url.full"), "text"),
    FromAttributes("client_region", ("cloud.region", "aws.region"), "text"),
    FromAttributes("total_tokens", ("gen_ai.usage.total_tokens",), "count"),
    FromAttributes("stream", ("gen_ai.request.stream",), "flag"),
    FromAttributes("ttft_s", ("gen_ai.response.time_to_first_chunk",), "number"),
    FromAttributes("finish_reason", ("gen_ai.response.finish_reasons",), "first_text"),
    FromAttributes("error_type", ("error.type",), "text"),
    FromAttributes("error_code", ("error.code",), "text"),
    FromAttributes("http_status", ("http.response.status_code",), "count"),
    FromAttributes("response_id", ("gen_ai.response.id",), "text", moved=True),
    Counted("tool_calls", TOOL_CALL_PART, ("gen_ai.output.messages",)),
    FromAttributes("session_id", ("gen_ai.conversation.id", "session.id"), "text", moved=True),
    FromAttributes("user_id", ("user.id", "enduser.id"), "text", moved=True),
    FromAttributes("tenant_id", ("tenant.id", "tenant", "organization.id"), "text", moved=True),
    FromAttributes("prompt_name", ("gen_ai.prompt.name",), "text"),
    FromAttributes("prompt_version", ("gen_ai.prompt.version",), "text"),
    FromAttributes("agent_name", ("gen_ai.agent.name", "gen_ai.workflow.name"), "text"),
    # Samplers that say what they kept: Logfire's a share, Honeycomb's one in how many, Datadog's and Jaeger's a share. Not
    # "sample_rate" itself, which is said of sound.
    FromAttributes("sample_rate", ("logfire.sample_rate", "SampleRate", "_dd.rule_psr"), "number"),
    FromAttributes("sampler_type", ("sampler.type",), "text"),
    FromAttributes("sampler_param", ("sampler.param",), "number"),
    # What our own gateway adds, and an application may, because the conventions have no word for it.
    FromAttributes("request_id", ("steelyard.request_id",), "text"),
    FromAttributes("attempt", ("steelyard.attempt",), "count"),
    FromAttributes("cache_hit", ("steelyard.cache_hit",), "flag"),
    FromAttributes("run_id", ("steelyard.run_id",), "text"),
    FromAttributes("case_id", ("steelyard.case_id",), "text"),
    FromAttributes("feature", ("steelyard.feature",), "text"),
    FromAttributes("service_tier_said", ("steelyard.service_tier",), "text"),
    FromAttributes("region", ("steelyard.region",), "text"),
    FromAttributes("host_provider", ("steelyard.host_provider",), "text"),
    FromAttributes("web_searches", ("steelyard.web_searches",), "count"),
    FromAttributes("cache_write_1h_tokens", ("steelyard.cache_write_1h_tokens",), "count"),
    FromAttributes("key_owner", ("steelyard.key_owner",), "text"),
    FromAttributes("reported_cost_usd", ("steelyard.reported_cost_usd",), "number"),
)

# Read from the resource; tenant and user only where the span itself names none.
RESOURCE_MAPPING = (
    FromAttributes("service_name", ("service.name",), "text"),
    FromAttributes("environment", ("deployment.environment.name", "deployment.environment"), "text"),
    FromAttributes("resource_tenant_id", ("tenant.id", "tenant", "organization.id"), "text"),
    FromAttributes("resource_user_id", ("user.id", "enduser.id"), "text"),
)
