"""The summary `eval run` and `gate` print."""

from __future__ import annotations

from evals.decision import Decision
from evals.gate import Check
from evals.words import percent, points, span


def render(decision: Decision) -> str:
    """A few aligned lines; the verdict comes last, where a terminal shows it."""
    verdict, run = decision.verdict, decision.run
    rows = [
        ("run", f"{run['run_id']}  {run['suite']}, {run['provider']} {run['model']}"),
        ("prompt", _prompt(decision)),
    ]
    rows.append(("cases", _cases(decision)))
    if verdict.candidate_mean is not None:
        rows.append((verdict.rules.metric, _means(decision)))
    if verdict.interval:
        rows.append(
            ("difference", f"{points(verdict.difference or 0.0)}, 90 % interval {span(verdict.interval)}")
        )
    if verdict.baseline_mean is not None:
        rows.append(("flips", f"{verdict.n_better} better, {verdict.n_worse} worse"))
    rows += [(check.name, f"{check.outcome:<12}  {threshold(check)}") for check in verdict.checks]
    rows += [(metric, f"{percent(mean)}  (diagnostic)") for metric, mean in decision.diagnostics.items()]
    rows += [("note", note) for note in decision.notes]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    return "\n".join((*lines, "", f"{verdict.outcome}  {verdict.reason}"))


def threshold(check: Check) -> str:
    """A check's limit and what was seen, in a few words."""
    limit = check.threshold or 0.0
    seen = "nothing scored" if check.observed is None else percent(check.observed)
    match check.name:
        case "margin":
            shown = (
                f"moved {points(check.observed or 0.0)}"
                if check.low is None
                else f"interval starts at {check.low * 100:+.1f}"
            )
            return f"limit {points(-limit)}, {shown}"
        case "floor":
            shown = f"mean {seen}" if check.low is None else f"interval starts at {percent(check.low)}"
            return f"limit {percent(limit)}, {shown}"
        case "must_pass":
            return f"{round((check.observed or 0.0) * check.n)} of {check.n} pass"
        case "missing":
            return f"limit {percent(limit)}, {seen} missing"


def _prompt(decision: Decision) -> str:
    candidate = f"{decision.run['prompt_name']} {decision.run['candidate_version']}"
    if decision.baseline_version is None:
        return f"{candidate} (no baseline)"
    where = f" of run {decision.baseline_run_id}" if decision.baseline_run_id else ""
    return f"{candidate} against {decision.baseline_version}{where}"


def _cases(decision: Decision) -> str:
    verdict = decision.verdict
    clusters = f" in {verdict.n_units} clusters" if verdict.n_units < verdict.n_paired else ""
    return f"{verdict.n_cases}{clusters}, {verdict.n_missing} answers missing"


def _means(decision: Decision) -> str:
    verdict = decision.verdict
    after = percent(verdict.candidate_mean or 0.0)
    return after if verdict.baseline_mean is None else f"{percent(verdict.baseline_mean)} -> {after}"
