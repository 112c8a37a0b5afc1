"""Nothing of what nobody asked to keep is found anywhere: not in the store, the spool, quarantine or any output."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from collector.spool.segments import Record, SpoolWriter, encode
from store.projects import PROJECT_HEADER
from tests import planted
from tests.planted import Plants
from tests.servers import Server, start_server
from tests.spans import a_call, export

CAPTURED = "support"


@dataclass(frozen=True)
class Outcome:
    """What was planted, where it went, and the call that was sent with it."""

    plants: Plants
    data_dir: Path
    output: Path
    call: dict[str, Any]

    def leaks(self) -> list[str]:
        return planted.leaks(self.plants, self.data_dir, self.output)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Of a server that took everything that was planted, captured nothing, and has stopped."""
    plants = Plants()
    data = tmp_path_factory.mktemp("planted") / "steelyard"
    with start_server(data, env={"STEELYARD_CAPTURE_PROJECTS": "none-of-these"}) as server:
        _send(plants, server)
        _send_what_is_refused(plants, server)
        _send_records(plants, server)
        server.wait_until_committed()
        _poison(plants, server)
        assert server.value("select count(*) from spans") >= 3
        assert server.value("select count(*) from log_records") > 0
        assert server.value("select count(*) from metric_points") > 0
        assert server.value("select count(*) from rejects where signal = 'segment'") > 0
        call = server.rows("select * from calls where http_status = 400 limit 1")[0]
    return Outcome(plants, server.data_dir, server.stderr_path, call)


def test_no_planted_secret_is_anywhere(outcome: Outcome) -> None:
    assert len(outcome.plants.places) > 1000
    found = outcome.leaks()
    assert not found, f"{len(found)} found:\n" + "\n".join(found[:60])


def test_the_search_finds_a_secret_in_every_form(outcome: Outcome, tmp_path: Path) -> None:
    secret = Plants().key("planted by the test").encode()
    output = tmp_path / "output"
    for form in (secret, secret.hex().encode(), *(base64.b64encode(b"." * n + secret) for n in range(3))):
        output.write_bytes(b"before " + form + b" after")
        assert replace(outcome, output=output).leaks() != outcome.leaks()


def test_what_was_sent_is_stored_without_its_content(outcome: Outcome) -> None:
    assert outcome.call["input_tokens"] == 1000
    assert outcome.call["error_class"] == "bad_request"


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plants, Server]]:
    """A server that captures one project, with the same telemetry sent to two."""
    plants = Plants()
    data = tmp_path_factory.mktemp("captured") / "steelyard"
    with start_server(data, env={"STEELYARD_CAPTURE_PROJECTS": CAPTURED}) as server:
        for project in (CAPTURED, "default"):
            span = a_call(
                gen_ai__input__messages=f"my mail is jane@example.com and my key {plants.key(f'{project} prompt')}",
                gen_ai__output__messages="A" * 1000,
                gen_ai__openai__api_key=plants.key(f"{project} credential"),
            )
            span.status.message = "Error code: 400 - your prompt was: hello"
            server.post("/v1/traces", export(span), **{PROJECT_HEADER: project})
            server.post(
                "/v1/traces", planted.traces(plants, project).SerializeToString(), **{PROJECT_HEADER: project}
            )
            log = planted.logs(plants, f"{project} logs").SerializeToString()
            server.post("/v1/logs", log, **{PROJECT_HEADER: project})
        server.wait_until_committed()
        yield plants, server


def test_captured_prompts_are_stored_redacted(captured: tuple[Plants, Server]) -> None:
    _, server = captured
    [prompt] = server.rows(
        "select * from contents where key = 'gen_ai.input.messages' and source = 'span' limit 1"
    )
    assert prompt["body"] == "my mail is [redacted:email] and my key [redacted:secret]"
    assert prompt["n_redactions"] == 2
    assert (
        server.value(
            "select body from contents where key = 'gen_ai.output.messages' and source = 'span' limit 1"
        )
        == "A" * 1000
    )


def test_only_the_captured_project_has_contents(captured: tuple[Plants, Server]) -> None:
    _, server = captured
    assert [row["project"] for row in server.rows("select distinct project from contents")] == [CAPTURED]
    assert server.value("select count(distinct project) from spans") == 2


def test_captured_log_bodies_and_status_messages_are_contents_too(captured: tuple[Plants, Server]) -> None:
    _, server = captured
    sources = {row["source"] for row in server.rows("select distinct source from contents")}
    assert sources >= {"span", "log", "status"}


def test_of_what_was_planted_only_prompts_of_the_captured_project_are_stored_and_only_as_contents(
    captured: tuple[Plants, Server],
) -> None:
    """Last in its module's use of the server: it must have stopped."""
    plants, server = captured
    server.process.send_signal(signal.SIGINT)
    server.process.wait(timeout=90)
    found = [leak.split(": ", 1) for leak in planted.leaks(plants, server.data_dir, server.stderr_path)]
    stored = {place for where, place in found if where == "table contents"}
    assert any("gen_ai.input.messages" in place for place in stored)
    assert stored <= {place for place in plants.prose_places if place.startswith(CAPTURED)}
    assert {where for where, _ in found} <= {"table contents", "store.duckdb"}


def _send(plants: Plants, server: Server) -> None:
    """Everything that is taken: both encodings, both doors, all signals."""
    assert server.post("/v1/traces", planted.traces(plants, "protobuf").SerializeToString())[0] == 200
    body = planted.as_json(planted.traces(plants, "json"))
    assert server.post("/v1/traces", body, "application/json")[0] == 200
    assert server.post("/v1/logs", planted.logs(plants, "logs").SerializeToString())[0] == 200
    assert (
        server.post("/v1/logs", planted.as_json(planted.logs(plants, "json logs")), "application/json")[0]
        == 200
    )
    assert server.post("/v1/metrics", planted.metrics(plants, "metrics").SerializeToString())[0] == 200
    body = planted.as_json(planted.metrics(plants, "json metrics"))
    assert server.post("/v1/metrics", body, "application/json")[0] == 200
    assert (
        server.post(
            "/v1/traces", planted.traces(plants, "scoped").SerializeToString(), user_agent=plants.key("agent")
        )[0]
        == 200
    )
    with grpc.insecure_channel(server.grpc_target) as channel:
        TraceServiceStub(channel).Export(planted.traces(plants, "grpc"), timeout=30)
        with contextlib.suppress(grpc.RpcError):
            metadata = [("authorization", f"Bearer {plants.key('grpc authorization')}")]
            TraceServiceStub(channel).Export(
                planted.traces(plants, "grpc refused"), timeout=30, metadata=metadata
            )


def _send_what_is_refused(plants: Plants, server: Server) -> None:
    """Requests that end in a refusal of every kind, with secrets in their lines, headers and bodies."""
    good = export(a_call())
    refused = [
        ("/v1/traces", plants.prose("broken protobuf").encode(), {}),
        ("/v1/traces", good[:-3] + plants.prose("protobuf with a broken end").encode(), {}),
        ("/v1/traces", json.dumps(plants.prose("json of another shape")).encode(), {"content_type": "application/json"}),
        ("/v1/traces", json.dumps({"resourceSpans": [{"scopeSpans": plants.prose("json of the wrong type")}]}).encode(),
         {"content_type": "application/json"}),
        ("/v1/traces", f'{{"resourceSpans": [{plants.prose("broken json")}'.encode(), {"content_type": "application/json"}),
        ("/v1/traces", good, {"content_type": plants.key("content type")}),
        ("/v1/traces", plants.prose("not gzip").encode(), {"content_encoding": "gzip"}),
        ("/v1/traces", good, {"content_encoding": plants.key("content encoding")}),
        ("/v1/traces", good, {PROJECT_HEADER: plants.key("project header")}),
        ("/v1/traces", good, {"authorization": f"Bearer {plants.key('authorization header')}"}),
        ("/v1/traces", good, {"x_api_key": plants.key("x-api-key header")}),
        ("/v1/traces", good, {"cookie": f"session={plants.key('cookie')}"}),
        ("/v1/traces", good, {"x_other": plants.key("another header")}),
        (f"/v1/traces?key={plants.key('query of traces')}", good, {}),
        (f"/{plants.key('path prefix')}/v1/traces", good, {}),
        (f"/v1/{plants.key('unknown path')}", good, {}),
        (f"/{urllib.parse.quote(plants.prose('encoded path'))}", good, {}),
        ("/v1/logs", plants.prose("broken logs").encode(), {}),
        ("/v1/metrics", plants.prose("broken metrics").encode(), {}),
        ("/v1/logs", json.dumps({"resourceLogs": plants.prose("json logs of the wrong type")}).encode(),
         {"content_type": "application/json"}),
    ]  # fmt: skip
    for path, body, headers in refused:
        server.post(path, body, **headers)
    bad_ids = planted.traces(plants, "bad ids")
    bad_ids.resource_spans[0].scope_spans[0].spans[0].trace_id = b"\0" * 16
    assert server.post("/v1/traces", bad_ids.SerializeToString())[0] == 200
    for path in (
        f"/{plants.key('path of the read API')}",
        f"/api/v1/health?token={plants.key('query of the read API')}",
    ):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(server.api_url + path, timeout=30)


def _send_records(plants: Plants, server: Server) -> None:
    """Records that are stored with a credential in a text, and records that are refused."""
    run = {
        "run_id": plants.key("id of a run"),
        "suite": plants.key("text of a record"),
        "started_at": "2026-11-21T10:00:00Z",
    }
    stored = [("runs", run)]
    wrong = [
        ("runs", {"suite": plants.prose("incomplete record")}),
        ("runs", {**run, plants.prose("unknown field"): 1}),
        ("runs", {**run, "started_at": plants.prose("time of a record")}),
        (plants.key("kind of record"), run),
    ]
    for kind, row in (*stored, *wrong):
        server.post(
            f"/api/v1/records/{urllib.parse.quote(kind)}", json.dumps(row).encode(), "application/json"
        )
    server.post("/api/v1/records/runs", plants.prose("records that are no json").encode(), "application/json")


def _poison(plants: Plants, server: Server) -> None:
    """Segments that cannot be stored."""
    spool = server.data_dir / "spool"
    now_us = time.time_ns() // 1000
    writer = SpoolWriter(spool, segment_max_bytes=1)  # a segment per append
    good = planted.traces(plants, "beside poison").SerializeToString()
    poison = plants.prose("poison").encode()
    for body in (poison, b"\xff" + poison):
        writer.append(
            [
                encode(Record(now_us, "traces", "default", good)),
                encode(Record(now_us, "traces", "default", body)),
            ]
        )
    records = json.dumps([{"nonsense": plants.key("poison records")}]).encode()
    writer.append([encode(Record(now_us, "records/nonsense", "default", records, "json"))])
    writer.append(
        [
            encode(
                Record(
                    now_us, "records/runs", "default", plants.prose("poison that is no json").encode(), "json"
                )
            )
        ]
    )
    foreign = spool / "00000000000000-foreign.seg"
    unfinished = foreign.with_suffix(".tmp")
    unfinished.write_bytes(plants.prose("a file that is no segment").encode())
    unfinished.rename(foreign)
    server.wait_until_committed()
