"""The OTLP/HTTP doors keep the protocol's manners: paths, methods, content types, CORS, and refusals that are remembered."""

from __future__ import annotations

import gzip
import http.client
import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.receiver.cors import Cors
from collector.receiver.doors import signal_of
from collector.receiver.rejects import Rejects
from tests.servers import Server
from tests.spans import a_call, export

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


def ask(
    server: Server, method: str, path: str, body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    """One request; the answer, read."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(server.receiver_url.rsplit(":", 1)[1]), timeout=30
    )
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.said = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize(
    "path",
    [
        "/v1/traces",
        "/v1/traces/",
        "/api/public/otel/v1/traces",
        "/foo/bar/v1/traces",
        "/foo/v1/logs/v1/traces?x=1",
        "//v1/traces",
    ],
)
def test_traces_are_taken_behind_any_prefix(server: Server, path: str) -> None:
    call = a_call()
    assert server.post(path, export(call)) == (200, b"")
    server.wait_until_committed()
    assert server.value(f"select count(*) from calls where span_id = '{call.span_id.hex()}'") == 1


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/trace", "/v1/traces/x", "/v2/traces", "/xv1/traces", "/v1/records"]
)
def test_other_paths_take_nothing(path: str) -> None:
    assert signal_of(path) is None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
def test_telemetry_comes_by_post_alone(server: Server, method: str) -> None:
    answer = ask(server, method, "/v1/traces")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (PROTOBUF, PROTOBUF),
        ("application/protobuf", "application/protobuf"),
        ("Application/X-Protobuf; charset=utf-8", PROTOBUF),
        ("application/json;charset=UTF-8", JSON),
    ],
)
def test_the_answer_has_the_content_type_of_the_request(server: Server, sent: str, answered: str) -> None:
    answer = ask(server, "POST", "/v1/traces", b"{}" if answered == JSON else b"", content_type=sent)
    assert (answer.status, answer.headers["content-type"]) == (200, answered)
    refused = ask(server, "POST", "/v1/traces", b"\xff", content_type=sent)
    assert (refused.status, refused.headers["content-type"]) == (400, answered)


@pytest.mark.parametrize(
    ("status", "code", "body", "headers"),
    [
        (400, 3, b"\xff", {}),
        (400, 3, b"", {"x_steelyard_project": "No Such"}),
        (413, 8, gzip.compress(bytes(70_000_000), mtime=0), {"content_encoding": "gzip"}),
        (415, 12, b"", {"content_encoding": "br"}),
    ],
    ids=["400", "400-project", "413", "415"],
)
def test_a_refusal_is_a_google_rpc_status_with_its_code(
    server: Server, status: int, code: int, body: bytes, headers: dict[str, str]
) -> None:
    answer = ask(server, "POST", "/v1/traces", body, content_type=PROTOBUF, **headers)
    said: Any = Status.FromString(answer.said)  # type: ignore[attr-defined]
    assert (answer.status, said.code) == (status, code)
    assert said.message
    answer = ask(server, "POST", "/v1/traces", body, content_type=JSON, **headers)
    document = json.loads(answer.said)  # type: ignore[attr-defined]
    assert (answer.status, document["code"]) == (status, code)


def test_a_refused_span_is_remembered_with_its_service_and_scope_and_nothing_else(server: Server) -> None:
    wrong = a_call(trace_id=b"short", secret="sk-live-0123456789")
    status, body = server.post("/v1/traces", export(wrong, wrong, service__name="shop"))
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_spans) == (200, 2)
    server.wait_until_committed()
    rows = server.rows("select * from rejects where reason like '%service shop%'")
    assert [(row["signal"], row["n_items"]) for row in rows] == [("traces", 2)]
    assert rows[0]["reason"] == "invalid trace id: 2 (service shop, scope tests)"


def test_a_refused_request_is_remembered_with_its_type_and_size(server: Server) -> None:
    ask(server, "POST", "/x/v1/metrics", b"secret", content_type="text/secretive")
    server.wait_until_committed()
    rows = server.rows("select * from rejects where reason like '%secretive%'")
    assert [(row["signal"], row["n_items"], row["project"]) for row in rows] == [("metrics", None, "default")]
    assert "415" in rows[0]["reason"] and "6 bytes" in rows[0]["reason"]


def test_the_first_ten_refusals_of_a_minute_are_recorded_and_the_rest_is_counted_in_the_next() -> None:
    now_s = 60.0
    rejects = Rejects(lambda: now_s)
    written = [rejects.record("p", "traces", "400", "broken", None) for _ in range(1000)]
    assert sum(record is not None for record in written) == 10
    assert rejects.record("q", "traces", "400", "broken", None) is not None
    now_s = 120.0
    following = rejects.record("p", "traces", "400", "broken", None)
    assert following is not None
    assert "990 more requests" in json.loads(following)["reason"]


def test_a_client_that_invents_projects_gets_no_more_records_out_of_it() -> None:
    rejects = Rejects(lambda: 60.0)
    written = [rejects.record(f"p{number}", "traces", "400", "broken", None) for number in range(50_000)]
    assert sum(record is not None for record in written) < 300


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://[::1]:80"]
)
def test_a_page_of_this_machine_may_send(server: Server, origin: str) -> None:
    asked = ask(
        server,
        "OPTIONS",
        "/v1/traces",
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="content-type",
    )
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == origin
    assert "content-encoding" in asked.headers["access-control-allow-headers"]
    assert int(asked.headers["access-control-max-age"]) > 0
    sent = ask(server, "POST", "/v1/traces", b"{}", origin=origin, content_type=JSON)
    assert (sent.status, sent.headers["access-control-allow-origin"]) == (200, origin)
    assert sent.headers["vary"] == "Origin"
    refused = ask(server, "POST", "/v1/traces", b"{", origin=origin, content_type=JSON)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (400, origin)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null"])
def test_any_other_page_may_not(server: Server, origin: str) -> None:
    asked = ask(server, "OPTIONS", "/v1/traces", origin=origin, access_control_request_method="POST")
    assert asked.status == 403
    assert "access-control-allow-origin" not in asked.headers


def test_no_page_may_send_records(server: Server) -> None:
    origin = "http://localhost:3000"
    asked = ask(
        server, "OPTIONS", "/api/v1/records/runs", origin=origin, access_control_request_method="POST"
    )
    assert asked.status == 405
    assert "access-control-allow-origin" not in asked.headers


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (("*",), "https://anything.example", True),
        (("https://app.example.com",), "https://app.example.com", True),
        (("https://app.example.com",), "http://app.example.com", False),
        (("https://app.example.com",), "http://localhost:3000", False),
        (("local", "https://app.example.com"), "http://localhost:3000", True),
        ((), "http://localhost:3000", False),
    ],
)
def test_the_setting_says_which_pages_may_send(origins: tuple[str, ...], origin: str, allowed: bool) -> None:
    assert Cors(origins).allows(origin) is allowed
