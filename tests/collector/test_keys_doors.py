"""Keys at the doors of a running collector: who gets in, into which project, and how soon a key stops working."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from collector import keys
from errors import QueryError
from store.reader import ServerReader
from store.remote import StoreClient
from tests.servers import Server, start_server
from tests.spans import a_call, export

A_RUN = {"run_id": "01J", "suite": "s", "started_at": "2026-11-01T00:00:00Z"}
# A revoked key has a second; a busy machine gets more before the test says that it does not work at all.
GENEROUS_S = 10.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector that asks everybody for a key."""
    data = tmp_path_factory.mktemp("keys") / "steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        yield running


def a_key(server: Server, role: str = "ingest", project: str = "search", **bound: str) -> str:
    """A key that the running collector already knows."""
    token = keys.add_key(server.data_dir, role=role, project=project, **bound)[1]
    give_up_at = time.monotonic() + GENEROUS_S
    while get(server.api_url + "/api/v1/health", token)[0] == 401:
        assert time.monotonic() < give_up_at, "the new key is not known"
        time.sleep(0.05)
    # The receiver and the store server look at the file each in its own time.
    while server.post("/v1/traces", b"", x_api_key=token)[0] == 401:
        assert time.monotonic() < give_up_at, "the receiver does not know the new key"
        time.sleep(0.05)
    return token


def get(url: str, token: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"x-api-key": token} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def ask(
    server: Server, path: str, document: dict[str, Any], token: str | None
) -> tuple[int, dict[str, str], Any]:
    """POST to the read API: status, headers, answer."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(
        server.api_url + path, json.dumps(document).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), json.load(refused)


def n_calls(server: Server, token: str, project: str | None = None) -> int:
    body: dict[str, Any] = {} if project is None else {"project": project}
    status, _, rows = ask(server, "/api/v1/query/extent", body, token)
    assert status == 200
    return int(rows[0]["n_calls"])


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_call_lands_in_the_project_of_its_key(server: Server) -> None:
    token = a_key(server, project="landing")
    call = a_call()
    assert server.post("/v1/traces", export(call), authorization=f"Bearer {token}") == (200, b"")
    server.wait_until_committed()
    stored = server.value(f"select project from calls where span_id = '{call.span_id.hex()}'")
    assert stored == "landing"


@pytest.mark.parametrize("named", [{}, {"tenant__id": "globex"}])
def test_everything_a_bound_key_sends_is_its_tenants_whatever_it_says(
    server: Server, named: dict[str, str]
) -> None:
    project = f"stamped-{len(named)}"
    token = a_key(server, project=project, tenant="acme", environment="prod")
    body = export(a_call(**named), deployment__environment__name="test")
    assert server.post("/v1/traces", body, x_api_key=token)[0] == 200
    server.wait_until_committed()
    stamped = server.rows(f"select tenant_id, environment from calls where project = '{project}'")
    assert stamped == [{"tenant_id": "acme", "environment": "prod"}]


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
@pytest.mark.parametrize("name", ["bearer", "basic", "x_api_key"])
def test_every_way_to_present_a_key_works_at_every_door(server: Server, path: str, name: str) -> None:
    token = a_key(server)
    header = {
        "bearer": {"authorization": f"Bearer {token}"},
        "basic": {"authorization": basic(f"pk-lf-123:{token}")},
        "x_api_key": {"x_api_key": token},
    }[name]
    assert server.post(path, export(a_call()), **header)[0] == 200
    wrong = {key: value.replace(token, token[:-1] + "g") for key, value in header.items()}
    if name == "basic":
        wrong = {"authorization": basic(f"pk-lf-123:{token}x")}
    assert server.post(path, export(a_call()), **wrong)[0] == 401


def test_the_standard_exporter_delivers_with_a_key_and_drops_without(server: Server) -> None:
    token = a_key(server, project="exported")
    outcomes = []

    class Noting(SpanExporter):
        def __init__(self, headers: dict[str, str]) -> None:
            self._otlp = OTLPSpanExporter(f"{server.receiver_url}/v1/traces", headers=headers)

        def export(self, spans: Any) -> SpanExportResult:
            outcomes.append(self._otlp.export(spans))
            return outcomes[-1]

    for headers in ({"x-api-key": token}, {}):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(Noting(headers)))
        with provider.get_tracer("test").start_as_current_span("chat m") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
        provider.shutdown()
    assert outcomes == [SpanExportResult.SUCCESS, SpanExportResult.FAILURE]
    server.wait_until_committed()
    assert server.value("select count(*) from calls where project = 'exported'") == 1


def test_without_a_key_the_answer_says_how_to_get_one(server: Server) -> None:
    status, body = server.post("/v1/traces", export(a_call()))
    said = Status.FromString(body)
    assert (status, said.code) == (401, 16)
    assert "steelyard keys add" in said.message
    status, body = server.post("/v1/traces", b"{}", "application/json")
    assert (status, json.loads(body)["code"]) == (401, 16)


def test_a_401_names_the_schemes_that_it_takes(server: Server) -> None:
    for url in (f"{server.receiver_url}/v1/traces", f"{server.receiver_url}/api/v1/records/runs"):
        request = urllib.request.Request(url, b"[]", {"content-type": "application/json"}, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 401
        assert refused.value.headers["www-authenticate"].startswith("Bearer")


def test_grpc_takes_the_same_keys(server: Server) -> None:
    token = a_key(server, project="over-grpc")
    path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with grpc.insecure_channel(server.grpc_target) as channel:
        send = channel.unary_unary(path)
        send(export(a_call()), metadata=(("authorization", f"Bearer {token}"),), timeout=30)
        with pytest.raises(grpc.RpcError) as refused:
            send(export(a_call()), metadata=(("x-api-key", token[:-1] + "g"),), timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    server.wait_until_committed()
    assert server.value("select count(*) from calls where project = 'over-grpc'") == 1


def test_a_good_key_of_the_wrong_role_is_403(server: Server) -> None:
    reader, sender = a_key(server, "read"), a_key(server, "ingest")
    status, body = server.post("/v1/traces", export(a_call()), x_api_key=reader)
    assert (status, Status.FromString(body).code) == (403, 7)
    status, _, said = ask(server, "/api/v1/query/extent", {}, sender)
    assert (status, said["status"]) == (403, 403)
    assert "may not read" in said["detail"]


def test_a_project_header_that_contradicts_the_key_is_403_and_names_both(server: Server) -> None:
    token = a_key(server)
    status, body = server.post("/v1/traces", export(a_call()), x_api_key=token, x_steelyard_project="billing")
    assert status == 403
    assert "'billing'" in Status.FromString(body).message
    assert "'search'" in Status.FromString(body).message


def test_a_key_reads_its_project_and_no_other_whatever_it_asks_for(server: Server) -> None:
    for project in ("mine", "theirs"):
        token = a_key(server, project=project)
        assert server.post("/v1/traces", export(a_call()), x_api_key=token)[0] == 200
    server.wait_until_committed()
    reader = a_key(server, "read", "mine")
    assert n_calls(server, reader) == 1
    assert n_calls(server, reader, "mine") == 1
    status, _, said = ask(server, "/api/v1/query/extent", {"project": "theirs"}, reader)
    assert status == 403
    assert "'theirs'" in said["detail"]
    assert "--project mine" in said["detail"]


def test_two_keys_that_ask_the_same_at_once_get_each_its_own_answer(server: Server) -> None:
    sender = a_key(server, project="shared")
    for tenant in ("acme", "acme", "globex"):
        call = export(a_call(tenant__id=tenant))
        assert server.post("/v1/traces", call, x_api_key=sender)[0] == 200
    server.wait_until_committed()
    readers = {tenant: a_key(server, "read", "shared", tenant=tenant) for tenant in ("acme", "globex")}
    everything = a_key(server, "read", "shared")
    # The same question, within the time that an answer is kept.
    assert [n_calls(server, readers["acme"]), n_calls(server, readers["globex"])] == [2, 1]
    assert n_calls(server, everything) == 3


def test_sql_sees_every_project_so_it_asks_for_more_than_a_project_key(server: Server) -> None:
    for role in ("read", "admin"):
        status, _, said = ask(server, "/api/v1/sql", {"sql": "select 1"}, a_key(server, role))
        assert (status, "every project" in said["detail"]) == (403, True)
    status, _, said = ask(server, "/api/v1/sql", {"sql": "select 1"}, a_key(server, "finance"))
    assert (status, "may not use SQL" in said["detail"]) == (403, True)
    status, _, rows = ask(server, "/api/v1/sql", {"sql": "select 1 as one"}, a_key(server, "admin", "*"))
    assert (status, rows) == (200, [{"one": 1}])


def test_a_refusal_of_the_read_api_is_a_problem_document(server: Server) -> None:
    status, headers, said = ask(server, "/api/v1/query/extent", {}, None)
    assert (status, said["status"]) == (401, 401)
    assert headers["content-type"] == "application/problem+json"
    assert headers["www-authenticate"].startswith("Bearer")


def test_health_tells_a_stranger_only_that_it_is_well(server: Server) -> None:
    status, body = get(f"{server.api_url}/api/v1/health")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert json.loads(get(f"{server.api_url}/api/v1/health", a_key(server, "read"))[1]) == {"status": "ok"}
    assert get(f"{server.api_url}/api/v1/health", "sy_wrong")[0] == 401
    assert server.client.health()["data_dir"] == str(server.data_dir)


def test_an_ingest_key_writes_the_records_of_its_project_but_erases_nothing_and_says_not_whose_calls_are(
    server: Server,
) -> None:
    token = a_key(server, project="evals")
    body = json.dumps([A_RUN]).encode()
    status, _ = server.post("/api/v1/records/runs?wait=commit", body, "application/json", x_api_key=token)
    assert status == 200
    assert server.value("select project from runs where run_id = '01J'") == "evals"
    for kind in ("erasures", "tenants", "attribution_rules", "budgets"):
        status, said = server.post(f"/api/v1/records/{kind}", b"[{}]", "application/json", x_api_key=token)
        assert (kind, status) == (kind, 403)
        assert "admin key" in json.loads(said)["detail"]
    assert server.post("/api/v1/records/runs", body, "application/json")[0] == 401


def test_a_key_that_is_revoked_while_it_is_in_use_is_refused_soon(server: Server) -> None:
    token = a_key(server, "admin", "short-lived")
    assert server.post("/v1/traces", export(a_call()), x_api_key=token)[0] == 200
    assert n_calls(server, token) >= 0
    keys.revoke_key(server.data_dir, keys.key_id_of(token))
    began_at = time.monotonic()
    while server.post("/v1/traces", b"", x_api_key=token)[0] != 401:
        assert time.monotonic() - began_at < GENEROUS_S
    while ask(server, "/api/v1/query/extent", {}, token)[0] != 401:
        assert time.monotonic() - began_at < GENEROUS_S
    status, body = server.post("/v1/traces", export(a_call()), x_api_key=token)
    assert status == 401
    assert "was revoked at" in Status.FromString(body).message


def test_a_damaged_key_file_is_503_so_that_exporters_come_again(server: Server) -> None:
    token = a_key(server)
    path = server.data_dir / "keys.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    try:
        give_up_at = time.monotonic() + GENEROUS_S
        while (answer := server.post("/v1/traces", b"", x_api_key=token))[0] == 200:
            assert time.monotonic() < give_up_at
        assert answer[0] == 503
        assert "cannot read its access keys" in Status.FromString(answer[1]).message
        assert server.client.health()["status"]  # its owner still gets in
    finally:
        path.write_bytes(whole)
    assert "keys.json is damaged" in server.said()
    give_up_at = time.monotonic() + GENEROUS_S
    while server.post("/v1/traces", b"", x_api_key=token)[0] != 200:
        assert time.monotonic() < give_up_at


def test_a_command_says_what_a_wrong_key_needs(server: Server) -> None:
    reader = ServerReader(StoreClient(server.api_url, api_key="sy_read_aaaaaaaaaa_0"))
    with reader, pytest.raises(QueryError, match=r"not known.*STEELYARD_API_KEY"):
        reader.query("extent", project="search")


def test_no_key_is_in_what_the_collector_says_or_keeps(server: Server) -> None:
    tokens = [a_key(server, role) for role in ("ingest", "read", "admin")]
    for token in tokens:
        server.post("/v1/traces", b"\xff\xff", x_api_key=token)
        server.post("/v1/traces", b"", x_api_key=token[:-1] + "g")
        ask(server, "/api/v1/query/nothing", {"params": 1}, token)
    server.wait_until_committed()
    found = server.said().encode()
    for path in server.data_dir.rglob("*"):
        # What goes away meanwhile, as the note of a commit that is over does, is not kept.
        with contextlib.suppress(FileNotFoundError):
            found += path.read_bytes() if path.is_file() and path.name != "local.token" else b""
    owner = keys.read_local_token(server.data_dir)
    assert owner is not None
    for token in (*tokens, owner):
        secret = token.rsplit("_", 1)[1].encode()
        assert secret not in found
        assert secret[:-1] not in found


def test_the_owners_token_is_for_the_owner_alone(server: Server) -> None:
    assert (server.data_dir / "local.token").stat().st_mode & 0o777 == 0o600
    owner = keys.read_local_token(server.data_dir)
    assert owner is not None
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert owner.encode() not in command_line.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
