"""Which spans tell of one call: found as pairs of rows. A pair does not say which of the two stays.

The rules come from spans of fifty emitter set-ups; none looks at more than the spans themselves, so the order in
which those came plays no part.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from collector.settle.components import labels_of, n_distinct
from collector.settle.forest import Flags, Rows, codes, joint
from collector.settle.scene import Scene

# Clocks of two services differ a little: an app's call and its gateway's overlap all the same.
CLOCKS_US = 2_000_000
_TOTALS = ("input_tokens", "output_tokens")
_NOTHING: Rows = np.array([], dtype=np.int64)


@dataclass(frozen=True)
class Pairs:
    """Rows of two spans of one call each, by which rule; and rows of spans that may be such and cannot be told apart."""

    rule: str
    one: Rows = field(default_factory=_NOTHING.copy)
    other: Rows = field(default_factory=_NOTHING.copy)
    doubtful: Rows = field(default_factory=_NOTHING.copy)


def calls_within_calls(scene: Scene, is_call: Flags) -> Rows:
    """The calls whose parent is a call."""
    parent = scene.forest.parent
    return np.flatnonzero(is_call & (parent >= 0) & is_call[parent])


def wrappers_among_calls(scene: Scene) -> Rows:
    """Calls that stand around several calls of their own, or around embeddings without usage of their own."""
    kids = calls_within_calls(scene, scene.is_call)
    if not len(kids):
        return kids
    parents = scene.forest.parent[kids]
    answers = codes(scene.column("response_id"))[kids]
    # Without ids, a second call that worked is another one: of attempts only the last works.
    unnamed = np.where((answers < 0) & scene.has_usage[kids] & ~scene.is_native[kids], kids, -1)
    several = (n_distinct(parents, answers) > 1) | (n_distinct(parents, unnamed) > 1)
    embeds = is_one_of(scene, "operation", ("embeddings",))
    empty = embeds[kids] & embeds[parents] & ~scene.has_usage[parents]
    return np.unique(parents[several | empty])


def nested(scene: Scene, is_call: Flags) -> Pairs:
    """A call directly within a call of the same model whose counts do not contradict it, or of the same counts, or with
    the same response id.
    """
    kids = calls_within_calls(scene, is_call)
    if not len(kids):
        return Pairs("nested")
    parents = scene.forest.parent[kids]
    answers = codes(scene.column("response_id"))
    same_answer = (answers[kids] == answers[parents]) & (answers[kids] >= 0)
    agrees = scene.alike(kids, parents) & ~_other_counts(scene, kids, parents)
    is_one = agrees | same_answer | _same_counts(scene, kids, parents)
    return Pairs("nested", kids[is_one], parents[is_one])


def same_response(scene: Scene, is_call: Flags, known: Pairs) -> Pairs:
    """Calls with one response id, of one tenant, that overlap in time, each from another instrumentation.

    Two spans of one instrumentation with one id are two calls (a cache or a test server repeats its ids): then the id
    tells nothing, and all of them stay.
    """
    rows, clusters = _answering_together(scene, is_call)
    if not len(rows):
        return Pairs("same response")
    tenants = n_distinct(clusters, codes(scene.column("tenant_id"))[rows])
    label = labels_of(scene.n_rows, known.one, known.other)[rows]
    sides = joint(clusters, scene.instrumentation[rows])
    is_repeated = n_distinct(sides, label) > 1
    repeats = np.zeros(int(clusters.max()) + 1, dtype=np.bool_)
    repeats[clusters[is_repeated]] = True
    is_several = n_distinct(clusters, label) > 1
    clear = (tenants <= 1) & ~repeats[clusters]
    same = clear[:-1] & (clusters[1:] == clusters[:-1])
    doubtful = rows[(tenants <= 1) & repeats[clusters] & is_several & _from_several(scene, rows, clusters)]
    return Pairs("same response", rows[1:][same], rows[:-1][same], doubtful)


def _answering_together(scene: Scene, is_call: Flags) -> tuple[Rows, Rows]:
    """(rows, cluster of each) of calls that share a response id while they overlap, in the order of their clusters."""
    answers = joint(scene.forest.project, codes(scene.column("response_id")))
    said = np.flatnonzero(is_call & scene.has("response_id"))
    counts = np.bincount(answers[said], minlength=1)
    rows = said[counts[answers[said]] > 1] if len(said) else said
    if not len(rows):
        return rows, rows
    order = np.lexsort((rows, scene.start_us[rows], answers[rows]))
    rows = rows[order]
    groups = np.unique(answers[rows], return_inverse=True)[1].astype(np.int64)
    return rows, _overlapping(groups, scene.start_us[rows], scene.end_us[rows])


def _overlapping(groups: Rows, start_us: Rows, end_us: Rows) -> Rows:
    """A number for each run of rows of one group that overlap; rows are sorted by group and start."""
    firsts = np.flatnonzero(np.diff(groups, prepend=-1))
    zero = start_us[firsts][groups]
    # Days, at most: so that the groups can stand one behind the other on one axis.
    span_us = 2**41
    begins = np.clip(start_us - zero, 0, span_us - 2)
    ends = np.clip(end_us - zero + CLOCKS_US, 0, span_us - 1)
    reached = np.maximum.accumulate(groups * span_us + ends)
    is_new = np.ones(len(groups), dtype=np.bool_)
    is_new[1:] = (groups[1:] * span_us + begins[1:]) > reached[:-1]
    return np.cumsum(is_new) - 1


def _from_several(scene: Scene, rows: Rows, clusters: Rows) -> Flags:
    return n_distinct(clusters, scene.instrumentation[rows]) > 1


def _same_counts(scene: Scene, one: Rows, other: Rows) -> Flags:
    """Both totals are known, and the same."""
    found: Flags = scene.has_usage[one] & scene.has_usage[other]
    for name in _TOTALS:
        numbers = scene.column(name).fill_null(-1).to_numpy(zero_copy_only=False)
        found &= (numbers[one] == numbers[other]) & (numbers[one] > 0)
    return found


def _other_counts(scene: Scene, one: Rows, other: Rows) -> Flags:
    """Both totals are known, and neither is the same: instrumentations of one call differ in one at most."""
    found: Flags = scene.has_usage[one] & scene.has_usage[other]
    for name in _TOTALS:
        numbers = scene.column(name).fill_null(-1).to_numpy(zero_copy_only=False)
        found &= (numbers[one] != numbers[other]) & (numbers[one] >= 0) & (numbers[other] >= 0)
    return found


def is_one_of(scene: Scene, column: str, texts: Collection[str]) -> Flags:
    """Which spans say one of these."""
    encoded = scene.column(column).dictionary_encode()
    wanted = np.array([value in texts for value in encoded.dictionary.to_pylist()] or [False])
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    found: Flags = (indices >= 0) & wanted[indices]
    return found
