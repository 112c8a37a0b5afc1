"""What one case gave in one arm, and its rows for the journal and the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from evals.golden import Case, digest
from evals.scorers import Score
from gateway.call import CallError, Completion, Reply

Variant = Literal["candidate", "baseline"]


@dataclass(frozen=True, slots=True)
class Result:
    """One case in one arm. `scores` is empty exactly when the answer is missing, and `error` then says why.

    It holds no text of the answer: a hundred thousand of these stay in memory while a run lasts.
    """

    variant: Variant
    case_id: str
    cluster: str
    case_hash: str
    started_at: datetime
    scores: dict[str, Score]
    error_class: str | None
    error_detail: str | None
    attempts: int
    output_hash: str | None
    duration_ns: int
    input_tokens: int | None
    output_tokens: int | None
    trace_id: str
    span_id: str


def result_of(
    variant: Variant, case: Case, started_at: datetime, reply: Reply, scores: dict[str, Score]
) -> Result:
    """Put a reply and its scores together."""
    answer = reply.outcome if isinstance(reply.outcome, Completion) else None
    failure = reply.outcome if isinstance(reply.outcome, CallError) else None
    return Result(
        variant=variant,
        case_id=case.case_id,
        cluster=case.cluster,
        case_hash=case.content_hash,
        started_at=started_at,
        scores=scores,
        error_class=failure.error_class if failure else None,
        error_detail=failure.detail if failure else None,
        attempts=reply.attempts,
        output_hash=digest(answer.text) if answer else None,
        duration_ns=reply.duration_ns,
        input_tokens=answer.usage.input_tokens if answer else None,
        output_tokens=answer.usage.output_tokens if answer else None,
        trace_id=reply.trace_id,
        span_id=reply.span_id,
    )


def journal_entry(result: Result, reply: Reply) -> dict[str, object]:
    """A journal line: the one place that keeps the answer's text, so that it can be scored again unpaid."""
    answer = reply.outcome if isinstance(reply.outcome, Completion) else None
    return {
        "variant": result.variant,
        "case_id": result.case_id,
        "case_hash": result.case_hash,
        "started_at": utc_text(result.started_at),
        "output": answer.text if answer else None,
        "finish_reason": answer.finish_reason if answer else None,
        "model_answered": answer.model_answered if answer else None,
        "scores": {metric: score.value for metric, score in result.scores.items()},
        "error_class": result.error_class,
        "error_detail": result.error_detail,
        "attempts": result.attempts,
        "duration_ns": result.duration_ns,
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
        "trace_id": result.trace_id,
        "span_id": result.span_id,
    }


def result_rows(
    run_id: str, metrics: Iterable[str], results: Iterable[Result]
) -> Iterator[dict[str, object]]:
    """The store's `results` records, one per case × arm × metric; `case_hash` pins the case.

    Ids are hashes of what they identify, so sending a row again adds nothing.
    """
    names = list(metrics)
    for result in results:
        for metric in names:
            score = result.scores.get(metric)
            yield {
                "result_id": digest([run_id, result.variant, result.case_id, 1, metric]),
                "run_id": run_id,
                "variant": result.variant,
                "case_id": result.case_id,
                "cluster_id": result.cluster,
                "repeat": 1,
                "metric": metric,
                "score": score.value if score else None,
                "status": "scored" if score else "missing",
                "detail": score.detail if score else result.error_detail,
                "error_class": result.error_class,
                "attempts": result.attempts,
                "output_hash": result.output_hash,
                "duration_ns": result.duration_ns,
                "input_tokens": result.input_tokens,
                "output_tokens": result.output_tokens,
                "trace_id": result.trace_id,
                "span_id": result.span_id,
                "started_at": utc_text(result.started_at),
                "case_hash": result.case_hash,
            }


def utc_text(moment: datetime) -> str:
    """ISO-8601 in UTC with a Z, as records want it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
