"""Spans and their parents, as row numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# A parent that is further away gives nothing: no agent nests so deep, and hostile traces go in circles.
DEEPEST = 256


def codes(values: pa.Array) -> Rows:
    """A number for each value, equal for equal ones; NULL is -1."""
    encoded = values.dictionary_encode()
    found: Rows = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def joint(*parts: Rows) -> Rows:
    """A number for each combination of these numbers."""
    joined: Rows = parts[0] - parts[0].min(initial=0)
    for part in parts[1:]:
        part = part - part.min(initial=0)
        joined = joined * (int(part.max(initial=0)) + 1) + part
        if int(joined.max(initial=0)) > 2**31:
            joined = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    return joined


class Forest:
    """Of every span the row of its parent (-1: none, or not here), and its trace as a number."""

    def __init__(self, project: pa.Array, trace_id: pa.Array, span_id: pa.Array, parent_id: pa.Array) -> None:
        self.project = codes(project)
        self.trace = joint(codes(storage_of(trace_id)), self.project)
        ids = pa.concat_arrays([span_id, parent_id])
        both = codes(ids)
        n = len(span_id)
        width = int(both.max(initial=0)) + 2
        own = self.trace * width + both[:n] + 1
        wanted = self.trace * width + both[n:] + 1
        found = pc.index_in(pa.array(wanted), value_set=pa.array(own)).fill_null(-1)
        self.parent: Rows = found.to_numpy(zero_copy_only=False).astype(np.int64)
        self.parent[both[n:] < 0] = -1
        # A span that calls itself its parent has none.
        itself = self.parent == np.arange(n)
        self.parent[itself] = -1

    def nearest(self, has: Flags, of: Rows) -> Rows:
        """For each of these rows its nearest ancestor that has it, -1 where none has. The row itself does not count."""
        found = np.full(len(of), -1, dtype=np.int64)
        at = self.parent[of]
        still = np.flatnonzero(at >= 0)
        for _ in range(DEEPEST):
            if not len(still):
                break
            here = at[still]
            hit = has[here]
            found[still[hit]] = here[hit]
            at[still] = self.parent[here]
            still = still[~hit & (at[still] >= 0)]
        return found


def storage_of(column: pa.Array) -> pa.Array:
    """The plain values of a column of UUIDs."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column
