"""Every trace that real SDKs were seen to send arrives whole, once, and each of its calls is one row that says what the
call really was: whatever the order, however often, in whole requests or span by span, and over a kill -9."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.receiver.otlp import PROTOBUF, read_traces
from tests.captures import Capture, expected, split_spans, trace_captures
from tests.servers import Server, start_server
from tests.truth import TOKENS, calls, id_of, no_calls, tokens_of

CAPTURES = trace_captures()
PATIENCE_S = 60.0
Requests = Sequence[tuple[bytes, str]]


def spans_of(capture: Capture) -> set[tuple[str, str]]:
    """(trace id, span id) of every span of a capture, read by google.protobuf: the oracle."""
    request = ExportTraceServiceRequest.FromString(read_traces(capture.body, capture.media).body)
    return {
        (span.trace_id.hex(), span.span_id.hex())
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def one_stream(seed: int) -> Requests:
    """Every capture as it was sent, and each of its spans in a request of its own, shuffled."""
    whole = [(one.body, one.media) for one in CAPTURES]
    alone = [(span, PROTOBUF) for body, media in whole for span in split_spans(read_traces(body, media).body)]
    return random.Random(seed).sample([*whole, *alone], len(whole) + len(alone))


def send(server: Server, requests: Requests) -> None:
    """On four connections at once: each is answered as an exporter wants it."""

    def post_all(mine: Requests) -> None:
        connection = http.client.HTTPConnection(server.receiver_url.removeprefix("http://"), timeout=30)
        with contextlib.closing(connection):
            for body, media in mine:
                assert post(connection, body, media) == (200, b"" if media == PROTOBUF else b"{}")

    with ThreadPoolExecutor(4) as connections:
        list(connections.map(post_all, (requests[first::4] for first in range(4))))


def post(connection: http.client.HTTPConnection, body: bytes, media: str) -> tuple[int, bytes]:
    """The status and the body of the answer, once there is room for the request."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        connection.request("POST", "/v1/traces", body, {"content-type": media})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 503 or time.monotonic() > give_up_at:
            return answer.status, said
        time.sleep(0.1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was sent half of the stream, then a kill -9 to its store server, then the rest, and all again."""
    with start_server(tmp_path_factory.mktemp("captures") / "steelyard") as server:
        _send_over_a_kill(server, one_stream(2))
        server.wait_until_committed(PATIENCE_S)
        yield server


def _send_over_a_kill(server: Server, requests: Requests) -> None:
    half = len(requests) // 2
    send(server, requests[:half])
    killed = server.pid_of("collector.server")
    with contextlib.suppress(ProcessLookupError):
        os.kill(killed, signal.SIGKILL)
    send(server, requests[half:])
    give_up_at = time.monotonic() + PATIENCE_S
    while server.pid_of("collector.server") == killed:
        assert time.monotonic() < give_up_at, "the store server was not started again"
        time.sleep(0.05)
    send(server, requests)


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


def test_every_call_is_one_row_and_nothing_else_is(filled: Server) -> None:
    rows = Counter(id_of(row) for row in filled.rows("select trace_id, span_id from calls"))
    truth = {id_of(call): call for call in calls()}
    missing = [(truth[span]["emitter"], truth[span]["case"]) for span in truth.keys() - rows.keys()]
    assert (len(truth), missing) == (319, [])
    assert {span: n for span, n in rows.items() if n != 1 or span not in truth} == {}


def test_no_wrapper_and_no_duplicate_is_a_call(filled: Server) -> None:
    others = {id_of(one): (one["emitter"], one["case"], one["record"]) for one in no_calls()}
    assert len(others) > 150
    rows = {id_of(row) for row in filled.rows("select trace_id, span_id from calls")}
    assert [said for span, said in others.items() if span in rows] == []
    stored = filled.rows(
        "select replace(cast(trace_id as varchar), '-', '') as trace_id, printf('%016x', span_id) as span_id, role "
        "from spans"
    )
    role_of = {id_of(row): row["role"] for row in stored}
    assert {role_of[span] for span in others} <= {"wrapper", "duplicate", "carrier", "context"}


@pytest.mark.parametrize("column", TOKENS)
def test_every_count_is_the_true_one_but_for_the_faults_of_its_emitter(filled: Server, column: str) -> None:
    rows = {id_of(row): row for row in filled.rows("select * from calls")}
    found = {
        (call["emitter"], call["case"], call["span_id"]): tokens_of(call, column, rows[id_of(call)])
        for call in calls()
    }
    assert [said for said in found.items() if said[1] in ("wrong", "missing")] == []
    assert Counter(found.values())["right"] > 25
    faults = [emitter for (emitter, _, _), verdict in found.items() if verdict == "fault"]
    assert faults == (["openllmetry-anthropic"] * 2 if column == "output_tokens" else [])
    # Only where the request's text shows how much a stream was asked that its client left.
    estimated = {(emitter, case) for (emitter, case, _), verdict in found.items() if verdict == "estimated"}
    emitters = ("langfuse", "openinference-openai", "otel-genai-openai-content")
    wanted = {(emitter, "chat_stream_abandoned") for emitter in emitters}
    assert estimated == (wanted if column == "input_tokens" else set())


def test_the_costs_of_calls_are_those_of_their_last_charges(filled: Server) -> None:
    [sums] = filled.rows(
        "select (select sum(list_cost_usd) from calls) as of_calls, (select sum(list_cost_usd) from "
        "(from charges qualify row_number() over (partition by project, trace_id, span_id order by seq desc) = 1)) "
        "as of_charges"
    )
    assert sums["of_calls"] == sums["of_charges"] > 0


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


def test_no_message_text_is_stored_anywhere(filled: Server) -> None:
    kept = filled.rows("select attributes, resource, events, links from spans")
    text = json.dumps(kept)
    # What the captures' prompts, answers, tools and error texts say.
    for said in ("weather in Paris", "Hello from mock", "You are terse", "sunny", "site-packages"):
        assert any(said.encode() in capture.body for capture in CAPTURES), f"no capture says {said!r}"
        assert said not in text
