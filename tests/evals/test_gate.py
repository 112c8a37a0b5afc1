"""The gate's rules, one claim a test, and its promised error rates by simulation."""

from __future__ import annotations

import functools
import random

import pytest

from evals.gate import decide
from tests.evals.factories import rules, scores


def flips(better: int, worse: int, n: int):
    """Candidate and baseline with this many flips each way, everything else right in both."""
    before = "0" * better + "1" * (n - better)
    after = "1" * better + "0" * worse + "1" * (n - better - worse)
    return scores(after), scores(before)


def outcome(better: int, worse: int, n: int, **changes) -> str:
    return decide(rules(**changes), *flips(better, worse, n)).outcome


def test_a_candidate_that_changes_nothing_passes_when_there_are_enough_cases():
    assert outcome(0, 0, 60) == "PASS"  # bound −4.3 points


def test_a_candidate_that_changes_nothing_is_inconclusive_on_too_few_cases():
    assert outcome(0, 0, 40) == "INCONCLUSIVE"  # bound −6.3 points


def test_a_large_drop_fails():
    assert outcome(0, 10, 60) == "FAIL"


def test_flips_that_cancel_out_are_inconclusive_when_they_are_many():
    assert outcome(8, 8, 100) == "INCONCLUSIVE"


def test_a_small_real_drop_within_the_margin_passes_and_says_so():
    verdict = decide(rules(), *flips(0, 8, 400))  # −2 points, interval about −3.5 to −1.1
    assert verdict.outcome == "PASS" and "small real drop" in verdict.reason


def test_inconclusive_names_the_cases_and_the_margin_that_would_decide():
    verdict = decide(rules(), *flips(0, 0, 40))
    # z²(1 − δ)/δ = 2.7055 · 19 = 51.4 cases; z²/(40 + z²) = 6.34 points.
    assert "52 cases" in verdict.reason and "margin of 6.4 points" in verdict.reason


def test_the_margin_it_names_would_have_passed():
    assert outcome(0, 0, 40, margin=0.064) == "PASS"


def test_under_thirty_cases_a_fail_needs_the_exact_test_too():
    # 4 of 4 flips for the worse: Tango's interval excludes 0, but 1/16 is not below 5 %.
    verdict = decide(rules(), *flips(0, 4, 20))
    assert verdict.interval is not None and verdict.interval.high < 0
    assert verdict.outcome == "INCONCLUSIVE"
    assert outcome(0, 5, 20) == "FAIL"  # 1/32


def test_a_floor_is_proved_disproved_or_neither():
    def floor(right: int, n: int) -> str:
        return decide(rules(floor=0.9), scores("1" * right + "0" * (n - right)), None).outcome

    assert (floor(20, 20), floor(60, 60), floor(40, 60)) == ("INCONCLUSIVE", "PASS", "FAIL")


def test_a_floor_undecided_names_the_cases_and_the_floor_that_would_pass():
    reason = decide(rules(floor=0.9), scores("1" * 20), None).reason
    assert "29 cases" in reason and "floor of 86.0 %" in reason  # 0.9^29 < 5 % < 0.9^28; 0.05^(1/20) = 86.1 %


def test_one_must_pass_case_that_does_not_fails_whatever_the_rest_says():
    verdict = decide(rules(must_pass=("c0",)), scores("0" + "1" * 99), scores("0" + "1" * 99))
    assert verdict.outcome == "FAIL" and "c0" in verdict.reason


def test_the_worst_check_decides():
    verdict = decide(rules(floor=0.9), *flips(0, 0, 25))
    assert [check.outcome for check in verdict.checks] == ["INCONCLUSIVE", "INCONCLUSIVE", "PASS"]


def test_without_a_baseline_must_pass_alone_can_pass():
    assert decide(rules(must_pass=("c0", "c1")), scores("110"), None).outcome == "PASS"


def test_without_baseline_floor_or_must_pass_nothing_is_decided():
    verdict = decide(rules(), scores("1" * 100), None)
    assert verdict.outcome == "INCONCLUSIVE" and "--baseline" in verdict.reason


def test_no_scores_at_all_is_inconclusive():
    assert decide(rules(floor=0.5), scores("-" * 20), scores("-" * 20)).outcome == "INCONCLUSIVE"


def test_these_cases_are_judged_without_an_interval():
    assert outcome(0, 0, 5, claim="these_cases") == "PASS"
    assert outcome(0, 1, 20, claim="these_cases") == "PASS"  # exactly the margin of 5 points
    assert outcome(0, 2, 20, claim="these_cases") == "FAIL"
    assert decide(rules(claim="these_cases"), *flips(0, 1, 20)).interval is None


# --- missing cases ---


def test_more_than_one_percent_missing_is_infrastructure():
    verdict = decide(rules(), scores("1" * 98 + "--"), scores("1" * 100))
    assert verdict.outcome == "INCONCLUSIVE" and "Infrastructure" in verdict.reason


def test_an_outage_never_fails_a_candidate_however_bad_the_rest():
    assert (
        decide(rules(must_pass=("c0",)), scores("0" * 50 + "-" * 50), scores("1" * 100)).outcome
        == "INCONCLUSIVE"
    )


def test_an_outage_never_passes_a_candidate_however_good_the_rest():
    assert decide(rules(), scores("1" * 98 + "--"), scores("0" * 98 + "11")).outcome == "INCONCLUSIVE"


def test_few_missing_cases_that_change_nothing_do_not_block():
    assert decide(rules(), scores("1" * 299 + "-"), scores("1" * 300)).outcome == "PASS"


def test_few_missing_cases_that_could_change_the_verdict_block():
    # 100 cases, no flips: −2.6 points passes a margin of 3; one case lost for the worse would not.
    verdict = decide(rules(margin=0.03), scores("1" * 99 + "-"), scores("1" * 100))
    assert verdict.outcome == "INCONCLUSIVE" and "enough to change the verdict" in verdict.reason


def test_missing_in_one_arm_only_is_infrastructure_even_below_the_limit():
    # 10 of 1,000 against 0 of 1,000: Fisher p = 0.002.
    verdict = decide(rules(), scores("1" * 990 + "-" * 10), scores("1" * 1000))
    assert verdict.outcome == "INCONCLUSIVE" and "arms differ" in verdict.reason


def test_a_missing_must_pass_case_is_not_passed():
    assert decide(rules(must_pass=("c299",)), scores("1" * 299 + "-"), None).outcome == "INCONCLUSIVE"


def test_counts_are_of_what_was_seen():
    verdict = decide(rules(), scores("110-"), scores("1010"))
    assert (verdict.n_cases, verdict.n_paired, verdict.n_missing) == (4, 3, 1)
    assert (verdict.n_better, verdict.n_worse) == (1, 1)


def test_a_baseline_with_cases_of_its_own_is_a_bug_of_the_caller():
    with pytest.raises(ValueError):
        decide(rules(), scores("11"), scores("111"))


def test_cases_the_baseline_lacks_count_for_the_floor_but_not_for_the_margin():
    verdict = decide(rules(floor=0.9), scores("1" * 60 + "0" * 40), scores("1" * 60))
    assert [(c.name, c.outcome, c.n) for c in verdict.checks[:2]] == [
        ("margin", "PASS", 60),
        ("floor", "FAIL", 100),
    ]


# --- clusters ---


def test_cases_of_one_cluster_are_one_piece_of_evidence():
    clusters = [f"k{i // 10}" for i in range(100)]
    verdict = decide(rules(), scores("1" * 100, clusters), scores("1" * 100, clusters))
    assert (verdict.n_units, verdict.outcome) == (10, "INCONCLUSIVE")
    assert verdict.interval is not None and verdict.interval.low == pytest.approx(-2.7055 / 12.7055, abs=1e-4)


def test_clustered_drops_fail_only_when_the_permutation_test_agrees():
    clusters = [f"k{i // 2}" for i in range(40)]
    four = decide(rules(), scores("0" * 8 + "1" * 32, clusters), scores("1" * 40, clusters))
    eight = decide(rules(), scores("0" * 16 + "1" * 24, clusters), scores("1" * 40, clusters))
    assert (four.outcome, eight.outcome) == ("INCONCLUSIVE", "FAIL")


def test_the_candidates_mean_is_over_clusters():
    assert decide(rules(), scores("1110", ["a", "a", "a", "b"]), None).candidate_mean == 0.5


# --- error rates ---


def share(
    wanted: str, *, drop: float, flipping: float, n: int, seed: int, runs: int = 400, **changes
) -> float:
    """How often simulated runs end in this outcome, when cases flip by chance and the true drop is this."""
    draw = random.Random(seed)
    judge = functools.cache(functools.partial(outcome, n=n, **changes))
    to_worse = (flipping + drop) / 2
    hits = 0
    for _ in range(runs):
        throws = [draw.random() for _ in range(n)]
        worse = sum(t < to_worse for t in throws)
        better = sum(to_worse <= t < flipping for t in throws)
        hits += judge(better, worse) == wanted
    return hits / runs


@pytest.mark.parametrize("n", [20, 50, 150])
def test_an_unchanged_candidate_fails_at_most_one_time_in_twenty(n: int):
    assert share("FAIL", drop=0.0, flipping=0.10, n=n, seed=n) <= 0.07  # 5 % and two standard errors


@pytest.mark.parametrize(("n", "margin"), [(50, 0.10), (150, 0.05)])
def test_a_candidate_worse_by_the_margin_passes_at_most_one_time_in_twenty(n: int, margin: float):
    assert share("PASS", drop=margin, flipping=margin + 0.06, n=n, seed=n, margin=margin) <= 0.07


def test_at_the_planned_size_a_drop_of_twice_the_margin_fails_nearly_always():
    assert share("FAIL", drop=0.10, flipping=0.12, n=248, seed=2, runs=200) >= 0.97
