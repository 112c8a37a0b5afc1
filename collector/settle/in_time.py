"""Spans of one call that only time brings together: none of them has an id of the answer, and no tree holds them.

Only for two kinds, because time is weak evidence: a provider's SDK beside an instrumentation of it, and the span that
brings usage and duration to a stream's call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.families import CARRIERS, NATIVE, NATIVE_PROVIDERS
from collector.settle.components import labels_of, n_distinct
from collector.settle.folds import Pairs, is_one_of
from collector.settle.forest import Flags, Rows, codes, joint
from collector.settle.scene import Scene

# Two spans of one call start and end this close to each other.
TOGETHER_US = 50_000
# The stream of an answer begins when the request's span has ended, or as much later as a busy event loop lets it.
STREAM_BEGINS_US = 250_000


def beside_natives(scene: Scene, is_call: Flags, known: Sequence[Pairs]) -> Pairs:
    """An SDK's own span and the call of an instrumentation of the same service and model, where one of the two has no
    response id: failed calls have none, and what hides answers hides it. Not where both count the answer, and differently.

    Where several overlap, they are paired in the order of their starts when there are as many of one kind as of the
    other; else they all stay, in doubt.
    """
    label = labels_of(scene.n_rows, _joined([p.one for p in known]), _joined([p.other for p in known]))
    has_native = np.bincount(label, weights=scene.is_native & is_call, minlength=scene.n_rows)[label] > 0
    is_alone = np.bincount(label, minlength=scene.n_rows)[label] == 1
    natives = np.flatnonzero(is_call & scene.is_native & is_alone)
    others = np.flatnonzero(is_call & ~scene.is_native & ~has_native)
    one, other, doubtful = [], [], []
    for left, right in _neighbourhoods(scene, natives, others):
        if len(left) == len(right) and _are_close(scene, left, right).all():
            one.append(left)
            other.append(right)
        elif len(right):
            doubtful.append(left)
    return Pairs("same time", _joined(one), _joined(other), _joined(doubtful))


def goes_by_time(spans: pa.Table) -> Flags:
    """Spans that this module may bring together with others. Cheap: for nearly all batches there are none."""
    is_one = pc.is_in(spans.column("role"), pa.array(["call", "carrier"]))
    of_kinds = pc.is_in(spans.column("emitter"), pa.array(sorted(NATIVE | CARRIERS), pa.string()))
    of_natives = pc.is_in(spans.column("provider"), pa.array(sorted(NATIVE_PROVIDERS), pa.string()))
    nameless = pc.and_(of_natives, spans.column("response_id").is_null())
    found: Flags = pc.and_(is_one, pc.or_(of_kinds, nameless)).to_numpy()
    return found


def lonely(scene: Scene, rows: Rows) -> Rows:
    """Of these rows those that nothing but time can bring together with another span of their call."""
    rows = rows[goes_by_time(scene.spans)[rows]]
    parent = scene.forest.parent
    in_call = (parent >= 0) & scene.is_call[parent]
    holds_native = np.zeros(scene.n_rows, dtype=np.bool_)
    holds_native[parent[scene.is_native & in_call]] = True
    answers = joint(scene.forest.project, codes(scene.column("response_id")))
    is_answered = scene.has("response_id") & (n_distinct(answers, scene.instrumentation) > 1)
    of_streams = is_one_of(scene, "emitter", CARRIERS) & ~scene.has_usage & ~scene.has_failed
    beside = np.where(scene.is_native, ~in_call & ~is_answered, ~scene.has("response_id") & ~holds_native)
    beside &= scene.is_native | is_one_of(scene, "provider", NATIVE_PROVIDERS)
    return rows[(scene.is_carrier | of_streams | beside)[rows]]


def moments(scene: Scene) -> Rows:
    """Where each span stands in time (us): a carrier where it says that the stream began, a stream's call where its own
    span ended, all others where they start.
    """
    durations = scene.column("carrier_duration_ns").fill_null(0).to_numpy(zero_copy_only=False)
    of_streams = scene.is_call & is_one_of(scene, "emitter", CARRIERS)
    carried_us = np.where(scene.is_carrier, scene.start_us - durations // 1000, scene.start_us)
    found: Rows = np.where(of_streams, scene.end_us, carried_us)
    return found


def carried(scene: Scene, is_call: Flags) -> Pairs:
    """A carrier and the stream's call that it belongs to: of one service and model, begun when the call's span ended.

    Beside each other under one parent first (or both without one); then wherever they are, because an answer is often
    read after the span around its request has ended. Within the tolerance the order of the starts decides: of two
    like calls at one moment it is all the same which one gets which count.
    """
    carriers = np.flatnonzero(scene.is_carrier)
    if not len(carriers):
        return Pairs("usage of a stream")
    calls = np.flatnonzero(is_call & ~scene.has_usage & ~scene.has_failed)
    emitter = joint(scene.service, codes(scene.column("emitter")), codes(scene.column("model_requested")))
    place = np.where(scene.forest.parent >= 0, scene.forest.parent, -1)
    unknown_parent = (place < 0) & scene.has("parent_span_id")
    place = np.where(unknown_parent, -2 - np.arange(scene.n_rows), place)
    one, other = [], []
    for key in (joint(emitter, place), emitter):
        left, right = _in_order(scene, carriers, calls, key)
        one.append(left)
        other.append(right)
        carriers, calls = np.setdiff1d(carriers, left), np.setdiff1d(calls, right)
    return Pairs("usage of a stream", _joined(one), _joined(other))


def _in_order(scene: Scene, left: Rows, right: Rows, key: Rows) -> tuple[Rows, Rows]:
    """Pairs of a carrier and a call with one key, each once, the first a little later at most: earliest with earliest."""
    at = moments(scene)
    left = left[np.lexsort((scene.rank[left], at[left], key[left]))]
    right = right[np.isin(key[right], key[left])]
    right = right[np.lexsort((scene.rank[right], at[right], key[right]))]
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        a, b = left[i], right[j]
        if key[a] != key[b]:
            i, j = (i + 1, j) if key[a] < key[b] else (i, j + 1)
        elif -TOGETHER_US <= at[a] - at[b] <= STREAM_BEGINS_US:
            pairs.append((a, b))
            i, j = i + 1, j + 1
        elif at[a] < at[b]:
            i += 1
        else:
            j += 1
    made = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


def _neighbourhoods(scene: Scene, natives: Rows, others: Rows) -> Iterator[tuple[Rows, Rows]]:
    """(natives, calls beside them) that hang together by closeness of start and end, each in the order of starts."""
    key = joint(scene.service, scene.has_failed.astype(np.int64))
    one, other = [], []
    for kind in np.intersect1d(key[natives], key[others]):
        mine, theirs = natives[key[natives] == kind], others[key[others] == kind]
        theirs = theirs[np.argsort(scene.start_us[theirs], kind="stable")]
        starts = scene.start_us[theirs]
        firsts = np.searchsorted(starts, scene.start_us[mine] - TOGETHER_US)
        lasts = np.searchsorted(starts, scene.start_us[mine] + TOGETHER_US, side="right")
        left = np.repeat(mine, lasts - firsts)
        right = theirs[np.repeat(firsts, lasts - firsts) + _counted(lasts - firsts)]
        close = _are_close(scene, left, right)
        one.append(left[close])
        other.append(right[close])
    label = labels_of(scene.n_rows, _joined(one), _joined(other))
    members = np.unique(_joined(one + other))
    members = members[np.lexsort((scene.rank[members], scene.start_us[members], label[members]))]
    for group in np.split(members, np.flatnonzero(np.diff(label[members])) + 1):
        yield group[scene.is_native[group]], group[~scene.is_native[group]]


def _are_close(scene: Scene, left: Rows, right: Rows) -> Flags:
    starts = np.abs(scene.start_us[left] - scene.start_us[right]) <= TOGETHER_US
    ends = np.abs(scene.end_us[left] - scene.end_us[right]) <= TOGETHER_US
    has_id = scene.has("response_id")
    found: Flags = starts & ends & scene.alike(left, right) & ~(has_id[left] & has_id[right])
    return found & ~scene.answered_unlike(left, right)


def _counted(lengths: Rows) -> Rows:
    """0, 1, 2 ... for each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate(parts) if parts else np.array([], dtype=np.int64)
