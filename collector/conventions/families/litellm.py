"""LiteLLM's OpenTelemetry callback: the SDK and the proxy, its default names, its latest mode, and its second version.

Captured: the SDK in the default and the latest mode, November 2026. Tried against a local server then: the proxy. From the
source code (litellm/integrations/otel, `LITELLM_OTEL_V2`) and the documentation: `litellm.team.id`, `litellm.end_user.id`,
`litellm.cost.total`, `litellm.request.streaming`, `litellm.provider.error.code`.

Traps. `raw_gen_ai_request` repeats its parent. From 1.81 on the proxy may write the call on its own `Received Proxy Server
Request` instead of a span for it: a span that names an operation is the call, whatever its name; without one it is the
request around it, as `router`, `auth` and `self` are. About thirty `metadata.*` are "" and no values; others are reprs of
Python dicts, which quote what the client sent. Booleans are "True" and "False". On failures, and for embeddings, the
response's id is LiteLLM's own, and a cost of 0 is a filler. Cached and reasoning counts stand in `metadata.usage_object`.
Where models have aliases the proxy writes the alias as the answering model, its second version as the asked one too, and of
failures it counts 0 tokens. The user of a key (`metadata.user_api_key_user_id`) is who made it, not whom the call is for.
"""

from __future__ import annotations

from collector.conventions.columns import (
    Counted,
    Family,
    FromAttributes,
    FromDocument,
    FromPattern,
    Is,
    Unsaid,
)
from collector.conventions.otel_current import CALL_OPERATIONS, TOOL_CALL_PART
from collector.conventions.raw_usage import of_document

_USAGE = "metadata.usage_object"
_SENT = "metadata.requester_metadata"
_V2 = "litellm.metadata.user_api_key"
_EMBEDDING = ("embedding", "aembedding")
_OPERATIONS = (*CALL_OPERATIONS, *_EMBEDDING, "aresponses", "anthropic_messages", "agenerate_content")

FAMILY = Family(
    name="litellm",
    precedence=50,
    marks=(
        Is(scope=r"litellm"),
        Is(has=("litellm.call_id", "litellm.provider.model")),
        Is(span_name=r"(litellm_request|raw_gen_ai_request|Received Proxy Server Request)$"),
    ),
    roles=(
        (Is(span_name=r"raw_gen_ai_request$"), "wrapper"),
        (Is(span_name=r"litellm_request$"), "call"),
        (Is(value=("gen_ai.operation.name", _OPERATIONS)), "call"),
    ),
    mapping=(
        FromAttributes(
            "operation", ("gen_ai.operation.name", "litellm.call_type", "llm.request.type"), "text"
        ),
        FromAttributes("provider", ("gen_ai.provider.name", "gen_ai.system", "error.llm_provider"), "text"),
        FromPattern("provider", "litellm.provider.model", r"^([^/]+)/", "text"),
        # What was asked of the provider; "gen_ai.request.model" may be an alias.
        FromPattern("model_requested", "litellm.provider.model", r"^(?:[^/]+/)?(.+)$", "text"),
        FromAttributes("model_requested", ("gen_ai.request.model", "litellm.model_group"), "text"),
        Unsaid("model_answered", Is(has=("litellm.model_group", "litellm.request.route"))),
        *of_document(_USAGE),
        FromDocument("input_tokens", _USAGE, ("prompt_tokens",), "count"),
        FromDocument("output_tokens", _USAGE, ("completion_tokens",), "count"),
        FromDocument("address", "hidden_params", ("api_base",), "text"),
        FromAttributes("service_tier_requested", ("llm.request.service_tier",), "text"),
        FromAttributes("reported_cost_usd", ("gen_ai.cost.total_cost", "litellm.cost.total"), "number"),
        FromDocument("reported_cost_usd", "hidden_params", ("response_cost",), "number"),
        Unsaid("reported_cost_usd", Is(failed=True)),
        FromAttributes(
            "stream", ("llm.is_streaming", "litellm.request.streaming", "gen_ai.request.stream"), "flag"
        ),
        FromAttributes("error_code", ("error.code", "litellm.provider.error.code"), "text"),
        Unsaid("input_tokens", Is(failed=True, value=("gen_ai.usage.input_tokens", ("0",)))),
        Unsaid("output_tokens", Is(failed=True, value=("gen_ai.usage.output_tokens", ("0",)))),
        Unsaid("response_id", Is(failed=True)),
        Unsaid("response_id", Is(value=("gen_ai.operation.name", (*_EMBEDDING, "embeddings")))),
        # A message's parts leave calls of tools out; these attributes do not.
        Counted("tool_calls", r"^gen_ai\.completion\.\d+\.function_call\.name$", of_names=True),
        Counted("tool_calls", TOOL_CALL_PART, ("gen_ai.output.messages",)),
        FromAttributes("session_id", ("gen_ai.conversation.id", "session.id"), "text", moved=True),
        FromDocument(
            "session_id", _SENT, ("session_id", "litellm_session_id", "thread_id", "conversation_id"), "text"
        ),
        FromAttributes(
            "user_id",
            ("metadata.user_api_key_end_user_id", "litellm.end_user.id", f"{_V2}_end_user_id", "llm.user"),
            "text",
        ),
        FromDocument("user_id", _SENT, ("user_id", "trace_user_id"), "text"),
        FromAttributes(
            "tenant_id",
            (
                "metadata.user_api_key_team_id",
                "litellm.team.id",
                f"{_V2}_team_id",
                "metadata.user_api_key_org_id",
                f"{_V2}_org_id",
                "metadata.team_id",
            ),
            "text",
        ),
        FromDocument("tenant_id", _SENT, ("tenant", "tenant_id", "organization_id"), "text"),
    ),
)
