"""Token counts in the canonical meaning: input with what the cache gave and took, output with what was reasoned.

Most emitters count so. Of those that do not, some are known by family and condition, some by the provider whose counts an
instrumentation hands on; others prove it themselves, when they have more cached than all of the input, or when their total
is the sum of the parts. Which of these it was is in `usage_confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.columns import Family, Is
from collector.conventions.usage_rules import USAGE_RULES, UsageRule
from collector.decode.attributes import Mask
from collector.decode.classify import Classified, Conditions
from collector.decode.found import Found, true

Numbers = npt.NDArray[np.int64]
_COUNT = pa.int64()
_SEMANTICS = pa.array(["inclusive", "exclusive"])
_SOURCES = pa.array(["none", "reported", "reconstructed"])
_CONVENTION, _ARITHMETIC, _RULE = range(3)
_CONFIDENCES = pa.array(["convention", "arithmetic", "rule"])


def usage(found: Found, conditions: Conditions, classified: Classified) -> None:
    """Put the counts of a batch right, in place, and say what they meant and where they are from."""
    has_input, has_output = _has(found, "input_tokens"), _has(found, "output_tokens")
    if "citation_tokens" in found:
        _add_citations(found, _by_provider(found, conditions, "citations")[0])
    _add_modalities(found)
    is_exclusive, confidence = _add_cache(
        found,
        _by_family(conditions, classified, "input_excludes_cache"),
        _by_family(conditions, classified, "input_includes_cache"),
    )
    is_rebuilt = _add_reasoning(
        found,
        _by_family(conditions, classified, "output_excludes_reasoning"),
        *_by_provider(found, conditions, "reasoning"),
    )
    _leave_out_cached_images(found)
    source = np.where(has_input | has_output, np.where(is_rebuilt, 2, 1), 0)
    found.put("usage_source", _SOURCES.take(pa.array(source)))
    found.put("usage_semantics", _SEMANTICS.take(pa.array(is_exclusive.astype(np.int8), mask=~has_input)))
    found.put("usage_confidence", _CONFIDENCES.take(pa.array(confidence, mask=~has_input)))


def _add_cache(found: Found, leaves_out: Mask, has_it: Mask) -> tuple[Mask, Numbers]:
    """Input plus what it leaves out; (of which spans it did, how that is known)."""
    has_input = _has(found, "input_tokens")
    by_rule = np.where(leaves_out | has_it, _RULE, _CONVENTION)
    cached = _or_zero(found, "cached_input_tokens") + _or_zero(found, "cache_write_tokens")
    if not cached.any():
        return leaves_out & has_input, by_rule
    said = _or_zero(found, "input_tokens")
    total, has_total = _or_zero(found, "total_tokens"), _has(found, "total_tokens")
    rest = total - said - _or_zero(found, "output_tokens")
    reasoning = _or_zero(found, "reasoning_tokens")
    # A total that is input + output, or that and the reasoning, says nothing about the cache.
    sums_up = (
        has_total & (cached > 0) & (rest != reasoning) & ((rest == cached) | (rest == cached + reasoning))
    )
    # More cached than all of the input is a proof, whatever is known of the emitter: a release of it may differ.
    proven = ~leaves_out & ((cached > said) | (sums_up & ~has_it))
    is_exclusive: Mask = has_input & (leaves_out | proven)
    if (changed := is_exclusive & (cached > 0)).any():
        found.put("input_tokens", _counts(np.where(changed, said + cached, said), has_input))
        found.note("input_tokens", changed, " + cached and written")
    return is_exclusive, np.where(proven, _ARITHMETIC, by_rule)


def _add_reasoning(found: Found, known: Mask, by_provider: Mask, total_decides: Mask) -> Mask:
    """Output plus what it leaves out; of which spans that had to be reckoned from the total."""
    no_one = np.zeros(found.n_rows, dtype=np.bool_)
    has_output, has_reasoning = _has(found, "output_tokens"), _has(found, "reasoning_tokens")
    known = known | by_provider
    if not (has_output & (known | has_reasoning)).any():
        return no_one
    output, reasoning = _or_zero(found, "output_tokens"), _or_zero(found, "reasoning_tokens")
    rest = _or_zero(found, "total_tokens") - _or_zero(found, "input_tokens") - output
    has_total = _has(found, "total_tokens") & _has(found, "input_tokens")
    is_told = has_total & (rest > 0)
    # Nothing is left over of the provider's own total: then the output has it already.
    known &= ~(by_provider & total_decides & has_total & (rest <= 0) & (reasoning <= output))
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


_INPUT_MODALITIES = ("text_input_tokens", "audio_input_tokens", "image_input_tokens")
_OUTPUT_MODALITIES = ("text_output_tokens", "audio_output_tokens", "image_output_tokens")


def _add_modalities(found: Found) -> None:
    """Input and output plus what each has of every modality, where the total is the sum of all parts."""
    if "total_tokens" not in found:
        return
    of_input = sum(_or_zero(found, column) for column in _INPUT_MODALITIES if column in found)
    of_output = sum(_or_zero(found, column) for column in _OUTPUT_MODALITIES if column in found)
    if not np.any(of_input + of_output):
        return
    has_both = _has(found, "input_tokens") & _has(found, "output_tokens")
    said, output = _or_zero(found, "input_tokens"), _or_zero(found, "output_tokens")
    rest = _or_zero(found, "total_tokens") - said - output - of_input - of_output
    cached = _or_zero(found, "cached_input_tokens") + _or_zero(found, "cache_write_tokens")
    reasoning = _or_zero(found, "reasoning_tokens")
    are_apart = (of_input + of_output > 0) & ((rest == cached) | (rest == cached + reasoning))
    for column, numbers in (("input_tokens", said + of_input), ("output_tokens", output + of_output)):
        if (changed := has_both & are_apart & (numbers != _or_zero(found, column))).any():
            counts = np.where(changed, numbers, _or_zero(found, column))
            found.put(column, _counts(counts, _has(found, column)))
            found.note(column, changed, " + each modality")
    # Then those from the cache are not among the audio either.
    if (cached_audio := _or_zero(found, "cached_audio_input_tokens") * (has_both & are_apart)).any():
        audio = _or_zero(found, "audio_input_tokens") + cached_audio
        is_known = _has(found, "audio_input_tokens") | (cached_audio > 0)
        found.put("audio_input_tokens", _counts(audio, is_known))


def _add_citations(found: Found, known: Mask) -> None:
    """Input plus the pages that the provider's own search had the model read, which it bills as input."""
    changed = known & _has(found, "input_tokens") & (_or_zero(found, "citation_tokens") > 0)
    if changed.any():
        total = _or_zero(found, "input_tokens") + np.where(changed, _or_zero(found, "citation_tokens"), 0)
        found.put("input_tokens", _counts(total, _has(found, "input_tokens")))
        found.note("input_tokens", changed, " + citations")


def _leave_out_cached_images(found: Found) -> None:
    """Images that came from the cache are priced as cached: of the images only the others are counted apart."""
    if "cached_image_input_tokens" not in found:
        return
    images, cached = _or_zero(found, "image_input_tokens"), _or_zero(found, "cached_image_input_tokens")
    changed = (cached > 0) & (cached <= images)
    if changed.any():
        numbers = np.where(changed, images - cached, images)
        found.put("image_input_tokens", _counts(numbers, _has(found, "image_input_tokens")))
        found.note("image_input_tokens", changed, " - cached")


def _by_family(conditions: Conditions, classified: Classified, which: str) -> Mask:
    """The spans that their family's conditions of this name fit."""
    fits = np.zeros(len(classified.family_of), dtype=np.bool_)
    for family, mine in classified.present():
        for condition in _conditions_of(family, which):
            found = conditions.where(condition)
            if found is not None:
                fits |= found & mine
    return fits


def _by_provider(found: Found, conditions: Conditions, leaves_out: str) -> tuple[Mask, Mask]:
    """(the spans that a rule about their provider, or the host that answered, fits; those whose total decides)"""
    fits, total_decides = np.zeros((2, found.n_rows), dtype=np.bool_)
    for rule in USAGE_RULES:
        if rule.leaves_out == leaves_out and (mine := _fitting(rule, found, conditions)) is not None:
            fits |= mine
            if rule.total_decides:
                total_decides |= mine
    return fits, total_decides


def _fitting(rule: UsageRule, found: Found, conditions: Conditions) -> Mask | None:
    """The spans that a rule fits; None when none does. Conditions first: they are known, names have to be looked at."""
    where = None if rule.when is None else conditions.where(rule.when)
    if rule.when is not None and where is None:
        return None
    mine = _are_of(found, rule.providers)
    if where is not None:
        mine = mine & where
    except_where = conditions.where(rule.unless) if rule.unless is not None and mine.any() else None
    return mine if except_where is None else mine & ~except_where


def _are_of(found: Found, providers: Sequence[str]) -> Mask:
    """The spans whose provider or host is one of these."""
    names = pa.array(providers, pa.string())
    mine = np.zeros(found.n_rows, dtype=np.bool_)
    for column in ("provider", "host_provider"):
        if column in found:
            mine |= true(pc.is_in(found.get(column, pa.string()), names))
    return mine


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
