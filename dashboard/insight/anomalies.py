"""Hours that are not as usual: spend, errors, latency and volume, each series against its own baseline.

A series is judged by the hour. An hour stands out when it is far beyond chance, by itself or with the hour beside it, when it
is large enough to matter, and when it rests on enough calls. What is found is told once, where it is most concentrated: an
outage of one provider is that provider's, not also that of every model and tenant. It does not find what creeps: spend that
rises by a tenth a day is the usual of its week (the forecast and budgets are for that); and it takes a public holiday for a
fall in volume. tests/dashboard/test_insight_anomalies.py holds how often it is wrong on traffic in which nothing happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dashboard.insight import baseline
from dashboard.insight.baseline import Baseline, Floats

Metric = Literal["spend", "errors", "latency", "volume"]
Confidence = Literal["high", "medium", "low"]

Bools = NDArray[np.bool_]
Hours = NDArray[np.int64]

HOUR = timedelta(hours=1)
# An hour stands out by itself from `ALONE` standard deviations on, beside another that stands out too from `TOGETHER` on.
ALONE = 6.0
TOGETHER = 4.0
LEAST_CALLS = 20  # of an hour, for a share or a percentile of it
LEAST_EXPECTED = 30  # calls of an hour, for its volume
LEAST_ERRORS = 10  # more than usual, in an episode
LEAST_USD = 1.0  # more than usual, in an episode
_SPEND_TIMES = 1.5
_LATENCY_TIMES = 1.5
_ERRORS_TIMES, _ERRORS_POINTS = 2.0, 0.01
_MORE_TIMES, _FEWER_TIMES = 2.0, 0.5
_GAP = 2  # hours between two that stand out, and it is still one episode
_COVERS = 0.6  # of what is too much in all calls, for one dimension to be where it comes from
_HIGH_SCORE = 8.0


@dataclass(frozen=True)
class Series:
    """Calls by the hour, from `start` on without gaps: all of them (dimension ''), or those of one value of a dimension."""

    dimension: str
    value: str
    start: datetime  # UTC without a zone
    n_calls: Floats
    n_errors: Floats
    cost_usd: Floats
    n_timed: Floats  # calls that `p95_ns` rests on
    p95_ns: Floats  # NaN where no call was timed


@dataclass(frozen=True)
class Anomaly:
    """Hours in a row, [began_at, ended_at), in which one measure of one series was not as usual.

    `observed` and `expected` are US dollars (spend), a share (errors), nanoseconds (latency) or calls (volume) of these hours.
    """

    metric: Metric
    dimension: str
    value: str
    began_at: datetime
    ended_at: datetime
    is_ongoing: bool
    observed: float
    expected: float
    excess: float  # of additive measures what is too much; of latency, in nanoseconds times calls
    n_calls: int
    n_errors: int
    score: float  # standard deviations of the hour that stands out most
    confidence: Confidence
    n_days: int  # that the baseline rests on

    @property
    def factor(self) -> float:
        """How many times the usual."""
        return self.observed / self.expected if self.expected else float("inf")


@dataclass(frozen=True)
class _Judged:
    """One measure of one series: the hours that stand out, and what was seen and expected in each."""

    metric: Metric
    baseline: Baseline
    stands_out: Bools
    observed: Floats
    weights: Floats  # what an episode's mean is weighted by; 1 where it is a sum


def find(series: Iterable[Series], since: datetime, now: datetime) -> list[Anomaly]:
    """What was not as usual from `since` on, the strongest first; hours before `since` are what is usual.

    The hour that `now` is in is under way: it can be too much already, and never too little.
    """
    found = [anomaly for one in series for anomaly in _of_series(one, since, now)]
    told = [
        anomaly
        for metric in ("spend", "errors", "latency", "volume")
        for together in _overlapping([one for one in found if one.metric == metric])
        for anomaly in _most_concentrated(together)
    ]
    return sorted(told, key=lambda one: (-one.score, one.began_at, one.dimension, one.value))


def _of_series(one: Series, since: datetime, now: datetime) -> Iterator[Anomaly]:
    first = _first_active(one)
    judged = max((since - one.start) // HOUR, 0)
    for measure in (_spend, _errors, _latency, _volume):
        found = measure(one, first, judged, (now - one.start) // HOUR)
        if found is not None:
            yield from _episodes(one, found, now)


def _first_active(one: Series) -> int:
    """The first hour with a call: a series has no history before it is there."""
    with_calls = np.flatnonzero(one.n_calls > 0)
    return int(with_calls[0]) if len(with_calls) else len(one.n_calls)


def _spend(one: Series, first: int, judged: int, current: int) -> _Judged | None:
    calls = one.n_calls[first:judged].sum()
    usd_a_call = one.cost_usd[first:judged].sum() / calls if calls else 0.0
    if not usd_a_call:
        return None
    # In calls of usual cost: so chance scatters it about as it scatters counts.
    found = baseline.of_amounts(one.cost_usd / usd_a_call, first, judged)
    if found is None:
        return None
    found = replace(found, expected=found.expected * usd_a_call)
    large = one.cost_usd >= _SPEND_TIMES * found.expected
    return _Judged(
        "spend", found, _standing(found.score, large, judged), one.cost_usd, np.ones_like(one.cost_usd)
    )


def _volume(one: Series, first: int, judged: int, current: int) -> _Judged | None:
    found = baseline.of_amounts(one.n_calls, first, judged)
    if found is None:
        return None
    enough = np.maximum(one.n_calls, found.expected) >= LEAST_EXPECTED
    more = _standing(found.score, enough & (one.n_calls >= _MORE_TIMES * found.expected), judged)
    few = enough & (one.n_calls <= _FEWER_TIMES * found.expected) & (np.arange(len(one.n_calls)) < current)
    fewer = _standing(-found.score, few, judged)
    # Without weekdays in the baseline every Saturday would be a fall.
    stands_out = more | fewer if found.is_weekly else more
    return _Judged("volume", found, stands_out, one.n_calls, np.ones_like(one.n_calls))


def _errors(one: Series, first: int, judged: int, current: int) -> _Judged | None:
    if baseline.period_of(judged - first) is None:
        return None
    usual, scores = _error_scores(one, first, judged)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = one.n_errors / one.n_calls
    enough = (
        (one.n_calls >= LEAST_CALLS) & (shares >= _ERRORS_TIMES * usual) & (shares >= usual + _ERRORS_POINTS)
    )
    n_days = (judged - first) // baseline.HOURS_A_DAY
    found = Baseline(np.full_like(shares, usual), scores, _is_weekly(judged - first), n_days)
    return _Judged("errors", found, _standing(scores, enough, judged), np.nan_to_num(shares), one.n_calls)


def _is_weekly(n_history_hours: int) -> bool:
    return baseline.period_of(n_history_hours) == baseline.HOURS_A_WEEK


def _error_scores(one: Series, first: int, judged: int) -> tuple[float, Floats]:
    """(the usual share of errors, how far each hour is from it in standard deviations)

    The signed root of the binomial deviance (McCullagh & Nelder, "Generalized Linear Models", 1989, 2.4), which is near normal
    for few errors too; hours that stand out are left out of what is usual. Failures come in bursts, so their spread
    is never taken for less than chance and often for more.
    """
    calls, errors = one.n_calls, one.n_errors
    history = np.zeros(len(calls), dtype=bool)
    history[first:judged] = calls[first:judged] > 0
    usual, scores = 0.0, np.zeros_like(calls)
    for _ in range(3):
        kept = history & (scores < 3)
        usual = max(float(errors[kept].sum()), 0.5) / max(float(calls[kept].sum()), 1.0)
        scores = _deviances(errors, calls, min(usual, 0.99))
        large = kept & (calls >= LEAST_CALLS)
        spread = 1.4826 * float(np.median(np.abs(scores[large]))) if large.any() else 1.0
        scores = scores / max(spread, 1.0)
    return usual, scores


def _deviances(errors: Floats, calls: Floats, usual: float) -> Floats:
    fine, expected = calls - errors, calls * usual
    with np.errstate(invalid="ignore", divide="ignore"):
        of_errors = np.where(errors > 0, errors * np.log(errors / expected), 0.0)
        of_fine = np.where(fine > 0, fine * np.log(fine / (calls - expected)), 0.0)
    deviances: Floats = np.sign(errors - expected) * np.sqrt(2 * np.maximum(of_errors + of_fine, 0.0))
    return deviances


def _latency(one: Series, first: int, judged: int, current: int) -> _Judged | None:
    values = np.where(one.n_timed >= LEAST_CALLS, one.p95_ns, np.nan)
    if not np.isfinite(values[first:judged]).any():
        return None
    found = baseline.of_levels(values, one.n_timed, first, judged)
    if found is None:
        return None
    with np.errstate(invalid="ignore"):
        large = values >= _LATENCY_TIMES * found.expected
    stands_out = _standing(found.score, large, judged)
    return _Judged("latency", found, stands_out, np.nan_to_num(values), one.n_timed)


def _standing(scores: Floats, large: Bools, judged: int) -> Bools:
    """The hours that stand out: by themselves, or with the hour beside them."""
    high = np.nan_to_num(scores, nan=0.0)
    high[:judged] = 0.0
    high = np.where(large, high, 0.0)
    beside = np.maximum(np.append(high[1:], 0.0), np.append(0.0, high[:-1]))
    stands_out: Bools = (high >= ALONE) | ((high >= TOGETHER) & (beside >= TOGETHER))
    return stands_out


def _episodes(one: Series, judged: _Judged, now: datetime) -> Iterator[Anomaly]:
    hours = np.flatnonzero(judged.stands_out)
    if not len(hours):
        return
    for group in np.split(hours, np.flatnonzero(np.diff(hours) > _GAP + 1) + 1):
        anomaly = _anomaly(one, judged, group, now)
        if _matters(anomaly):
            yield anomaly


def _anomaly(one: Series, judged: _Judged, at: Hours, now: datetime) -> Anomaly:
    observed, expected, weights = judged.observed[at], judged.baseline.expected[at], judged.weights[at]
    is_mean = judged.metric in ("errors", "latency")
    total = weights.sum() if is_mean else 1.0
    ended_at = one.start + (int(at[-1]) + 1) * HOUR
    score = float(np.nanmax(np.abs(judged.baseline.score[at])))
    return Anomaly(
        metric=judged.metric,
        dimension=one.dimension,
        value=one.value,
        began_at=one.start + int(at[0]) * HOUR,
        ended_at=min(ended_at, now),
        is_ongoing=ended_at >= now - HOUR,
        observed=float((observed * weights).sum() / total),
        expected=float((expected * weights).sum() / total),
        excess=float(((observed - expected) * weights).sum()),
        n_calls=int(one.n_calls[at].sum()),
        n_errors=int(one.n_errors[at].sum()),
        score=score,
        confidence=_confidence(judged.baseline, score, len(at)),
        n_days=judged.baseline.n_days,
    )


def _confidence(found: Baseline, score: float, n_hours: int) -> Confidence:
    if not found.is_weekly:
        return "low"
    return "high" if score >= _HIGH_SCORE or n_hours >= 3 else "medium"


def _matters(anomaly: Anomaly) -> bool:
    least = {"spend": LEAST_USD, "errors": LEAST_ERRORS}.get(anomaly.metric, 0.0)
    return abs(anomaly.excess) >= least


def _overlapping(found: Sequence[Anomaly]) -> Iterator[list[Anomaly]]:
    """Groups of those that share hours, and of which too much and too little are told apart."""
    for risen in (True, False):
        group: list[Anomaly] = []
        for one in sorted((one for one in found if (one.excess > 0) == risen), key=lambda one: one.began_at):
            if group and one.began_at >= max(other.ended_at for other in group):
                yield group
                group = []
            group.append(one)
        if group:
            yield group


def _most_concentrated(group: Sequence[Anomaly]) -> list[Anomaly]:
    """Of one event that shows in many series, those of the dimension where it is: most of it, in the fewest calls."""
    by_dimension: dict[str, list[Anomaly]] = {}
    for one in group:
        by_dimension.setdefault(one.dimension, []).append(one)
    covered = {name: sum(abs(one.excess) for one in members) for name, members in by_dimension.items()}
    most = covered.get("", max(covered.values()))
    enough = [name for name, excess in covered.items() if excess >= _COVERS * most]

    def breadth(name: str) -> tuple[bool, int, float, int, str]:
        """All calls last; then fewer values, then more of what is too much (in tenths), then fewer calls."""
        members = by_dimension[name]
        tenths = min(round(covered[name] / most, 1), 1.0) if most else 1.0
        n_calls = sum(one.n_calls for one in members)
        return (name == "", len({one.value for one in members}), -tenths, n_calls, name)

    return by_dimension[min(enough, key=breadth)]


def series_of(
    rows: Sequence[Mapping[str, object]],
    latencies: Sequence[Mapping[str, object]],
    since: datetime,
    until: datetime,
) -> list[Series]:
    """The series of `anomaly_series` and `anomaly_latencies`, whose hours are counted from `since`, filled up to `until`."""
    n_hours = -((since - until) // HOUR)
    timed = {(row["dimension"], row["value"]): row for row in latencies}
    return [_series(row, timed.get((row["dimension"], row["value"])), since, n_hours) for row in rows]


def _series(
    row: Mapping[str, object], timed: Mapping[str, object] | None, since: datetime, n_hours: int
) -> Series:
    def filled(of: Mapping[str, object] | None, column: str, otherwise: float) -> Floats:
        values: Floats = np.full(n_hours, otherwise)
        if of is not None:
            values[np.asarray(of["hours"], dtype=np.int64)] = np.asarray(of[column], dtype=np.float64)
        return values

    return Series(
        dimension=str(row["dimension"]),
        value=str(row["value"]),
        start=since,
        n_calls=filled(row, "calls", 0.0),
        n_errors=filled(row, "errors", 0.0),
        cost_usd=filled(row, "costs_usd", 0.0),
        n_timed=filled(timed, "timed", 0.0),
        p95_ns=filled(timed, "p95s_ns", np.nan),
    )
