"""What scores are evidence of: independent units, their means, and the intervals that fit them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evals.statistics import (
    Interval,
    clopper_pearson,
    mcnemar_exact,
    mean_interval,
    sign_flip,
    tango_interval,
)

# Under this many units an interval alone may not fail a candidate.
FEW_UNITS = 30
EXACT_P = 0.05


@dataclass(frozen=True)
class Value:
    """One case's value (a score, or a difference of scores) and the cluster it belongs to."""

    cluster: str
    value: float


def units_of(values: Sequence[Value]) -> list[float]:
    """One value for each independent unit: the mean over a cluster's cases."""
    clusters: defaultdict[str, list[float]] = defaultdict(list)
    for one in values:
        clusters[one.cluster].append(one.value)
    return [fmean(some) for some in clusters.values()]


def mean_of(values: Sequence[Value]) -> float | None:
    return fmean(units_of(values)) if values else None


def is_pass_fail(values: Sequence[Value]) -> bool:
    """One case a unit, scored 0 or 1: what the methods for shares need."""
    return len({one.cluster for one in values}) == len(values) and all(
        one.value in (-1, 0, 1) for one in values
    )


def difference_interval(differences: Sequence[Value]) -> Interval:
    if not is_pass_fail(differences):
        return mean_interval(units_of(differences))
    return tango_interval(*flips(differences), len(differences))


def level_interval(scores: Sequence[Value]) -> Interval:
    if is_pass_fail(scores):
        return clopper_pearson(sum(one.value == 1 for one in scores), len(scores))
    interval = mean_interval(units_of(scores))
    return Interval(max(interval.low, 0.0), interval.high)


def flips(differences: Sequence[Value]) -> tuple[int, int]:
    """How many got better and how many worse."""
    return sum(d.value > 0 for d in differences), sum(d.value < 0 for d in differences)


def exact_test_agrees(differences: Sequence[Value]) -> bool:
    units = units_of(differences)
    if len(units) >= FEW_UNITS:
        return True
    return (mcnemar_exact(*flips(differences)) if is_pass_fail(differences) else sign_flip(units)) <= EXACT_P
