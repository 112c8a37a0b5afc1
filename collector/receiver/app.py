"""The receiver: takes telemetry and records over HTTP, puts them on disk, then answers.

It never opens the database, so a slow query, a checkpoint or a crash of the store never refuses telemetry.
A 2xx means the bytes are fsynced. When there is no room or the disk fails the answer is 503 with a short
Retry-After, because exporters drop a batch on 500 and wait about eight seconds in all.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.keys import Caller
from collector.receiver import otlp
from collector.receiver.intake import Intake
from collector.settings import CollectorSettings
from collector.spool.groupcommit import SpoolFullError
from collector.spool.segments import QUARANTINE
from store.projects import DEFAULT_PROJECT, PROJECT_HEADER, is_project

RETRY_AFTER_S = "2"
COMMIT_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.01


class Receiver:
    """The request handlers over one spool."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._intake = Intake(settings)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/traces", self._otlp(self._intake.traces), methods=["POST"]),
                Route("/v1/logs", self._otlp(self._intake.logs), methods=["POST"]),
                Route("/v1/metrics", self._otlp(self._intake.metrics), methods=["POST"]),
                Route("/api/v1/records/{kind}", self._take_records, methods=["POST"]),
                Route("/healthz", _healthz, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._intake.start()
        yield
        await self._intake.close()

    def _otlp(
        self, take: Callable[[bytes, str, Caller], Awaitable[bytes]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """What every OTLP door shares: limits, encodings, and errors in the caller's own content type."""

        async def door(request: Request) -> Response:
            media = otlp.PROTOBUF
            try:
                media = otlp.media_type(request.headers.get("content-type", ""))
                body = await self._body(request)
                answer = await take(body, media, _caller(request))
            except otlp.BadRequestError as refused:
                return Response(otlp.error_answer(str(refused), media), refused.status_code, media_type=media)
            except (SpoolFullError, OSError) as busy:
                return _busy(otlp.error_answer(_explain(busy), media), media)
            return Response(answer, media_type=media)

        return door

    async def _take_records(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            # A web page can send a form to this port, but not this type: no page writes records behind our back.
            if otlp.media_type(request.headers.get("content-type", "")) != otlp.JSON:
                raise otlp.UnsupportedError(f"records are sent as {otlp.JSON}")
            n_rows, sealed = await self._intake.records(kind, await self._body(request), _caller(request))
            if sealed is None:
                return JSONResponse({"accepted": 0})
        except otlp.BadRequestError as refused:
            return _problem(refused.status_code, str(refused))
        except (SpoolFullError, OSError) as busy:
            return _problem(503, _explain(busy), {"retry-after": RETRY_AFTER_S})
        committed = request.query_params.get("wait") == "commit" and await _committed(sealed)
        return JSONResponse({"accepted": n_rows, "committed": committed}, 200 if committed else 202)

    async def _body(self, request: Request) -> bytes:
        limit = self._settings.body_max_bytes
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise otlp.TooLargeError(f"the body is over {limit} bytes")
                chunks.append(chunk)
        except ClientDisconnect:
            raise otlp.BadRequestError("the client hung up") from None
        return otlp.decompress(
            b"".join(chunks), request.headers.get("content-encoding", "").strip().lower(), limit
        )


def _caller(request: Request) -> Caller:
    # Without access keys the caller on this machine names the project itself; with keys the key will.
    project = request.headers.get(PROJECT_HEADER, DEFAULT_PROJECT)
    if not is_project(project):
        raise otlp.BadRequestError(
            f"{PROJECT_HEADER}: {project!r} is not a project name; use 1 to 64 of a-z, 0-9, '-' and '_'"
        )
    return Caller(project)


async def _committed(sealed: Path) -> bool:
    """Wait until the store server has committed and deleted the segment."""
    still_open = sealed.with_suffix(".open")
    give_up_at = time.monotonic() + COMMIT_PATIENCE_S
    while time.monotonic() < give_up_at:
        # The open name first: a segment is renamed from it, so seeing neither means it is gone.
        if not still_open.exists() and not sealed.exists():
            return not (sealed.parent / QUARANTINE / sealed.name).exists()
        await asyncio.sleep(_LOOK_EVERY_S)
    return False


async def _healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _busy(body: bytes, media: str) -> Response:
    return Response(body, 503, headers={"retry-after": RETRY_AFTER_S}, media_type=media)


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(
        {"title": "refused", "status": status, "detail": detail}, status, headers, "application/problem+json"
    )


def _explain(failed: Exception) -> str:
    return f"the disk did not take it: {failed.strerror}" if isinstance(failed, OSError) else str(failed)
