"""The load driver: keeps connections busy with export requests and notes how long each answer took.

A process of its own (`python -m benchmarks.ingest.load SPEC_JSON`; on stdout `started`, later the result as
JSON), one thread, raw non-blocking sockets: what it costs itself is measured and printed beside the server's, so
that nobody has to believe that it was not the bottleneck. Like an exporter it sends a request again when the
server says 503 or hangs up, and waits as long as Retry-After asks.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from benchmarks.ingest.spans import fresh, templates

_HEAD_END = b"\r\n\r\n"
# After the end of the load, answers that are still on their way are waited for this long.
_LAST_ANSWERS_S = 30.0


@dataclass(frozen=True)
class LoadSpec:
    """What to send, where, for how long."""

    host: str
    port: int
    seconds: float
    connections: int
    spans_per_request: int
    spans_per_second: float | None = None  # None: as fast as it goes
    content_bytes: int = 0
    path: str = "/v1/traces"
    templates: int = 16
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class LoadResult:
    """What came of it. `ack_ms` is one number a request, from when it was due until its answer."""

    acked_spans: int = 0
    acked_requests: int = 0
    refused_requests: int = 0  # 503 and the like; sent again later
    broken_connections: int = 0
    failed_requests: int = 0  # answers that forbid sending again
    seconds: float = 0.0  # until the last answer
    cpu_s: float = 0.0
    wire_bytes: int = 0
    ack_ms: list[float] = field(default_factory=list)


@dataclass
class _Connection:
    """One connection and the request that is on it."""

    sock: socket.socket
    request: bytes = b""
    n_spans: int = 0
    sent: int = 0
    due_at: float = 0.0
    answer: bytes = b""


class Load:
    """Sends until the time is over, then waits for the last answers."""

    def __init__(self, spec: LoadSpec) -> None:
        self._spec = spec
        self._requests = self._encoded()
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, int, _Connection]] = []  # connections that wait for their time
        self._n_issued = 0
        self._busy = 0
        self.result = LoadResult()

    def run(self) -> LoadResult:
        next(self._requests)  # builds the templates before the clock starts
        print("started", flush=True)
        cpu_before, self._started_at = time.process_time(), time.monotonic()
        self._stop_at = self._started_at + self._spec.seconds
        for _ in range(self._spec.connections):
            self._next_request(_Connection(self._connect()))
        while self._busy or self._later:
            self._wake_those_due()
            for key, _ in self._selector.select(self._pause_s()):
                self._go_on(key.data)
            if time.monotonic() > self._stop_at + _LAST_ANSWERS_S:
                break
        self.result.seconds = time.monotonic() - self._started_at
        self.result.cpu_s = time.process_time() - cpu_before
        return self.result

    def _encoded(self) -> Iterator[tuple[bytes, int]]:
        spec = self._spec
        extra = "".join(f"{name}: {value}\r\n" for name, value in spec.headers.items())
        for body, n_spans in fresh(
            templates(spec.templates, spec.spans_per_request, content_bytes=spec.content_bytes)
        ):
            head = (
                f"POST {spec.path} HTTP/1.1\r\nHost: {spec.host}:{spec.port}\r\n{extra}"
                f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body, n_spans

    def _connect(self) -> socket.socket:
        sock = socket.create_connection((self._spec.host, self._spec.port), timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        return sock

    def _next_request(self, connection: _Connection) -> None:
        """Give the connection its next request, now or when that is due; close it when the time is over."""
        now = time.monotonic()
        due_at = now
        if self._spec.spans_per_second is not None:
            due_at = (
                self._started_at + self._n_issued * self._spec.spans_per_request / self._spec.spans_per_second
            )
        if max(now, due_at) >= self._stop_at:
            connection.sock.close()
            return
        self._n_issued += 1
        connection.due_at = due_at
        connection.request = b""  # encoded when it goes out, so that its times are those of sending
        if due_at > now:
            self._put_off(connection, due_at)
        else:
            self._send(connection)

    def _send(self, connection: _Connection) -> None:
        if not connection.request:
            connection.request, connection.n_spans = next(self._requests)
        connection.sent, connection.answer = 0, b""
        self._busy += 1
        self._selector.register(connection.sock, selectors.EVENT_WRITE, connection)
        self._go_on(connection)

    def _go_on(self, connection: _Connection) -> None:
        try:
            if connection.sent < len(connection.request):
                self._write(connection)
            else:
                self._read(connection)
        except BlockingIOError:
            return
        except OSError:
            self._again_on_a_new_connection(connection)

    def _write(self, connection: _Connection) -> None:
        view = memoryview(connection.request)
        while connection.sent < len(view):
            connection.sent += connection.sock.send(view[connection.sent :])
        self._selector.modify(connection.sock, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        received = connection.sock.recv(65536)
        if not received:
            raise ConnectionResetError
        connection.answer += received
        head, found, body = connection.answer.partition(_HEAD_END)
        if found and len(body) >= int(_header(head, b"content-length") or 0):
            self._selector.unregister(connection.sock)
            self._busy -= 1
            self._answered(connection, int(head[9:12]), _header(head, b"retry-after"))

    def _answered(self, connection: _Connection, status: int, retry_after: bytes | None) -> None:
        result = self.result
        if status in (429, 502, 503, 504):
            result.refused_requests += 1
            self._put_off(connection, time.monotonic() + float(retry_after or 1))
            return
        if status == 200:
            result.acked_spans += connection.n_spans
            result.acked_requests += 1
            result.wire_bytes += len(connection.request)
            result.ack_ms.append((time.monotonic() - connection.due_at) * 1000)
        else:
            result.failed_requests += 1
        self._next_request(connection)

    def _again_on_a_new_connection(self, connection: _Connection) -> None:
        self.result.broken_connections += 1
        self._selector.unregister(connection.sock)
        self._busy -= 1
        connection.sock.close()
        connection.sock = self._connect()
        self._put_off(connection, time.monotonic() + 0.05)

    def _put_off(self, connection: _Connection, until: float) -> None:
        heapq.heappush(self._later, (until, id(connection), connection))

    def _wake_those_due(self) -> None:
        now = time.monotonic()
        while self._later and (self._later[0][0] <= now):
            _, _, connection = heapq.heappop(self._later)
            if now >= self._stop_at:
                connection.sock.close()
            else:
                self._send(connection)

    def _pause_s(self) -> float:
        return max(0.0, min(1.0, self._later[0][0] - time.monotonic())) if self._later else 1.0


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None].strip()


def main() -> None:
    spec = LoadSpec(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(Load(spec).run())))


if __name__ == "__main__":
    main()
