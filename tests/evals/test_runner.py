"""The runner bounds what is in flight, interleaves the arms, and has every answer on disk."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from errors import SuiteError
from evals import runner
from evals.journal import Journal
from evals.results import Result
from evals.runner import Job
from evals.scorers.exact_match import ExactMatch
from gateway.call import CallError, Completion, Request
from gateway.gateway import Gateway, Retry
from gateway.pace import Pace
from gateway.recording import Recording
from prompts.template import parse
from tests.evals.factories import a_case


class Echo:
    """A provider that answers with the question, and notes what it saw."""

    name = "echo"

    def __init__(self, fails_on: str = "") -> None:
        self.fails_on = fails_on
        self.order: list[tuple[str, str]] = []
        self.in_flight = self.most_in_flight = 0
        self.closed = False

    async def complete(self, request: Request) -> Completion:
        self.order.append((request.labels.case_id, request.labels.prompt_version))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if self.fails_on and self.fails_on in request.messages[-1].content:
            raise CallError("server", "HTTP 500")
        return Completion(request.messages[-1].content)

    async def aclose(self) -> None:
        self.closed = True


def a_job(n: int = 3, **changes) -> Job:
    given = {
        "run_id": "r",
        "cases": [a_case(f"q{i}", f"c{i}", question=f"q{i}") for i in range(n)],
        "arms": {
            "candidate": parse("{{question}}", name="p", path="p"),
            "baseline": parse("no", name="p", path="b"),
        },
        "model": "m",
        "params": {},
        "scorers": {"exact_match": ExactMatch()},
        "concurrency": 2,
    }
    return Job(**(given | changes))


def run(job: Job, provider: Echo, tmp_path: Path) -> list[Result]:
    recording = Recording(None, tmp_path / "unsent", most_spans=100)
    results: list[Result] = []
    gateway = Gateway(provider, recording, Retry(1), Pace())
    try:
        runner.run(job, gateway, provider, tmp_path / "journal.jsonl", results, lambda: None)
    finally:
        recording.close()
    return results


def journal(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]


def test_every_case_is_run_and_scored_in_every_arm(tmp_path: Path):
    results = run(a_job(3), Echo(), tmp_path)
    values = sorted((r.case_id, r.variant, r.scores["exact_match"].value) for r in results)
    assert values == [
        (f"c{i}", arm, right) for i in range(3) for arm, right in (("baseline", 0), ("candidate", 1))
    ]


def test_the_arms_are_interleaved_and_take_turns_in_going_first(tmp_path: Path):
    provider = Echo()
    job = a_job(3, concurrency=1)
    run(job, provider, tmp_path)
    a, b = job.arms["candidate"].version, job.arms["baseline"].version
    assert provider.order == [("c0", a), ("c0", b), ("c1", b), ("c1", a), ("c2", a), ("c2", b)]


def test_no_more_than_the_concurrency_is_in_flight(tmp_path: Path):
    provider = Echo()
    run(a_job(20, concurrency=5), provider, tmp_path)
    assert provider.most_in_flight == 5


def test_the_journal_has_every_answer_with_its_text(tmp_path: Path):
    run(a_job(2), Echo(), tmp_path)
    answers = {(e["case_id"], e["variant"]): e["output"] for e in journal(tmp_path)}
    assert answers == {
        ("c0", "candidate"): "q0",
        ("c0", "baseline"): "no",
        ("c1", "candidate"): "q1",
        ("c1", "baseline"): "no",
    }


def test_a_failed_answer_is_missing_and_has_no_score(tmp_path: Path):
    results = run(a_job(3), Echo(fails_on="q1"), tmp_path)
    [missing] = [r for r in results if r.error_class]
    assert (missing.case_id, missing.variant, missing.error_class, missing.scores) == (
        "c1",
        "candidate",
        "server",
        {},
    )


def test_a_bug_in_a_provider_ends_the_run_and_keeps_what_was_answered(tmp_path: Path):
    class Broken(Echo):
        async def complete(self, request: Request) -> Completion:
            if len(self.order) == 3:
                raise ZeroDivisionError
            return await super().complete(request)

    provider = Broken()
    with pytest.raises(ZeroDivisionError):
        run(a_job(5, concurrency=1), provider, tmp_path)
    assert len(journal(tmp_path)) == 3 and provider.closed


def test_an_interruption_keeps_what_was_answered(tmp_path: Path):
    class Interrupting(Echo):
        async def complete(self, request: Request) -> Completion:
            if len(self.order) == 4:
                import signal

                signal.raise_signal(signal.SIGTERM)
                # The loop sees a signal when it next looks; fifty answers that cost nothing can be over by then.
                await asyncio.sleep(30)
            return await super().complete(request)

    with pytest.raises(KeyboardInterrupt):
        run(a_job(50, concurrency=1), Interrupting(), tmp_path)
    assert 4 <= len(journal(tmp_path)) <= 6


def test_mistakes_are_found_before_anything_is_asked():
    with pytest.raises(SuiteError, match=r"\{\{answer\}\}"):
        runner.check(a_job(arms={"candidate": parse("{{answer}}", name="p", path="p.md")}))
    with pytest.raises(SuiteError, match=r"none\. Add it"):
        runner.check(a_job(cases=[a_case(None, question="q")]))


def test_what_was_added_is_on_disk_in_order(tmp_path: Path):
    async def add_many() -> None:
        async with Journal(tmp_path / "journal.jsonl") as journal:
            for n in range(500):
                journal.add({"n": n})

    asyncio.run(add_many())
    assert [entry["n"] for entry in journal(tmp_path)] == list(range(500))


def test_a_line_outlives_the_process_from_the_moment_it_is_added(tmp_path: Path):
    async def add_one() -> int:
        async with Journal(tmp_path / "journal.jsonl") as opened:
            opened.add({"n": 1})
            return len(journal(tmp_path))

    assert asyncio.run(add_one()) == 1
