"""OpenAI's protocol against a real server on loopback: answers, refusals, broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from errors import ProviderError
from gateway.call import CallError, Completion, Labels, Request
from gateway.providers import Options, load
from prompts.template import Message
from tests.gateway import standin
from tests.gateway.standin import Step, serving


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield


def a_request(**changes) -> Request:
    given = {
        "model": "m",
        "messages": (Message("system", "Be brief."), Message("user", "Hi")),
        "labels": Labels("run", "case", "prompt", "abc"),
        "params": {"temperature": 0},
    }
    return Request(**(given | changes))


async def _complete(url: str, timeout_s: float) -> Completion:
    provider = load("openai", Options(base_url=f"{url}/v1", timeout_s=timeout_s))
    try:
        return await provider.complete(a_request())
    finally:
        await provider.aclose()


def ask(*steps: Step, timeout_s: float = 10.0) -> Completion:
    with serving(*steps) as server:
        return asyncio.run(_complete(server.url, timeout_s))


def failure(*steps: Step, timeout_s: float = 10.0) -> CallError:
    with pytest.raises(CallError) as caught:
        ask(*steps, timeout_s=timeout_s)
    return caught.value


def test_a_request_carries_model_messages_and_parameters():
    with serving() as server:
        asyncio.run(_complete(server.url, 10))
    assert server.script.seen[0].path == "/v1/chat/completions"
    assert server.script.seen[0].json == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0,
    }


def test_the_key_is_sent_as_a_bearer_token(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving() as server:
        asyncio.run(_complete(server.url, 10))
    assert server.script.seen[0].headers["authorization"] == "Bearer sk-secret"


def test_an_answer_is_read_with_all_it_reports():
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    answer = ask(standin.completion("Hello", usage=usage))
    assert (answer.text, answer.model_answered, answer.response_id) == ("Hello", "m-2026-01-01", "chatcmpl-1")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 7)
    assert (answer.usage.cached_input_tokens, answer.usage.reasoning_tokens) == (16, 3)


def test_usage_that_is_not_reported_is_unknown_not_zero():
    assert ask(standin.completion()).usage.input_tokens is None


@pytest.mark.parametrize(
    ("status", "error_class", "retryable"),
    [
        (400, "bad_request", False),
        (401, "auth", False),
        (403, "auth", False),
        (404, "bad_request", False),
        (408, "timeout", True),
        (409, "server", True),
        (429, "rate_limit", True),
        (500, "server", True),
        (503, "server", True),
    ],
)
def test_a_refusal_has_its_class_and_says_whether_to_come_back(
    status: int, error_class: str, retryable: bool
):
    failed = failure(standin.refused(status))
    assert (failed.error_class, failed.retryable, failed.http_status) == (error_class, retryable, status)


def test_an_empty_account_is_not_asked_again():
    assert not failure(standin.refused(429, "insufficient_quota")).retryable


def test_a_filtered_prompt_is_content_filter():
    assert failure(standin.refused(400, "content_filter")).error_class == "content_filter"


def test_a_filtered_answer_is_content_filter_and_keeps_its_usage():
    filtered = standin.completion(
        "", usage={"prompt_tokens": 5, "completion_tokens": 0}, finish_reason="content_filter"
    )
    failed = failure(filtered)
    assert failed.error_class == "content_filter"
    assert failed.completion is not None and failed.completion.usage.input_tokens == 5


@pytest.mark.parametrize(("header", "value"), [("retry_after", "7"), ("retry_after_ms", "7000")])
def test_the_wait_a_server_asks_for_is_read(header: str, value: str):
    assert failure(standin.refused(429, **{header: value})).retry_after_s == 7


def test_a_server_that_hangs_is_a_timeout():
    failed = failure(standin.hang, timeout_s=0.2)
    assert (failed.error_class, failed.retryable) == ("timeout", True)


@pytest.mark.parametrize(
    "body", [b"<html>oops", b"[]", b'{"choices": []}', b'{"choices": [{"message": null}]}']
)
def test_an_answer_that_is_no_completion_is_the_servers_fault(body: bytes):
    failed = failure(standin.answer(200, body))
    assert (failed.error_class, failed.retryable) == ("server", True)


def test_an_answer_cut_off_is_the_servers_fault():
    assert failure(standin.truncated).error_class == "server"


def test_a_reset_connection_is_class_connection():
    assert failure(standin.reset).error_class == "connection"


def test_nobody_listening_is_class_connection():
    with pytest.raises(CallError) as caught:
        asyncio.run(_complete(f"http://127.0.0.1:{standin.unused_port()}", 5))
    assert caught.value.error_class == "connection"


def test_a_failure_tells_neither_the_key_nor_what_the_server_quoted(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    text = repr(failure(standin.refused(400, "invalid_value"))) + str(failure(standin.refused(500)))
    assert "SECRET" not in text and "sk-secret" not in text


def test_a_missing_key_names_the_variable_and_the_way_without():
    with pytest.raises(ProviderError, match=r"OPENAI_API_KEY.*--provider fake"):
        load("openai", Options())


def test_a_server_on_this_machine_needs_no_key():
    assert load("openai", Options(base_url="http://localhost:11434/v1")).name == "openai"


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(ProviderError, match="'localhost:11434' is not an address"):
        load("openai", Options(base_url="localhost:11434"))


def test_the_address_comes_from_the_suite_before_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    with serving() as server:
        asyncio.run(_complete(server.url, 10))
    assert len(server.script.seen) == 1
