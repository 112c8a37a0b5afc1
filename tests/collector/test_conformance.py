"""The protocol's checklist: what OTLP 1.x asks of a server, one named duty a case, asked by plain clients.

Source: OpenTelemetry protocol specification (opentelemetry-proto, docs/specification.md), sections OTLP/HTTP and
OTLP/gRPC. `[ours]` marks what the specification leaves open and exporters rely on.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import signal
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.grpc_client import LOGS, METRICS, TRACES, call, refused, retry_delay_s
from tests.servers import Server, start_server
from tests.signals import a_record, export_logs, export_metrics
from tests.spans import a_call, export

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LIMIT_BYTES = 64 * 1024 * 1024
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
NOW_NS = time.time_ns()


def a_metric(**point: Any) -> Metric:
    """A counter with one point of now."""
    metric = Metric(name="tokens", unit="{token}")
    metric.sum.data_points.add(**{"time_unix_nano": NOW_NS, "as_int": 1, **point})
    return metric


def json_span(**fields: Any) -> dict[str, Any]:
    """A span as OTLP/JSON has it."""
    identity = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex()}
    return {**identity, "name": "chat", "startTimeUnixNano": str(NOW_NS), **fields}


def json_export(*spans: dict[str, Any], **request: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}], **request}).encode()


def json_attribute(value: dict[str, Any]) -> dict[str, Any]:
    return json_span(attributes=[{"key": "k", "value": value}])


# A signal's method, a good request, one of which nothing can be stored, its response, and its count there.
SIGNALS: dict[str, tuple[str, bytes, bytes, Any, str]] = {
    "traces": (
        TRACES,
        export(a_call()),
        export(a_call(trace_id=bytes(16))),
        ExportTraceServiceResponse,
        "rejected_spans",
    ),
    "logs": (
        LOGS,
        export_logs(a_record()),
        export_logs(a_record(at_ns=2**63)),
        ExportLogsServiceResponse,
        "rejected_log_records",
    ),
    "metrics": (
        METRICS,
        export_metrics(a_metric()),
        export_metrics(a_metric(time_unix_nano=0)),
        ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    def error(self) -> Status:
        """The google.rpc.Status of a failure, in the type the answer says it has."""
        if self.media == JSON:
            said = json.loads(self.body)
            return Status(code=said.get("code", 0), message=said["message"])
        assert self.media == PROTOBUF
        return Status.FromString(self.body)


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One HTTP request without any library's opinion on it."""
    connection = http.client.HTTPConnection(server.receiver_url.removeprefix("http://"), timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


@dataclass(frozen=True)
class Duty:
    """One HTTP request and the answer that the protocol asks for."""

    claim: str
    body: bytes
    status: int = 200
    media: str = PROTOBUF
    path: str = "/v1/traces"
    headers: dict[str, str] = field(default_factory=dict)
    answered_in: str = ""  # "" = as asked


TAKEN = [
    *(
        Duty(f"{name} are taken as protobuf at their default path", good, path=f"/v1/{name}")
        for name, (_, good, *_) in SIGNALS.items()
    ),
    *(Duty(f"an empty {name} request succeeds", b"", path=f"/v1/{name}") for name in SIGNALS),
    *(Duty(f"{name} are taken as JSON", b"{}", media=JSON, path=f"/v1/{name}") for name in SIGNALS),
    Duty("gzip is taken", gzip.compress(export(a_call()), mtime=0), headers={"content-encoding": "gzip"}),
    Duty(
        "gzip is taken of JSON",
        gzip.compress(json_export(json_span()), mtime=0),
        media=JSON,
        headers={"content-encoding": "gzip"},
    ),
    Duty("[ours] deflate is taken", zlib.compress(export(a_call())), headers={"content-encoding": "deflate"}),
    Duty("identity is no encoding", export(a_call()), headers={"content-encoding": "identity"}),
    Duty(
        "a content type may have parameters",
        json_export(json_span()),
        media="application/json; charset=utf-8",
    ),
    Duty("another path is allowed: Langfuse's", export(a_call()), path="/api/public/otel/v1/traces"),
    Duty("another path is allowed: any prefix", export(a_call()), path="/some/gateway/v1/traces"),
    Duty(
        "JSON: ids are hex of either case",
        json_export(json_span(traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174")),
        media=JSON,
    ),
    Duty("JSON: a parent's id may be empty", json_export(json_span(parentSpanId="")), media=JSON),
    Duty("JSON: times may be strings", json_export(json_span(endTimeUnixNano=str(NOW_NS + 1))), media=JSON),
    Duty("JSON: times may be numbers", json_export(json_span(startTimeUnixNano=NOW_NS)), media=JSON),
    Duty("JSON: int values may be strings", json_export(json_attribute({"intValue": "42"})), media=JSON),
    Duty("JSON: int values may be numbers", json_export(json_attribute({"intValue": 42})), media=JSON),
    Duty(
        "JSON: bytes values are base64", json_export(json_attribute({"bytesValue": "aGVsbG8="})), media=JSON
    ),
    Duty("JSON: a value may be empty", json_export(json_attribute({})), media=JSON),
    Duty("JSON: enums are integers", json_export(json_span(kind=3, status={"code": 2})), media=JSON),
    Duty("[ours] JSON: enums may be names", json_export(json_span(kind="SPAN_KIND_CLIENT")), media=JSON),
    Duty(
        "JSON: unknown fields are ignored",
        json_export(json_span(invented={"a": [1]}), alsoInvented=True),
        media=JSON,
    ),
    Duty("protobuf: unknown fields are ignored", export(a_call()) + b"\xf8\x07\x01"),
]

REFUSED = [
    Duty("an unknown content type is 415", b"", 415, "text/plain", answered_in=PROTOBUF),
    Duty("an unknown content encoding is 415", b"", 415, headers={"content-encoding": "br"}),
    Duty("broken protobuf is 400", b"\xff\xff\xff", 400),
    Duty("broken JSON is 400", b"{not json", 400, JSON),
    Duty("JSON that is no request is 400", b"[1, 2]", 400, JSON),
    Duty("broken gzip is 400", b"not gzip", 400, headers={"content-encoding": "gzip"}),
    Duty("broken gzip of JSON is 400 in JSON", b"not gzip", 400, JSON, headers={"content-encoding": "gzip"}),
    Duty("a body over the limit is 413", bytes(LIMIT_BYTES + 1), 413),
    Duty(
        "a body over the limit once it is unpacked is 413",
        gzip.compress(bytes(LIMIT_BYTES + 1), mtime=0),
        413,
        headers={"content-encoding": "gzip"},
    ),
]


def of(duties: list[Duty]) -> Any:
    return pytest.mark.parametrize("duty", [pytest.param(duty, id=duty.claim) for duty in duties])


@of(TAKEN)
def test_http_success_is_200_in_the_same_type_with_an_empty_response(server: Server, duty: Duty) -> None:
    answer = ask(server, "POST", duty.path, duty.body, content_type=duty.media, **duty.headers)
    assert answer.status == 200, answer.body
    assert answer.media == duty.media.partition(";")[0]
    # partial_success must be unset when everything was taken.
    assert answer.body == (b"{}" if answer.media == JSON else b"")


@of(REFUSED)
def test_http_failure_has_its_code_and_a_status_in_the_same_type(server: Server, duty: Duty) -> None:
    answer = ask(server, "POST", duty.path, duty.body, content_type=duty.media, **duty.headers)
    assert answer.status == duty.status
    assert answer.media == (duty.answered_in or duty.media)
    assert answer.error().message
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("name", SIGNALS)
def test_http_partial_success_is_200_with_a_count_and_a_reason(server: Server, name: str) -> None:
    _, _, bad, response, count = SIGNALS[name]
    answer = ask(server, "POST", f"/v1/{name}", bad, content_type=PROTOBUF)
    assert answer.status == 200
    partial = response.FromString(answer.body).partial_success
    assert getattr(partial, count) == 1
    assert partial.error_message


@pytest.mark.parametrize("trace_id", ["0" * 32, "zz", "abc", ""])
def test_http_partial_success_is_told_in_json_as_well(server: Server, trace_id: str) -> None:
    body = json_export(json_span(traceId=trace_id), json_span())
    answer = ask(server, "POST", "/v1/traces", body, content_type=JSON)
    partial = json.loads(answer.body)["partialSuccess"]
    assert int(partial["rejectedSpans"]) == 1
    assert partial["errorMessage"]


def test_http_answers_stay_under_4_mib_however_much_is_refused(server: Server) -> None:
    many = export(*(a_call(trace_id=bytes(16)) for _ in range(20_000)))
    assert len(many) > ANSWER_LIMIT_BYTES
    answer = ask(server, "POST", "/v1/traces", many, content_type=PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.body).partial_success.rejected_spans == 20_000
    assert len(answer.body) < ANSWER_LIMIT_BYTES


def test_http_a_connection_serves_request_after_request(server: Server) -> None:
    connection = http.client.HTTPConnection(server.receiver_url.removeprefix("http://"), timeout=30)
    statuses = []
    with contextlib.closing(connection):
        for body in (export(a_call()), b"\xff\xff\xff", export(a_call())):
            connection.request("POST", "/v1/traces", body, {"content-type": PROTOBUF})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    assert statuses == [200, 400, 200]


def test_http_only_post_is_allowed(server: Server) -> None:
    answer = ask(server, "GET", "/v1/traces")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


def test_http_an_unknown_path_is_404(server: Server) -> None:
    assert ask(server, "POST", "/v1/everything", export(a_call()), content_type=PROTOBUF).status == 404


def test_http_a_page_of_this_machine_may_ask_before_it_sends(server: Server) -> None:
    asked = {"origin": "http://localhost:3000", "access_control_request_method": "POST"}
    wanted = {"access_control_request_headers": "content-type,x-steelyard-project"}
    answer = ask(server, "OPTIONS", "/v1/traces", **asked, **wanted)
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] in ("*", "http://localhost:3000")
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("name", SIGNALS)
def test_grpc_success_has_an_empty_response(server: Server, name: str) -> None:
    method, good, *_ = SIGNALS[name]
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        assert call(server, good, method, compression=compression) == b""
    assert call(server, b"", method) == b""


@pytest.mark.parametrize("name", SIGNALS)
def test_grpc_partial_success_is_ok_with_a_count_and_a_reason(server: Server, name: str) -> None:
    method, _, bad, response, count = SIGNALS[name]
    partial = response.FromString(call(server, bad, method)).partial_success
    assert getattr(partial, count) == 1
    assert partial.error_message


@pytest.mark.parametrize("name", SIGNALS)
def test_grpc_bad_data_is_invalid_argument(server: Server, name: str) -> None:
    error = refused(server, b"\xff\xff\xff", SIGNALS[name][0])
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details()
    assert retry_delay_s(error) is None


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["as sent", "unpacked"]
)
def test_grpc_a_message_over_the_limit_is_resource_exhausted_and_not_to_be_retried(
    server: Server, compression: grpc.Compression
) -> None:
    error = refused(server, bytes(LIMIT_BYTES + 1), compression=compression)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_s(error) is None


def test_grpc_takes_more_than_the_4_mib_that_grpc_takes_by_default(server: Server) -> None:
    assert call(server, export(a_call(note="x" * 5_000_000))) == b""


@pytest.mark.parametrize("method", ["/a.B/C", TRACES.replace("Export", "Import")])
def test_grpc_an_unknown_method_is_unimplemented(server: Server, method: str) -> None:
    assert refused(server, b"", method).code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("name", "table", "body"),
    [
        ("traces", "spans", export(a_call(), service__name="again")),
        ("logs", "log_records", export_logs(a_record(), service__name="again")),
        ("metrics", "metric_points", export_metrics(a_metric(), service__name="again")),
    ],
    ids=list(SIGNALS),
)
def test_delivery_is_at_least_once_so_what_comes_again_is_stored_once(
    server: Server, name: str, table: str, body: bytes
) -> None:
    for _ in range(2):
        assert ask(server, "POST", f"/v1/{name}", body, content_type=PROTOBUF).status == 200
        server.wait_until_committed()
    assert call(server, body, SIGNALS[name][0]) == b""
    server.wait_until_committed()
    assert server.value(f"select count(*) from {table} where service_name = 'again'") == 1


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector whose spool has no room, because its store server stands still."""
    data = tmp_path_factory.mktemp("full") / "steelyard"
    with start_server(data, env={"STEELYARD_SPOOL_MAX_BYTES": "1000000"}) as running:
        store_server = running.pid_of("collector.server")
        os.kill(store_server, signal.SIGSTOP)
        try:
            for body in (export(*(a_call() for _ in range(500))), export(a_call())):
                while running.post("/v1/traces", body)[0] == 200:
                    pass
            yield running
        finally:
            os.kill(store_server, signal.SIGCONT)


@pytest.mark.parametrize(
    ("media", "body"),
    [(PROTOBUF, export(a_call())), (JSON, json_export(json_attribute({"stringValue": "x" * 1000})))],
    ids=[PROTOBUF, JSON],
)
def test_http_no_room_is_503_with_a_retry_after_that_exporters_wait_for(
    full: Server, media: str, body: bytes
) -> None:
    answer = ask(full, "POST", "/v1/traces", body, content_type=media)
    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    assert answer.media == media
    assert answer.error().message


def test_grpc_no_room_is_unavailable_with_a_retry_info_that_exporters_wait_for(full: Server) -> None:
    error = refused(full, export(a_call()))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    delay_s = retry_delay_s(error)
    assert delay_s is not None
    assert 1 <= delay_s <= 3


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector that asks everybody for a key."""
    data: Path = tmp_path_factory.mktemp("guarded") / "steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        yield running


@pytest.mark.parametrize("key", ["", "Bearer nonsense"])
def test_who_may_not_send_gets_401_or_unauthenticated_and_does_not_retry(guarded: Server, key: str) -> None:
    shown = {"authorization": key} if key else {}
    answer = ask(guarded, "POST", "/v1/traces", export(a_call()), content_type=PROTOBUF, **shown)
    assert answer.status == 401
    assert answer.error().message
    error = refused(guarded, export(a_call()), metadata=list(shown.items()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert retry_delay_s(error) is None
