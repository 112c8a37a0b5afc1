"""Attempts of one logical request that came as a span each: failed ones, then the one that worked or gave up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.families import SPAN_PER_ATTEMPT
from collector.settle.components import ranks_in
from collector.settle.draft import Draft
from collector.settle.forest import Rows, codes, joint
from collector.settle.scene import Scene

RULE = "attempts side by side under one parent"
# Clocks that count in milliseconds let the next attempt begin a little before the last one's end.
_OVERLAP_US = 1_000


def number(draft: Draft, scene: Scene, calls: Rows) -> None:
    """Give attempts of one request its id and their number. `calls`: the rows that stand for a call."""
    emitter = scene.column("emitter").take(pa.array(calls))
    has_spans = pc.is_in(emitter, value_set=pa.array(sorted(SPAN_PER_ATTEMPT), pa.string()))
    rows = calls[has_spans.to_numpy(zero_copy_only=False) & (scene.forest.parent[calls] >= 0)]
    if not len(rows):
        return
    what = joint(codes(scene.column("operation")), codes(scene.column("model_requested")))
    key = joint(scene.forest.parent, what)
    span_ids = scene.column("span_id").to_numpy(zero_copy_only=False)
    rows = rows[np.lexsort((span_ids[rows], scene.start_us[rows], key[rows]))]
    before, after = rows[:-1], rows[1:]
    follows = np.zeros(len(rows), dtype=np.bool_)
    follows[1:] = (
        (key[before] == key[after])
        & scene.has_failed[before]
        & (scene.start_us[after] + _OVERLAP_US >= scene.end_us[before])
    )
    request: Rows = np.cumsum(~follows)
    several = np.bincount(request)[request] > 1
    firsts = rows[~follows][request - 1]
    names = pa.array([f"{span_ids[row]:016x}" for row in firsts[several]], pa.string())
    draft.write("request_id", rows[several], names, RULE, firsts[several])
    draft.write("attempt", rows[several], pa.array(ranks_in(request)[several] + 1), RULE)
