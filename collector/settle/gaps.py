"""What the span that stands for a call did not say, and another span of the same call did."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from collector.settle.columns import GAPS, INPUT_USAGE, OF_FAILURES, OUTPUT_USAGE
from collector.settle.draft import Draft
from collector.settle.folds import is_one_of
from collector.settle.forest import Rows
from collector.settle.groups import Groups
from collector.settle.scene import Scene

RULE = "another span of the same call"


def fill(draft: Draft, scene: Scene, groups: Groups) -> None:
    """Fill the gaps of the spans that stand for their call."""
    if len(groups.rows) == len(groups.winners):
        return
    for name in [name for name in GAPS if name not in OF_FAILURES]:
        donors = groups.first_having(scene.has(name))
        is_gap = ~scene.has(name)[groups.winners]
        draft.take(name, groups.winners[is_gap], donors[is_gap], RULE)
    _fill_failures(draft, scene, groups)
    _fill_counts(draft, scene, groups, INPUT_USAGE)
    _fill_counts(draft, scene, groups, OUTPUT_USAGE)
    _fill_what_counts_mean(draft, scene, groups)


def _fill_failures(draft: Draft, scene: Scene, groups: Groups) -> None:
    """How a call failed, from whoever can name it: `other` says only that it did."""
    names_it = scene.has("error_class") & ~is_one_of(scene, "error_class", ("other",))
    donors = groups.first_having(names_it)
    is_gap = scene.has_failed[groups.winners] & ~names_it[groups.winners]
    for name in OF_FAILURES:
        draft.take(name, groups.winners[is_gap], donors[is_gap], RULE)


def _fill_counts(draft: Draft, scene: Scene, groups: Groups, names: tuple[str, ...]) -> None:
    """A total from the first that has one; its parts from whoever says the same total, else they would not add up."""
    total, *parts = names
    donors = groups.first_having(scene.has(total))
    is_gap = ~scene.has(total)[groups.winners]
    draft.take(total, groups.winners[is_gap], donors[is_gap], RULE)
    counts = scene.column(total).fill_null(-1).to_numpy(zero_copy_only=False)
    settled = np.where(donors >= 0, counts[np.maximum(donors, 0)], -1)
    agrees = np.zeros(scene.n_rows, dtype=np.bool_)
    agrees[groups.rows] = counts[groups.rows] == settled[groups.group]
    for name in parts:
        has = scene.has(name)
        is_gap = ~has[groups.winners]
        draft.take(name, groups.winners[is_gap], groups.first_having(has & agrees)[is_gap], RULE)


def _fill_what_counts_mean(draft: Draft, scene: Scene, groups: Groups) -> None:
    donors = groups.first_having(scene.has_usage)
    is_gap = ~scene.has_usage[groups.winners] & (donors >= 0)
    for name in ("usage_source", "usage_semantics", "usage_confidence"):
        draft.take(name, groups.winners[is_gap], donors[is_gap], RULE)


def stretch(draft: Draft, scene: Scene, carriers: Rows, calls: Rows) -> None:
    """A stream's call lasted until its carrier was written: its own span ended when the answer began."""
    lasted_ns = (scene.start_us[carriers] - scene.start_us[calls]) * 1000
    longer = lasted_ns > 0
    draft.write(
        "duration_ns", calls[longer], pa.array(lasted_ns[longer]), "the end of the stream", carriers[longer]
    )


def last(draft: Draft, scene: Scene, carriers: Rows) -> None:
    """A carrier that stands for its call says how long the stream took."""
    said = carriers[scene.has("carrier_duration_ns")[carriers]]
    draft.take("duration_ns", said, said, "the end of the stream", of="carrier_duration_ns")
