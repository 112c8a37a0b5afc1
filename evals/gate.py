"""The gate: scores in, PASS, FAIL or INCONCLUSIVE out. Pure; the rule was declared before the run.

With d = candidate − baseline over paired cases, [low, high] its 90 % interval and δ the margin:

* PASS when low > −δ: a drop as large as δ is ruled out. When high < 0 too, there is a small real drop, and
  the reason says so.
* FAIL when high < 0 and it is not a PASS. Under 30 units an exact test must agree, because intervals are
  only approximate there.
* INCONCLUSIVE otherwise, and the reason names the number of cases or the margin that would decide.

So P(FAIL | nothing changed) ≤ 5 % and P(PASS | drop ≥ δ) ≤ 5 %. The unit is the case, or its cluster when
cases share one. A case the provider failed is missing, which is not wrong: when missing cases could change
the answer, there is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from evals.advice import floor_advice, margin_advice
from evals.evidence import (
    Value,
    difference_interval,
    exact_test_agrees,
    is_pass_fail,
    level_interval,
    mean_of,
    units_of,
)
from evals.statistics import CONFIDENCE, Interval, fisher_exact
from evals.suite import Rules
from evals.words import percent, points, size, some_of, span

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]

MISSING_LIMIT = 0.01
MISSING_DIFFERS_P = 0.05
# Sums of shares such as 0.05 are not exact in binary; a tie with the threshold is a PASS.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case's score on the gating metric in one arm; None is missing."""

    case_id: str
    cluster: str
    score: float | None


@dataclass(frozen=True)
class Check:
    """One of the gate's checks. Shares of 1; `low` and `high` are None when the claim is these cases."""

    name: Literal["margin", "floor", "must_pass", "missing"]
    outcome: Outcome
    reason: str
    threshold: float | None = None
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Verdict:
    """A decision and the evidence for it.

    Means, the difference and its interval are over the units scored in every arm; None when there are none.
    """

    outcome: Outcome
    reason: str
    checks: tuple[Check, ...]
    rules: Rules
    n_cases: int
    n_paired: int
    n_units: int
    n_missing: int
    n_better: int
    n_worse: int
    candidate_mean: float | None
    baseline_mean: float | None
    difference: float | None
    interval: Interval | None
    method: str
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class _Arms:
    """The scores under judgement; `baseline` is by case id and may hold fewer cases than the candidate."""

    candidate: Sequence[CaseScore]
    baseline: Mapping[str, float | None] | None

    def after(self) -> list[Value]:
        """The candidate's scores."""
        return [Value(case.cluster, case.score) for case in self.candidate if case.score is not None]

    def before_and_after(self) -> list[tuple[Value, Value]]:
        """The cases scored in both arms."""
        return [
            (Value(case.cluster, before), Value(case.cluster, case.score))
            for case in self.candidate
            if case.score is not None and (before := (self.baseline or {}).get(case.case_id)) is not None
        ]

    def differences(self) -> list[Value]:
        return [Value(old.cluster, new.value - old.value) for old, new in self.before_and_after()]

    def missing(self) -> tuple[int, int]:
        """How many answers the candidate and the baseline lack."""
        lost = sum(case.score is None for case in self.candidate)
        return lost, sum(score is None for score in (self.baseline or {}).values())

    def supposing(self, candidate: float, baseline: float) -> _Arms:
        """These arms with every missing score supposed."""
        after = [
            replace(case, score=candidate if case.score is None else case.score) for case in self.candidate
        ]
        if self.baseline is None:
            return _Arms(after, None)
        return _Arms(after, {k: baseline if score is None else score for k, score in self.baseline.items()})


def decide(rules: Rules, candidate: Sequence[CaseScore], baseline: Sequence[CaseScore] | None) -> Verdict:
    """Judge a candidate, against a baseline when there is one.

    The margin is judged on the cases both arms hold; floor and must_pass on all the candidate's. Raises
    ValueError when the baseline holds a case the candidate does not: pairing is the caller's promise.
    """
    arms = _Arms(candidate, None if baseline is None else {case.case_id: case.score for case in baseline})
    if not (arms.baseline or {}).keys() <= {case.case_id for case in candidate}:
        raise ValueError("the baseline holds cases that the candidate does not")
    checks = (*_checks(rules, arms), _missing_check(rules, arms))
    outcome, reason = _summary(checks)
    pairs, differences = arms.before_and_after(), arms.differences()
    compared = [new for _, new in pairs] if baseline is not None else arms.after()
    return Verdict(
        outcome=outcome,
        reason=reason,
        checks=checks,
        rules=rules,
        n_cases=len(candidate),
        n_paired=len(pairs),
        n_units=len(units_of(compared)),
        n_missing=sum(arms.missing()),
        n_better=sum(d.value > 0 for d in differences),
        n_worse=sum(d.value < 0 for d in differences),
        candidate_mean=mean_of(compared),
        baseline_mean=mean_of([old for old, _ in pairs]),
        difference=mean_of(differences),
        interval=difference_interval(differences) if differences and rules.claim == "population" else None,
        method=_method(rules, arms),
    )


def _checks(rules: Rules, arms: _Arms) -> list[Check]:
    """Every check but the one on missing cases."""
    checks = []
    if differences := arms.differences():
        checks.append(_margin_check(rules, differences))
    if rules.floor is not None and (after := arms.after()):
        checks.append(_floor_check(rules, after, rules.floor))
    if rules.must_pass:
        checks.append(_must_pass_check(rules, arms.candidate))
    return checks


def _summary(checks: Sequence[Check]) -> tuple[Outcome, str]:
    """The worst check decides; missing cases above all, since they leave the others undecided."""
    *decided, missing = checks
    if missing.outcome != "PASS":
        return missing.outcome, missing.reason
    if not decided:
        return "INCONCLUSIVE", (
            "There is no baseline to compare with, and the suite sets neither a floor nor must_pass cases. "
            "Add `baseline:` or `floor:` to the suite, or pass --baseline."
        )
    verdicts: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE")
    for outcome in verdicts:
        if found := [check.reason for check in decided if check.outcome == outcome]:
            return outcome, " ".join(found)
    return "PASS", " ".join(check.reason for check in decided)


# --- the three checks -------------------------------------------------------------------------------------


def _margin_check(rules: Rules, differences: list[Value]) -> Check:
    """Is a drop as large as the margin ruled out?"""
    units, margin = units_of(differences), rules.margin
    observed = fmean(units)
    if rules.claim == "these_cases":
        outcome: Outcome = "PASS" if observed >= -margin - _ROUNDING else "FAIL"
        moved = f"On these {len(differences)} cases {rules.metric} moved {points(observed)}"
        reason = f"{moved} (margin {size(margin)})."
        return Check("margin", outcome, reason, margin, observed, n=len(units))
    interval = difference_interval(differences)
    outcome, judged = _judge_difference(margin, differences, interval)
    reason = f"{rules.metric} moved {points(observed)} (90 % interval {span(interval)}): {judged}"
    return Check("margin", outcome, reason, margin, observed, interval.low, interval.high, len(units))


def _judge_difference(margin: float, differences: list[Value], interval: Interval) -> tuple[Outcome, str]:
    drop = f"a drop of {size(margin)}"
    if interval.low > -margin:
        return "PASS", f"{drop} is ruled out." + " There is a small real drop." * (interval.high < 0)
    if interval.high < 0 and exact_test_agrees(differences):
        beyond = interval.high < -margin
        return (
            "FAIL",
            f"a drop beyond the margin of {size(margin)}."
            if beyond
            else f"a real drop, and {drop} is not ruled out.",
        )
    return "INCONCLUSIVE", f"{drop} is not ruled out. {margin_advice(margin, differences, interval)}"


def _floor_check(rules: Rules, after: list[Value], floor: float) -> Check:
    """Is the candidate's mean at least the floor?"""
    units = units_of(after)
    observed = fmean(units)
    if rules.claim == "these_cases":
        outcome: Outcome = "PASS" if observed >= floor - _ROUNDING else "FAIL"
        reason = (
            f"On these {len(after)} cases {rules.metric} is {percent(observed)} (floor {percent(floor)})."
        )
        return Check("floor", outcome, reason, floor, observed, n=len(units))
    interval = level_interval(after)
    between = f"{percent(interval.low)} to {percent(interval.high)}"
    level = f"{rules.metric} is {percent(observed)} (90 % interval {between})"
    if interval.low >= floor:
        outcome, reason = "PASS", f"{level}, above the floor of {percent(floor)}."
    elif interval.high < floor:
        outcome, reason = "FAIL", f"{level}, below the floor of {percent(floor)}."
    else:
        outcome, reason = "INCONCLUSIVE", f"{level}: {floor_advice(floor, observed, interval)}"
    return Check("floor", outcome, reason, floor, observed, interval.low, interval.high, len(units))


def _must_pass_check(rules: Rules, candidate: Sequence[CaseScore]) -> Check:
    """Does every listed case pass? Listed cases without an answer are the missing check's to judge."""
    listed = [case for case in candidate if case.case_id in set(rules.must_pass) and case.score is not None]
    wrong = [case.case_id for case in listed if case.score != 1]
    observed = 1 - len(wrong) / len(listed) if listed else None
    if wrong:
        return Check(
            "must_pass", "FAIL", f"Must pass and does not: {some_of(wrong)}.", 1, observed, n=len(listed)
        )
    return Check("must_pass", "PASS", f"All {len(listed)} must-pass cases pass.", 1, observed, n=len(listed))


# --- missing cases ----------------------------------------------------------------------------------------


def _missing_check(rules: Rules, arms: _Arms) -> Check:
    """Infrastructure: too many missing, more in one arm, or enough to change the answer."""
    after, before = arms.missing()
    n, n_before = len(arms.candidate), len(arms.baseline or {})
    share = max(after / n if n else 1.0, before / n_before if n_before else 0.0)
    problem = ""
    if share > MISSING_LIMIT:
        problem = f"more than the {percent(MISSING_LIMIT)} a gate may miss"
    elif n_before and fisher_exact(after, n, before, n_before) < MISSING_DIFFERS_P:
        problem = "and the arms differ in it (Fisher's exact test)"
    elif (after or before) and len(_supposed_outcomes(rules, arms)) > 1:
        problem = "enough to change the verdict"
    if not problem:
        return Check("missing", "PASS", f"{after + before} missing.", MISSING_LIMIT, share, n=n)
    lost = f"{after} of {n} candidate" + (f" and {before} of {n_before} baseline" if n_before else "")
    reason = (
        f"Infrastructure: {lost} answers are missing, {problem}. The prompt was not judged; at most "
        f"{math.floor(MISSING_LIMIT * n)} of {n} may be missing. Run again when the provider answers."
    )
    return Check("missing", "INCONCLUSIVE", reason, MISSING_LIMIT, share, n=n)


def _supposed_outcomes(rules: Rules, arms: _Arms) -> set[Outcome]:
    """What the verdict is without the missing cases, and with them at their worst and at their best."""
    worst, best = arms.supposing(candidate=0.0, baseline=1.0), arms.supposing(candidate=1.0, baseline=0.0)
    nothing_missing = Check("missing", "PASS", "")
    return {_summary((*_checks(rules, some), nothing_missing))[0] for some in (arms, worst, best)}


def _method(rules: Rules, arms: _Arms) -> str:
    if rules.claim == "these_cases":
        return "these cases only, no interval"
    if arms.baseline is None:
        return "Clopper-Pearson interval" if is_pass_fail(arms.after()) else "t interval over clusters"
    return "Tango score interval" if is_pass_fail(arms.differences()) else "t interval over clusters"
