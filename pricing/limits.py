"""What bounds names of models, so that hostile or generated ones cannot fill the memory."""

from __future__ import annotations

MAX_NAME_LENGTH = 256
# A full cache starts over, which costs about 50 µs for each name seen again.
MAX_CACHED_NAMES = 20_000
