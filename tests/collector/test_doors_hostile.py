"""Clients that trickle, flood, vanish or never end cost the receiver little, and nobody else anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import uvicorn

from collector.receiver import connection
from collector.receiver.app import Receiver
from collector.receiver.incoming import InFlight, TooMuchAtOnceError
from collector.settings import CollectorSettings
from tests.servers import Server, free_ports
from tests.spans import a_call, export

MEGABYTE = 1_000_000
HEAD = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"


def port_of(server: Server) -> int:
    return int(server.receiver_url.rsplit(":", 1)[1])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def said_until_closed(client: socket.socket) -> bytes:
    """Everything the server says until it hangs up."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            said += chunk
    return said


def one_answer(client: socket.socket) -> tuple[int, bytes]:
    """(status, body) of the next answer."""
    said = b""
    while b"\r\n\r\n" not in said:
        chunk = client.recv(65536)
        assert chunk, said
        said += chunk
    head, _, body = said.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    n_bytes = int(lengths[0].split(b":")[1])
    while len(body) < n_bytes:
        body += client.recv(65536)
    return int(head.split()[1]), body


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(server: Server) -> None:
    with connect(port_of(server)) as client:
        client.sendall(HEAD + b"content-length: 100000000\r\n\r\n")
        status, _ = one_answer(client)
    assert status == 413


def test_a_body_that_never_ends_is_refused_at_the_limit(server: Server) -> None:
    receiver = psutil.Process(server.pid_of("collector.receiver"))
    before_bytes = receiver.memory_info().rss
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    with connect(port_of(server)) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(80):
                client.sendall(chunk)
        status, _ = one_answer(client)
    assert status == 413
    assert receiver.memory_info().rss - before_bytes < 300 * MEGABYTE


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/traces HTTP/1.1\r\n" + b"x: " + b"y" * 1_000_000,
        b"POST /" + b"y" * 1_000_000,
        b"POST /v1/traces HTTP/1.1\r\n" + b"x: y\r\n" * 200_000,
    ],
    ids=["header", "path", "headers"],
)
def test_a_head_without_end_closes_the_connection(server: Server, head: bytes) -> None:
    with connect(port_of(server)) as client:
        with contextlib.suppress(OSError):
            client.sendall(head)
        said = said_until_closed(client)
    assert said == b"" or said.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_trailers_without_end_close_the_connection(server: Server) -> None:
    with connect(port_of(server)) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.sendall(b"x: " + b"y" * 10_000 + b"\r\n")
        said_until_closed(client)


def test_requests_in_a_row_on_one_connection_are_all_answered(server: Server) -> None:
    calls = [a_call() for _ in range(20)]
    bodies = [export(call) for call in calls]
    with connect(port_of(server)) as client:
        client.sendall(b"".join(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies))
        said = b""
        while said.count(b"HTTP/1.1 200") < len(calls):
            chunk = client.recv(65536)
            assert chunk, said
            said += chunk
    server.wait_until_committed()
    ids = ", ".join(f"'{call.span_id.hex()}'" for call in calls)
    assert server.value(f"select count(*) from calls where span_id in ({ids})") == len(calls)


def test_a_client_that_wants_to_speak_http2_is_answered_in_http1(server: Server) -> None:
    # Java's client asks so with its first request.
    body = export(a_call())
    upgrade = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"
    with connect(port_of(server)) as client:
        client.sendall(HEAD + upgrade + b"content-length: %d\r\n\r\n" % len(body) + body)
        assert one_answer(client) == (200, b"")


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(server: Server) -> None:
    for _ in range(50):
        with connect(port_of(server)) as client:
            client.sendall(HEAD + b"content-length: 1000\r\n\r\nhalf")
    assert server.post("/v1/traces", export(a_call())) == (200, b"")
    assert "Exception" not in server.said()


def test_hundreds_of_idle_connections_keep_nobody_out(server: Server) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(600):
            open_ones.enter_context(connect(port_of(server))).sendall(b"POST /v1/tr")
        assert server.post("/v1/traces", export(a_call())) == (200, b"")


def test_a_large_body_keeps_small_ones_no_longer_than_a_blink(server: Server) -> None:
    # Not a benchmark: it fails only when a large body stops everybody for as long as it takes.
    large = export(*(a_call(note="x" * 500) for _ in range(20_000)))
    assert len(large) > 15 * MEGABYTE
    outcome: list[tuple[int, bytes]] = []
    sending = threading.Thread(target=lambda: outcome.append(server.post("/v1/traces", large)))
    sending.start()
    waits_s = []
    while sending.is_alive():
        began_at = time.monotonic()
        assert server.post("/v1/traces", export(a_call())) == (200, b"")
        waits_s.append(time.monotonic() - began_at)
    assert outcome == [(200, b"")]
    assert max(waits_s) < 10.0


@contextlib.contextmanager
def serving(data: Path) -> Iterator[int]:
    """The port of a receiver that is served in this process and may hold 3 MB of bodies."""
    (data / "spool").mkdir()
    http_port, grpc_port = free_ports(2)
    settings = CollectorSettings(
        data=data, otlp_http=http_port, otlp_grpc=grpc_port, inflight_max_bytes=3 << 20
    )
    config = uvicorn.Config(
        Receiver(settings).app(), port=http_port, http=connection.Connection, log_level="critical"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield http_port
    running.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a receiver that waits for half a second instead of a minute."""
    monkeypatch.setattr(connection, "HEAD_PATIENCE_S", 0.5)
    monkeypatch.setattr(connection, "BODY_PATIENCE_S", 0.5)
    monkeypatch.setattr(connection, "_LOOK_EVERY_S", 0.05)
    with serving(tmp_path) as port:
        yield port


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b""),
        (b"POST /v1/traces HTTP/1.1\r\n", b"x: y\r\n"),
        (HEAD + b"content-length: 1000000\r\n\r\n", b"x"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"\r\n"),
    ],
    ids=["silence", "headers", "body", "chunks", "blank lines"],
)
def test_a_client_that_trickles_is_hung_up_on(hasty: int, first: bytes, more: bytes) -> None:
    with connect(hasty) as client:
        client.settimeout(0.02)
        client.sendall(first)
        give_up_at = time.monotonic() + 30
        said, is_open = b"", True
        while is_open:
            assert time.monotonic() < give_up_at, "the server still waits"
            try:
                client.sendall(more)
                chunk = client.recv(65536)
                said, is_open = said + chunk, bool(chunk)
            except TimeoutError:
                continue
            except OSError:
                is_open = False
    assert said == b"" or said.startswith(b"HTTP/1.1 408")


def test_a_connection_between_requests_is_left_alone(hasty: int) -> None:
    body = export(a_call())
    with connect(hasty) as client:
        for _ in range(3):
            client.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
            assert one_answer(client) == (200, b"")
            time.sleep(0.7)


def test_more_at_once_than_memory_allows_is_sent_away_for_a_moment(tmp_path: Path) -> None:
    with serving(tmp_path) as port, contextlib.ExitStack() as held:
        clients = [held.enter_context(connect(port)) for _ in range(4)]
        for client in clients:
            client.sendall(HEAD.replace(b"x-protobuf", b"json") + b"content-length: 2000000\r\n\r\n")
            client.sendall(bytes(1_400_000))
        answered, _, _ = select.select(clients, [], [], 30)
        status, body = one_answer(answered[0])
        assert (status, json.loads(body)["code"]) == (503, 14)
        small = held.enter_context(connect(port))
        call = export(a_call())
        small.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(call) + call)
        assert one_answer(small) == (200, b"")


def test_what_was_in_flight_is_given_back() -> None:
    in_flight = InFlight(1_000_000)
    for _ in range(5):
        with in_flight.request() as share:
            share.grow_to(900_000)
            with pytest.raises(TooMuchAtOnceError), in_flight.request() as other:
                other.grow_to(200_000)
    with in_flight.request() as share:
        share.grow_to(1_000_000)


def test_the_event_loop_turns_while_a_large_body_is_read(tmp_path: Path) -> None:
    from collector.receiver import otlp
    from collector.receiver.intake import Intake

    large = export(*(a_call(note="x" * 500) for _ in range(20_000)))

    async def turns() -> int:
        intake = Intake(CollectorSettings(data=tmp_path))
        n_turns = 0
        reading = asyncio.ensure_future(
            intake.aside(len(large), otlp.read_export, large, otlp.PROTOBUF, otlp.TRACES)
        )
        while not reading.done():
            await asyncio.sleep(0)
            n_turns += 1
        assert reading.result().n_items == 20_000
        return n_turns

    assert asyncio.run(turns()) > 3
