"""What a call used, and the disjoint counts that its price is made of.

    leaves(Usage(input_tokens=10_000, cached_input_tokens=8_000, output_tokens=1_000, reasoning_tokens=600))
    # -> Leaves({'uncached_input': 2000, 'cached_input': 8000, 'output': 400, 'reasoning': 600})

`charge.sql` does the same to a batch; a property test holds the two equal.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, fields

from pricing.units import COUNTS

# More than this in one call is a broken counter. It also keeps the arithmetic of charge.sql within 38 digits.
MOST_COUNTED = 100_000_000

# What is counted apart of each total.
_PARTS_OF_INPUT = ("cached_input_tokens", "cache_write_tokens", "audio_input_tokens", "image_input_tokens")
_PARTS_OF_OUTPUT = ("reasoning_tokens", "audio_output_tokens", "image_output_tokens")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """The counts of one call, as `calls` has them. None = not reported, which is not 0.

    Totals include their parts: `input_tokens` what was read from the cache, written to it, audio and images;
    `cache_write_tokens` the writes that are kept for an hour; `output_tokens` reasoning, audio and images.
    `cached_audio_input_tokens` are part of the cached and of the audio input. `web_searches` are searches that the
    provider ran for the call and bills apart. TypeError for a count that is no whole number.
    """

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    audio_input_tokens: int | None = None
    cached_audio_input_tokens: int | None = None
    image_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_output_tokens: int | None = None
    image_output_tokens: int | None = None
    web_searches: int | None = None

    def __post_init__(self) -> None:
        for count in fields(self):
            value = getattr(self, count.name)
            if value is not None:
                object.__setattr__(self, count.name, _whole(count.name, value))

    @classmethod
    def of(cls, counts: Mapping[str, int | None]) -> Usage:
        """The usage in a mapping by the same names; ValueError for any other name, lest its tokens go unbilled."""
        if unknown := sorted(counts.keys() - set(COUNTS)):
            raise ValueError(
                f"usage has no count named {', '.join(unknown)}. The counts are: {', '.join(COUNTS)}."
            )
        return cls(**counts)


@dataclass(frozen=True, slots=True)
class Leaves:
    """How much of each unit (`units.py`) the call used: every token in exactly one. A unit not reported is not there."""

    counts: Mapping[str, int]

    @property
    def input_tokens(self) -> int:
        """The whole prompt, cached tokens included: what context tiers go by."""
        return sum(count for unit, count in self.counts.items() if unit in INPUT_UNITS)


@dataclass(frozen=True, slots=True)
class Conflict:
    """The counts contradict each other: whatever were billed would be made up."""

    reason: str


INPUT_UNITS = frozenset(
    (
        "uncached_input",
        "cached_input",
        "cache_write",
        "cache_write_1h",
        "audio_input",
        "cached_audio_input",
        "image_input",
    )
)


def leaves(usage: Usage) -> Leaves | Conflict:
    """The disjoint counts of a call. Nothing is clamped: a part above its total is a conflict."""
    counted = {name: count for name in COUNTS if (count := getattr(usage, name)) is not None}
    for name, count in counted.items():
        if not 0 <= count <= MOST_COUNTED:
            return Conflict(f"{name} is {count:,}, not between 0 and {MOST_COUNTED:,}")
    found = {unit: count for unit, count in _disjoint(counted).items() if count is not None}
    if negative := [f"{unit} would be {count:,}" for unit, count in found.items() if count < 0]:
        return Conflict(f"the parts exceed their total: {', '.join(negative)}")
    return Leaves(found)


def _disjoint(counted: Mapping[str, int]) -> dict[str, int | None]:
    hour_long = counted.get("cache_write_1h_tokens")
    written = counted.get("cache_write_tokens", hour_long)
    both = counted.get("cached_audio_input_tokens")
    told = dict(counted) if written is None else {**counted, "cache_write_tokens": written}
    return {
        # What is both cached and audio is in both parts, and would be taken off twice.
        "uncached_input": _less(_rest(told, "input_tokens", _PARTS_OF_INPUT), -(both or 0)),
        "cached_input": _less(counted.get("cached_input_tokens", 0 if both else None), both),
        "cache_write": _less(written, hour_long),
        "cache_write_1h": hour_long,
        "audio_input": _less(counted.get("audio_input_tokens", 0 if both else None), both),
        "cached_audio_input": both,
        "image_input": counted.get("image_input_tokens"),
        "output": _rest(counted, "output_tokens", _PARTS_OF_OUTPUT),
        "reasoning": counted.get("reasoning_tokens"),
        "audio_output": counted.get("audio_output_tokens"),
        "image_output": counted.get("image_output_tokens"),
        "web_searches": counted.get("web_searches"),
    }


def _rest(counted: Mapping[str, int], total: str, parts: tuple[str, ...]) -> int | None:
    """The total less its parts; None when neither was reported."""
    if total not in counted and not any(part in counted for part in parts):
        return None
    return counted.get(total, 0) - sum(counted.get(part, 0) for part in parts)


def _less(count: int | None, part: int | None) -> int | None:
    return None if count is None else count - (part or 0)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}: a count is a whole number")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} is {value!r}: a count is a whole number, or None when it was not reported"
        ) from None
