"""Every token of a call is in exactly one leaf, or the counts are a conflict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from pricing.units import UNITS
from pricing.usage import INPUT_UNITS, MOST_COUNTED, Conflict, Leaves, Usage, leaves
from tests.pricing.usages import any_counts, counts_of, some_leaves

OUTPUT_UNITS = {"output", "reasoning", "audio_output", "image_output"}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (  # golden A: what was cached and reasoned is part of its total
            Usage(input_tokens=10_000, cached_input_tokens=8_000, output_tokens=1_000, reasoning_tokens=600),
            {"uncached_input": 2_000, "cached_input": 8_000, "output": 400, "reasoning": 600},
        ),
        (  # golden B: 23,500 − 20,000 − 3,000
            Usage(
                input_tokens=23_500,
                cached_input_tokens=20_000,
                cache_write_tokens=3_000,
                cache_write_1h_tokens=1_000,
                output_tokens=400,
            ),
            {
                "uncached_input": 500,
                "cached_input": 20_000,
                "cache_write": 2_000,
                "cache_write_1h": 1_000,
                "output": 400,
            },
        ),
        (  # writes of which only the hour-long are reported are all hour-long
            Usage(input_tokens=100, cache_write_1h_tokens=60),
            {"uncached_input": 40, "cache_write": 0, "cache_write_1h": 60},
        ),
        (  # 50 audio tokens came from the cache: they are in both counts and in one leaf; 1,000 − 200 − 300 + 50
            Usage(
                input_tokens=1_000,
                cached_input_tokens=200,
                audio_input_tokens=300,
                cached_audio_input_tokens=50,
            ),
            {"uncached_input": 550, "cached_input": 150, "audio_input": 250, "cached_audio_input": 50},
        ),
        (  # 500 − 200 of text, 700 − 100 − 500 of text
            Usage(
                input_tokens=500,
                image_input_tokens=200,
                output_tokens=700,
                audio_output_tokens=100,
                image_output_tokens=500,
            ),
            {
                "uncached_input": 300,
                "image_input": 200,
                "output": 100,
                "audio_output": 100,
                "image_output": 500,
            },
        ),
        (Usage(), {}),
        (Usage(input_tokens=0, web_searches=2), {"uncached_input": 0, "web_searches": 2}),
    ],
)
def test_the_leaves_of_a_call_worked_by_hand(usage: Usage, expected: dict[str, int]) -> None:
    found = leaves(usage)
    assert isinstance(found, Leaves)
    assert found.counts == expected


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        ({"input_tokens": 500, "cached_input_tokens": 20_000}, "uncached_input would be -19,500"),
        ({"cached_input_tokens": 5}, "uncached_input would be -5"),
        ({"output_tokens": 100, "reasoning_tokens": 600}, "output would be -500"),
        ({"input_tokens": 9, "cache_write_tokens": 1, "cache_write_1h_tokens": 2}, "cache_write would be -1"),
        (
            {"input_tokens": 9, "audio_input_tokens": 1, "cached_audio_input_tokens": 1},
            "cached_input would be -1",
        ),
        (
            {"input_tokens": 9, "cached_input_tokens": 1, "cached_audio_input_tokens": 1},
            "audio_input would be -1",
        ),
        ({"input_tokens": -1}, "input_tokens is -1"),
        ({"web_searches": 2**62}, "web_searches is"),
    ],
)
def test_counts_that_contradict_each_other_are_a_conflict_that_says_how(
    usage: dict[str, int], says: str
) -> None:
    found = leaves(Usage.of(usage))
    assert isinstance(found, Conflict)
    assert says in found.reason


@given(some_leaves())
def test_the_counts_that_some_leaves_make_give_these_leaves_back(made: dict[str, int]) -> None:
    found = leaves(Usage.of(counts_of(made)))
    assert isinstance(found, Leaves)
    assert {unit: count for unit, count in found.counts.items() if count} == {
        unit: count for unit, count in made.items() if count
    }


@given(any_counts())
def test_leaves_are_never_negative_and_always_sum_to_the_totals(counts: dict[str, int | None]) -> None:
    found = leaves(Usage.of(counts))
    if isinstance(found, Conflict):
        assert _is_contradictory(counts)
        return
    assert not _is_contradictory(counts)
    assert found.counts.keys() <= set(UNITS)
    assert all(count >= 0 for count in found.counts.values())
    assert _sum(found, INPUT_UNITS) == found.input_tokens == (counts["input_tokens"] or 0)
    assert _sum(found, OUTPUT_UNITS) == (counts["output_tokens"] or 0)


def _is_contradictory(counts: dict[str, int | None]) -> bool:
    """By the meaning of the counts alone: a part above its whole, or a count beyond reason."""
    known = {name: count or 0 for name, count in counts.items()}
    both = known["cached_audio_input_tokens"]
    written = known["cache_write_tokens"]
    if counts["cache_write_tokens"] is None:
        written = known["cache_write_1h_tokens"]
    parts_of_input = (
        known["cached_input_tokens"]
        + known["audio_input_tokens"]
        - both
        + written
        + known["image_input_tokens"]
    )
    parts_of_output = known["reasoning_tokens"] + known["audio_output_tokens"] + known["image_output_tokens"]
    return (
        any(not 0 <= count <= MOST_COUNTED for count in known.values())
        or parts_of_input > known["input_tokens"]
        or parts_of_output > known["output_tokens"]
        or both > min(known["cached_input_tokens"], known["audio_input_tokens"])
        or known["cache_write_1h_tokens"] > written
    )


def _sum(found: Leaves, units: Any) -> int:
    return sum(count for unit, count in found.counts.items() if unit in units)


def test_a_count_that_is_not_in_the_list_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no count named prompt_tokens"):
        Usage.of({"prompt_tokens": 5})


@pytest.mark.parametrize("count", [1.5, "10", True])
def test_a_count_that_is_no_whole_number_is_refused(count: Any) -> None:
    with pytest.raises(TypeError, match="input_tokens"):
        Usage(input_tokens=count)
