"""`steelyard doctor`: each thing it looks at, sound and not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands import findings
from tests.front_door import front_door
from tests.servers import Server, start_server
from tests.spans import a_call, export


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("doctor") / "data") as running:
        yield running


def doctor(data: Path) -> dict[str, tuple[str, str]]:
    """By what was looked at: its mark and the rest of its line with the advice below."""
    ran = front_door("doctor", "--data", data)
    assert "Traceback" not in ran.stderr
    told: dict[str, tuple[str, str]] = {}
    what = ""
    for line in ran.stdout.splitlines():
        if line.startswith(("ok", "!!")):
            what = line[4:22].strip()
            told[what] = (line[:2], line[22:].strip())
        else:
            told[what] = (told[what][0], f"{told[what][1]} {line.strip()}")
    assert ran.returncode == (3 if any(mark == "!!" for mark, _ in told.values()) else 0)
    return told


def test_a_sound_collector_passes_every_check(server: Server) -> None:
    server.post("/v1/traces", export(a_call()))
    server.wait_until_committed()
    told = doctor(server.data_dir)
    assert {mark for mark, _ in told.values()} == {"ok"}, told
    assert told["receiver"] == ("ok", "ready") and told["store server"] == ("ok", "ready")
    assert told["lag"] == ("ok", "nothing waits to be stored")
    assert told["gRPC port"][1].endswith("answers")
    assert told["restarts"] == ("ok", "none since the start")
    assert told["clock"][1].startswith("agrees with")


def test_a_refusal_of_the_last_day_needs_attention(server: Server) -> None:
    server.post("/v1/traces", export(a_call(span_id=bytes(8)), a_call(span_id=bytes(8))))
    server.wait_until_committed()
    mark, said = doctor(server.data_dir)["rejects"]
    assert mark == "!!" and "1 in the last day, 2 items" in said and "rejects_by_reason" in said


def test_a_sender_whose_clock_is_ahead_is_told(server: Server) -> None:
    ahead_ns = time.time_ns() + 3600 * 10**9
    server.post("/v1/traces", export(a_call(started_ns=ahead_ns), a_call()))
    server.wait_until_committed()
    n_spans = server.value("select count(*) from spans")
    mark, said = doctor(server.data_dir)["clock"]
    assert mark == "!!"
    assert f"1 of {n_spans} spans of the last day began after they were received" in said


def test_a_process_that_was_restarted_is_named(server: Server) -> None:
    os.kill(server.pid_of("collector.receiver"), signal.SIGKILL)
    give_up_at = time.monotonic() + 30
    while (told := doctor(server.data_dir))["restarts"][0] == "ok":
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    assert "receiver 1 (last killed by signal 9" in told["restarts"][1]


def test_a_directory_that_others_may_read_is_named(server: Server) -> None:
    server.data_dir.chmod(0o755)
    try:
        mark, said = doctor(server.data_dir)["file modes"]
    finally:
        server.data_dir.chmod(0o700)
    assert mark == "!!" and f"chmod go= {server.data_dir}" in said


def test_an_old_segment_in_quarantine_is_told_with_its_age(tmp_path: Path) -> None:
    (tmp_path / "one.seg").write_bytes(b"")
    [found] = findings.quarantine(tmp_path, 7, datetime.now(UTC) + timedelta(days=3))
    assert "the oldest 3 days ago; deleted after 7" in found.found and found.advice


def test_without_quarantine_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert list(findings.quarantine(tmp_path, 7, datetime.now(UTC))) == []


def test_a_grpc_port_that_nobody_answers_is_told(server: Server) -> None:
    state = {
        "endpoints": {"grpc": "http://127.0.0.1:1"},
        "processes": {},
        "oldest_waiting_s": 75.0,
    }
    told = {found.what: found for found in findings.pipeline(state, datetime.now(UTC))}
    assert told["gRPC port"].found == "http://127.0.0.1:1 does not answer" and told["gRPC port"].advice
    assert told["lag"].found == "the oldest data has been waiting for 75.0 s" and told["lag"].advice
