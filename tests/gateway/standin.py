"""A stand-in for a model server: real HTTP on loopback, OpenAI's protocol, and every way such a server fails.

It answers each request with the next of the `steps` it was given, then with `default` for ever.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[["Handler"], None]


def completion(text: str = "ok", *, usage: dict[str, Any] | None = None, finish_reason: str = "stop") -> Step:
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "model": "m-2026-01-01",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
        ],
    }
    return answer(200, body | ({"usage": usage} if usage else {}))


def answer(status: int, body: object, **headers: str) -> Step:
    def step(handler: Handler) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(raw)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(raw)

    return step


def refused(status: int, code: str | None = None, **headers: str) -> Step:
    return answer(status, {"error": {"message": "SECRET PROMPT TEXT", "code": code}}, **headers)


def truncated(handler: Handler) -> None:
    """Promise more than is sent, then close."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Close with a TCP reset and no answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.server.over.wait()
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.next_step(self.path, dict(self.headers), body)(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Script:
    steps: list[Step] = field(default_factory=list)
    default: Step = field(default_factory=completion)
    seen: list[Seen] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.over = threading.Event()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_step(self, path: str, headers: dict[str, str], body: bytes) -> Step:
        with self._lock:
            self.script.seen.append(Seen(path, {k.lower(): v for k, v in headers.items()}, body))
            return self.script.steps.pop(0) if self.script.steps else self.script.default

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


@contextlib.contextmanager
def serving(*steps: Step, default: Step | None = None) -> Iterator[Server]:
    server = Server(Script(list(steps), default or completion()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
