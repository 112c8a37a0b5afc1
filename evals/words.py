"""How a gate speaks: shares as points and percent, always with one decimal."""

from __future__ import annotations

from collections.abc import Sequence

from evals.statistics import Interval


def points(share: float) -> str:
    """A difference: +3.1 points."""
    return f"{share * 100:+.1f} points"


def percent(share: float) -> str:
    """A share: 93.8 %."""
    return f"{share * 100:.1f} %"


def size(share: float) -> str:
    """A margin: 5.0 points."""
    return f"{share * 100:.1f} points"


def span(interval: Interval) -> str:
    """An interval in points: -1.2 to +4.0."""
    return f"{interval.low * 100:+.1f} to {interval.high * 100:+.1f}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def some_of(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
