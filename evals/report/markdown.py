"""A pull-request comment."""

from __future__ import annotations

from evals.decision import Decision, ScoredCase
from evals.report.text import threshold
from evals.words import percent, points, span

_SIGNS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "⚠️"}
# GitHub cuts comments at 65,536 characters; nobody reads more than this many cases in one either.
_MOST_CASES = 20


def render(decision: Decision) -> str:
    verdict, run = decision.verdict, decision.run
    lines = [f"### {_SIGNS[verdict.outcome]} {verdict.outcome}: {run['suite']}", "", verdict.reason, ""]
    lines += [f"> {note}" for note in decision.notes] + [""] * bool(decision.notes)
    lines += ["| check | verdict | |", "|---|---|---|"]
    lines += [f"| {check.name} | {check.outcome} | {threshold(check)} |" for check in verdict.checks]
    lines += ["", _evidence(decision), ""]
    worse = [
        case
        for case in decision.cases
        if case.candidate is not None and case.candidate < (case.baseline or 0)
    ]
    missing = [case for case in decision.cases if case.candidate is None]
    lines += _listed("Worse than the baseline", worse) + _listed("Missing", missing)
    lines.append(
        f"<sub>run `{run['run_id']}` · {run['provider']} {run['model']} · set {run['golden_set_hash']}</sub>"
    )
    return "\n".join(lines) + "\n"


def _evidence(decision: Decision) -> str:
    verdict = decision.verdict
    if verdict.candidate_mean is None:
        return f"{verdict.n_cases} cases, nothing scored."
    after = f"{verdict.rules.metric} {percent(verdict.candidate_mean)}"
    if verdict.baseline_mean is None or verdict.difference is None:
        return f"{verdict.n_cases} cases: {after}. Method: {verdict.method}."
    interval = f" (90 % interval {span(verdict.interval)})" if verdict.interval else ""
    return (
        f"{verdict.n_cases} cases: {after}, baseline {percent(verdict.baseline_mean)}, "
        f"{points(verdict.difference)}{interval}; {verdict.n_better} better, {verdict.n_worse} worse. "
        f"Method: {verdict.method}."
    )


def _listed(title: str, cases: list[ScoredCase]) -> list[str]:
    if not cases:
        return []
    rows = [
        f"- `{case.case_id}`: {case.error_class or ''} {case.detail}".replace(":  ", ": ") for case in cases
    ]
    more = [f"- and {len(cases) - _MOST_CASES} more"] if len(cases) > _MOST_CASES else []
    summary = f"<details><summary>{title}: {len(cases)}</summary>"
    return [summary, "", *rows[:_MOST_CASES], *more, "", "</details>", ""]
