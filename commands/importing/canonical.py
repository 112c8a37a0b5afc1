"""The names that a mapping may use: what each means, in which unit, and the span attribute it is sent as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "duration", "count", "number", "flag", "content"]


@dataclass(frozen=True)
class Canonical:
    """One name. `attribute` is None for what a span says in another way than by an attribute."""

    name: str
    kind: Kind
    attribute: str | None = None
    scale: int = 1  # of a duration: nanoseconds in its unit


_ALL = (
    # When, and which: a row's own id makes importing again add nothing.
    Canonical("id", "text"),
    Canonical("trace_id", "text"),
    Canonical("started_at", "time"),
    Canonical("ended_at", "time"),
    Canonical("duration_s", "duration", scale=1_000_000_000),
    Canonical("duration_ms", "duration", scale=1_000_000),
    Canonical("duration_us", "duration", scale=1_000),
    Canonical("duration_ns", "duration"),
    # The call
    Canonical("operation", "text"),
    Canonical("provider", "text", "gen_ai.provider.name"),
    Canonical("model_requested", "text", "gen_ai.request.model"),
    Canonical("model_answered", "text", "gen_ai.response.model"),
    Canonical("service_tier", "text", "openai.response.service_tier"),
    # Tokens: input includes what was read from and written to the cache, output includes reasoning. The two
    # `…_without_…` are for sources that count apart; what they leave out is added.
    Canonical("input_tokens", "count", "gen_ai.usage.input_tokens"),
    Canonical("input_tokens_without_cache", "count"),
    Canonical("cached_input_tokens", "count", "gen_ai.usage.cache_read.input_tokens"),
    Canonical("cache_write_tokens", "count", "gen_ai.usage.cache_write.input_tokens"),
    Canonical("output_tokens", "count", "gen_ai.usage.output_tokens"),
    Canonical("output_tokens_without_reasoning", "count"),
    Canonical("reasoning_tokens", "count", "gen_ai.usage.reasoning.output_tokens"),
    Canonical("audio_input_tokens", "count", "gen_ai.usage.audio.input_tokens"),
    Canonical("audio_output_tokens", "count", "gen_ai.usage.audio.output_tokens"),
    Canonical("reported_cost_usd", "number", "steelyard.reported_cost_usd"),
    # How it went
    Canonical("stream", "flag", "gen_ai.request.stream"),
    Canonical("first_token_at", "time"),
    Canonical("ttft_s", "number", "gen_ai.response.time_to_first_chunk"),
    Canonical("ttft_ms", "number"),
    Canonical("finish_reason", "text", "gen_ai.response.finish_reasons"),
    Canonical("status", "text"),
    Canonical("error_type", "text", "error.type"),
    Canonical("http_status", "count", "http.response.status_code"),
    Canonical("attempt", "count", "steelyard.attempt"),
    Canonical("cache_hit", "flag", "steelyard.cache_hit"),
    Canonical("request_id", "text", "steelyard.request_id"),
    Canonical("response_id", "text", "gen_ai.response.id"),
    # Whose
    Canonical("tenant_id", "text", "tenant.id"),
    Canonical("user_id", "text", "user.id"),
    Canonical("session_id", "text", "gen_ai.conversation.id"),
    Canonical("feature", "text", "steelyard.feature"),
    Canonical("prompt_name", "text", "gen_ai.prompt.name"),
    Canonical("prompt_version", "text", "gen_ai.prompt.version"),
    Canonical("agent_name", "text", "gen_ai.agent.name"),
    Canonical("service_name", "text"),
    Canonical("environment", "text"),
    # What was written: sent only with --with-content, and then the collector's own privacy settings decide.
    Canonical("input_messages", "content", "gen_ai.input.messages"),
    Canonical("output_messages", "content", "gen_ai.output.messages"),
)
CANONICAL = {one.name: one for one in _ALL}
# What the calls of a store's own export are called, where that differs.
ALIASES = {"span_id": "id", "model": "model_requested"}

ATTRIBUTE_PREFIX = "attribute:"  # attribute:app.region = any other column as a span attribute of that name


def canonical(name: str) -> Canonical | None:
    """What this name of a mapping means; None when it means nothing."""
    if name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX:
        return Canonical(name, "text", name.removeprefix(ATTRIBUTE_PREFIX))
    return CANONICAL.get(ALIASES.get(name, name))
