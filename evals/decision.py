"""From a stored run to a stored verdict: load the arms, see that they may be compared, decide, write it down.

`eval run` and `gate` both come through here, and both read the folder, so a verdict never rests on anything
that was not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from ulid import ULID

from errors import SuiteError
from evals.folder import RunFolder
from evals.gate import CaseScore, Check, Verdict, decide
from evals.results import Variant, utc_text
from evals.suite import Rules

# What must be equal for the scores of two runs to be comparable, and how to call it.
_PINS = {"provider": "provider", "model": "model", "scorers_hash": "scorers"}


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case as a report shows it: scores are None when missing, `detail` is the candidate's."""

    case_id: str
    candidate: float | None
    baseline: float | None
    detail: str
    error_class: str | None


@dataclass(frozen=True)
class Decision:
    """A verdict with its place: the run, what it was compared with, every case, and notes for the reader."""

    verdict_id: str
    decided_at: str
    run: Mapping[str, Any]
    baseline_run_id: str | None
    baseline_version: str | None
    verdict: Verdict
    cases: tuple[ScoredCase, ...]
    diagnostics: Mapping[str, float]
    notes: tuple[str, ...]


# The process's exit code for each verdict; every other end of a command is 3.
EXIT_CODES: dict[str, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2}

_Arm = dict[str, dict[str, Any]]  # result rows by case id


def judge(folder: RunFolder, baseline: RunFolder | None) -> Decision:
    """Decide about a stored run: against another run's candidate, its own baseline arm, or nothing.

    Raises SuiteError when the run did not finish or the two may not be compared.
    """
    stored = folder.read_run()
    run, rules = stored["run"], rules_of(stored["rules"])
    if run["status"] != "finished":
        raise SuiteError(f"{folder.path}: the run was interrupted: nothing to decide. Run the suite again.")
    candidate = _arm(folder, rules.metric, "candidate")
    notes: tuple[str, ...] = ()
    if baseline:
        before, notes = _other_run(run, rules.metric, candidate, baseline)
        compared = baseline.read_run()["run"]
    else:
        before = _arm(folder, rules.metric, "baseline")
    return Decision(
        verdict_id=str(ULID()),
        decided_at=utc_text(datetime.now(UTC)),
        run=run,
        baseline_run_id=compared["run_id"] if baseline else None,
        baseline_version=compared["candidate_version"] if baseline else run["baseline_version"],
        verdict=decide(rules, _case_scores(candidate), _case_scores(before) if before else None),
        cases=tuple(_scored_case(row, before.get(case_id)) for case_id, row in candidate.items()),
        diagnostics=_diagnostics(folder, rules.metric),
        notes=notes,
    )


def recorded_baseline(folder: RunFolder, runs: Path) -> RunFolder | None:
    """The other run this one was compared with, where it lay then or under `runs`; None when there was none.

    Raises SuiteError when it has gone.
    """
    stored = folder.read_run()
    if stored["baseline_run"] is None:
        return None
    if (Path(stored["baseline_run"]) / "run.json").is_file():
        return RunFolder(Path(stored["baseline_run"]))
    return RunFolder.find(stored["run"]["baseline_run_id"], runs)


def check_comparable(run: Mapping[str, Any], compared: Mapping[str, Any], where: Path) -> None:
    """Raises SuiteError when the baseline did not finish, or differs in more than its prompt."""
    if compared["status"] != "finished":
        raise SuiteError(f"{where}: this run was interrupted and cannot be a baseline. Run its suite again.")
    for pin, words in _PINS.items():
        if run[pin] != compared[pin]:
            raise SuiteError(
                f"{where}: not a baseline for this run: its {words} is {compared[pin]}, not {run[pin]}. "
                "Run the baseline again with this suite: name its prompt file as `baseline:` or --baseline."
            )


def store(folder: RunFolder, decision: Decision) -> int:
    """Write the verdict down durably, as the record the store keeps; returns the exit code it stands for."""
    folder.write_verdict(verdict_record(decision))
    return EXIT_CODES[folder.read_verdict()["verdict"]]


def verdict_record(decision: Decision) -> dict[str, Any]:
    """The store's `verdicts` record. Shares are of 1."""
    verdict, run = decision.verdict, decision.run
    return {
        "verdict_id": decision.verdict_id,
        "run_id": run["run_id"],
        "baseline_run_id": decision.baseline_run_id,
        "suite": run["suite"],
        "prompt_name": run["prompt_name"],
        "candidate_version": run["candidate_version"],
        "baseline_version": decision.baseline_version,
        "verdict": verdict.outcome,
        "reason": " ".join((verdict.reason, *decision.notes)),
        "metric": verdict.rules.metric,
        "margin": verdict.rules.margin,
        "floor": verdict.rules.floor,
        "n_cases": verdict.n_cases,
        "n_missing": verdict.n_missing,
        "baseline_mean": verdict.baseline_mean,
        "candidate_mean": verdict.candidate_mean,
        "difference": verdict.difference,
        "interval_low": verdict.interval.low if verdict.interval else None,
        "interval_high": verdict.interval.high if verdict.interval else None,
        "confidence": verdict.confidence,
        "method": verdict.method,
        "n_better": verdict.n_better,
        "n_worse": verdict.n_worse,
        "checks": [_check_record(check) for check in verdict.checks],
        "decided_at": decision.decided_at,
    }


def _check_record(check: Check) -> dict[str, Any]:
    renamed = asdict(check)
    return {"name": renamed.pop("name"), "verdict": renamed.pop("outcome"), **renamed}


def rules_of(stored: Mapping[str, Any]) -> Rules:
    """The rules as run.json keeps them."""
    return Rules(**{**stored, "must_pass": tuple(stored["must_pass"])})


def _arm(folder: RunFolder, metric: str, variant: Variant) -> _Arm:
    """One arm's rows on one metric, in the order of case ids, so that reports of equal runs are equal."""
    rows = [row for row in folder.read_results() if row["metric"] == metric and row["variant"] == variant]
    return {row["case_id"]: row for row in sorted(rows, key=lambda row: str(row["case_id"]))}


def _other_run(
    run: Mapping[str, Any], metric: str, candidate: _Arm, baseline: RunFolder
) -> tuple[_Arm, tuple[str, ...]]:
    """Another run's candidate arm, cut to the cases that are the same in both."""
    compared = baseline.read_run()["run"]
    check_comparable(run, compared, baseline.path)
    before = _arm(baseline, metric, "candidate")
    same = {k: row for k, row in before.items() if candidate.get(k, {}).get("case_hash") == row["case_hash"]}
    if not same:
        raise SuiteError(
            f"{baseline.path}: has no case in common with this run: its golden set is "
            f"{compared['golden_set_hash']}, not {run['golden_set_hash']}. "
            "Run the baseline prompt on this golden set first."
        )
    if len(same) == len(before) == len(candidate):
        return same, ()
    return same, (
        f"The golden set changed: the comparison is on the {len(same)} cases that are the same in both.",
    )


def _case_scores(arm: _Arm) -> list[CaseScore]:
    return [CaseScore(row["case_id"], row["cluster_id"], row["score"]) for row in arm.values()]


def _scored_case(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> ScoredCase:
    return ScoredCase(
        row["case_id"],
        row["score"],
        before["score"] if before else None,
        row["detail"] or "",
        row["error_class"],
    )


def _diagnostics(folder: RunFolder, gating: str) -> dict[str, float]:
    """The candidate's mean on every metric that does not gate."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for row in folder.read_results():
        if row["variant"] == "candidate" and row["metric"] != gating and row["score"] is not None:
            scores[row["metric"]].append(row["score"])
    return {metric: fmean(values) for metric, values in scores.items()}
