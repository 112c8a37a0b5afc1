"""The statistics against numbers from papers and textbooks, and against brute force."""

from __future__ import annotations

import itertools
import math

import pytest

from evals.statistics import (
    beta_cdf,
    clopper_pearson,
    fisher_exact,
    mcnemar_exact,
    mean_interval,
    normal_quantile,
    sign_flip,
    smallest_margin,
    t_quantile,
    tango_interval,
)


@pytest.mark.parametrize(("n", "bound"), [(20, -11.9), (30, -8.3), (50, -5.1)])
def test_with_no_flips_tangos_bound_is_the_one_the_gate_is_specified_with(n: int, bound: float):
    assert round(tango_interval(0, 0, n).low * 100, 1) == bound


def test_with_no_flips_tangos_bound_is_z_squared_over_n_plus_z_squared():
    z2 = normal_quantile() ** 2
    assert tango_interval(0, 0, 64).low == pytest.approx(-z2 / (64 + z2), abs=1e-9)


def test_tango_is_symmetric_in_the_arms():
    one, other = tango_interval(7, 2, 40), tango_interval(2, 7, 40)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


@pytest.mark.parametrize(
    ("better", "worse", "n"), [(0, 0, 25), (3, 5, 40), (1, 0, 12), (0, 6, 50), (30, 12, 200)]
)
def test_at_its_bounds_tangos_score_with_the_likelihood_maximised_by_search_is_the_quantile(better, worse, n):
    interval = tango_interval(better, worse, n, 0.90)
    for bound, sign in ((interval.low, 1), (interval.high, -1)):
        variance = (2 * most_likely_worse(better, worse, n, bound) + bound - bound * bound) / n
        score = ((better - worse) / n - bound) / math.sqrt(variance)
        assert score == pytest.approx(sign * 1.6448536, abs=1e-3)


def most_likely_worse(better: int, worse: int, n: int, difference: float) -> float:
    """Maximise the trinomial likelihood under better − worse = difference, by golden-section search."""

    def log_likelihood(q: float) -> float:
        cells = ((better, q + difference), (worse, q), (n - better - worse, 1 - 2 * q - difference))
        return sum(k * math.log(max(p, 1e-300)) for k, p in cells if k)

    low, high = max(0.0, -difference), (1 - difference) / 2
    for _ in range(200):
        a, b = low + 0.382 * (high - low), low + 0.618 * (high - low)
        low, high = (low, b) if log_likelihood(a) > log_likelihood(b) else (a, high)
    return (low + high) / 2


def test_clopper_pearson_matches_the_textbook():
    # 10 of 20 at 95 %: 27.2 % to 72.8 %; 0 of 10 at 95 %: 0 to 30.85 % (= 1 − 0.025^(1/10)).
    assert clopper_pearson(10, 20, 0.95).low == pytest.approx(0.2720, abs=5e-5)
    assert clopper_pearson(10, 20, 0.95).high == pytest.approx(0.7280, abs=5e-5)
    assert clopper_pearson(0, 10, 0.95).high == pytest.approx(1 - 0.025**0.1)


def test_twenty_of_twenty_does_not_prove_a_floor_of_ninety_percent():
    assert clopper_pearson(20, 20).low == pytest.approx(0.05 ** (1 / 20))  # 86.1 %
    assert clopper_pearson(20, 20).low < 0.90


def test_clopper_pearson_bounds_leave_five_percent_in_the_binomial_tail():
    low = clopper_pearson(45, 50).low
    assert sum(math.comb(50, k) * low**k * (1 - low) ** (50 - k) for k in range(45, 51)) == pytest.approx(
        0.05
    )


@pytest.mark.parametrize(
    ("p", "degrees", "value"), [(0.95, 10, 1.812), (0.975, 1, 12.706), (0.95, 29, 1.699)]
)
def test_t_quantiles_match_the_table(p: float, degrees: int, value: float):
    assert t_quantile(p, degrees) == pytest.approx(value, abs=5e-4)


def test_the_beta_function_is_the_binomial_tail():
    # P(X >= 3 | n = 5, p = 0.4) = 10·.064·.36 + 5·.0256·.6 + .01024
    assert beta_cdf(0.4, 3, 3) == pytest.approx(0.2304 + 0.0768 + 0.01024)


def test_mcnemar_is_a_fair_coin_on_the_flips():
    assert mcnemar_exact(better=0, worse=5) == 1 / 32
    assert mcnemar_exact(better=1, worse=9) == pytest.approx((10 + 1) / 1024)
    assert mcnemar_exact(better=0, worse=0) == 1


def test_fisher_matches_the_lady_tasting_tea():
    # Three of four cups each: 2 · (16 + 1) / 70.
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_fisher_sees_no_difference_when_nothing_is_missing():
    assert fisher_exact(0, 100, 0, 100) == 1


def test_sign_flip_lists_every_pattern_when_there_are_few():
    assert sign_flip([-1, -1, -1, -1, -1]) == 1 / 32
    # 1 of 8 patterns of (±.5, ±.5, ±1) is at most −2.
    assert sign_flip([-0.5, -0.5, -1, 0, 0]) == 1 / 8


def test_sign_flip_drawn_is_close_to_sign_flip_listed():
    sizes = [0.1 * i for i in range(1, 16)]
    observed = [-s if i % 3 else s for i, s in enumerate(sizes)]
    patterns = itertools.product((1, -1), repeat=15)
    listed = (
        sum(sum(map(float.__mul__, sizes, map(float, p))) <= sum(observed) + 1e-12 for p in patterns) / 2**15
    )
    assert sign_flip(observed) == pytest.approx(listed, abs=0.01)


def test_the_mean_interval_is_students_t():
    # mean 0, s = 0.5, n = 11: half width 1.812 · 0.5 / sqrt(11).
    values = [0.5, -0.5] * 5 + [0.0]
    assert mean_interval(values).high == pytest.approx(1.8125 * 0.5 / math.sqrt(11), abs=1e-4)


def test_units_that_all_agree_are_not_certainty():
    assert mean_interval([0.0] * 20).low == pytest.approx(tango_interval(0, 0, 20).low)


def test_with_many_cases_the_smallest_margin_is_the_published_tables():
    # n = 6.18·s²/δ²: 6,180 cases for 1 point at 10 % flipping, 3,090 at 5 %.
    assert smallest_margin(6180, 0.10) == pytest.approx(0.01, rel=0.03)
    assert smallest_margin(3090, 0.05) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(("n", "flipping"), [(50, 0.02), (66, 0.05), (124, 0.05), (248, 0.10)])
def test_at_the_smallest_margin_an_unchanged_prompt_passes_in_eighty_percent_of_runs(n: int, flipping: float):
    margin = smallest_margin(n, flipping)
    passes = 0.0
    for flips in range(min(n, 60)):
        for worse in range(flips + 1):
            chance = (
                math.comb(n, flips)
                * flipping**flips
                * (1 - flipping) ** (n - flips)
                * math.comb(flips, worse)
            )
            if chance / 2**flips > 1e-7 and tango_interval(flips - worse, worse, n).low > -margin:
                passes += chance / 2**flips
    assert passes >= 0.80


def test_with_few_cases_the_smallest_margin_is_what_no_flips_at_all_would_show():
    assert smallest_margin(20, 0.0) == pytest.approx(-tango_interval(0, 0, 20).low)
