"""Anomalies on invented traffic: none where nothing happens, and what is planted is found within the hour, told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dashboard.insight.anomalies import HOUR, Anomaly, Series, find, series_of
from dashboard.insight.baseline import Floats

START = datetime(2026, 10, 5)  # noqa: DTZ001 - UTC, as the store has it; a Monday
DAYS = 42
JUDGED = timedelta(days=7)
NOW = START + timedelta(days=DAYS)
# A Friday at ten in the judged week.
BROKE_AT = 39 * 24 - 24 + 10
OF_A_DAY = np.array([
    0.30, 0.26, 0.24, 0.24, 0.28, 0.40, 0.60, 0.95, 1.40, 1.70, 1.80, 1.75,
    1.60, 1.75, 1.85, 1.80, 1.65, 1.40, 1.10, 0.90, 0.75, 0.60, 0.48, 0.38,
])  # fmt: skip


def traffic(
    seed: int,
    calls_an_hour: float = 200,
    *,
    dimension: str = "",
    value: str = "",
    noise: float = 0.1,
    growth: float = 0.0,
    failing: float = 0.013,
    bursts: float = 0.0,
    spread_of_costs: float = 1.5,
    days: int = DAYS,
) -> Series:
    """Calls that breathe with days and weeks; busyness, failures and costs scatter as in real traffic."""
    chance = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    busy = OF_A_DAY[hours % 24] * np.where(hours // 24 % 7 >= 5, 0.4, 1) * (1 + growth) ** (hours / 24)
    wave = np.zeros(len(hours))
    for hour in hours[1:]:
        wave[hour] = 0.5 * wave[hour - 1] + 0.87 * noise * chance.standard_normal()
    calls = chance.poisson(calls_an_hour * busy * np.exp(wave)).astype(float)
    share = np.minimum(failing * np.exp(bursts * chance.standard_normal(len(hours))), 1)
    sigma = np.sqrt(np.log(1 + spread_of_costs**2))
    costs = [chance.lognormal(-5.3 - sigma**2 / 2, sigma, int(n)).sum() for n in calls]
    p95 = 3e9 * np.exp(chance.standard_normal(len(hours)) * (1.2 / np.sqrt(np.maximum(calls, 1)) + 0.04))
    return Series(
        dimension,
        value,
        START,
        calls,
        chance.binomial(calls.astype(int), share).astype(float),
        np.array(costs),
        calls.copy(),
        np.where(calls > 0, p95, np.nan),
    )


def found_in(*series: Series, hours: int | None = None) -> list[Anomaly]:
    """What is found when only so many hours are over."""
    n = hours or len(series[0].n_calls)
    names = ("n_calls", "n_errors", "cost_usd", "n_timed", "p95_ns")
    known = [replace(one, **{name: getattr(one, name)[:n] for name in names}) for one in series]
    now = START + n * HOUR
    return find(known, now - JUDGED, now)


def planted(series: Series, hours: slice, **times: float) -> Series:
    """The series with some measures multiplied in some hours; `failing` is the share of calls that fails."""
    changed: dict[str, Any] = {}
    for name in ("n_calls", "cost_usd", "p95_ns"):
        values: Floats = getattr(series, name).copy()
        values[hours] = values[hours] * times.get(name, 1.0)
        changed[name] = np.round(values) if name == "n_calls" else values
    changed["n_errors"] = np.minimum(series.n_errors, changed["n_calls"])
    if "failing" in times:
        changed["n_errors"][hours] = np.round(changed["n_calls"][hours] * times["failing"])
    return replace(series, **changed, n_timed=changed["n_calls"].copy())


@pytest.mark.parametrize(
    ("kind", "at_most"),
    [
        ({}, 0),
        ({"calls_an_hour": 15}, 0),
        ({"calls_an_hour": 800}, 0),
        ({"noise": 0.25}, 1),
        ({"growth": 0.01}, 1),
        ({"bursts": 0.5}, 1),
        ({"days": 16}, 2),
        # One call in a hundred costs fifty times the median: now and then an hour of them is dear by chance.
        ({"spread_of_costs": 4.0}, 6),
    ],
    ids=lambda given: "-".join(given) or "usual" if isinstance(given, dict) else "",
)
def test_a_week_in_which_nothing_happens_raises_next_to_no_alarm(kind: dict[str, Any], at_most: int) -> None:
    n_alarms = sum(len(found_in(traffic(seed, **kind))) for seed in range(12))
    assert n_alarms <= at_most


@pytest.mark.parametrize(
    ("metric", "times"),
    [
        ("errors", {"failing": 0.4}),
        ("spend", {"cost_usd": 2.6}),
        ("latency", {"p95_ns": 2.5}),
        ("volume", {"n_calls": 0.0}),
        ("volume", {"n_calls": 3.0}),
    ],
)
def test_a_step_is_found_within_the_hour(metric: str, times: dict[str, float]) -> None:
    at_once = 0
    for seed in range(10):
        broken = planted(traffic(seed, 400), slice(BROKE_AT, None), **times)
        assert all(one.metric != metric for one in found_in(broken, hours=BROKE_AT))
        found = [one for one in found_in(broken, hours=BROKE_AT + 1) if one.metric == metric]
        at_once += bool(found)
        later = [one for one in found_in(broken, hours=BROKE_AT + 3) if one.metric == metric]
        assert [(one.began_at, one.is_ongoing) for one in later] == [(START + BROKE_AT * HOUR, True)]
    assert at_once >= 9


def test_an_outage_is_told_with_its_hours_its_failures_and_what_is_usual() -> None:
    broken = planted(traffic(1, 400, failing=0.01), slice(BROKE_AT, BROKE_AT + 3), failing=0.5)
    [found] = found_in(broken)
    hours = slice(BROKE_AT, BROKE_AT + 3)
    assert (found.metric, found.dimension, found.value) == ("errors", "", "")
    assert (found.began_at, found.ended_at) == (START + BROKE_AT * HOUR, START + (BROKE_AT + 3) * HOUR)
    assert not found.is_ongoing
    assert (found.n_calls, found.n_errors) == (broken.n_calls[hours].sum(), broken.n_errors[hours].sum())
    assert found.observed == pytest.approx(0.5, abs=0.001)
    assert found.expected == pytest.approx(0.01, abs=0.002)
    assert found.excess == pytest.approx(0.49 * found.n_calls, rel=0.02)
    assert (found.confidence, found.n_days) == ("high", 35)


def test_spend_beyond_the_usual_is_measured_in_dollars() -> None:
    usual = traffic(2, 400)
    dear = planted(usual, slice(BROKE_AT, BROKE_AT + 6), cost_usd=3.0)
    [found] = found_in(dear)
    before = usual.cost_usd[BROKE_AT : BROKE_AT + 6].sum()
    assert found.metric == "spend"
    assert found.observed == pytest.approx(3 * before)
    assert found.expected == pytest.approx(before, rel=0.2)
    assert found.factor == pytest.approx(3, rel=0.2)


def test_an_outage_of_a_provider_is_told_as_that_providers_only() -> None:
    parts = {
        ("anthropic", "hooli"): traffic(11, 150),
        ("anthropic", "acme"): traffic(12, 150),
        ("openai", "hooli"): traffic(13, 300),
        ("openai", "acme"): traffic(14, 300),
    }
    hours = slice(BROKE_AT, BROKE_AT + 4)
    down = {
        key: planted(one, hours, failing=0.5) if key[0] == "anthropic" else one for key, one in parts.items()
    }
    series = [
        together(down, "", ""),
        *(together(down, "provider", name, of=0) for name in ("anthropic", "openai")),
        *(together(down, "tenant_id", name, of=1) for name in ("hooli", "acme")),
    ]
    assert [(one.metric, one.dimension, one.value) for one in found_in(*series)] == [
        ("errors", "provider", "anthropic")
    ]


def test_a_tenant_whose_spend_steps_up_is_found_although_the_total_hardly_moves() -> None:
    large, small = traffic(21, 3000), traffic(22, 150)
    stepped = planted(small, slice(BROKE_AT, None), cost_usd=2.6)
    parts = {("x", "globex"): large, ("x", "hooli"): stepped}
    series = [
        together(parts, "", ""),
        *(together(parts, "tenant_id", name, of=1) for name in ("globex", "hooli")),
    ]
    found = found_in(*series)
    assert {(one.metric, one.dimension, one.value) for one in found} == {("spend", "tenant_id", "hooli")}


def test_two_tenants_that_fail_at_once_are_two_findings() -> None:
    hours = slice(BROKE_AT, BROKE_AT + 2)
    parts = {("x", name): traffic(n, 200) for n, name in enumerate(("a", "b", "c", "d"), 31)}
    parts |= {("x", name): planted(parts["x", name], hours, failing=0.6) for name in ("a", "b")}
    series = [
        together(parts, "", ""),
        *(together(parts, "tenant_id", name, of=1) for name in ("a", "b", "c", "d")),
    ]
    assert {(one.dimension, one.value) for one in found_in(*series)} == {
        ("tenant_id", "a"),
        ("tenant_id", "b"),
    }


def test_the_hour_under_way_can_be_too_much_but_not_too_little() -> None:
    usual = traffic(41, 400)
    now = START + BROKE_AT * HOUR + timedelta(minutes=6)
    so_far = slice(BROKE_AT, BROKE_AT + 1)
    names = ("n_calls", "n_errors", "cost_usd", "n_timed", "p95_ns")

    def known(series: Series) -> Series:
        return replace(series, **{name: getattr(series, name)[: BROKE_AT + 1] for name in names})

    assert find([known(planted(usual, so_far, n_calls=0.1, cost_usd=0.1))], now - JUDGED, now) == []
    [spend] = find([known(planted(usual, so_far, cost_usd=4.0))], now - JUDGED, now)
    assert (spend.metric, spend.ended_at, spend.is_ongoing) == ("spend", now, True)


def test_few_calls_prove_nothing_and_a_new_series_has_no_usual() -> None:
    few = planted(traffic(51, 3), slice(BROKE_AT, BROKE_AT + 6), failing=1.0, cost_usd=5.0, p95_ns=4.0)
    assert [one for one in found_in(few) if one.metric != "errors"] == []
    fresh = traffic(52, 400)
    first_seen = BROKE_AT - 48
    for name in ("n_calls", "n_errors", "cost_usd", "n_timed"):
        getattr(fresh, name)[:first_seen] = 0
    assert found_in(fresh, hours=BROKE_AT) == []


def test_with_less_than_three_weeks_confidence_is_low_and_a_weekend_is_no_fall() -> None:
    young = traffic(61, 400, days=21)
    broken = planted(young, slice(-60, -57), failing=0.5)
    found = found_in(broken)
    assert [(one.metric, one.confidence) for one in found] == [("errors", "low")]


def test_rows_become_series_without_gaps() -> None:
    rows = [
        {
            "dimension": "",
            "value": "",
            "hours": [0, 2],
            "calls": [5, 7],
            "errors": [1, 0],
            "costs_usd": [0.5, 0.25],
        },
        {"dimension": "model", "value": "m", "hours": [1], "calls": [3], "errors": [0], "costs_usd": [0.0]},
    ]
    timed = [{"dimension": "", "value": "", "hours": [2], "timed": [7], "p95s_ns": [900]}]
    everything, model = series_of(rows, timed, START, START + 3 * HOUR)
    assert everything.n_calls.tolist() == [5, 0, 7]
    assert everything.cost_usd.tolist() == [0.5, 0, 0.25]
    assert everything.n_timed.tolist() == [0, 0, 7]
    assert np.isnan(everything.p95_ns[:2]).all() and everything.p95_ns[2] == 900
    assert (model.dimension, model.value, model.n_calls.tolist()) == ("model", "m", [0, 3, 0])
    assert np.isnan(model.p95_ns).all()


def together(
    parts: dict[tuple[str, str], Series], dimension: str, value: str, of: int | None = None
) -> Series:
    """The parts as one series: all of them, or those with this value at place `of` of their key."""
    members = [one for key, one in parts.items() if of is None or key[of] == value]
    sums = {
        name: np.sum([getattr(one, name) for one in members], axis=0)
        for name in ("n_calls", "n_errors", "cost_usd", "n_timed")
    }
    slowest = np.max([one.p95_ns for one in members], axis=0)
    return Series(dimension, value, START, **sums, p95_ns=slowest)
