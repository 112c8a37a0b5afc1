"""What an INCONCLUSIVE gate needs: how many cases, or which margin, would settle it with evidence like this."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean

from evals.evidence import FEW_UNITS, Value, flips, is_pass_fail, units_of
from evals.statistics import Interval, clopper_pearson, tango_interval
from evals.words import capital, percent, size

# Beyond this many cases "more cases" is not advice any more.
_MOST_CASES = 1_000_000


def margin_advice(margin: float, differences: list[Value], interval: Interval) -> str:
    """How many cases, or which margin, would settle it with evidence like this."""
    wider = math.ceil(-interval.low * 1000 + 1e-9) / 1000
    cases = _cases_to_decide(margin, differences, interval)
    ways = [f"about {cases:,} cases like these would decide"] if cases else []
    ways += [f"a margin of {size(wider)} would pass"] if wider <= 1 else []
    return f"{capital('; or '.join(ways))}. Declare it before the next run."


def _cases_to_decide(margin: float, differences: list[Value], interval: Interval) -> int | None:
    """The fewest cases that decide when they move as the ones seen here did; None when no number does."""
    n = len(differences)
    if not is_pass_fail(differences):
        return _clusters_to_decide(margin, differences, interval)
    better, worse = flips(differences)

    def decides(cases: int) -> bool:
        supposed = tango_interval(better * cases / n, worse * cases / n, cases)
        return supposed.low > -margin or (supposed.high < 0 and cases >= FEW_UNITS)

    return _fewest(decides, n + 1)


def _clusters_to_decide(margin: float, differences: list[Value], interval: Interval) -> int | None:
    """As above for clusters: an interval narrows with the square root of how many there are."""
    observed = fmean(units_of(differences))
    gap = observed + margin if observed > -margin else -observed
    cases = math.ceil(len(differences) * ((observed - interval.low) / gap) ** 2) if gap > 0 else None
    return cases if cases and cases <= _MOST_CASES else None


def floor_advice(floor: float, observed: float, interval: Interval) -> str:
    def decides(cases: int) -> bool:
        bounds = clopper_pearson(round(observed * cases), cases)
        return bounds.low >= floor or bounds.high < floor

    lower = f"a floor of {percent(math.floor(interval.low * 1000) / 1000)} would pass"
    cases = _fewest(decides, 2)
    more = f"about {cases:,} cases with this mean would decide; or " if cases else ""
    undecided = f"the floor of {percent(floor)} is neither proved nor disproved"
    return f"{undecided}. {capital(more + lower)}. Declare it before the next run."


def _fewest(decides: Callable[[int], bool], start: int) -> int | None:
    """The smallest count from `start` on that decides, by doubling and halving; None above a million."""
    high = start
    while not decides(high):
        high *= 2
        if high > _MOST_CASES:
            return None
    low = max(start - 1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
