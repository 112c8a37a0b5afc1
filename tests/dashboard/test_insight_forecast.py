"""Forecasts of a month on spend whose future is known: how far off, and how often within the band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean

import numpy as np
import pytest

from dashboard.insight.forecast import Forecast, NoForecast, forecast

MONTH = date(2026, 11, 1)  # a Sunday
END = date(2026, 12, 1)
FIRST = date(2026, 8, 1)

Days = Mapping[date, Decimal]


def days(
    seed: int,
    usd: float = 100.0,
    noise: float = 0.1,
    drift: float = 0.0,
    growth: float = 0.0,
    weekend: float = 0.4,
) -> Days:
    """What each day costs from August to the end of November: a level that may drift or grow, less at weekends."""
    chance = np.random.default_rng(seed)
    costs = {}
    for n in range((END - FIRST).days):
        day = FIRST + timedelta(days=n)
        usd *= (1 + growth) * float(np.exp(drift * chance.standard_normal()))
        cost = usd * (weekend if day.weekday() >= 5 else 1) * float(np.exp(noise * chance.standard_normal()))
        costs[day] = Decimal(f"{cost:.6f}")
    return costs


def as_known(whole: Days, now: datetime) -> Days:
    """The days up to now, of the last one as much as has passed of it."""
    passed = Decimal((now - datetime.combine(now.date(), datetime.min.time())) / timedelta(days=1))
    known = {day: usd for day, usd in whole.items() if day < now.date()}
    return known | {now.date(): whole[now.date()] * passed}


def foretold(whole: Days, now: datetime) -> Forecast:
    found = forecast(as_known(whole, now), MONTH, now)
    assert isinstance(found, Forecast)
    return found


def outcomes(now: datetime, **kind: float) -> Iterator[tuple[Forecast, Decimal]]:
    for seed in range(60):
        whole = days(seed, **kind)
        yield foretold(whole, now), sum((usd for day, usd in whole.items() if day >= MONTH), Decimal(0))


@pytest.mark.parametrize("day", [3, 12, 24])
@pytest.mark.parametrize(
    ("kind", "off", "at_least"),
    [
        ({}, 0.04, 0.75),
        ({"noise": 0.4}, 0.15, 0.75),
        ({"drift": 0.05}, 0.25, 0.65),
        ({"weekend": 0.0}, 0.05, 0.7),
        # A third more a month: the level follows behind, and the band is right less often than it says.
        ({"growth": 0.009}, 0.15, 0.5),
    ],
    ids=lambda given: "-".join(given) or "steady" if isinstance(given, dict) else "",
)
def test_the_end_of_the_month_is_near_and_within_the_band_about_as_often_as_it_says(
    day: int, kind: dict[str, float], off: float, at_least: float
) -> None:
    found = list(outcomes(datetime(2026, 11, day, 12), **kind))  # noqa: DTZ001 - UTC, as the store has it
    held = mean(one.low_usd <= actual <= one.high_usd for one, actual in found)
    assert mean(abs(float(one.expected_usd / actual) - 1) for one, actual in found) < off
    assert held >= at_least
    assert mean(float((one.high_usd - one.low_usd) / actual) for one, actual in found) < 5 * off


def test_spend_that_only_knows_weekdays_is_foretold_exactly() -> None:
    whole = days(0, noise=0, weekend=0.25)
    # Wednesday the 11th, at noon: half of its $100 is to come.
    found = foretold(whole, datetime(2026, 11, 11, 12))  # noqa: DTZ001
    to_come = [usd for day, usd in whole.items() if day > date(2026, 11, 11)]
    expected = found.spent_usd + 50 + sum(to_come, Decimal(0))
    assert abs(found.expected_usd - expected) < Decimal("0.05")
    assert found.high_usd - found.low_usd < 1
    assert found.method == "exponential smoothing, weekday pattern, 56 days"


def test_the_path_grows_from_what_is_spent_to_the_end_and_its_band_widens() -> None:
    found = foretold(days(3), datetime(2026, 11, 20, 6))  # noqa: DTZ001
    assert [one.day for one in found.path] == [date(2026, 11, n) for n in range(20, 31)]
    ends = [one.expected_usd for one in found.path]
    assert ends == sorted(ends)
    assert ends[0] > found.spent_usd
    bands = [one.high_usd - one.low_usd for one in found.path]
    assert bands == sorted(bands)
    assert (found.path[-1].expected_usd, found.path[-1].low_usd) == (found.expected_usd, found.low_usd)
    assert all(one.low_usd >= found.spent_usd for one in found.path)


def test_the_day_on_which_an_amount_is_reached_is_the_first_whose_end_is_beyond_it() -> None:
    whole = {FIRST + timedelta(days=n): Decimal(10) for n in range((END - FIRST).days)}
    found = foretold(whole, datetime(2026, 11, 11))  # noqa: DTZ001 - 10 days at $10 are over
    assert found.expected_usd == 300
    assert found.reaches_on(Decimal(150)) == date(2026, 11, 15)
    assert found.reaches_on(Decimal(100)) is None  # it is reached already
    assert found.reaches_on(Decimal(301)) is None


def test_a_step_is_followed_within_days_and_until_then_the_band_is_wide() -> None:
    whole = {day: usd * (3 if day >= date(2026, 11, 2) else 1) for day, usd in days(5).items()}
    actual = sum((usd for day, usd in whole.items() if day >= MONTH), Decimal(0))
    found = foretold(whole, datetime(2026, 11, 14))  # noqa: DTZ001
    assert abs(float(found.expected_usd / actual) - 1) < 0.1
    assert found.low_usd <= actual <= found.high_usd


@pytest.mark.parametrize(
    ("n_days", "now", "reason"),
    [
        (6, datetime(2026, 11, 10), "needs 7 complete days with calls before it; there are 6"),  # noqa: DTZ001
        (0, datetime(2026, 11, 10), "there are 0"),  # noqa: DTZ001
        (40, datetime(2026, 10, 31), "the month has not begun"),  # noqa: DTZ001
    ],
)
def test_without_enough_to_go_by_there_is_no_forecast_and_it_says_why(
    n_days: int, now: datetime, reason: str
) -> None:
    known = {now.date() - timedelta(days=n): Decimal(1) for n in range(1, n_days + 1)}
    found = forecast(known, MONTH, now)
    assert isinstance(found, NoForecast)
    assert reason in found.reason
    assert found.spent_usd == sum(usd for day, usd in known.items() if day >= MONTH)


def test_a_month_that_is_over_is_what_it_came_to() -> None:
    whole = days(1)
    found = forecast(whole, MONTH, datetime(2026, 12, 5))  # noqa: DTZ001
    assert isinstance(found, Forecast)
    spent = sum((usd for day, usd in whole.items() if day >= MONTH), Decimal(0))
    assert found.low_usd == found.expected_usd == found.high_usd == found.spent_usd == spent


def test_days_without_any_spend_are_foretold_as_such() -> None:
    found = foretold({FIRST + timedelta(days=n): Decimal(0) for n in range(122)}, datetime(2026, 11, 9))  # noqa: DTZ001
    assert found.high_usd == 0
