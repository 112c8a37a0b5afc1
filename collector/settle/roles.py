"""What each span is in the end: the row of its call, or one that tells of it again, carries its usage or wraps it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from collector.settle import gaps
from collector.settle.draft import Draft
from collector.settle.folds import Pairs
from collector.settle.forest import Rows
from collector.settle.groups import Groups
from collector.settle.scene import Scene

AMBIGUOUS = "ambiguous_duplicate"


def write(draft: Draft, scene: Scene, groups: Groups, wrappers: Rows, pairs: Sequence[Pairs]) -> None:
    """Write roles, what duplicates and carriers belong to, and doubts. `pairs`: those of carriers last."""
    _put(draft, "role", "wrapper", wrappers, "a call around calls")
    doubtful = np.unique(np.concatenate([found.doubtful for found in pairs]))
    _put(draft, "doubt", AMBIGUOUS, doubtful, AMBIGUOUS)
    _fold(draft, scene, groups, pairs)
    streams = pairs[-1]
    gaps.stretch(draft, scene, streams.one, groups.winner_of(streams.other))
    # What a carrier says must not be lost with the span that it belongs to.
    alone = groups.winners[scene.is_carrier[groups.winners] & scene.has_usage[groups.winners]]
    _put(draft, "role", "call", alone, "the call's own span is not here")
    gaps.last(draft, scene, alone)


def _fold(draft: Draft, scene: Scene, groups: Groups, pairs: Sequence[Pairs]) -> None:
    losers = groups.losers
    rows, winners = groups.rows[losers], groups.winners[groups.group[losers]]
    left = np.ones(len(rows), dtype=np.bool_)
    for found in pairs:
        mine = left & (np.isin(rows, found.one) | np.isin(rows, found.other))
        ids = scene.column("span_id").take(pa.array(winners[mine]))
        draft.write("duplicate_of", rows[mine], ids, found.rule, winners[mine])
        left &= ~mine
    again = rows[~scene.is_carrier[rows]]
    _put(draft, "role", "duplicate", again, "tells of another call again")


def _put(draft: Draft, column: str, text: str, rows: Rows, rule: str) -> None:
    draft.write(column, rows, pa.array([text] * len(rows), pa.string()), rule)
