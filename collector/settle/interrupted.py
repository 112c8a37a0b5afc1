"""Streams that broke off: estimated, where no span of the call says what it came to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from collector.conventions.interrupted import BROKEN_OFF
from collector.settle.draft import Draft
from collector.settle.folds import is_one_of
from collector.settle.groups import Groups
from collector.settle.scene import Scene

RULE = "estimated: the stream broke off"
ESTIMATES = {"input_tokens": "estimated_input_tokens", "output_tokens": "estimated_output_tokens"}


def estimate(draft: Draft, scene: Scene, groups: Groups) -> None:
    """Give calls that are still without any count what a span of theirs was estimated at."""
    if not any(scene.has(of).any() for of in ESTIMATES.values()):
        return
    donors = {name: groups.first_having(scene.has(of)) for name, of in ESTIMATES.items()}
    has_estimate = np.logical_or.reduce([found >= 0 for found in donors.values()])
    # Of all spans of a call: one that has the counts, or saw the answer end, knows better.
    knows_better = scene.has_usage | (
        scene.has("finish_reason") & ~is_one_of(scene, "finish_reason", BROKEN_OFF) & ~scene.has_failed
    )
    wanted = has_estimate & (groups.first_having(knows_better) < 0)
    for name, of in ESTIMATES.items():
        draft.take(name, groups.winners[wanted], donors[name][wanted], RULE, of=of)
    draft.write("usage_source", groups.winners[wanted], pa.array(["estimated"] * int(wanted.sum())), RULE)
