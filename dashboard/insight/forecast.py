"""What a month will come to, from what its days cost: a point and an 80 % band, and in words how far to trust them.

Method: a weekday pattern times a level that follows the days by exponential smoothing, with a damped trend where that
foretold the past days clearly better (the additive-error models of Hyndman, Koehler, Ord & Snyder, "Forecasting with
Exponential Smoothing", 2008, chapters 2 and 6; the pattern as ratios to a centred week). The band is what errors as large
as those of the past days add up to, a day's error carried on by the level. It is wrong when the days to come are unlike
the past ones: a price change, a launch, a holiday, a customer who leaves; and too narrow for spend that comes in rare
large pieces. tests/dashboard/test_insight_forecast.py holds how often the band is right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

HISTORY_DAYS = (
    56  # eight of each weekday: a longer memory follows growth too slowly, a shorter one knows no pattern
)
LEAST_DAYS = 7
PATTERN_FROM_DAYS = 14
CONFIDENCE = 0.8
WRONG_WHEN = (
    "It knows the past days only: a price change, a launch, a holiday or a customer who leaves is not in it, and of a step "
    "in the last days only so much as the level has followed."
)

_Z = 1.2815515655446004  # of the normal distribution: 80 % lie within so many standard deviations
# Gains and pattern are chosen on the days they are judged by, so errors to come are larger. Without it 68 % of the months
# of a level that drifts by 5 % a day were within the band.
_WIDENED = 1.15
_DAMPING = 0.98
# Each pair was tried on the past days; the one that foretold them best is taken.
_LEVEL_GAINS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
_TREND_GAINS = (0.0, 0.1, 0.3)
_TREND_MUST_BE_BETTER_BY = 0.05  # of the squared error: a trend that is not there widens the band for nothing
_LEAST_WEIGHT = (
    0.2  # of a weekday, in how far its error may be off: a Sunday without traffic is not foretold exactly
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PathDay:
    """What the month will have cost by the end of a day, as far as known costs go."""

    day: date
    expected_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True)
class Forecast:
    """The end of a UTC month: `low_usd` to `high_usd` holds it in 8 cases of 10. `path` is today and the days to come."""

    month: date
    spent_usd: Decimal
    expected_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    path: tuple[PathDay, ...]
    method: str

    def reaches_on(self, usd: Decimal) -> date | None:
        """The day by whose end the month is expected to have cost so much; None when it is not, or has already."""
        if self.spent_usd >= usd:
            return None
        return next((one.day for one in self.path if one.expected_usd >= usd), None)


@dataclass(frozen=True)
class NoForecast:
    """Too little is known to say what the month will come to."""

    month: date
    spent_usd: Decimal
    reason: str


@dataclass(frozen=True)
class _Model:
    """What the past days were fitted with; `weights` are of Monday to Sunday, `error_usd` is of a day of weight 1."""

    weights: Floats
    level_usd: float
    trend_usd: float
    level_gain: float
    trend_gain: float
    error_usd: float
    n_days: int


def forecast(spent_usd: Mapping[date, Decimal], month: date, now: datetime) -> Forecast | NoForecast:
    """The end of the month (its first day), from what each UTC day cost; a day that is missing cost nothing.

    `now` is UTC. Days from today on are taken as under way: what today has cost so far is kept, the rest of it foretold.
    """
    today, after = now.date(), _month_after(month)
    so_far = sum((usd for day, usd in spent_usd.items() if month <= day < after), Decimal(0))
    if today >= after:
        return Forecast(month, so_far, so_far, so_far, so_far, (), "the month is over")
    if today < month:
        return NoForecast(month, so_far, "the month has not begun")
    first, costs = _complete_days(spent_usd, today)
    if len(costs) < LEAST_DAYS:
        return NoForecast(
            month,
            so_far,
            f"a forecast needs {LEAST_DAYS} complete days with calls before it; there are {len(costs)}",
        )
    model = _fit(first, costs)
    path = _path(model, so_far, now, after)
    end = path[-1]
    return Forecast(month, so_far, end.expected_usd, end.low_usd, end.high_usd, path, _method(model))


def _complete_days(spent_usd: Mapping[date, Decimal], today: date) -> tuple[date, Floats]:
    """From the first day with calls up to yesterday, at most eight weeks."""
    known = [day for day in spent_usd if day < today]
    first = max(min(known, default=today), today - timedelta(days=HISTORY_DAYS))
    n_days = (today - first).days
    costs = [float(spent_usd.get(first + timedelta(days=n), 0)) for n in range(n_days)]
    return first, np.array(costs)


def _fit(first: date, costs: Floats) -> _Model:
    weekdays = (first.weekday() + np.arange(len(costs))) % 7
    weights = _weekday_weights(weekdays, costs)
    of_days = weights[weekdays]
    gains = np.array([(level, trend) for trend in _TREND_GAINS for level in _LEVEL_GAINS]).T
    errors, levels, trends = _follow(costs, of_days, gains[0], gains[1])
    # The first week is what the level starts from: it would foretell itself.
    judged = errors[LEAST_DAYS:] if len(errors) >= PATTERN_FROM_DAYS else errors
    squared = (judged**2).mean(axis=0)
    # The second term decides where nothing but rounding is left to foretell.
    handicap = np.where(gains[1] > 0, _TREND_MUST_BE_BETTER_BY, 0.0)
    handicapped = squared * (1 + handicap) + handicap * (1e-6 * float(costs.mean())) ** 2
    best = int(handicapped.argmin())
    return _Model(
        weights,
        float(levels[best]),
        float(trends[best]),
        float(gains[0][best]),
        float(gains[1][best]),
        math.sqrt(float(squared[best])),
        len(costs),
    )


def _weekday_weights(weekdays: NDArray[np.int64], costs: Floats) -> Floats:
    """How much a Monday, … a Sunday costs, of a mean day; all 1 where too few days are known to say."""
    flat: Floats = np.ones(7)
    if len(costs) < PATTERN_FROM_DAYS:
        return flat
    week_means = np.convolve(
        costs, np.ones(7) / 7, mode="valid"
    )  # of the week around each day from the fourth on
    inner, of_inner = costs[3:-3], weekdays[3:-3]
    known = week_means > 0
    if not known.any():
        return flat
    ratios = inner[known] / week_means[known]
    of_known = of_inner[known]
    medians: Floats = np.array(
        [np.median(ratios[of_known == day]) if (of_known == day).any() else 1.0 for day in range(7)]
    )
    mean = float(medians.mean())
    return medians / mean if mean > 0 else flat


def _follow(
    costs: Floats, of_days: Floats, level_gains: Floats, trend_gains: Floats
) -> tuple[Floats, Floats, Floats]:
    """(error of each day by each pair of gains, relative to the day's weight; level and trend at the end)

    A day with a small weight says little about the level, so it moves it little.
    """
    start = float(costs[:LEAST_DAYS].sum() / max(of_days[:LEAST_DAYS].sum(), 1e-9))
    level = np.full(len(level_gains), start)
    trend = np.zeros(len(level_gains))
    power = float((of_days**2).mean())
    errors = np.empty((len(costs), len(level_gains)))
    for at, (cost, weight) in enumerate(zip(costs, of_days, strict=True)):
        expected = level + _DAMPING * trend
        error = cost - weight * expected
        errors[at] = error / max(weight, _LEAST_WEIGHT)
        step = level_gains * error * weight / power
        level = np.maximum(expected + step, 0.0)
        trend = _DAMPING * trend + trend_gains * step
    return errors, level, trend


def _path(model: _Model, so_far: Decimal, now: datetime, after: date) -> tuple[PathDay, ...]:
    """The cumulative cost at the end of today and of each day to come."""
    today = now.date()
    days = [today + timedelta(days=n) for n in range((after - today).days)]
    weights = model.weights[[day.weekday() for day in days]]
    left = 1 - (now - datetime.combine(today, datetime.min.time(), now.tzinfo)) / timedelta(days=1)
    damped = np.cumsum(_DAMPING ** np.arange(1, len(days) + 1))
    expected = np.maximum(weights * (model.level_usd + damped * model.trend_usd), 0.0)
    expected[0] *= left
    ends = float(so_far) + np.cumsum(expected)
    margins = _factor(model) * _deviations(model, weights, damped, left)
    return tuple(
        PathDay(day, _usd(end), max(_usd(end - margin), so_far), _usd(end + margin))
        for day, end, margin in zip(days, ends, margins, strict=True)
    )


def _deviations(model: _Model, weights: Floats, damped: Floats, left: float) -> Floats:
    """The standard deviation of the cumulative cost at the end of each day: an error also moves the days after it."""
    n_days = len(weights)
    power = float((model.weights**2).mean())
    effect = np.zeros((n_days, n_days))  # of the error of a day (row) on the cost of a day (column)
    for at in range(n_days):
        effect[at, at] = 1.0
        carried = model.level_gain * (1 + model.trend_gain * damped[: n_days - at - 1])
        effect[at, at + 1 :] = weights[at] / power * weights[at + 1 :] * carried
    effect[0, 0] = left
    errors = model.error_usd * np.maximum(weights, _LEAST_WEIGHT)
    deviations: Floats = np.sqrt(((np.cumsum(effect, axis=1) * errors[:, None]) ** 2).sum(axis=0))
    return deviations


def _factor(model: _Model) -> float:
    """Standard deviations to either side for 80 %: Student's t, since the error is known from few days.

    Expansion of the quantile in 1/df: Abramowitz & Stegun 26.7.5, first term; within 1 % from 6 degrees of freedom on.
    """
    freedom = max(model.n_days - LEAST_DAYS, LEAST_DAYS - 1)
    return _WIDENED * (_Z + (_Z**3 + _Z) / (4 * freedom))


def _method(model: _Model) -> str:
    pattern = "weekday pattern" if model.n_days >= PATTERN_FROM_DAYS else "no weekday pattern yet"
    trend = " with a damped trend" if model.trend_gain else ""
    return f"exponential smoothing{trend}, {pattern}, {model.n_days} days"


def _usd(amount: float) -> Decimal:
    return Decimal(repr(float(amount))).quantize(Decimal("0.01"))


def _month_after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
