"""A verdict as the files that CI has of it: JSON as it is stored, and JUnit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from dashboard.source import Row
from dashboard.views.gates.checks import stored_checks
from evals.decision import Decision, ScoredCase
from evals.gate import Outcome, Verdict
from evals.report import junit
from evals.suite import Rules

OUTCOMES: dict[str, Outcome] = {"PASS": "PASS", "FAIL": "FAIL", "INCONCLUSIVE": "INCONCLUSIVE"}


def as_json(run: Row) -> bytes:
    """A row of `runs`: the run and its newest verdict, with times as ISO-8601 in UTC."""
    said = {**run, "checks": stored_checks(run)}
    return (json.dumps(said, indent=2, ensure_ascii=False, default=_as_text) + "\n").encode()


def as_junit(run: Row, cases: Sequence[Row]) -> bytes:
    """JUnit of the newest verdict and its `cases`, as `run_cases` gives them.

    The store does not know which cases must pass: where one does not, the gate's own test says so and fails. Raises
    KeyError for a run without a verdict, or with one that this version does not know.
    """
    return junit.render(_decision(run, OUTCOMES[run["verdict"]], cases)).encode()


def _decision(run: Row, outcome: Outcome, cases: Sequence[Row]) -> Decision:
    return Decision(
        verdict_id=run["verdict_id"],
        decided_at=_as_text(run["decided_at"]),
        run=run,
        baseline_run_id=run["baseline_run_id"],
        baseline_version=run["baseline_version"],
        verdict=Verdict(
            outcome=outcome,
            reason=run["reason"] or "",
            checks=(),
            rules=Rules(run["metric"] or "", run["margin"] or 0.0, run["floor"]),
            n_cases=run["n_paired"] or 0,
            n_paired=run["n_paired"] or 0,
            n_units=run["n_paired"] or 0,
            n_missing=run["n_missing"] or 0,
            n_better=run["n_better"] or 0,
            n_worse=run["n_worse"] or 0,
            candidate_mean=run["candidate_mean"],
            baseline_mean=run["baseline_mean"],
            difference=run["difference"],
            interval=None,
            method=run["method"] or "",
        ),
        cases=tuple(_case(case) for case in cases),
        diagnostics={},
        notes=(),
    )


def _case(case: Row) -> ScoredCase:
    score = case["candidate_score"]
    return ScoredCase(
        case_id=case["case_id"],
        candidate=score,
        baseline=case["baseline_score"],
        detail=case["candidate_detail"] or "",
        error_class="missing" if score is None else None,
    )


def _as_text(value: object) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}Z"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)
