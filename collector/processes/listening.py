"""Listening sockets that outlive the process that serves them.

The supervisor binds and holds them, a child inherits and serves them. When a child is killed, connections that
arrive wait in the kernel's queue until the next one serves them, instead of being refused; and a port that is
taken is known before anything starts.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

BACKLOG = 2048
_BOTH_LOOPBACKS = ("127.0.0.1", "localhost")


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind and listen. Raises OSError when the port is taken.

    On the usual loopback address, on both of them: `localhost` is ::1 first for many clients.
    """
    sockets = [_bound(host, port)]
    if host in _BOTH_LOOPBACKS:
        with contextlib.suppress(OSError):  # a machine without IPv6, or somebody else's port there
            sockets.append(_bound("::1", port))
    return sockets


def serve(app: ASGIApp, fds: Sequence[int], *, graceful_s: int) -> None:
    """Serve the application on inherited sockets until SIGTERM."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=graceful_s,
        backlog=BACKLOG,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd) for fd in fds])


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port that is only lingering after a restart is free.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
