"""The gRPC server of the receiver: its port, its limits, TLS, and an end that finishes the calls in progress.

It runs on the receiver's own event loop, uvloop. Measured beside a threaded grpc.server that hands each call to the
loop (2 cores shared with the client and with other work, answers after the fsync; a lone caller's p50, and the
receiver's CPU a call under load, which varies that much from run to run):

    1 span       1.0 ms, 0.41-0.56 ms CPU     threaded: 1.4 ms, 0.43-0.86 ms CPU
    512 spans    2.8 ms, 1.4-2.2 ms CPU       threaded: 3.5 ms, 1.5-2.3 ms CPU

grpc cannot serve a socket that it inherits, so unlike HTTP's this port is closed while a dead receiver is replaced:
exporters get UNAVAILABLE at once and come again.
"""

from __future__ import annotations

import asyncio
import contextlib

import grpc
import grpc.aio

from collector.observe import logs
from collector.processes.listening import hosts_of
from collector.settings import CollectorSettings

# A call in progress waits for one fsync; the supervisor gives the receiver 10 s in all.
STOP_PATIENCE_S = 3.0
CONNECTIONS_AT_ONCE = 1000
_TRY_AGAIN_AFTER_S = 1.0

_log = logs.of("receiver")


class GrpcServer:
    """Serves the given calls on the port of the settings, from `start` until `stop`."""

    def __init__(self, settings: CollectorSettings, calls: grpc.GenericRpcHandler) -> None:
        self._settings = settings
        self._calls = calls
        self._server: grpc.aio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. When somebody has taken the port meanwhile, HTTP goes on and this is tried again and again."""
        if not await self._open():
            self._opening = asyncio.create_task(self._open_later())

    async def stop(self) -> None:
        """Take no new calls and finish those in progress."""
        if self._opening is not None:
            self._opening.cancel()
        if self._server is not None:
            await self._server.stop(STOP_PATIENCE_S)

    async def _open(self) -> bool:
        server = grpc.aio.server(handlers=(self._calls,), options=options(self._settings))
        try:
            _listen(server, self._settings)
        except RuntimeError:
            port = self._settings.otlp_grpc
            _log.error(
                "grpc_port_taken", f"cannot listen on port {port} (OTLP/gRPC); trying again", port=port
            )
            return False
        await server.start()
        self._server = server
        return True

    async def _open_later(self) -> None:
        while not await self._open():
            await asyncio.sleep(_TRY_AGAIN_AFTER_S)


def options(settings: CollectorSettings) -> list[tuple[str, int]]:
    """The limits of one server."""
    return [
        # Holds for the decompressed message too, without making it first: since grpcio 1.85 (older ones did).
        ("grpc.max_receive_message_length", settings.body_max_bytes),
        ("grpc.max_allowed_incoming_connections", CONNECTIONS_AT_ONCE),
        ("grpc.max_concurrent_streams", 100),
        ("grpc.server_handshake_timeout_ms", 10_000),
        # Who is gone without a word is noticed; who has nothing to say for minutes makes room and comes back.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.max_connection_idle_ms", 300_000),
        # Exporters may ping every 10 s (the least that grpc-go allows), with or without calls in progress.
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Otherwise another process could listen on the same port, and take half of the calls.
        ("grpc.so_reuseport", 0),
    ]


def _listen(server: grpc.aio.Server, settings: CollectorSettings) -> None:
    """Bind the port. Raises RuntimeError when it is taken."""
    first, *others = (f"{_bracketed(host)}:{settings.otlp_grpc}" for host in hosts_of(settings.host))
    credentials = _credentials(settings)
    _bind(server, first, credentials)
    for address in others:
        with contextlib.suppress(RuntimeError):  # a machine without IPv6, or somebody else's port there
            _bind(server, address, credentials)


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> None:
    if credentials is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, credentials)


def _credentials(settings: CollectorSettings) -> grpc.ServerCredentials | None:
    """TLS by the files of the settings, looked at for every connection: a renewed certificate is served at once.

    grpc goes on with the old certificate when the new one cannot be used.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    cert, key = settings.tls_cert, settings.tls_key
    served = (key.read_bytes(), cert.read_bytes())

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        try:
            found = (key.read_bytes(), cert.read_bytes())
        except OSError:  # it is being replaced
            return None
        if found == served:
            return None
        served = found
        return grpc.ssl_server_certificate_configuration([found])

    return grpc.dynamic_ssl_server_credentials(
        grpc.ssl_server_certificate_configuration([served]),
        renewed,  # type: ignore[arg-type]
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
