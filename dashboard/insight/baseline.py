"""What an hour of a series would usually be, and how far hours stray from that: robust, by hour of the week.

Expected is the median of the same hour (and the hours beside it) in other weeks, times the level of the days around it, itself
a median of a week. So one bad afternoon moves neither, growth is followed, and a step is news for as long as it is judged.
The spread is the median absolute deviation of the hours that are alike (Hampel, "The influence curve and its role in robust
estimation", JASA 1974; 1.4826 makes it a standard deviation for a normal distribution).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS_A_DAY = 24
HOURS_A_WEEK = 168
WEEKLY_FROM_DAYS = 21  # three of each hour of the week
DAILY_FROM_DAYS = 5  # too few weeks for weekdays: then the same hour of any day
_NORMAL = 1.4826
_TAIL, _TAIL_SPREADS = 0.98, 3.0  # of a normal distribution 0.98 lie within 2.33, so there it changes nothing
_ALIKE = 150  # hours that tell the spread of one: those whose size is nearest


@dataclass(frozen=True)
class Baseline:
    """Of each hour of a series: what was expected, and by how many standard deviations it is above (or below)."""

    expected: Floats  # NaN where nothing is
    score: Floats  # 0 in the history
    is_weekly: bool
    n_days: int  # of history


def period_of(n_history_hours: int) -> int | None:
    """How long the pattern is, in hours, that so much history can show; None when it shows none."""
    n_days = n_history_hours / HOURS_A_DAY
    return HOURS_A_WEEK if n_days >= WEEKLY_FROM_DAYS else HOURS_A_DAY if n_days >= DAILY_FROM_DAYS else None


def of_amounts(amounts: Floats, first: int, judged: int) -> Baseline | None:
    """Of amounts that add up, such as calls; [first, judged) is history. None when that is too short.

    Judged on the scale of square roots, where chance scatters counts of every size alike (Anscombe, Biometrika 1948).
    """
    return _of(amounts, first, judged, _root, amounts, least_spread=1.0)


def of_levels(levels: Floats, sizes: Floats, first: int, judged: int) -> Baseline | None:
    """Of positive values that do not add up, such as a percentile; `sizes` says how many calls each rests on.

    Judged as ratios. NaN where an hour has no value.
    """
    return _of(levels, first, judged, np.log, sizes, least_spread=0.03)


def _of(
    values: Floats,
    first: int,
    judged: int,
    scale: Callable[[Floats], Floats],
    sizes: Floats,
    least_spread: float,
) -> Baseline | None:
    period = period_of(judged - first)
    if period is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):  # hours without a sample: NaN says so
        levels = _levels(values, first, judged, period)
        expected = levels * _usual(values / levels, first, judged, period)
        strayed = scale(values) - scale(expected)
        spread = _spread(strayed, expected if sizes is values else sizes, first, judged)
        score = np.append(np.zeros(judged), strayed[judged:] / np.maximum(spread, least_spread))
    return Baseline(expected, score, period == HOURS_A_WEEK, (judged - first) // HOURS_A_DAY)


def _root(counts: Floats) -> Floats:
    roots: Floats = 2 * np.sqrt(np.maximum(counts, 0) + 0.375)
    return roots


def _usual(values: Floats, first: int, judged: int, period: int) -> Floats:
    """The median of the same hour, and of the hours beside it, in other periods of the history."""
    n_periods = (len(values) - first) // period + 1
    steps = [period * n + beside for n in range(-n_periods, n_periods + 1) if n for beside in (-1, 0, 1)]
    others = np.arange(len(values))[None, :] + np.array(steps)[:, None]
    known = (others >= first) & (others < judged)
    return _medians(np.where(known, values[np.clip(others, 0, len(values) - 1)], np.nan))


def _levels(values: Floats, first: int, judged: int, period: int) -> Floats:
    """How busy the week around each day was, of the usual; after the history as busy as its last week."""
    usual = _medians(_in_rows(values, first, judged, period))
    slots = (np.arange(len(values)) - first) % period
    ratios = values / np.where(usual > 0, usual, np.nan)[slots]
    days = np.arange(0, len(values), HOURS_A_DAY)
    begins = np.clip(days - HOURS_A_WEEK // 2 + HOURS_A_DAY // 2, first, max(judged - HOURS_A_WEEK, first))
    at = begins[None, :] + np.arange(min(HOURS_A_WEEK, judged - first))[:, None]
    levels = _medians(ratios[at])
    return np.repeat(np.where(levels > 0, levels, 1.0), HOURS_A_DAY)[: len(values)]


def _in_rows(values: Floats, first: int, judged: int, period: int) -> Floats:
    """The history, one period a row; the last is filled up with NaN."""
    n_missing = -(judged - first) % period
    return np.append(values[first:judged], np.full(n_missing, np.nan)).reshape(-1, period)


def _medians(samples: Floats) -> Floats:
    """Of each column, without its NaN. As numpy's nanmedian, which takes 20 times as long."""
    in_order = np.sort(samples, axis=0)  # NaN last
    n_known = np.isfinite(samples).sum(axis=0)
    columns = np.arange(samples.shape[1])
    low, high = (
        in_order[np.maximum(n_known - 1, 0) // 2, columns],
        in_order[n_known // 2 % len(samples), columns],
    )
    return np.where(n_known > 0, (low + high) / 2, np.nan)


def _spread(strayed: Floats, sizes: Floats, first: int, judged: int) -> Floats:
    """The robust standard deviation for each hour after the history: that of the hours in it whose sizes are nearest."""
    history = np.arange(first, judged)
    history = history[np.isfinite(strayed[history]) & np.isfinite(sizes[history])]
    if not len(history):
        return np.full(len(sizes) - judged, np.nan)
    order = history[np.argsort(sizes[history], kind="stable")]
    width = min(_ALIKE, len(order))
    places = np.searchsorted(sizes[order], np.nan_to_num(sizes[judged:])) - width // 2
    begins, of_hours = np.unique(np.clip(places, 0, len(order) - width), return_inverse=True)
    alike = np.abs(strayed[order])[begins[:, None] + np.arange(width)[None, :]]
    # The median knows no tails: where one hour in fifty strays far, it takes further to stand out.
    tails = np.quantile(alike, _TAIL, axis=1) / _TAIL_SPREADS
    spread: Floats = np.maximum(_NORMAL * np.median(alike, axis=1), tails)[of_hours]
    return spread
