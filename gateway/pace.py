"""A bound on how fast requests start."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """At most `per_second` requests start in a second, evenly spaced; None is no bound.

    Evenly spaced rather than in bursts: providers count in windows shorter than the minute they publish.
    """

    def __init__(self, per_second: float | None = None) -> None:
        self._gap_s = 1 / per_second if per_second else 0.0
        self._next_at = 0.0

    async def turn(self) -> None:
        """Return when this request may start."""
        if not self._gap_s:
            return
        now = time.monotonic()
        mine = max(now, self._next_at)
        self._next_at = mine + self._gap_s
        if mine > now:
            await asyncio.sleep(mine - now)
