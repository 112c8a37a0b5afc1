"""Carrying out a plan: spend, and leave a finished run folder behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evals import runner
from evals.folder import FORMAT, RunFolder, write_durably, write_lines
from evals.outbox import Receiver
from evals.plan import Plan
from evals.results import Result, result_rows, utc_text
from gateway import providers
from gateway.gateway import Gateway, Provider, Retry
from gateway.pace import Pace
from gateway.recording import Recording


@dataclass(frozen=True)
class Prepared:
    """A plan whose mistakes have been looked for, with its provider ready."""

    plan: Plan
    job: runner.Job
    provider: Provider


def prepare(plan: Plan, run_id: str) -> Prepared:
    """Find what can be wrong before anything is paid for or written. Raises SuiteError or ProviderError."""
    suite = plan.suite
    cases, concurrency = plan.golden.cases, suite.concurrency
    job = runner.Job(run_id, cases, plan.arms, plan.model, suite.params, suite.scorers, concurrency)
    runner.check(job)
    options = providers.Options(suite.base_url, suite.timeout_s, max_connections=concurrency)
    return Prepared(plan, job, providers.load(plan.provider, options))


def execute(
    prepared: Prepared, folder: RunFolder, receiver: Receiver, progress: Callable[[int], None], *, send: bool
) -> None:
    """Run every case and fill the folder. Spans go to the receiver as they end, else into the folder.

    `progress` gets the number of answers so far. On an interruption the folder keeps what was answered and
    says so in run.json, and KeyboardInterrupt goes on.
    """
    plan, job = prepared.plan, prepared.job
    suite = plan.suite
    stored = _stored(plan, job.run_id, receiver.project)
    # Until it finishes, a run is an interrupted one, whatever ends it.
    _write_run(folder, stored)
    recording = Recording(
        receiver.exporter_url if send else None,
        folder.unsent_spans,
        most_spans=plan.requests * suite.max_attempts,
        headers=receiver.headers,
    )
    gateway = Gateway(
        prepared.provider, recording, Retry(suite.max_attempts), Pace(suite.requests_per_second)
    )
    results: list[Result] = []
    try:
        runner.run(job, gateway, prepared.provider, folder.journal, results, lambda: progress(len(results)))
        stored["run"]["status"] = "finished"
    finally:
        recording.close()
        write_lines(folder.results, result_rows(job.run_id, suite.scorers, results))
        stored["run"]["n_missing"] = sum(result.error_class is not None for result in results)
        stored["run"]["finished_at"] = utc_text(datetime.now(UTC))
        _write_run(folder, stored)


def _stored(plan: Plan, run_id: str, project: str | None) -> dict[str, Any]:
    """run.json: the run's record, the rule, and the records that identify its prompts and golden set."""
    golden, now = plan.golden, utc_text(datetime.now(UTC))
    baseline_run = plan.baseline_run.read_run()["run"] if plan.baseline_run else None
    return {
        "format": FORMAT,
        "run": {
            "run_id": run_id,
            "suite": plan.suite.name,
            "suite_hash": plan.suite.content_hash,
            "claim": plan.rules.claim,
            "status": "interrupted",
            "prompt_name": plan.candidate.name,
            "candidate_version": plan.candidate.version,
            "baseline_version": plan.baseline.version if plan.baseline else None,
            "baseline_run_id": baseline_run["run_id"] if baseline_run else None,
            "golden_set": golden.name,
            "golden_set_hash": golden.content_hash,
            "scorers_hash": plan.suite.scorers_hash,
            "provider": plan.provider,
            "model": plan.model,
            "n_cases": len(golden.cases),
            "n_missing": 0,
            "started_at": now,
            "finished_at": None,
            "commit_sha": _commit_sha(),
            "steelyard_version": _version(),
        },
        "rules": asdict(plan.rules),
        "project": project,
        "baseline_run": str(plan.baseline_run.path.resolve()) if plan.baseline_run else None,
        "prompt_versions": [
            {
                "prompt_version_id": f"{prompt.name}@{prompt.version}",
                "prompt_name": prompt.name,
                "version": prompt.version,
                "path": prompt.path,
                "recorded_at": now,
            }
            for prompt in dict.fromkeys(plan.arms.values())
        ],
        "golden_sets": [
            {
                "golden_set_id": f"{golden.name}@{golden.content_hash}",
                "golden_set": golden.name,
                "golden_set_hash": golden.content_hash,
                "n_cases": len(golden.cases),
                "recorded_at": now,
            }
        ],
    }


def _write_run(folder: RunFolder, stored: dict[str, Any]) -> None:
    write_durably(folder.run, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")


def _commit_sha() -> str | None:
    """The commit under test: CI says it, else git does; None outside a repository."""
    if named := os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA"):
        return named
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def _version() -> str | None:
    try:
        return version("steelyard")
    except PackageNotFoundError:
        return None
