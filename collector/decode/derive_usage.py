"""Token counts in the canonical meaning: input with what the cache gave and took, output with what was reasoned.

Most emitters count so. Of those that do not, some are known by family and condition; others prove it themselves, when
they have more cached than all of the input, or when their total is the sum of the parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.columns import Family, Is
from collector.decode.attributes import Mask
from collector.decode.classify import Classified, Conditions
from collector.decode.found import Found, true

Numbers = npt.NDArray[np.int64]
_COUNT = pa.int64()


def usage(found: Found, conditions: Conditions, classified: Classified) -> None:
    """Put the counts of a batch right, in place, and say what they meant and where they are from."""
    leaves_out_cache = _by_family(conditions, classified, "input_excludes_cache")
    leaves_out_reasoning = _by_family(conditions, classified, "output_excludes_reasoning")
    is_exclusive = _add_cache(found, leaves_out_cache)
    is_rebuilt = _add_reasoning(found, leaves_out_reasoning)
    has_input, has_output = _has(found, "input_tokens"), _has(found, "output_tokens")
    source = np.where(has_input | has_output, np.where(is_rebuilt, 2, 1), 0)
    semantics = pa.array(is_exclusive.astype(np.int8), mask=~has_input)
    found.put("usage_source", pa.array(["none", "reported", "reconstructed"]).take(pa.array(source)))
    found.put("usage_semantics", pa.array(["inclusive", "exclusive"]).take(semantics))


def _add_cache(found: Found, known: Mask) -> Mask:
    """Input plus what it leaves out; of which spans it did."""
    cached = _or_zero(found, "cached_input_tokens") + _or_zero(found, "cache_write_tokens")
    if not cached.any():
        return np.logical_and(known, _has(found, "input_tokens"))
    said, has_input = _or_zero(found, "input_tokens"), _has(found, "input_tokens")
    total, has_total = _or_zero(found, "total_tokens"), _has(found, "total_tokens")
    rest = total - said - _or_zero(found, "output_tokens")
    reasoning = _or_zero(found, "reasoning_tokens")
    # A total that is input + output, or that and the reasoning, says nothing about the cache.
    sums_up = (
        has_total & (cached > 0) & (rest != reasoning) & ((rest == cached) | (rest == cached + reasoning))
    )
    is_exclusive: Mask = has_input & (known | (cached > said) | sums_up)
    if (changed := is_exclusive & (cached > 0)).any():
        found.put("input_tokens", _counts(np.where(changed, said + cached, said), has_input))
        found.note("input_tokens", changed, " + cached and written")
    return is_exclusive


def _add_reasoning(found: Found, known: Mask) -> Mask:
    """Output plus what it leaves out; of which spans that had to be reckoned from the total."""
    no_one = np.zeros(found.n_rows, dtype=np.bool_)
    has_output, has_reasoning = _has(found, "output_tokens"), _has(found, "reasoning_tokens")
    if not (has_output & (known | has_reasoning)).any():
        return no_one
    output, reasoning = _or_zero(found, "output_tokens"), _or_zero(found, "reasoning_tokens")
    rest = _or_zero(found, "total_tokens") - _or_zero(found, "input_tokens") - output
    is_told = _has(found, "total_tokens") & _has(found, "input_tokens") & (rest > 0)
    is_rebuilt: Mask = known & has_output & ~has_reasoning & is_told
    sums_up = has_reasoning & is_told & (rest == reasoning)
    is_apart = has_output & has_reasoning & (known | sums_up | (reasoning > output))
    if is_rebuilt.any():
        reasoning = np.where(is_rebuilt, rest, reasoning)
        found.fill("reasoning_tokens", _counts(reasoning, is_rebuilt), "total - input - output")
    if (changed := is_rebuilt | (is_apart & (reasoning > 0))).any():
        found.put("output_tokens", _counts(np.where(changed, output + reasoning, output), has_output))
        found.note("output_tokens", changed, " + reasoning")
    return is_rebuilt


def _by_family(conditions: Conditions, classified: Classified, which: str) -> Mask:
    """The spans that their family's conditions of this name fit."""
    fits = np.zeros(len(classified.family_of), dtype=np.bool_)
    for family, mine in classified.present():
        for condition in _conditions_of(family, which):
            found = conditions.where(condition)
            if found is not None:
                fits |= found & mine
    return fits


def _conditions_of(family: Family, which: str) -> Sequence[Is]:
    conditions: Sequence[Is] = getattr(family, which)
    return conditions


def _or_zero(found: Found, column: str) -> Numbers:
    """The counts, 0 where there is none: to reckon with, never to keep."""
    numbers: Numbers = pc.fill_null(found.get(column, _COUNT), 0).to_numpy(zero_copy_only=False)
    return numbers


def _has(found: Found, column: str) -> Mask:
    return true(found.get(column, _COUNT).is_valid())


def _counts(numbers: Numbers, is_known: Mask) -> pa.Array:
    return pa.array(numbers, _COUNT, mask=~is_known)
