"""The gateway retries what a retry can cure, waits as asked, paces, and gives up honestly."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from errors import ProviderError
from gateway.call import CallError, Completion, Reply, Request
from gateway.gateway import Gateway, Retry
from gateway.pace import Pace
from gateway.providers import Options, load
from gateway.recording import Recording
from tests.gateway.test_openai import a_request


class Scripted:
    """A provider that gives these outcomes in turn."""

    name = "scripted"

    def __init__(self, *outcomes: CallError | Completion) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0

    async def complete(self, request: Request) -> Completion:
        self.calls += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, CallError):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        pass


RATE_LIMITED = CallError("rate_limit", "HTTP 429", retryable=True)
QUICK = Retry(max_attempts=3, first_wait_s=0)


def complete(provider: Scripted, tmp_path: Path, retry: Retry = QUICK) -> Reply:
    recording = Recording(None, tmp_path / "unsent", most_spans=10)
    try:
        return asyncio.run(Gateway(provider, recording, retry, Pace()).complete(a_request()))
    finally:
        recording.close()


def test_an_answer_after_a_retry_is_an_answer(tmp_path: Path):
    reply = complete(Scripted(RATE_LIMITED, Completion("yes")), tmp_path)
    assert (reply.outcome, reply.attempts) == (Completion("yes"), 2)


def test_a_request_that_keeps_failing_ends_with_its_last_failure(tmp_path: Path):
    provider = Scripted(RATE_LIMITED, RATE_LIMITED, CallError("server", "HTTP 500", retryable=True))
    reply = complete(provider, tmp_path)
    assert isinstance(reply.outcome, CallError)
    assert (reply.outcome.error_class, reply.attempts) == ("server", 3)


@pytest.mark.parametrize("error_class", ["auth", "bad_request"])
def test_what_a_retry_cannot_cure_is_asked_once(tmp_path: Path, error_class):
    provider = Scripted(CallError(error_class, "HTTP 4xx"))
    complete(provider, tmp_path)
    assert provider.calls == 1


def test_the_wait_a_server_asks_for_is_kept():
    asked = CallError("rate_limit", "HTTP 429", retryable=True, retry_after_s=5)
    assert Retry(first_wait_s=0.5).wait_s(1, asked) == 5


def test_a_server_that_asks_for_too_long_a_wait_ends_the_request():
    asked = CallError("rate_limit", "HTTP 429", retryable=True, retry_after_s=3600)
    assert Retry().wait_s(1, asked) is None


def test_waits_grow_and_are_bounded():
    retry = Retry(max_attempts=50)
    longest = [max(retry.wait_s(attempt, RATE_LIMITED) or 0 for _ in range(200)) for attempt in (1, 2, 3, 30)]
    assert longest[0] <= 0.5 and longest[1] <= 1 and longest[2] <= 2 and longest[3] <= 8
    assert longest == sorted(longest)


def test_requests_start_no_faster_than_the_pace():
    async def three_turns() -> float:
        pace, started = Pace(per_second=100), time.monotonic()
        await asyncio.gather(*(pace.turn() for _ in range(4)))
        return time.monotonic() - started

    assert asyncio.run(three_turns()) >= 0.03


def test_a_bug_in_a_provider_is_not_swallowed(tmp_path: Path):
    class Broken(Scripted):
        async def complete(self, request: Request) -> Completion:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        complete(Broken(), tmp_path)


def test_an_unknown_provider_is_told_what_there_is():
    with pytest.raises(ProviderError, match=r"'opnai'.*fake, openai"):
        load("opnai", Options())


def test_a_users_own_provider_is_loaded_by_its_dotted_name(tmp_path: Path, monkeypatch):
    (tmp_path / "my_models.py").write_text(
        "class Mine:\n    name = 'mine'\n    def __init__(self, options): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    assert load("my_models:Mine", Options()).name == "mine"


def test_a_dotted_name_that_leads_nowhere_is_the_users_mistake():
    with pytest.raises(ProviderError, match="no module 'nowhere_at_all'"):
        load("nowhere_at_all:Provider", Options())
