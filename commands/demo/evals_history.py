"""From the story to records: cases are drawn, verdicts are not. The gate that judges them is the real one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ulid import ULID

from commands.demo import story
from commands.demo.evals_story import SUITES, Change, Evaluation, SuiteHistory
from commands.demo.story import Edition
from evals.decision import Decision, verdict_record
from evals.gate import CaseScore, Verdict, decide
from evals.golden import digest

Record = Mapping[str, object]
Records = dict[str, list[Record]]


def records(edition: Edition) -> Records:
    """Every record of the edition by kind, in the order in which they should be sent."""
    made: Records = {"prompt_versions": [], "golden_sets": [], "runs": [], "results": [], "verdicts": []}
    for suite in SUITES:
        made["prompt_versions"] += _prompt_versions(suite, edition)
        arms = _arms(suite, edition.seed)
        for evaluation in suite.evaluations:
            run = _Run(edition, suite, evaluation, arms)
            made["golden_sets"].append(run.golden_set_record())
            made["runs"].append(run.record())
            made["results"] += run.result_records()
            made["verdicts"].append(run.verdict_record())
    # Runs on the same cases name the same golden set.
    made["golden_sets"] = list({row["golden_set_id"]: row for row in made["golden_sets"]}.values())
    return made


_Arm = Mapping[str, float]  # case -> score


def _arms(suite: SuiteHistory, seed: int) -> dict[str, _Arm]:
    """The score of every case under every version: each version starts from the one before it.

    Drawn from the seed alone, not from the edition: what was decided does not depend on the day it is shown.
    """
    case_ids = _case_ids(suite, max(evaluation.n_cases for evaluation in suite.evaluations))
    rng = random.Random(f"{seed} {suite.name}")
    arm: _Arm = {
        case_id: float(case_id in suite.rules.must_pass or rng.random() < suite.right_at_first)
        for case_id in case_ids
    }
    arms = {suite.prompt.versions[0].version: arm}
    for version, change in suite.changes.items():
        arm = {case_id: _changed(rng, suite, change, case_id, score) for case_id, score in arm.items()}
        arms[version] = arm
    return arms


def _changed(rng: random.Random, suite: SuiteHistory, change: Change, case_id: str, score: float) -> float:
    luck = rng.random()
    if case_id in suite.rules.must_pass:
        return float(case_id not in change.breaks_must_pass)
    return float(luck >= change.breaks if score else luck < change.mends)


def _case_ids(suite: SuiteHistory, n: int) -> list[str]:
    n_topics = len(suite.topics)
    return [f"{suite.topics[number % n_topics]}-{number // n_topics + 1:02d}" for number in range(n)]


@dataclass(frozen=True)
class _Run:
    """One evaluation and the records it leaves behind."""

    edition: Edition
    suite: SuiteHistory
    evaluation: Evaluation
    arms: Mapping[str, _Arm]

    @property
    def case_ids(self) -> list[str]:
        return _case_ids(self.suite, self.evaluation.n_cases)

    @property
    def started_at(self) -> datetime:
        if not self.evaluation.days_ago:  # the control run of the afternoon that went wrong
            return story.INCIDENT.begins(self.edition.until) + timedelta(minutes=40)
        return self.edition.until - timedelta(days=self.evaluation.days_ago)

    @property
    def finished_at(self) -> datetime:
        return self.started_at + timedelta(seconds=0.4 * len(self.case_ids))

    @property
    def run_id(self) -> str:
        return _ulid(self.started_at, self._rng("run"))

    @property
    def golden_set_hash(self) -> str:
        return digest(sorted(self.case_ids))

    def record(self) -> Record:
        return {
            "run_id": self.run_id,
            "suite": self.suite.name,
            "suite_hash": digest([self.suite.name, self.suite.rules.metric, self.suite.rules.margin]),
            "claim": self.suite.rules.claim,
            "status": "finished",
            "prompt_name": self.suite.prompt.name,
            "candidate_version": self.evaluation.candidate,
            "baseline_version": self.evaluation.baseline,
            "golden_set": self.suite.name,
            "golden_set_hash": self.golden_set_hash,
            "scorers_hash": digest([self.suite.rules.metric]),
            "provider": self.suite.model.provider,
            "model": self.suite.model.requested,
            "n_cases": len(self.case_ids),
            "n_missing": self.verdict().n_missing,
            "started_at": _text(self.started_at),
            "finished_at": _text(self.finished_at),
            "commit_sha": self._rng("commit").randbytes(20).hex(),
        }

    def golden_set_record(self) -> Record:
        return {
            "golden_set_id": digest([self.suite.name, self.golden_set_hash]),
            "golden_set": self.suite.name,
            "golden_set_hash": self.golden_set_hash,
            "n_cases": len(self.case_ids),
            "recorded_at": _text(self.started_at),
        }

    def result_records(self) -> Iterator[Record]:
        for variant, version in (
            ("candidate", self.evaluation.candidate),
            ("baseline", self.evaluation.baseline),
        ):
            if version is not None:
                yield from self._results(variant, version)

    def _results(self, variant: str, version: str) -> Iterator[Record]:
        rng = self._rng(variant)
        for score in self._scores(variant, version):
            tokens = max(4, int(rng.lognormvariate(0, 0.5) * self.suite.output_tokens))
            seconds = (self.suite.model.first_token_ms + tokens * self.suite.model.ms_per_output_token) / 1e3
            missing = score.score is None
            yield {
                "result_id": digest([self.run_id, variant, score.case_id, 1, self.suite.rules.metric]),
                "run_id": self.run_id,
                "variant": variant,
                "case_id": score.case_id,
                "cluster_id": score.cluster,
                "repeat": 1,
                "metric": self.suite.rules.metric,
                "score": score.score,
                "status": "missing" if missing else "scored",
                "detail": self.suite.wrong_detail if score.score == 0 else None,
                "error_class": "server" if missing else None,
                "attempts": story.MAX_ATTEMPTS if missing else 1,
                "output_hash": None if missing else rng.randbytes(8).hex(),
                "duration_ns": int(seconds * rng.lognormvariate(0, 0.25) * 1e9),
                "output_tokens": None if missing else tokens,
                "started_at": _text(self.started_at),
            }

    def verdict(self) -> Verdict:
        evaluation = self.evaluation
        candidate = self._scores("candidate", evaluation.candidate)
        baseline = self._scores("baseline", evaluation.baseline) if evaluation.baseline else None
        return decide(self.suite.rules, candidate, baseline)

    def verdict_record(self) -> Record:
        return verdict_record(
            Decision(
                verdict_id=_ulid(self.started_at, self._rng("verdict")),
                decided_at=_text(self.finished_at + timedelta(seconds=1)),
                run=self.record(),
                baseline_run_id=None,  # both arms were run together
                baseline_version=self.evaluation.baseline,
                verdict=self.verdict(),
                cases=(),
                diagnostics={},
                notes=(),
            )
        )

    def _scores(self, variant: str, version: str) -> Sequence[CaseScore]:
        arm, per_cluster = self.arms[version], self.suite.cases_per_cluster
        rng = random.Random(
            f"{self.edition.seed} {self.suite.name} {self.evaluation.candidate} {variant} unanswered"
        )
        return [
            CaseScore(
                case_id,
                cluster=case_id if per_cluster == 1 else f"document-{number // per_cluster + 1:02d}",
                score=None if rng.random() < self.evaluation.unanswered else arm[case_id],
            )
            for number, case_id in enumerate(self.case_ids)
        ]

    def _rng(self, what: str) -> random.Random:
        evaluation = self.evaluation
        named = (self.edition.name, self.suite.name, evaluation.candidate, evaluation.days_ago, what)
        return random.Random(" ".join(map(str, named)))


def _prompt_versions(suite: SuiteHistory, edition: Edition) -> Iterator[Record]:
    first_run: dict[str, float] = {}
    for evaluation in suite.evaluations:
        for version in (evaluation.baseline, evaluation.candidate):
            if version is not None:
                first_run.setdefault(version, evaluation.days_ago)
    for version, days_ago in first_run.items():
        yield {
            "prompt_version_id": digest([suite.prompt.name, version]),
            "prompt_name": suite.prompt.name,
            "version": version,
            "path": f"prompts/{suite.prompt.name}/{version}.md",
            "recorded_at": _text(edition.until - timedelta(days=days_ago, hours=1)),
        }


def _ulid(at: datetime, rng: random.Random) -> str:
    """A ULID of that moment, with its random part from the story."""
    return str(ULID(int(at.timestamp() * 1000).to_bytes(6, "big") + rng.randbytes(10)))


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
