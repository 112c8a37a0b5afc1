"""A 2xx means the span is on disk, and every span is stored once, whichever process dies and whenever."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.load import assert_stored_once, sending_to
from tests.servers import STEELYARD, Server, start_server
from tests.spans import a_call, export


def are_stored_once(server: Server, *spans: Span) -> bool:
    """Each of these, whatever else is there."""
    stored = Counter(stored_ids(server))
    return all(stored[span.span_id.hex()] == 1 for span in spans)


def stored_ids(server: Server) -> list[str]:
    server.wait_until_committed(60.0)
    return [row["id"] for row in server.rows("select printf('%016x', span_id) as id from spans")]


def test_while_the_receiver_is_dead_connections_wait_and_none_is_refused(server: Server) -> None:
    sent = [a_call() for _ in range(3)]
    for call in sent:
        os.kill(server.pid_of("collector.receiver"), signal.SIGKILL)
        status, _ = server.post("/v1/traces", export(call))
        assert status == 200
    assert are_stored_once(server, *sent)


def test_localhost_is_reached_by_either_of_its_addresses(server: Server) -> None:
    port = int(server.receiver_url.rpartition(":")[2])
    for address in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((address, port), timeout=5).close()
        except OSError as refused:
            assert refused.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH), address


def test_a_segment_that_somebody_deletes_does_not_silence_the_receiver(server: Server) -> None:
    # The store server stands still, so that the open segment is ours to delete before it rolls.
    os.kill(server.pid_of("collector.server"), signal.SIGSTOP)
    try:
        assert server.post("/v1/traces", export(a_call()))[0] == 200
        for segment in (server.data_dir / "spool").glob("*.open"):
            segment.unlink()
        time.sleep(0.5)  # longer than a segment stays open: it has failed to roll by now
        assert server.post("/v1/traces", export(a_call()))[0] == 200
    finally:
        os.kill(server.pid_of("collector.server"), signal.SIGCONT)


def test_after_the_supervisor_is_killed_a_restart_picks_up_what_the_spool_holds(tmp_path: Path) -> None:
    with start_server(tmp_path / "data") as first, sending_to(first) as [sender]:
        os.kill(first.pid_of("collector.server"), signal.SIGSTOP)  # so that the spool holds something
        sender.wait_for(400)
        os.kill(first.pid_of("collector.server"), signal.SIGKILL)
        os.kill(first.process.pid, signal.SIGKILL)
    with start_server(tmp_path / "data") as second:
        assert_stored_once(second, [sender])


def test_after_everything_was_killed_the_file_can_be_read_and_what_waits_is_announced(tmp_path: Path) -> None:
    with start_server(tmp_path / "data") as server:
        server.post("/v1/traces", export(*(a_call() for _ in range(50))))
        server.wait_until_committed()
        children = [server.pid_of(module) for module in ("collector.receiver", "collector.server")]
        os.kill(children[1], signal.SIGSTOP)
        server.post("/v1/traces", export(a_call()))
        os.kill(server.process.pid, signal.SIGKILL)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    found = subprocess.run(
        [STEELYARD, "sql", "--data", tmp_path / "data", "--format", "csv", "select count(*) as n from calls"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "n\n50\n"
    assert "wait in its spool: `steelyard up` commits them" in found.stderr


def test_the_receiver_takes_telemetry_while_the_store_server_stands_still(server: Server) -> None:
    store_server, call = server.pid_of("collector.server"), a_call()
    os.kill(store_server, signal.SIGSTOP)
    try:
        status, _ = server.post("/v1/traces", export(call))
        assert status == 200
    finally:
        os.kill(store_server, signal.SIGCONT)
    assert are_stored_once(server, call)


def test_a_full_spool_answers_503_with_a_short_retry_after_and_takes_data_again_later(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", env={"STEELYARD_SPOOL_MAX_BYTES": "1000000"}) as server:
        store_server = server.pid_of("collector.server")
        os.kill(store_server, signal.SIGSTOP)
        body = export(*(a_call() for _ in range(500)))
        accepted = 0
        for _ in range(40):
            status, _ = server.post("/v1/traces", body)
            if status != 200:
                break
            accepted += 1
        assert status == 503
        assert 0 < accepted * len(body) < 2_000_000
        os.kill(store_server, signal.SIGCONT)
        assert len(stored_ids(server)) == 500
        assert server.post("/v1/traces", export(a_call()))[0] == 200


def test_ctrl_c_commits_what_was_accepted_and_ends_with_0(tmp_path: Path) -> None:
    with start_server(tmp_path / "data") as server:
        store_server = server.pid_of("collector.server")
        os.kill(store_server, signal.SIGSTOP)  # so that nothing is committed before the end begins
        server.post("/v1/traces", export(*(a_call() for _ in range(100))))
        server.process.send_signal(signal.SIGINT)
        while not list((tmp_path / "data" / "spool").glob("*.seg")):
            time.sleep(0.01)
        os.kill(store_server, signal.SIGCONT)
        assert server.process.wait(60) == 0
    found = subprocess.run(
        [STEELYARD, "sql", "--data", tmp_path / "data", "--format", "csv", "select count(*) as n from calls"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "n\n100\n"
    assert list((tmp_path / "data" / "spool").glob("*.seg")) == []


def test_a_second_start_on_the_same_data_directory_says_who_has_it(server: Server) -> None:
    second = subprocess.run(
        [STEELYARD, "up", "--data", server.data_dir], capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 3
    assert f"is in use by the Steelyard with process id {server.process.pid}" in second.stderr
    assert "--data DIR" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_says_which_and_the_flag_that_moves_it(server: Server, tmp_path: Path) -> None:
    port = server.receiver_url.rpartition(":")[2]
    second = subprocess.run(
        [STEELYARD, "collect", "--data", tmp_path / "other", "--otlp-http", port],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 3
    assert f"port {port} (OTLP/HTTP) is taken by" in second.stderr
    assert "--otlp-http PORT" in second.stderr


def test_a_data_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = subprocess.run(
        [STEELYARD, "collect", "--data", tmp_path / "file" / "data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 3
    assert "cannot be used: Not a directory" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_disk_that_is_nearly_full_is_announced_and_refuses_with_503(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", env={"STEELYARD_DISK_RESERVE_BYTES": str(10**15)}) as server:
        status, answer = server.post("/v1/traces", export(a_call()))
        assert status == 503
        assert b"free some space" in answer
    assert "New telemetry is refused (503) until there are 1000000000 MB" in server.said()
