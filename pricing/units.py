"""What is counted and priced apart: every token of a call is in exactly one of these leaves."""

from __future__ import annotations

# Tokens, but for the last two, which count searches and calls. The names are those of `rates.unit`; the amounts are
# `<unit>_usd` in `charges`.
UNITS = (
    "uncached_input",
    "cached_input",
    "cache_write",  # kept for five minutes, or however long the provider's only kind of write is
    "cache_write_1h",
    "audio_input",
    "cached_audio_input",
    "image_input",
    "output",
    "reasoning",
    "audio_output",
    "image_output",
    "web_searches",
    "request",
)
# The counts that telemetry brings; totals include their parts.
COUNTS = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "cached_audio_input_tokens",
    "image_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_output_tokens",
    "image_output_tokens",
    "web_searches",
)
STANDARD = "standard"
