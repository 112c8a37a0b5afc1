"""The gateway: one logical request in, an answer or a named failure out.

It paces, retries what a retry can cure, and records every physical attempt. How many requests are in
flight is the caller's to bound (the runner has that many workers), so nothing queues up in here.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Protocol

from gateway.call import CallError, Completion, Reply, Request
from gateway.pace import Pace
from gateway.recording import Recording


class Provider(Protocol):
    """A model behind some protocol. To add one, add a file to `gateway/providers/`.

    `name` is OpenTelemetry's `gen_ai.provider.name`. `complete` makes exactly one attempt and raises
    CallError when it fails; `aclose` releases connections.
    """

    name: str

    async def complete(self, request: Request) -> Completion: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Retry:
    """How patient the gateway is. Waits grow 0.5, 1, 2 … 8 s with full jitter, so that clients that failed
    together do not come back together (Brooker, "Exponential Backoff and Jitter", AWS 2015).

    A server's Retry-After is kept up to `longest_wait_s`; one that asks for more ends the request, because
    coming back sooner than asked only prolongs a rate limit.
    """

    max_attempts: int = 4
    first_wait_s: float = 0.5
    longest_backoff_s: float = 8.0
    longest_wait_s: float = 60.0

    def wait_s(self, attempt: int, failure: CallError) -> float | None:
        """Seconds to wait after this 1-based attempt failed; None when it was the last one."""
        if not failure.retryable or attempt >= self.max_attempts:
            return None
        backoff = random.uniform(0, min(self.longest_backoff_s, self.first_wait_s * 2 ** (attempt - 1)))
        wait = max(failure.retry_after_s or 0.0, backoff)
        return wait if wait <= self.longest_wait_s else None


class Gateway:
    """Requests go out through here and nowhere else."""

    def __init__(self, provider: Provider, recording: Recording, retry: Retry, pace: Pace) -> None:
        self._provider = provider
        self._recording = recording
        self._retry = retry
        self._pace = pace

    async def complete(self, request: Request) -> Reply:
        """Ask until answered or not worth asking again; every attempt is a span with the same request id."""
        call = self._recording.call(request, self._provider.name)
        for attempt in range(1, self._retry.max_attempts + 1):
            await self._pace.turn()
            started = time.perf_counter_ns()
            span = call.attempt(attempt)
            outcome: Completion | CallError
            try:
                with span:
                    outcome = span.answered(await self._provider.complete(request))
            except CallError as failed:
                outcome = failed
            reply = Reply(outcome, attempt, time.perf_counter_ns() - started, span.trace_id, span.span_id)
            wait_s = self._retry.wait_s(attempt, outcome) if isinstance(outcome, CallError) else None
            if wait_s is None:
                break
            await asyncio.sleep(wait_s)
        return reply
