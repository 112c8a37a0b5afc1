"""A provider's own usage, where an emitter hands it on as a document: what stands where, for all providers at once.

Sources: the usage objects of OpenAI (chat, Responses, Realtime, images), Anthropic (`usage`, with `cache_creation`,
`server_tool_use`, `speed`, `inference_geo`), Gemini and Vertex AI (`usageMetadata`, per-modality lists, `trafficType`), Bedrock
(`cacheDetails`), DeepSeek (`prompt_cache_hit_tokens`), Perplexity (`citation_tokens`, `num_search_queries`) and Cohere
(`billed_units`), as their references and SDKs had them in November 2026. Names of one provider do not occur at another with
another meaning, so one list serves every document.
"""

from __future__ import annotations

from collector.conventions.columns import FromDocument, Reading


def _modal(modality: str, camel: str, snake: str) -> tuple[str, ...]:
    """Gemini counts each modality in a list of its own, in two spellings."""
    return (f"{camel}.modality={modality}.tokenCount", f"{snake}.modality={modality}.token_count")


PATHS: dict[str, tuple[str, ...]] = {
    # Billed, where it differs from what was counted.
    "input_tokens": ("billed_units.input_tokens",),
    "output_tokens": ("billed_units.output_tokens",),
    "cached_input_tokens": (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "input_token_details.cached_tokens",
        "cache_read_input_tokens",
        "prompt_cache_hit_tokens",
        "cachedContentTokenCount",
        "cached_content_token_count",
        "cacheReadInputTokens",
    ),
    "cache_write_tokens": (
        "cache_creation_input_tokens",
        "prompt_tokens_details.cache_write_tokens",
        "input_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens",
        "cacheWriteInputTokens",
    ),
    "cache_write_1h_tokens": (
        "cache_creation.ephemeral_1h_input_tokens",
        "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
        "cacheDetails.ttl=1h.inputTokens",
    ),
    "reasoning_tokens": (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "output_tokens_details.thinking_tokens",
        "thoughtsTokenCount",
        "thoughts_token_count",
        "reasoning_tokens",
    ),
    "audio_input_tokens": (
        "prompt_tokens_details.audio_tokens",
        "input_tokens_details.audio_tokens",
        "input_token_details.audio_tokens",
        *_modal("AUDIO", "promptTokensDetails", "prompt_tokens_details"),
    ),
    "audio_output_tokens": (
        "completion_tokens_details.audio_tokens",
        "output_tokens_details.audio_tokens",
        "output_token_details.audio_tokens",
        *_modal("AUDIO", "candidatesTokensDetails", "candidates_tokens_details"),
    ),
    "cached_audio_input_tokens": (
        "input_token_details.cached_tokens_details.audio_tokens",
        "input_tokens_details.cached_tokens_details.audio_tokens",
        "prompt_tokens_details.cached_tokens_details.audio_tokens",
        *_modal("AUDIO", "cacheTokensDetails", "cache_tokens_details"),
    ),
    "image_input_tokens": (
        "input_tokens_details.image_tokens",
        "input_token_details.image_tokens",
        "prompt_tokens_details.image_tokens",
        *_modal("IMAGE", "promptTokensDetails", "prompt_tokens_details"),
    ),
    "image_output_tokens": (
        "output_tokens_details.image_tokens",
        "completion_tokens_details.image_tokens",
        *_modal("IMAGE", "candidatesTokensDetails", "candidates_tokens_details"),
    ),
    "cached_image_input_tokens": (
        "input_token_details.cached_tokens_details.image_tokens",
        "input_tokens_details.cached_tokens_details.image_tokens",
        *_modal("IMAGE", "cacheTokensDetails", "cache_tokens_details"),
    ),
    "citation_tokens": ("citation_tokens",),
    "web_searches": (
        "server_tool_use.web_search_requests",
        "num_search_queries",
        "server_tool_use_details.web_search_requests",
        "prompt_tokens_details.web_search_requests",
    ),
    "service_tier": ("service_tier", "serviceTier", "trafficType", "traffic_type"),
    "speed": ("speed",),
    "region": ("inference_geo",),
}
_TEXTS = ("service_tier", "speed", "region")
# What few emitters have attributes for.
DETAILS = (
    "cache_write_1h_tokens",
    "cached_audio_input_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "cached_image_input_tokens",
    "citation_tokens",
    "web_searches",
    "service_tier",
    "speed",
    "region",
)


def of_document(
    key: str, *prefixes: str, columns: tuple[str, ...] = tuple(PATHS)
) -> tuple[FromDocument, ...]:
    """Entries for a document under `key` that has a usage object at each of the prefixes ("" for itself, or "usage.")."""
    return tuple(
        FromDocument(
            column,
            key,
            tuple(f"{prefix}{path}" for prefix in (prefixes or ("",)) for path in PATHS[column]),
            _reading(column),
        )
        for column in columns
    )


def _reading(column: str) -> Reading:
    return "text" if column in _TEXTS else "count"
