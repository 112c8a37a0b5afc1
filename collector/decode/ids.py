"""Trace and span ids as the store keeps them: NULL for whatever is not a valid id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def trace_ids(raw: pa.BinaryArray) -> pa.Array:
    """Sixteen bytes as UUID; NULL for another length and for all zeros."""
    whole = pc.and_(pc.equal(pc.binary_length(raw), 16), pc.not_equal(raw, pa.scalar(bytes(16), raw.type)))
    fixed = pc.if_else(whole, raw, pa.scalar(None, raw.type)).cast(pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), fixed)


def span_ids(raw: pa.BinaryArray) -> pa.Array:
    """Eight big-endian bytes as UBIGINT; NULL for another length and for all zeros."""
    whole = pc.equal(pc.binary_length(raw), 8)
    fixed = pc.if_else(whole, raw, pa.scalar(bytes(8), raw.type)).cast(pa.binary(8))
    if not len(fixed):
        return pa.array([], pa.uint64())
    numbers = np.frombuffer(fixed.buffers()[1], dtype=">u8", count=len(fixed), offset=fixed.offset * 8)
    return pa.array(numbers.astype(np.uint64), mask=numbers == 0)
