"""The receiver: takes telemetry and records over HTTP, puts them on disk, then answers.

It never opens the database, so a slow query, a checkpoint or a crash of the store never refuses telemetry.
A 2xx means the bytes are fsynced. When there is no room or the disk fails the answer is 503 with a short
Retry-After, because exporters drop a batch on 500 and wait about eight seconds in all.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from collector.keyring import CHALLENGE
from collector.receiver import observe, otlp
from collector.receiver.callers import Callers
from collector.receiver.doors import RETRY_AFTER_S, Doors, explain
from collector.receiver.grpc_door import Calls
from collector.receiver.grpc_server import GrpcServer
from collector.receiver.incoming import ClientGoneError, InFlight, Share, TooMuchAtOnceError, read_body
from collector.receiver.intake import Intake
from collector.settings import CollectorSettings
from collector.spool.groupcommit import SpoolFullError
from collector.spool.segments import QUARANTINE

COMMIT_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.01


class Receiver:
    """The request handlers over one spool."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._intake = Intake(settings)
        self._callers = Callers(settings)
        self._in_flight = InFlight(settings.inflight_max_bytes)

    def app(self) -> ASGIApp:
        """The OTLP doors, and behind them what else the receiver serves."""
        others = Starlette(
            routes=[
                Route("/api/v1/records/{kind}", self._take_records, methods=["POST"]),
                *observe.routes(self._settings, self._intake.refusal),
            ],
            lifespan=self._lifespan,
        )
        return Doors(self._settings, self._intake, self._callers, self._in_flight, others)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._intake.start()
        grpc_server = GrpcServer(self._settings, Calls(self._callers, self._intake, self._in_flight))
        await grpc_server.start()
        yield
        await grpc_server.stop()
        await self._intake.close()

    async def _take_records(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            # A web page can send a form to this port, but not this type: no page writes records behind our back.
            if otlp.media_type(request.headers.get("content-type", "")) != otlp.JSON:
                raise otlp.UnsupportedError(f"records are sent as {otlp.JSON}")
            caller = self._callers.of_records(kind, request.headers)
            with self._in_flight.request() as share:
                body = await self._body(request, share)
                n_rows, sealed = await self._intake.records(kind, body, caller)
            if sealed is None:
                return JSONResponse({"accepted": 0})
        except ClientGoneError:
            return Response(status_code=400)  # nobody reads it
        except otlp.BadRequestError as refused:
            challenge = CHALLENGE if refused.status_code == 401 else None
            return _problem(refused.status_code, str(refused), challenge)
        except (SpoolFullError, TooMuchAtOnceError, OSError) as busy:
            return _problem(503, explain(busy), {"retry-after": RETRY_AFTER_S})
        committed = request.query_params.get("wait") == "commit" and await _committed(sealed)
        return JSONResponse({"accepted": n_rows, "committed": committed}, 200 if committed else 202)

    async def _body(self, request: Request, share: Share) -> bytes:
        headers, limit = request.headers, self._settings.body_max_bytes
        body = await read_body(request.receive, headers, limit, share)
        plain = otlp.decompress(body, headers.get("content-encoding", ""), limit)
        share.grow_to(len(plain))
        return plain


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


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(
        {"title": "refused", "status": status, "detail": detail}, status, headers, "application/problem+json"
    )
