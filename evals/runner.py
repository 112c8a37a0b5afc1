"""The runner: every case in every arm, so many at a time, each answer in the journal as it comes.

Arms are interleaved case by case, and which goes first alternates, so a provider that drifts during the run
drifts for both. Memory holds scores, never answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evals.golden import Case
from evals.journal import Journal
from evals.results import Result, Variant, journal_entry, result_of
from evals.scorers import Scorer
from gateway.call import Completion, Labels, Param, Request
from gateway.gateway import Gateway, Provider
from prompts.template import Prompt


@dataclass(frozen=True)
class Job:
    """What to run. `concurrency` bounds the requests in flight."""

    run_id: str
    cases: Sequence[Case]
    arms: Mapping[Variant, Prompt]
    model: str
    params: Mapping[str, Param]
    scorers: Mapping[str, Scorer]
    concurrency: int


def check(job: Job) -> None:
    """Find every mistake in prompts and cases before anything is paid for. Raises SuiteError."""
    for case in job.cases:
        for prompt in job.arms.values():
            prompt.render(case.input, case_id=case.case_id)
        for scorer in job.scorers.values():
            scorer.score(case, "")


def run(
    job: Job,
    gateway: Gateway,
    provider: Provider,
    journal: Path,
    results: list[Result],
    progress: Callable[[], None],
) -> None:
    """Append to `results` as answers come in; `progress` is called after each.

    The list is the caller's, so that an interruption (KeyboardInterrupt, from Ctrl-C or SIGTERM) leaves it
    with what was done. Results come in the order they finish.
    """
    with _terminated_is_interrupted():
        asyncio.run(_run(job, gateway, provider, journal, results, progress))


async def _run(
    job: Job,
    gateway: Gateway,
    provider: Provider,
    path: Path,
    results: list[Result],
    progress: Callable[[], None],
) -> None:
    todo = _interleaved(job)

    async def work(journal: Journal) -> None:
        # Workers share one iterator: that many are in flight, and nothing queues up in memory.
        for variant, case in todo:
            results.append(await _one(job, gateway, journal, variant, case))
            progress()

    try:
        async with Journal(path) as journal, asyncio.TaskGroup() as workers:
            for _ in range(min(job.concurrency, len(job.cases) * len(job.arms))):
                workers.create_task(work(journal))
    except BaseExceptionGroup as group:
        # The first error is the one to tell; the others are workers it took down.
        raise group.exceptions[0] from None
    finally:
        await provider.aclose()


async def _one(job: Job, gateway: Gateway, journal: Journal, variant: Variant, case: Case) -> Result:
    prompt = job.arms[variant]
    labels = Labels(job.run_id, case.case_id, prompt.name, prompt.version)
    request = Request(job.model, prompt.render(case.input, case_id=case.case_id), labels, job.params)
    started_at = datetime.now(UTC)
    reply = await gateway.complete(request)
    scores = {}
    if isinstance(reply.outcome, Completion):
        scores = {metric: scorer.score(case, reply.outcome.text) for metric, scorer in job.scorers.items()}
    result = result_of(variant, case, started_at, reply, scores)
    journal.add(journal_entry(result, reply))
    return result


def _interleaved(job: Job) -> Iterator[tuple[Variant, Case]]:
    arms = list(job.arms)
    for number, case in enumerate(job.cases):
        for variant in arms if number % 2 == 0 else reversed(arms):
            yield variant, case


@contextlib.contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """Let SIGTERM take the road of Ctrl-C, on which asyncio stops the workers and the journal is closed.

    The front door's own SIGTERM handler raises where it stands, which inside an event loop is anywhere.
    """
    previous = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
