"""Listening sockets that outlive the process that serves them.

The supervisor binds and holds them, a child inherits and serves them. When a child is killed, connections that
arrive wait in the kernel's queue until the next one serves them, instead of being refused; and a port that is
taken is known before anything starts.
"""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 2048


def hosts_of(host: str) -> list[str]:
    """The addresses to listen on for this one, of which all but the first may be missing.

    The usual loopback address means both: `localhost` is ::1 first for many clients.
    """
    return ["127.0.0.1", "::1"] if host in ("127.0.0.1", "localhost") else [host]


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind and listen on all addresses of the host. Raises OSError when the port is taken."""
    first, *others = hosts_of(host)
    sockets = [_bound(first, port)]
    for other in others:
        with contextlib.suppress(OSError):  # a machine without IPv6, or somebody else's port there
            sockets.append(_bound(other, port))
    return sockets


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
