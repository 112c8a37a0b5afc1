"""Usages for property tests: such as a real call reports, and such as no call could."""

from __future__ import annotations

from hypothesis import strategies as st

from pricing.units import COUNTS, UNITS
from pricing.usage import MOST_COUNTED

LEAVES_OF_TOKENS = tuple(unit for unit in UNITS if unit != "request")
_PARTS: dict[str, tuple[str, ...]] = {
    "input_tokens": (
        "uncached_input",
        "cached_input",
        "cache_write",
        "cache_write_1h",
        "audio_input",
        "cached_audio_input",
        "image_input",
    ),
    "cached_input_tokens": ("cached_input", "cached_audio_input"),
    "cache_write_tokens": ("cache_write", "cache_write_1h"),
    "cache_write_1h_tokens": ("cache_write_1h",),
    "audio_input_tokens": ("audio_input", "cached_audio_input"),
    "cached_audio_input_tokens": ("cached_audio_input",),
    "image_input_tokens": ("image_input",),
    "output_tokens": ("output", "reasoning", "audio_output", "image_output"),
    "reasoning_tokens": ("reasoning",),
    "audio_output_tokens": ("audio_output",),
    "image_output_tokens": ("image_output",),
    "web_searches": ("web_searches",),
}


def counts_of(leaves: dict[str, int]) -> dict[str, int | None]:
    """The counts that telemetry would bring for these leaves; None where none of a count's parts is there."""
    assert _PARTS.keys() == set(COUNTS)
    return {
        count: sum(leaves.get(part, 0) for part in parts) if any(part in leaves for part in parts) else None
        for count, parts in _PARTS.items()
    }


def some_leaves(most: int = 400_000) -> st.SearchStrategy[dict[str, int]]:
    """Some of the leaves, each with a count."""
    counts = st.integers(0, 20) | st.integers(0, most)
    return st.dictionaries(st.sampled_from(LEAVES_OF_TOKENS), counts, min_size=1)


def possible_counts(most: int = 400_000) -> st.SearchStrategy[dict[str, int | None]]:
    return some_leaves(most).map(counts_of)


def any_counts() -> st.SearchStrategy[dict[str, int | None]]:
    """Also what cannot be: parts above their whole, negative and broken counters."""
    count = (
        st.none()
        | st.integers(0, 3_000)
        | st.sampled_from((MOST_COUNTED, MOST_COUNTED + 1))
        | st.integers(-(2**63), 2**63 - 1)
    )
    one_wrong = st.tuples(possible_counts(), st.sampled_from(COUNTS), count).map(
        lambda found: {**found[0], found[1]: found[2]}
    )
    return possible_counts() | one_wrong | st.fixed_dictionaries(dict.fromkeys(COUNTS, count))
