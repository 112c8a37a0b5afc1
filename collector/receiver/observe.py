"""What the receiver answers about itself: alive, ready, its metrics, and a word for who opens the port in a browser.

The two probes need no key: they say nothing but whether, and why not. The metrics need one on a public address.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.keyring import CHALLENGE, AccessError, Keyring
from collector.observe import registry, taking
from collector.settings import CollectorSettings
from collector.spool.segments import sealed_segments, spool_bytes

_WELCOME = """\
This is Steelyard's receiver. It takes OpenTelemetry from programs: traces, logs and metrics by POST to
/v1/traces, /v1/logs and /v1/metrics, as protobuf or JSON, and has no pages.

Send telemetry here:   export OTEL_EXPORTER_OTLP_ENDPOINT={receiver_url}
Look at it there:      {dashboard_url}   (started by `steelyard up`)
"""


def routes(
    settings: CollectorSettings,
    refusal: Callable[[], str | None],
) -> list[Route]:
    """`GET /`, `/healthz`, `/readyz` and `/metrics`.

    `refusal` says why new data would be refused now, None when it would be taken.
    """
    keyring = Keyring.of(settings)
    _watch(settings)

    async def welcome(request: Request) -> Response:
        return PlainTextResponse(
            _WELCOME.format(receiver_url=settings.receiver_url, dashboard_url=settings.dashboard_url)
        )

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        reasons = [reason for reason in (refusal(), _not_writable(settings.spool_dir)) if reason]
        return JSONResponse(
            {"status": "unavailable" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200
        )

    async def metrics(request: Request) -> Response:
        try:
            caller = keyring.caller(request.headers)
        except AccessError as refused:
            return _refused(str(refused), 401)
        # An ingest key lies in every program that sends; it is for sending.
        if not caller.may("pipeline"):
            return _refused(f"{caller.described} cannot see metrics; use a key with the role 'engineer'", 403)
        body, content_type = registry.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [
        Route("/", welcome, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _refused(why: str, status: int) -> Response:
    return PlainTextResponse(why + "\n", status, CHALLENGE if status == 401 else None)


def counted(app: ASGIApp) -> ASGIApp:
    """The application with every answer counted. A plain wrapper: no task, no copy of a body, 4 µs a request."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        status: int | str = "none"  # nobody was there to answer
        started = time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with taking.in_flight():
            try:
                await app(scope, receive, sending)
            finally:
                taking.answered("http", _signal(scope["path"]), status, time.monotonic() - started)

    return counting


def _signal(path: str) -> str:
    """What a path takes, behind whatever prefix: /v1/traces, /api/public/otel/v1/traces, /api/v1/records/runs."""
    if "/v1/records/" in path:
        return "records"
    _, found, last = path.rpartition("/v1/")
    return last.rstrip("/") if found else taking.OTHER


def _watch(settings: CollectorSettings) -> None:
    spool_dir = settings.spool_dir
    gauges: list[tuple[str, str, Callable[[], float]]] = [
        ("spool_bytes", "Bytes that wait to be committed.", lambda: spool_bytes(spool_dir)),
        ("spool_segments", "Sealed segments that wait.", lambda: len(sealed_segments(spool_dir))),
        ("spool_limit_bytes", "At which new data is refused.", lambda: settings.spool_max_bytes),
        ("disk_free_bytes", "Free on the spool's disk.", lambda: shutil.disk_usage(spool_dir).free),
        ("disk_reserve_bytes", "Below which new data is refused.", lambda: settings.disk_reserve_bytes),
    ]
    for name, meaning, look in gauges:
        registry.gauge(f"steelyard_receiver_{name}", meaning, look)


def _not_writable(spool_dir: Path) -> str | None:
    if not spool_dir.is_dir():
        return "the spool's directory is gone"
    if os.statvfs(spool_dir).f_flag & os.ST_RDONLY or not os.access(spool_dir, os.W_OK | os.X_OK):
        return "the spool's directory cannot be written"
    return None
