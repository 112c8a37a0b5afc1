"""Every attempt is a span that any OTLP receiver can read, and none is lost with the receiver."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.call import CallError, Completion, Usage
from gateway.gateway import Gateway, Retry
from gateway.pace import Pace
from gateway.recording import Recording
from tests.gateway import standin
from tests.gateway.standin import serving
from tests.gateway.test_gateway import RATE_LIMITED, Scripted
from tests.gateway.test_openai import a_request

ANSWER = Completion("THE ANSWER", Usage(20, 7), "m-2026", "id-1", "stop", 200)


def spans_of(bodies: list[bytes]) -> list:
    exports = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return [s for e in exports for r in e.resource_spans for scope in r.scope_spans for s in scope.spans]


def attributes(span) -> dict:
    def plain(value):
        kind = value.WhichOneof("value")
        return [plain(v) for v in value.array_value.values] if kind == "array_value" else getattr(value, kind)

    return {pair.key: plain(pair.value) for pair in span.attributes}


def record(tmp_path: Path, provider: Scripted, **headers: str):
    """Make one request; returns what a real HTTP server received."""
    with serving(default=standin.answer(200, b"")) as server:
        recording = Recording(server.url, tmp_path / "unsent", most_spans=10, headers=headers)
        asyncio.run(Gateway(provider, recording, Retry(3, first_wait_s=0), Pace()).complete(a_request()))
        assert recording.close() == 0
    return server.script.seen


def test_a_span_has_the_conventions_names_and_ours(tmp_path: Path):
    [seen] = record(tmp_path, Scripted(ANSWER))
    [span] = spans_of([seen.body])
    found = attributes(span)
    assert len(found.pop("steelyard.request_id")) == 26
    assert (seen.path, span.name, span.kind) == ("/v1/traces", "chat m", 3)  # 3 is CLIENT
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-2026",
        "gen_ai.response.id": "id-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.prompt.name": "prompt",
        "gen_ai.prompt.version": "abc",
        "http.response.status_code": 200,
        "steelyard.run_id": "run",
        "steelyard.case_id": "case",
        "steelyard.attempt": 1,
    }


def test_usage_nobody_reported_is_absent(tmp_path: Path):
    [seen] = record(tmp_path, Scripted(Completion("x")))
    assert not [key for key in attributes(spans_of([seen.body])[0]) if "usage" in key]


def test_every_attempt_is_a_span_and_they_share_the_request(tmp_path: Path):
    failed = CallError("rate_limit", "HTTP 429", retryable=True, http_status=429)
    [seen] = record(tmp_path, Scripted(failed, ANSWER))
    first, second = sorted(map(attributes, spans_of([seen.body])), key=lambda a: a["steelyard.attempt"])
    assert (first["error.type"], first["http.response.status_code"]) == ("rate_limit", 429)
    assert first["steelyard.request_id"] == second["steelyard.request_id"]
    assert second["steelyard.attempt"] == 2 and "error.type" not in second


def test_a_failed_attempt_has_error_status(tmp_path: Path):
    [seen] = record(tmp_path, Scripted(CallError("auth", "HTTP 401")))
    assert spans_of([seen.body])[0].status.code == 2


def test_no_text_of_prompt_or_answer_is_recorded(tmp_path: Path):
    [seen] = record(tmp_path, Scripted(ANSWER))
    assert b"THE ANSWER" not in seen.body and b"Be brief" not in seen.body


def test_the_project_travels_as_a_header(tmp_path: Path):
    [seen] = record(tmp_path, Scripted(ANSWER), **{"x-steelyard-project": "demo"})
    assert seen.headers["x-steelyard-project"] == "demo"


def test_a_cancelled_attempt_says_so(tmp_path: Path):
    class Endless(Scripted):
        async def complete(self, request):
            await asyncio.Event().wait()

    async def cancel_one(recording: Recording) -> None:
        gateway = Gateway(Endless(), recording, Retry(), Pace())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateway.complete(a_request()), 0.01)

    recording = Recording(None, tmp_path / "unsent", most_spans=10)
    asyncio.run(cancel_one(recording))
    recording.close()
    [line] = (tmp_path / "unsent").read_bytes().splitlines()
    assert attributes(spans_of([base64.b64decode(line)])[0])["error.type"] == "cancelled"


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9"])
def test_spans_that_no_receiver_takes_are_kept_as_they_were(tmp_path: Path, monkeypatch, url: str | None):
    monkeypatch.setattr("gateway.recording.EXPORT_TIMEOUT_S", 0.1)
    recording = Recording(url, tmp_path / "unsent", most_spans=10)
    gateway = Gateway(Scripted(RATE_LIMITED, ANSWER), recording, Retry(3, first_wait_s=0), Pace())
    asyncio.run(gateway.complete(a_request()))
    assert recording.close() == 2
    kept = [base64.b64decode(line) for line in (tmp_path / "unsent").read_bytes().splitlines()]
    assert sorted(attributes(s)["steelyard.attempt"] for s in spans_of(kept)) == [1, 2]


def test_more_spans_than_an_export_holds_all_arrive(tmp_path: Path):
    async def many(gateway: Gateway) -> None:
        for _ in range(1200):
            await gateway.complete(a_request())

    with serving(default=standin.answer(200, b"")) as server:
        recording = Recording(server.url, tmp_path / "unsent", most_spans=1200)
        asyncio.run(many(Gateway(Scripted(*[ANSWER] * 1200), recording, Retry(), Pace())))
        recording.close()
    assert len(spans_of([seen.body for seen in server.script.seen])) == 1200
