"""What was refused, on its way to the Setup page: what, where from, why; never a body, a value or a key.

A client that is wrong is wrong again and again, so records are capped: what is beyond is counted in the next.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

_REASON_MAX = 1000
_PER_MINUTE = 10
# Projects without keys are whatever a client says: beyond this many kinds of refusal they share one.
_MAX_KINDS = 256


@dataclass
class _Rate:
    """One kind of refusal in its current minute."""

    minute: int = -1
    n_written: int = 0
    n_withheld: int = 0


class Rejects:
    """Turns refusals into records of the signal `rejects`, at most ten a minute of each kind."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._rates: dict[tuple[str, ...], _Rate] = {}

    def record(self, project: str, signal: str, kind: str, reason: str, n_items: int | None) -> bytes | None:
        """The record as JSON; None when this kind has had its share of the minute.

        `n_items` is None when a whole request was refused, of which nobody knows what it held.
        """
        rate = self._rate(project, signal, kind)
        minute = int(self._clock_s() // 60)
        if rate.minute != minute:
            rate.minute, rate.n_written = minute, 0
        if rate.n_written >= _PER_MINUTE:
            rate.n_withheld += 1
            return None
        rate.n_written += 1
        text = reason[:_REASON_MAX]
        if rate.n_withheld:
            text += f" (and {rate.n_withheld} more requests like it, which were not recorded one by one)"
            rate.n_withheld = 0
        return json.dumps(
            {"reject_id": str(uuid.uuid4()), "signal": signal, "reason": text, "n_items": n_items}
        ).encode()

    def _rate(self, *kind: str) -> _Rate:
        if kind not in self._rates and len(self._rates) >= _MAX_KINDS:
            kind = ("", *kind[1:])
        return self._rates.setdefault(kind, _Rate())
