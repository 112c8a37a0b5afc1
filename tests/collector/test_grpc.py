"""The receiver speaks OTLP/gRPC as its specification asks, to clients good and bad, and shares its spool with HTTP."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import grpc
import psutil
import pytest

from tests.grpc_client import SERVICES, TRACES, call, channel, refused, retry_delay_s
from tests.servers import STEELYARD, Server, free_ports, start_server
from tests.spans import a_call, export
from tests.stores import open_store

MEGABYTE = 1 << 20


def stored(server: Server, span_id: bytes) -> int:
    server.wait_until_committed()
    count: int = server.value(f"select count(*) from calls where span_id = '{span_id.hex()}'")
    return count


@pytest.mark.parametrize("compression", list(grpc.Compression), ids=lambda one: str(one.name))
def test_a_call_is_stored_whatever_its_compression(server: Server, compression: grpc.Compression) -> None:
    span = a_call()
    assert call(server, export(span), compression=compression) == b""
    assert stored(server, span.span_id) == 1


def test_the_same_span_over_both_doors_is_stored_once(server: Server) -> None:
    span = a_call()
    body = export(span)
    assert server.post("/v1/traces", body)[0] == 200
    call(server, body)
    assert stored(server, span.span_id) == 1


def test_metadata_names_the_project_as_a_header_does(server: Server) -> None:
    span = a_call()
    call(server, export(span), metadata=[("x-steelyard-project", "team-b")])
    server.wait_until_committed()
    assert server.value(f"select project from calls where span_id = '{span.span_id.hex()}'") == "team-b"


def test_a_refused_call_is_kept_among_the_rejects_with_its_door(server: Server) -> None:
    assert refused(server, b"\xff\xff\xff").code() is grpc.StatusCode.INVALID_ARGUMENT
    server.wait_until_committed()
    reasons = [row["reason"] for row in server.rows("select reason from rejects where signal = 'traces'")]
    assert any("(OTLP/gRPC)" in reason for reason in reasons)


def test_the_metrics_count_calls_by_their_status(server: Server) -> None:
    call(server, export(a_call()))
    with urllib.request.urlopen(f"{server.receiver_url}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    assert 'steelyard_receiver_requests_total{door="grpc",signal="traces",status="OK"}' in metrics


def test_a_call_without_a_message_ends_retries(server: Server) -> None:
    with channel(server.grpc_target) as opened, pytest.raises(grpc.RpcError) as caught:
        opened.stream_unary(TRACES)(iter(()), timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_that_unpacks_to_more_than_the_limit_is_refused_and_never_held_in_memory(
    server: Server,
) -> None:
    receiver = psutil.Process(server.pid_of("collector.receiver"))
    before = receiver.memory_info().rss
    peak = [before]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            peak[0] = max(peak[0], receiver.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    error = refused(server, bytes(256 * MEGABYTE), compression=grpc.Compression.Gzip)
    stop.set()
    watching.join()
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_s(error) is None
    assert peak[0] - before < 180 * MEGABYTE


def test_the_health_check_knows_the_server_and_its_services(server: Server) -> None:
    check = "/grpc.health.v1.Health/Check"
    serving = b"\x08\x01"
    assert call(server, b"", check) == serving
    for service in SERVICES.values():
        assert call(server, bytes([0x0A, len(service)]) + service.encode(), check) == serving
    assert refused(server, b"\x0a\x01x", check).code() is grpc.StatusCode.NOT_FOUND


def test_localhost_is_reached_by_either_of_its_addresses(server: Server) -> None:
    port = server.grpc_target.rpartition(":")[2]
    try:
        socket.create_connection(("::1", int(port)), timeout=5).close()
    except OSError as missing:
        pytest.skip(f"this machine has no ::1 ({missing})")
    with channel(f"[::1]:{port}") as opened:
        assert opened.unary_unary(TRACES)(b"", timeout=30) == b""


def test_a_full_spool_asks_to_come_again_and_takes_data_later(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", env={"STEELYARD_SPOOL_MAX_BYTES": "1000000"}) as server:
        store_server = server.pid_of("collector.server")
        os.kill(store_server, signal.SIGSTOP)
        body = export(*(a_call() for _ in range(500)))
        with pytest.raises(grpc.RpcError) as caught:
            for _ in range(40):
                call(server, body)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_delay_s(caught.value) == 2.0
        os.kill(store_server, signal.SIGCONT)
        server.wait_until_committed()
        assert call(server, export(a_call())) == b""


def test_a_stop_answers_what_was_taken(tmp_path: Path) -> None:
    acked: list[bytes] = []
    with start_server(tmp_path / "data") as server:

        def send() -> None:
            with channel(server.grpc_target) as opened:
                take = opened.unary_unary(TRACES)
                with contextlib.suppress(grpc.RpcError):
                    while True:
                        span = a_call()
                        take(export(span), timeout=30)
                        acked.append(span.span_id)

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        while len(acked) < 100:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGINT)
        for sender in senders:
            sender.join()
        assert server.process.wait(60) == 0
    with open_store(tmp_path / "data") as again:
        again.commit()
        ids = [row["id"] for row in again.rows("select printf('%016x', span_id) as id from spans")]
    assert len(ids) == len(set(ids))
    assert {span_id.hex() for span_id in acked} <= set(ids)


def test_a_killed_receiver_loses_and_doubles_nothing_that_came_over_grpc(server: Server) -> None:
    acked: list[bytes] = []
    for _ in range(3):
        os.kill(server.pid_of("collector.receiver"), signal.SIGKILL)
        span = a_call()
        with channel(server.grpc_target) as opened:
            # What an exporter does on UNAVAILABLE, less patiently.
            opened.unary_unary(TRACES)(export(span), timeout=60, wait_for_ready=True)
        acked.append(span.span_id)
    assert all(stored(server, span_id) == 1 for span_id in acked)


def take_port_of(server: Server) -> socket.socket:
    """Kill the receiver, and listen on its gRPC port before the next one does."""
    port = int(server.grpc_target.rpartition(":")[2])
    while True:
        os.kill(server.pid_of("collector.receiver"), signal.SIGKILL)
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
            taken.listen()
        except OSError:  # the next one was faster
            taken.close()
            continue
        return taken


def test_while_somebody_has_its_port_http_goes_on_and_grpc_comes_back_later(server: Server) -> None:
    with take_port_of(server):
        assert server.post("/v1/traces", export(a_call()))[0] == 200
        assert "(OTLP/gRPC); trying again" in server.said()
    span = a_call()
    with channel(server.grpc_target) as opened:
        opened.unary_unary(TRACES)(export(span), timeout=60, wait_for_ready=True)
    assert stored(server, span.span_id) == 1


def half_a_message(server: Server) -> socket.socket:
    """A connection with a call that announces a message and never finishes it."""
    named = {":method": "POST", ":scheme": "http", ":path": TRACES, ":authority": "x"}
    named |= {"content-type": "application/grpc", "te": "trailers"}
    headers = b"".join(
        b"\x00" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in named.items()
    )
    host, _, port = server.grpc_target.partition(":")
    opened = socket.create_connection((host, int(port)), timeout=10)
    frames = [frame(4, 0, 0, b""), frame(1, 4, 1, headers), frame(0, 0, 1, b"\x00\x00\x10\x00\x00half")]
    opened.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(frames))
    return opened


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_clients_that_never_finish_a_message_do_not_keep_others_waiting(server: Server) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(60):
            held.enter_context(half_a_message(server))
        span = a_call()
        # They have 20 s each: a call that had to wait for one of them would not come back in time.
        with channel(server.grpc_target) as opened:
            opened.unary_unary(TRACES)(export(span), timeout=15)
    assert stored(server, span.span_id) == 1


def test_a_taken_port_says_which_and_the_flag_that_moves_it(server: Server, tmp_path: Path) -> None:
    port = server.grpc_target.rpartition(":")[2]
    second = subprocess.run(
        [
            STEELYARD,
            "collect",
            "--data",
            tmp_path / "x",
            "--otlp-http",
            str(free_ports(1)[0]),
            "--otlp-grpc",
            port,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 3
    assert f"port {port} (OTLP/gRPC) is taken by" in second.stderr
    assert "--otlp-grpc PORT" in second.stderr


def test_the_banner_says_where_grpc_is(server: Server) -> None:
    assert (
        f"OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://{server.grpc_target}"
        in server.said()
    )
