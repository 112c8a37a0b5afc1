"""Give memory that nobody uses back to the system, when there is nothing to commit.

Arrow's and C's allocators keep what a burst of telemetry needed, for the next one: hundreds of megabytes after a flood,
10 MB after a start. Called after the start, each time the store falls idle, and once a minute: it takes some milliseconds.
"""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back_memory() -> None:
    """Let the allocators return their free pages; where they cannot, nothing happens."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        # Only glibc has it: musl keeps no free pages to give.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
