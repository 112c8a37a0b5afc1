"""No room, or nobody who commits: what is acknowledged stays safe, the rest is refused so that it is sent again.

The store server stands still for a second here; STEELYARD_FAULT_PAUSE_S=120 makes it minutes.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from tests.load import DOORS, assert_stored_once, sending_to
from tests.servers import Server, start_server
from tests.spans import a_call, export

MEGABYTE = 1_000_000
PAUSE_S = float(os.environ.get("STEELYARD_FAULT_PAUSE_S", "1"))
RECEIVER, STORE_SERVER = "collector.receiver", "collector.server"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 64 MB; only root may mount one."""
    room = tmp_path / "disk"
    room.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", room], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield room
    finally:
        subprocess.run(["umount", "-l", room], check=True)


@contextlib.contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process that lives and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def file_size_limit(pid: int, n_bytes: int) -> Iterator[None]:
    """No file of that process may grow beyond this: writes fail as on a full disk, with another error number."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def fill(disk: Path, leave_bytes: int) -> Path:
    """A file that takes what is free, but for a little."""
    ballast = disk / "ballast"
    # The server writes too, and may be the one who takes the last of it.
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for _ in range((shutil.disk_usage(disk).free - leave_bytes) // 65536):
            file.write(bytes(65536))
    return ballast


@pytest.mark.parametrize("reserve_bytes", [0, 8 * MEGABYTE], ids=["no reserve", "with a reserve"])
def test_a_full_disk_refuses_with_503_and_loses_nothing_once_there_is_room(
    small_disk: Path, reserve_bytes: int
) -> None:
    env = {"STEELYARD_DISK_RESERVE_BYTES": str(reserve_bytes)}
    with start_server(small_disk / "data", env=env) as server:
        with sending_to(server, DOORS[:2]) as senders:
            ballast = fill(small_disk, leave_bytes=200_000)
            for sender in senders:
                sender.wait_until_refused()
            time.sleep(1.0)  # full for a while: the committer meets it too
            ballast.unlink()
            for sender in senders:
                sender.wait_for(100)
        assert all(set(sender.refused) <= {"503", "ConnectionResetError"} for sender in senders)
        assert_stored_once(server, senders)


def test_a_segment_that_cannot_grow_refuses_with_503_and_loses_nothing(server: Server) -> None:
    with sending_to(server, DOORS[:2]) as senders:
        with file_size_limit(server.pid_of(RECEIVER), 10_000):
            for sender in senders:
                sender.wait_until_refused()
        for sender in senders:
            sender.wait_for(100)
    assert_stored_once(server, senders)


def test_a_store_that_cannot_grow_waits_and_blames_no_segment(server: Server) -> None:
    with sending_to(server) as senders:
        with file_size_limit(server.pid_of(STORE_SERVER), 4096):
            time.sleep(1.5)
        senders[0].wait_for(100)
    assert_stored_once(server, senders)


def test_while_nobody_commits_the_receiver_acknowledges_up_to_the_bound_and_later_all_is_stored(
    server: Server,
) -> None:
    with sending_to(server, DOORS) as senders, standing_still(server.pid_of(STORE_SERVER)):
        before = [len(sender.acked) for sender in senders]
        time.sleep(PAUSE_S)
        for sender, n_acked in zip(senders, before, strict=True):
            assert len(sender.acked) > n_acked
            assert not sender.refused
    assert_stored_once(server, senders)
    # In order: what was received first was committed first.
    disorder = server.value(
        "select count(*) from (select committed_at < lag(committed_at) over (order by batch_received) as back "
        "from (select b.committed_at, min(s.received_at) as batch_received from spans s join batches b "
        "using (batch_id) group by all)) where back"
    )
    assert disorder == 0


def test_at_the_spool_bound_every_door_says_come_again_and_later_all_is_stored(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", env={"STEELYARD_SPOOL_MAX_BYTES": "1000000"}) as server:
        with sending_to(server, DOORS) as senders:
            with standing_still(server.pid_of(STORE_SERVER)):
                for sender in senders:
                    sender.wait_until_refused()
                assert _retry_after_s_over_http(server) == 2
                assert 1 <= _retry_after_s_over_grpc(server) <= 3
            for sender in senders:
                sender.wait_for(100)
        assert {answer for sender in senders for answer in sender.refused} <= {"503", "UNAVAILABLE"}
        assert_stored_once(server, senders)


def _retry_after_s_over_http(server: Server) -> int:
    connection = http.client.HTTPConnection(server.receiver_url.removeprefix("http://"), timeout=30)
    body = export(*(a_call() for _ in range(3000)))  # too large for what little is left
    connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 503
    return int(answer.headers["retry-after"])


def _retry_after_s_over_grpc(server: Server) -> float:
    """RetryInfo in the details of google.rpc.Status, as OTLP asks."""
    with grpc.insecure_channel(server.grpc_target) as channel:
        export_spans = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as refused:
            export_spans(export(*(a_call() for _ in range(3000))), timeout=30)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    trailers = dict(refused.value.trailing_metadata())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    retry = RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    return retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
