"""What a running collector says of itself: metrics, probes, the pipeline's state, and what its processes load."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Server, start_server
from tests.spans import a_call, export

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {
        "STEELYARD_CAPTURE_PROJECTS": "support",
        "STEELYARD_RETENTION": '{"projects": {"support": {"spans_days": 7}}}',
        "STEELYARD_LOG_FORMAT": "json",
    }
    with start_server(tmp_path_factory.mktemp("observe") / "data", env=env) as running:
        yield running


def get(url: str, accept: str = "*/*") -> tuple[int, str, str]:
    """(status, content type, body)"""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers={"accept": accept}), timeout=10
        ) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["content-type"], refused.read().decode()


def metric(url: str, name: str, **labels: str) -> float:
    """One sample as Prometheus would read it; 0 when it is not there yet."""
    for family in text_string_to_metric_families(get(f"{url}/metrics")[2]):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return 0.0


def pipeline(server: Server, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(f"{server.api_url}/api/v1/pipeline{query}")[2])
    return found


def until(is_so: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up_at, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.05)


def test_the_receiver_counts_what_it_takes_and_what_it_refuses(server: Server) -> None:
    def taken(reason: str = "") -> float:
        if reason:
            return metric(
                server.receiver_url, "steelyard_receiver_items_rejected_total", signal="traces", reason=reason
            )
        return metric(server.receiver_url, "steelyard_receiver_items_accepted_total", signal="traces")

    before, refused_before = taken(), taken("id")
    server.post("/v1/traces", export(a_call(), a_call(), a_call(span_id=bytes(8))))
    assert (taken(), taken("id")) == (before + 2, refused_before + 1)


def test_an_answer_counts_under_its_door_signal_and_status(server: Server) -> None:
    def answered(signal: str, status: str) -> float:
        name = "steelyard_receiver_requests_total"
        return metric(server.receiver_url, name, door="http", signal=signal, status=status)

    before = {key: answered(*key) for key in (("traces", "400"), ("logs", "415"), ("other", "404"))}
    server.post("/v1/traces", b"not protobuf")
    server.post("/v1/logs", b"", content_type="text/plain")
    server.post("/wp-admin", b"")
    assert {key: answered(*key) for key in before} == {key: n + 1 for key, n in before.items()}


def test_what_people_send_never_becomes_a_label(server: Server) -> None:
    server.post("/v1/secret-path", b"")
    server.post(
        "/v1/traces", export(a_call(), service__name="secret-service"), x_steelyard_project="secret-project"
    )
    server.post("/api/v1/records/secret-kind", b"[]", content_type="application/json")
    server.wait_until_committed()
    for url in (server.receiver_url, server.api_url):
        assert "secret" not in get(f"{url}/metrics")[2]


def test_the_store_server_counts_rows_by_table_and_how_soon_they_are_visible(server: Server) -> None:
    before = metric(server.api_url, "steelyard_store_rows_committed_total", table="spans")
    server.post("/v1/traces", export(a_call(), a_call()))
    until(
        lambda: metric(server.api_url, "steelyard_store_rows_committed_total", table="spans") == before + 2,
        "two spans are counted",
    )
    assert metric(server.api_url, "steelyard_store_visible_seconds_count") >= 1
    assert metric(server.api_url, "steelyard_store_file_bytes") > 0


def test_a_query_counts_once_and_its_repetition_as_cached(server: Server) -> None:
    def counted() -> tuple[float, float]:
        name = "steelyard_store_queries_total"
        return metric(server.api_url, name, outcome="ok"), metric(server.api_url, name, outcome="cached")

    server.wait_until_committed()
    before = counted()
    for _ in range(2):
        server.value("select 41 + 1 as answer")
    assert counted() == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("which", ["receiver_url", "api_url"])
def test_prometheus_and_openmetrics_both_get_what_they_ask_for(server: Server, which: str) -> None:
    url = f"{getattr(server, which)}/metrics"
    assert get(url)[1].startswith("text/plain; version=0.0.4")
    for strange in (
        "application/openmetrics-text; version=1.0.0",
        "application/openmetrics-text; version=x, */*",
    ):
        status, content_type, body = get(url, strange)
        assert (status, content_type.split(";")[0]) == (200, "application/openmetrics-text")
        assert body.endswith("# EOF\n")


@pytest.mark.parametrize("which", ["receiver_url", "api_url"])
@pytest.mark.parametrize("probe", ["healthz", "readyz"])
def test_a_sound_collector_is_alive_and_ready(server: Server, which: str, probe: str) -> None:
    url = f"{getattr(server, which)}/{probe}"
    until(lambda: get(url)[0] == 200, f"{url} is 200")


def test_who_opens_the_receiver_in_a_browser_is_told_where_the_page_is(server: Server) -> None:
    status, content_type, body = get(f"{server.receiver_url}/")
    assert status == 200 and content_type.startswith("text/plain")
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={server.receiver_url}" in body
    assert "steelyard up" in body


def test_the_pipeline_tells_what_is_set_for_a_project(server: Server) -> None:
    of_support, of_default = pipeline(server, "?project=support"), pipeline(server)
    assert (of_support["captures_content"], of_default["captures_content"]) == (True, False)
    assert (of_support["retention_days"]["spans"], of_default["retention_days"]["spans"]) == (7, None)


def test_the_pipeline_is_up_and_empty_when_all_is_stored(server: Server) -> None:
    server.post("/v1/traces", export(a_call()))
    server.wait_until_committed()
    found = pipeline(server)
    assert found["processes"]["receiver"]["up"] and found["processes"]["store server"]["up"]
    assert (found["spool"]["segments"], found["oldest_waiting_s"], found["quarantine"]["segments"]) == (
        0,
        None,
        0,
    )
    assert found["commits_last_minute"] >= 1 and found["rows_last_minute"] >= 1


def test_a_restart_is_counted_and_told_everywhere(server: Server) -> None:
    assert pipeline(server)["processes"]["receiver"]["restarts"] == 0
    os.kill(server.pid_of("collector.receiver"), signal.SIGKILL)
    until(lambda: pipeline(server)["processes"]["receiver"]["restarts"] == 1, "the restart is counted")
    assert pipeline(server)["processes"]["receiver"]["last_end"] == "killed by signal 9"
    assert metric(server.api_url, "steelyard_process_restarts", process="receiver") == 1
    lines = [json.loads(line) for line in server.said().splitlines() if '"process_ended"' in line]
    assert [(line["part"], line["process"], line["level"]) for line in lines] == [
        ("steelyard", "receiver", "warning")
    ]
    assert "starting it again" in lines[0]["message"]


def test_a_receiver_without_room_is_alive_but_not_ready(tmp_path: Path) -> None:
    # More is to be kept free than any disk has: every request is refused.
    with start_server(tmp_path / "data", env={"STEELYARD_DISK_RESERVE_BYTES": str(10**18)}) as server:
        status, _, body = get(f"{server.receiver_url}/readyz")
        assert status == 503 and "the disk has" in json.loads(body)["reasons"][0]
        assert get(f"{server.receiver_url}/healthz")[0] == 200
        until(lambda: bool(pipeline(server)["processes"]["receiver"]["reasons"]), "the pipeline says so")


def test_a_silent_receiver_is_told_as_down(server: Server) -> None:
    pid = server.pid_of("collector.receiver")
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: not pipeline(server)["processes"]["receiver"]["up"], "the receiver is down")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_quarantined_segment_is_counted_with_its_reason(server: Server) -> None:
    (server.data_dir / "spool" / "00000000000001-foreign.seg").write_bytes(b"not a segment")
    until(lambda: pipeline(server)["quarantine"]["segments"] == 1, "the segment is in quarantine")
    assert "shorter than a segment header" in pipeline(server)["quarantine"]["reasons"][0]
    assert metric(server.api_url, "steelyard_store_segments_quarantined_total") == 1


def test_with_keys_required_metrics_need_one_and_probes_do_not(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", env={"STEELYARD_REQUIRE_KEYS": "true"}) as server:
        for url in (server.receiver_url, server.api_url):
            assert get(f"{url}/metrics")[0] == 401
            until(lambda url=url: get(f"{url}/readyz")[0] == 200, "ready without a key")
            assert get(f"{url}/healthz")[0] == 200


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("collector.receiver", ("duckdb", "pyarrow", "numpy", "pandas")),
        ("collector.server", ("pandas", "pydantic_core")),
    ],
)
def test_a_process_loads_no_library_that_it_does_not_need(
    server: Server, module: str, needless: tuple[str, ...]
) -> None:
    """Each costs 10 to 40 MB of memory for as long as the process lives."""
    server.value("select count(*) from spans")
    mapped = Path(f"/proc/{server.pid_of(module)}/maps").read_text("utf-8")
    assert [name for name in needless if f"/{name}" in mapped] == []
