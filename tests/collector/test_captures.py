"""Every trace that real SDKs were seen to send arrives whole, once, whatever its order and however often."""

from __future__ import annotations

import json
import random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.receiver.otlp import PROTOBUF, read_traces
from tests.captures import Capture, expected, trace_captures
from tests.servers import Server

CAPTURES = trace_captures()


def spans_of(capture: Capture) -> set[tuple[str, str]]:
    """(trace id, span id) of every span of a capture, read by google.protobuf: the oracle."""
    request = ExportTraceServiceRequest.FromString(read_traces(capture.body, capture.media).body)
    return {
        (span.trace_id.hex(), span.span_id.hex())
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    """A server that was sent every capture twice, in two random orders."""
    for seed in (1, 2):
        for capture in random.Random(seed).sample(CAPTURES, len(CAPTURES)):
            status, answer = server.post("/v1/traces", capture.body, capture.media)
            assert (status, answer) == (200, b"" if capture.media == PROTOBUF else b"{}"), capture.name
    server.wait_until_committed()
    return server


def test_there_are_captures_of_many_emitters() -> None:
    assert len(CAPTURES) == 298
    assert len({capture.name.split("/")[0] for capture in CAPTURES}) == 34


def test_every_span_is_stored_exactly_once(filled: Server) -> None:
    stored = filled.rows(
        "select replace(cast(trace_id as varchar), '-', '') as t, printf('%016x', span_id) as s from spans"
    )
    sent = set().union(*map(spans_of, CAPTURES))
    assert len(stored) == len(sent)
    assert {(row["t"], row["s"]) for row in stored} == sent


def test_nothing_was_refused_or_quarantined(filled: Server) -> None:
    assert filled.value("select count(*) from rejects") == 0


def test_calls_of_the_official_instrumentation_carry_what_it_sent(filled: Server) -> None:
    truth = [
        record
        for record in expected()
        if record["emitter"] == "otel-genai-openai"
        and record["record"] == "llm_call"
        and record["usage_on_span"]
    ]
    stored = {row["span_id"]: row for row in filled.rows("select * from calls")}
    assert truth
    for record in truth:
        call = stored[record["span_id"]]
        for column in ("input_tokens", "output_tokens", "model_requested", "model_answered", "response_id"):
            # An embedding has no output: the truth says 0, the span says nothing.
            assert (call[column] or None) == (record[column] or None), (record["case"], column)
        assert call["trace_id"] == record["trace_id"]
        assert (call["cached_input_tokens"] or 0) == (record["cached_input_tokens"] or 0)


def test_calls_that_failed_say_how(filled: Server) -> None:
    truth = {
        record["span_id"]: record["error_class"]
        for record in expected()
        if record["emitter"] == "otel-genai-openai"
        and record["record"] == "llm_call"
        and record["error_class"]
    }
    stored = {row["span_id"]: row for row in filled.rows("select span_id, status, error_class from calls")}
    assert set(truth.values()) >= {"rate_limit"}
    for span_id, error_class in truth.items():
        assert stored[span_id]["status"] == "error"
        assert stored[span_id]["error_class"] == {"server_error": "server"}.get(error_class, error_class)


def test_a_call_without_usage_costs_null_and_never_zero(filled: Server) -> None:
    counted = filled.rows(
        "select cost_status, count(*) as n, count(list_cost_usd) as costed from calls group by cost_status"
    )
    by_status = {row["cost_status"]: row for row in counted}
    assert by_status["no_usage"]["n"] > 0
    assert by_status["no_usage"]["costed"] == 0
    assert by_status["priced"]["costed"] == by_status["priced"]["n"] > 0


def test_agents_that_sum_their_calls_are_not_calls(filled: Server) -> None:
    wrappers = {record["span_id"] for record in expected() if record["record"] == "wrapper"}
    calls = {row["span_id"] for row in filled.rows("select span_id from calls")}
    assert not wrappers & calls


def test_no_message_text_is_stored_anywhere(filled: Server) -> None:
    kept = filled.rows("select attributes, resource, events, links from spans")
    text = json.dumps(kept)
    # What the captures' prompts, answers, tools and error texts say.
    for said in ("weather in Paris", "Hello from mock", "You are terse", "sunny", "site-packages"):
        assert any(said.encode() in capture.body for capture in CAPTURES), f"no capture says {said!r}"
        assert said not in text
