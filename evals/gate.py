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
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from evals.statistics import (
    CONFIDENCE,
    Interval,
    clopper_pearson,
    fisher_exact,
    mcnemar_exact,
    mean_interval,
    sign_flip,
    tango_interval,
)
from evals.suite import Rules

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]

MISSING_LIMIT = 0.01
MISSING_DIFFERS_P = 0.05
# Under this many units an interval alone may not fail a candidate.
FEW_UNITS = 30
EXACT_P = 0.05
# Beyond this many cases "more cases" is not advice any more.
_MOST_CASES = 1_000_000
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
class _Value:
    """One case's value (a score, or a difference of scores) and the cluster it belongs to."""

    cluster: str
    value: float


@dataclass(frozen=True)
class _Arms:
    """The scores under judgement; `baseline` is by case id and may hold fewer cases than the candidate."""

    candidate: Sequence[CaseScore]
    baseline: Mapping[str, float | None] | None

    def after(self) -> list[_Value]:
        """The candidate's scores."""
        return [_Value(case.cluster, case.score) for case in self.candidate if case.score is not None]

    def before_and_after(self) -> list[tuple[_Value, _Value]]:
        """The cases scored in both arms."""
        return [
            (_Value(case.cluster, before), _Value(case.cluster, case.score))
            for case in self.candidate
            if case.score is not None and (before := (self.baseline or {}).get(case.case_id)) is not None
        ]

    def differences(self) -> list[_Value]:
        return [_Value(old.cluster, new.value - old.value) for old, new in self.before_and_after()]

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
        n_units=len(_units(compared)),
        n_missing=sum(arms.missing()),
        n_better=sum(d.value > 0 for d in differences),
        n_worse=sum(d.value < 0 for d in differences),
        candidate_mean=_mean(compared),
        baseline_mean=_mean([old for old, _ in pairs]),
        difference=_mean(differences),
        interval=_difference_interval(differences) if differences and rules.claim == "population" else None,
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


def _margin_check(rules: Rules, differences: list[_Value]) -> Check:
    """Is a drop as large as the margin ruled out?"""
    units, margin = _units(differences), rules.margin
    observed = fmean(units)
    if rules.claim == "these_cases":
        outcome: Outcome = "PASS" if observed >= -margin - _ROUNDING else "FAIL"
        moved = f"On these {len(differences)} cases {rules.metric} moved {points(observed)}"
        reason = f"{moved} (margin {size(margin)})."
        return Check("margin", outcome, reason, margin, observed, n=len(units))
    interval = _difference_interval(differences)
    outcome, judged = _judge_difference(margin, differences, interval)
    reason = f"{rules.metric} moved {points(observed)} (90 % interval {span(interval)}): {judged}"
    return Check("margin", outcome, reason, margin, observed, interval.low, interval.high, len(units))


def _judge_difference(margin: float, differences: list[_Value], interval: Interval) -> tuple[Outcome, str]:
    drop = f"a drop of {size(margin)}"
    if interval.low > -margin:
        return "PASS", f"{drop} is ruled out." + " There is a small real drop." * (interval.high < 0)
    if interval.high < 0 and _exact_test_agrees(differences):
        beyond = interval.high < -margin
        return (
            "FAIL",
            f"a drop beyond the margin of {size(margin)}."
            if beyond
            else f"a real drop, and {drop} is not ruled out.",
        )
    return "INCONCLUSIVE", f"{drop} is not ruled out. {_advice(margin, differences, interval)}"


def _floor_check(rules: Rules, after: list[_Value], floor: float) -> Check:
    """Is the candidate's mean at least the floor?"""
    units = _units(after)
    observed = fmean(units)
    if rules.claim == "these_cases":
        outcome: Outcome = "PASS" if observed >= floor - _ROUNDING else "FAIL"
        reason = (
            f"On these {len(after)} cases {rules.metric} is {percent(observed)} (floor {percent(floor)})."
        )
        return Check("floor", outcome, reason, floor, observed, n=len(units))
    interval = _level_interval(after)
    between = f"{percent(interval.low)} to {percent(interval.high)}"
    level = f"{rules.metric} is {percent(observed)} (90 % interval {between})"
    if interval.low >= floor:
        outcome, reason = "PASS", f"{level}, above the floor of {percent(floor)}."
    elif interval.high < floor:
        outcome, reason = "FAIL", f"{level}, below the floor of {percent(floor)}."
    else:
        outcome, reason = "INCONCLUSIVE", f"{level}: {_floor_advice(floor, observed, interval)}"
    return Check("floor", outcome, reason, floor, observed, interval.low, interval.high, len(units))


def _must_pass_check(rules: Rules, candidate: Sequence[CaseScore]) -> Check:
    """Does every listed case pass? Listed cases without an answer are the missing check's to judge."""
    listed = [case for case in candidate if case.case_id in set(rules.must_pass) and case.score is not None]
    wrong = [case.case_id for case in listed if case.score != 1]
    observed = 1 - len(wrong) / len(listed) if listed else None
    if wrong:
        return Check(
            "must_pass", "FAIL", f"Must pass and does not: {_some(wrong)}.", 1, observed, n=len(listed)
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


# --- units and intervals ----------------------------------------------------------------------------------


def _units(values: Sequence[_Value]) -> list[float]:
    """One value for each independent unit: the mean over a cluster's cases."""
    clusters: defaultdict[str, list[float]] = defaultdict(list)
    for one in values:
        clusters[one.cluster].append(one.value)
    return [fmean(some) for some in clusters.values()]


def _mean(values: Sequence[_Value]) -> float | None:
    return fmean(_units(values)) if values else None


def _is_pass_fail(values: Sequence[_Value]) -> bool:
    """One case a unit, scored 0 or 1: what the methods for shares need."""
    return len({one.cluster for one in values}) == len(values) and all(
        one.value in (-1, 0, 1) for one in values
    )


def _difference_interval(differences: Sequence[_Value]) -> Interval:
    if not _is_pass_fail(differences):
        return mean_interval(_units(differences))
    return tango_interval(*_flips(differences), len(differences))


def _level_interval(scores: Sequence[_Value]) -> Interval:
    if _is_pass_fail(scores):
        return clopper_pearson(sum(one.value == 1 for one in scores), len(scores))
    interval = mean_interval(_units(scores))
    return Interval(max(interval.low, 0.0), interval.high)


def _flips(differences: Sequence[_Value]) -> tuple[int, int]:
    """How many got better and how many worse."""
    return sum(d.value > 0 for d in differences), sum(d.value < 0 for d in differences)


def _exact_test_agrees(differences: Sequence[_Value]) -> bool:
    units = _units(differences)
    if len(units) >= FEW_UNITS:
        return True
    return (
        mcnemar_exact(*_flips(differences)) if _is_pass_fail(differences) else sign_flip(units)
    ) <= EXACT_P


def _method(rules: Rules, arms: _Arms) -> str:
    if rules.claim == "these_cases":
        return "these cases only, no interval"
    if arms.baseline is None:
        return "Clopper-Pearson interval" if _is_pass_fail(arms.after()) else "t interval over clusters"
    return "Tango score interval" if _is_pass_fail(arms.differences()) else "t interval over clusters"


# --- what would decide ------------------------------------------------------------------------------------


def _advice(margin: float, differences: list[_Value], interval: Interval) -> str:
    """How many cases, or which margin, would settle it with evidence like this."""
    wider = math.ceil(-interval.low * 1000 + 1e-9) / 1000
    cases = _cases_to_decide(margin, differences, interval)
    ways = [f"about {cases:,} cases like these would decide"] if cases else []
    ways += [f"a margin of {size(wider)} would pass"] if wider <= 1 else []
    return f"{_capital('; or '.join(ways))}. Declare it before the next run."


def _cases_to_decide(margin: float, differences: list[_Value], interval: Interval) -> int | None:
    """The fewest cases that decide when they move as the ones seen here did; None when no number does."""
    n = len(differences)
    if not _is_pass_fail(differences):
        return _clusters_to_decide(margin, differences, interval)
    better, worse = _flips(differences)

    def decides(cases: int) -> bool:
        supposed = tango_interval(better * cases / n, worse * cases / n, cases)
        return supposed.low > -margin or (supposed.high < 0 and cases >= FEW_UNITS)

    return _fewest(decides, n + 1)


def _clusters_to_decide(margin: float, differences: list[_Value], interval: Interval) -> int | None:
    """As above for clusters: an interval narrows with the square root of how many there are."""
    observed = fmean(_units(differences))
    gap = observed + margin if observed > -margin else -observed
    cases = math.ceil(len(differences) * ((observed - interval.low) / gap) ** 2) if gap > 0 else None
    return cases if cases and cases <= _MOST_CASES else None


def _floor_advice(floor: float, observed: float, interval: Interval) -> str:
    def decides(cases: int) -> bool:
        bounds = clopper_pearson(round(observed * cases), cases)
        return bounds.low >= floor or bounds.high < floor

    lower = f"a floor of {percent(math.floor(interval.low * 1000) / 1000)} would pass"
    cases = _fewest(decides, 2)
    more = f"about {cases:,} cases with this mean would decide; or " if cases else ""
    undecided = f"the floor of {percent(floor)} is neither proved nor disproved"
    return f"{undecided}. {_capital(more + lower)}. Declare it before the next run."


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


# --- words ------------------------------------------------------------------------------------------------


def points(share: float) -> str:
    """A difference: +3.1 points."""
    return f"{share * 100:+.1f} points"


def percent(share: float) -> str:
    """A share: 93.8 %."""
    return f"{share * 100:.1f} %"


def size(share: float) -> str:
    """A margin: 5.0 points."""
    return f"{share * 100:.1f} points"


def span(interval: Interval) -> str:
    """An interval in points: -1.2 to +4.0."""
    return f"{interval.low * 100:+.1f} to {interval.high * 100:+.1f}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
