"""The receiver speaks OTLP/HTTP as its specification asks, to clients good and bad."""

from __future__ import annotations

import gzip
import json

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.captures import FOLDER, capture
from tests.servers import Server
from tests.spans import a_call, export

PROTOBUF = "application/x-protobuf"


def stored(server: Server, span_id: bytes) -> int:
    server.wait_until_committed()
    count: int = server.value(f"select count(*) from calls where span_id = '{span_id.hex()}'")
    return count


def test_gzip_is_taken(server: Server) -> None:
    call = a_call()
    status, _ = server.post("/v1/traces", gzip.compress(export(call)), content_encoding="gzip")
    assert status == 200
    assert stored(server, call.span_id) == 1


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_standard_exporter_delivers(server: Server, compression: Compression) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": f"sdk-{compression.value}"}))
    exporter = OTLPSpanExporter(f"{server.receiver_url}/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("chat gpt-4o") as span:
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    assert provider.force_flush()
    server.wait_until_committed()
    assert server.value(f"select count(*) from calls where service_name = 'sdk-{compression.value}'") == 1
    provider.shutdown()


def test_an_empty_request_succeeds(server: Server) -> None:
    assert server.post("/v1/traces", b"") == (200, b"")
    assert server.post("/v1/traces", b"{}", "application/json") == (200, b"{}")


@pytest.mark.parametrize(
    "bad", [{"trace_id": bytes(16)}, {"span_id": bytes(8)}, {"trace_id": b"short"}, {"started_ns": 0}]
)
def test_a_span_that_cannot_be_stored_is_refused_alone_and_reported(
    server: Server, bad: dict[str, bytes]
) -> None:
    good = a_call()
    wrong = a_call(**bad)  # type: ignore[arg-type]
    status, body = server.post("/v1/traces", export(wrong, good))
    answer = ExportTraceServiceResponse.FromString(body)
    assert status == 200
    assert answer.partial_success.rejected_spans == 1
    assert "invalid" in answer.partial_success.error_message
    assert stored(server, good.span_id) == 1
    assert server.value("select count(*) from rejects where signal = 'traces' and n_items = 1") >= 1


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status"),
    [
        (b"\xff\xff\xff", PROTOBUF, "", 400),
        (b"{not json", "application/json", "", 400),
        (b'{"resourceSpans": {"scopeSpans": []}}', "application/json", "", 400),
        (b"[" * 100_000, "application/json", "", 400),
        (b"not gzip", PROTOBUF, "gzip", 400),
        # mtime=0: the bytes are part of the test's name, which must not change with the clock.
        (gzip.compress(b"\x0a" * 100, mtime=0)[:-9], PROTOBUF, "gzip", 400),
        (b"", "text/plain", "", 415),
        (b"", PROTOBUF, "br", 415),
        (gzip.compress(bytes(70_000_000), mtime=0), PROTOBUF, "gzip", 413),
    ],
)
def test_a_request_that_can_never_work_gets_a_code_that_ends_retries(
    server: Server, body: bytes, content_type: str, encoding: str, status: int
) -> None:
    code, answer = server.post("/v1/traces", body, content_type, content_encoding=encoding)
    assert code == status
    message = (
        json.loads(answer)["message"]
        if content_type == "application/json"
        else Status.FromString(answer).message
    )
    assert message


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_logs_and_metrics_are_taken_like_traces(server: Server, signal: str) -> None:
    paths = sorted(FOLDER.glob(f"*/*.{signal}.pb"))
    assert paths
    for path in paths[:10]:
        assert server.post(f"/v1/{signal}", path.read_bytes()) == (200, b"")
    server.wait_until_committed()
    assert server.value(f"select coalesce(sum(n_items), 0) from rejects where signal = '{signal}'") == 0


def test_json_ids_are_hex(server: Server) -> None:
    sent = capture("otel-js-openai/chat_plain.json")
    server.post("/v1/traces", sent.body, sent.media)
    span = json.loads(sent.body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert stored(server, bytes.fromhex(span["spanId"])) == 1


def test_the_project_header_is_the_wall(server: Server) -> None:
    call = a_call()
    server.post("/v1/traces", export(call), x_steelyard_project="team-b")
    server.wait_until_committed()
    assert server.value(f"select project from calls where span_id = '{call.span_id.hex()}'") == "team-b"


@pytest.mark.parametrize("name", ["", "Über", "a b", "x" * 65, "../etc"])
def test_a_project_name_that_is_none_is_refused(server: Server, name: str) -> None:
    try:
        status, _ = server.post("/v1/traces", export(a_call()), x_steelyard_project=name)
    except UnicodeEncodeError:
        pytest.skip("the client itself cannot send this header")
    assert status == 400


A_RUN = {"run_id": "01J", "suite": "s", "started_at": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("path", "rows", "said"),
    [
        ("/api/v1/records/nothing", [A_RUN], "there is no record kind 'nothing'"),
        ("/api/v1/records/runs", [{**A_RUN, "run_id": None}], "`run_id` is missing"),
        (
            "/api/v1/records/runs",
            [A_RUN, {**A_RUN, "n_cases": "many"}],
            "record 1: `n_cases` is 'many', not integer",
        ),
        ("/api/v1/records/runs", [{**A_RUN, "started_at": "yesterday"}], "not time"),
        ("/api/v1/records/runs", ["text"], "record 0: not a JSON object"),
        ("/api/v1/records/erasures", [{"erasure_id": "1", "scope": "project"}], "only project `demo`"),
    ],
)
def test_wrong_records_are_refused_whole_and_by_name(
    server: Server, path: str, rows: list[object], said: str
) -> None:
    status, answer = server.post(path, json.dumps(rows).encode(), "application/json")
    assert status == 400
    assert said in json.loads(answer)["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", PROTOBUF])
def test_records_are_taken_as_json_only_so_that_no_web_page_can_write_them(
    server: Server, content_type: str
) -> None:
    status, _ = server.post("/api/v1/records/runs", json.dumps([A_RUN]).encode(), content_type)
    assert status == 415


def test_records_can_be_waited_for(server: Server) -> None:
    body = json.dumps([{**A_RUN, "run_id": "01WAIT"}]).encode()
    status, answer = server.post("/api/v1/records/runs?wait=commit", body, "application/json")
    assert (status, json.loads(answer)) == (200, {"accepted": 1, "committed": True})
    assert server.value("select count(*) from runs where run_id = '01WAIT'") == 1


def test_a_span_is_visible_within_a_second_or_so_of_its_ack(server: Server) -> None:
    # Not a benchmark: it fails only when segments no longer roll by age (200 ms) or commits wait for more.
    server.post("/v1/traces", export(a_call()))
    server.wait_until_committed(5.0)
