"""Rows that belong together, from pairs of rows."""

from __future__ import annotations

import numpy as np

from collector.settle.forest import Rows


def labels_of(n_rows: int, one: Rows, other: Rows) -> Rows:
    """Of each row the smallest row that it hangs together with; itself where it stands alone."""
    labels = np.arange(n_rows, dtype=np.int64)
    while len(one):
        smaller = np.minimum(labels[one], labels[other])
        before = labels.copy()
        np.minimum.at(labels, labels[one], smaller)
        np.minimum.at(labels, labels[other], smaller)
        labels = labels[labels]
        if (labels == before).all():
            break
    while True:
        higher = labels[labels]
        if (higher == labels).all():
            return labels
        labels = higher


def ranks_in(groups: Rows) -> Rows:
    """Of sorted group numbers the place of each within its group, from 0."""
    if not len(groups):
        return groups
    is_first = np.ones(len(groups), dtype=np.bool_)
    is_first[1:] = groups[1:] != groups[:-1]
    firsts = np.flatnonzero(is_first)
    return np.arange(len(groups)) - np.repeat(firsts, np.diff(np.append(firsts, len(groups))))


def n_distinct(groups: Rows, values: Rows) -> Rows:
    """For each row how many distinct values (-1 is none) its group has."""
    said = values >= 0
    pairs = (
        np.unique(np.stack([groups[said], values[said]], axis=1), axis=0) if said.any() else np.empty((0, 2))
    )
    counts = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(counts, pairs[:, 0].astype(np.int64), 1)
    return counts[groups]
