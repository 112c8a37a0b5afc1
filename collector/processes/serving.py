"""Serve an application on listening sockets that the supervisor holds.

Apart from `listening`, which the supervisor needs, so that the supervisor loads no server.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from collector.processes.listening import BACKLOG


def serve(
    app: ASGIApp,
    fds: Sequence[int],
    *,
    graceful_s: int,
    tls: ssl.SSLContext | None = None,
    connection: type[asyncio.Protocol] | None = None,
) -> None:
    """Serve the application on inherited sockets until SIGTERM; `connection` is what speaks HTTP, if not uvicorn's."""
    config = uvicorn.Config(
        app,
        http=connection or "auto",
        ws="none",
        proxy_headers=False,  # nobody here believes what a client says of its own address
        log_config=None,  # its messages go where ours go
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=graceful_s,
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = tls  # a context of ours, so that a renewed certificate can be loaded into it
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd) for fd in fds])
