"""Spans of one call, and which of them stands for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.settle.columns import IDENTITY, dimensions_of
from collector.settle.components import labels_of
from collector.settle.folds import Pairs
from collector.settle.forest import Flags, Rows
from collector.settle.scene import Scene


class Groups:
    """Rows in the order of their calls, and of each call the row that stands for it first."""

    def __init__(self, scene: Scene, is_call: Flags, pairs: Sequence[Pairs]) -> None:
        one = np.concatenate([found.one for found in pairs])
        other = np.concatenate([found.other for found in pairs])
        label = labels_of(scene.n_rows, one, other)
        rows = np.flatnonzero(is_call | scene.is_carrier)
        self.rows: Rows = rows[np.lexsort((*_ranking(scene, rows), label[rows]))]
        labels = label[self.rows]
        is_first = np.ones(len(labels), dtype=np.bool_)
        is_first[1:] = labels[1:] != labels[:-1]
        self.firsts: Rows = np.flatnonzero(is_first)
        self.group: Rows = np.cumsum(is_first) - 1
        # Of each group the row that stands for the call.
        self.winners: Rows = self.rows[self.firsts]

    def first_having(self, has: Flags) -> Rows:
        """Of each group the first of its rows that has something, -1 where none has. `has` is one flag a row."""
        return self.first_of(np.where(has[self.rows], self.rows, -1))

    def first_of(self, found: Rows) -> Rows:
        """Of each group the first that was found, in the order of its rows; -1 where nothing was."""
        if not len(found):
            return found
        places = np.where(found >= 0, np.arange(len(found)), len(found))
        best = np.minimum.reduceat(places, self.firsts)
        return np.where(best < len(found), found[np.minimum(best, len(found) - 1)], -1)

    def winner_of(self, rows: Rows) -> Rows:
        """Of each of these rows (of groups) the one that stands for its call."""
        order = np.argsort(self.rows)
        return self.winners[self.group[order[np.searchsorted(self.rows, rows, sorter=order)]]]

    @property
    def losers(self) -> Rows:
        """Places (in `rows`) of all that do not stand for their call."""
        return np.setdiff1d(np.arange(len(self.rows)), self.firsts, assume_unique=True)


def _ranking(scene: Scene, rows: Rows) -> list[Rows]:
    """Sort keys, the last counts most: who knows whose call it is stands for it, an SDK's own span hardly ever, a
    carrier never. Between equals the outer one; in the end the ids decide, so that nothing depends on arrival."""
    known = np.zeros(scene.n_rows, dtype=np.int64)
    for name in (*IDENTITY, *dimensions_of(scene.spans.column_names)):
        known += scene.has(name)
    return [
        scene.rank[rows],
        -scene.end_us[rows],
        scene.start_us[rows],
        ~scene.has_usage[rows],
        -known[rows],
        scene.is_native[rows],
        scene.is_carrier[rows],
    ]
