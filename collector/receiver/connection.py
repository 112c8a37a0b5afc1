"""One HTTP connection, with the patience and the limits that uvicorn's own lacks.

uvicorn waits for ever for the rest of a request, takes headers of any size, and lets go of a connection only
when it is idle between requests. Here a request has a time for its head and one for its body, a head has a
size, and the number of connections leaves files for the spool.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_PATIENCE_S = 30.0
BODY_PATIENCE_S = 60.0
HEAD_MAX_BYTES = 64 * 1024
CONNECTIONS_AT_ONCE = 4096
# What the spool, the probes and the interpreter need beside the connections.
_FILES_KEPT = 200
_LOOK_EVERY_S = 5.0

# uvicorn warns of every request that is not HTTP: whoever sends them by the thousand would fill our log.
_log = logging.getLogger("uvicorn.error.connection")
_log.setLevel(logging.ERROR)


def make_room_for_connections() -> None:
    """Let this process open as many files as the system allows it: many systems start with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_AT_ONCE + _FILES_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


class Connection(HttpToolsProtocol):
    """What uvicorn calls with the bytes of one client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log
        # When what we wait for began, on the loop's clock; None when we wait for nothing.
        self._head_since: float | None = None
        self._body_since: float | None = None
        self._head_bytes = 0
        self._look_again: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _most_connections():
            transport.abort()
            return
        self._head_since = self.loop.time()
        self._look_again = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_since is None and self._body_since is None:
            self._head_since = self.loop.time()
            self._head_bytes = 0
        super().data_received(data)
        if self._head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES:
                self._give_up(b"431 Request Header Fields Too Large")

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here as well, after a body: they count like the head of a request.
        if self._body_since is not None:
            self._head_bytes += len(name) + len(value)
            if self._head_bytes > HEAD_MAX_BYTES:
                self._give_up(b"431 Request Header Fields Too Large")
                return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_since, self._body_since, self._head_bytes = None, self.loop.time(), 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._body_since = None
        super().on_message_complete()

    def _look(self) -> None:
        now = self.loop.time()
        if self._head_since is not None and now - self._head_since > HEAD_PATIENCE_S:
            self._give_up(b"408 Request Timeout" if self._head_bytes else b"")
        elif self._body_since is not None and now - self._body_since > BODY_PATIENCE_S:
            self._give_up(b"408 Request Timeout")
        else:
            self._look_again = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def _give_up(self, status: bytes) -> None:
        """Close the connection; the request, if one has begun, ends as if the client had hung up."""
        if self.transport.is_closing():
            return
        nothing_said = self.cycle is None or self.cycle.response_complete or not self.cycle.response_started
        if status and nothing_said:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()


def _most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        CONNECTIONS_AT_ONCE
        if soft == resource.RLIM_INFINITY
        else min(CONNECTIONS_AT_ONCE, soft - _FILES_KEPT)
    )
