"""One model call as plain data: what is asked, what came back, and the ways it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from prompts.template import Message

ErrorClass = Literal[
    "rate_limit",
    "timeout",
    "server",  # 5xx, and answers that are malformed or cut off
    "auth",
    "bad_request",
    "content_filter",
    "cancelled",
    "connection",
    "other",
]

# A sampling parameter as the provider's API names it (temperature, max_tokens, seed …).
Param: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Labels:
    """What a call belongs to; recorded on its spans, never sent to the provider."""

    run_id: str
    case_id: str
    prompt_name: str
    prompt_version: str


@dataclass(frozen=True)
class Request:
    """One logical request; its physical attempts share it."""

    model: str
    messages: tuple[Message, ...]
    labels: Labels
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider reported them; None is "not reported", which is never zero.

    `input_tokens` includes cached ones and `output_tokens` includes reasoning (OpenTelemetry's rule).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """A model's answer. `text` stays in this process and the run folder; spans never carry it."""

    text: str
    usage: Usage = Usage()
    model_answered: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    http_status: int | None = None


class CallError(Exception):
    """One attempt failed, in a way the gateway understands; the runner counts the case as missing.

    `detail` holds no prompt, answer or key: it is stored and shown. `completion` is what a refused answer
    still reported (its usage was paid for).
    """

    def __init__(
        self,
        error_class: ErrorClass,
        detail: str,
        *,
        retryable: bool = False,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        completion: Completion | None = None,
    ) -> None:
        super().__init__(f"{error_class}: {detail}")
        self.error_class: ErrorClass = error_class
        self.detail = detail
        self.retryable = retryable
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.completion = completion


@dataclass(frozen=True)
class Reply:
    """How a logical request ended: an answer or its last failure, after `attempts` physical calls.

    `duration_ns`, `trace_id` and `span_id` are those of the last attempt, so a wait between attempts is
    never read as the model's latency.
    """

    outcome: Completion | CallError
    attempts: int
    duration_ns: int
    trace_id: str
    span_id: str
