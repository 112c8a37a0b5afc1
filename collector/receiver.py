"""The receiver: takes telemetry and records over HTTP, puts them on disk, then answers.

It never opens the database, so a slow query, a checkpoint or a crash of the store never refuses telemetry.
A 2xx means the bytes are fsynced. When there is no room or the disk fails the answer is 503 with a short
Retry-After, because exporters drop a batch on 500 and wait about eight seconds in all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector import otlp
from collector.groupcommit import GroupCommit, SpoolFullError
from collector.lifeline import follow_parent
from collector.listening import serve
from collector.settings import CollectorSettings
from collector.spool import QUARANTINE, Record, encode, seal_orphans
from store.projects import DEFAULT_PROJECT, PROJECT_HEADER, is_project
from store.records import KINDS, problems

RETRY_AFTER_S = "2"
COMMIT_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.01


class Receiver:
    """The request handlers over one spool."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._spool = GroupCommit(settings)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/traces", self._otlp(self._take_traces), methods=["POST"]),
                Route("/v1/logs", self._otlp(self._refuse_logs), methods=["POST"]),
                Route("/v1/metrics", self._otlp(self._refuse_metrics), methods=["POST"]),
                Route("/api/v1/records/{kind}", self._take_records, methods=["POST"]),
                Route("/healthz", _healthz, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._spool.start()
        yield
        await self._spool.close()

    def _otlp(
        self, take: Callable[[Request, bytes, str], Awaitable[bytes]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """What every OTLP door shares: limits, encodings, and errors in the caller's own content type."""

        async def door(request: Request) -> Response:
            media = otlp.PROTOBUF
            try:
                media = otlp.media_type(request.headers.get("content-type", ""))
                body = await self._body(request)
                answer = await take(request, body, media)
            except otlp.BadRequestError as refused:
                return Response(otlp.error_answer(str(refused), media), refused.status_code, media_type=media)
            except (SpoolFullError, OSError) as busy:
                return _busy(otlp.error_answer(_explain(busy), media), media)
            return Response(answer, media_type=media)

        return door

    async def _take_traces(self, request: Request, body: bytes, media: str) -> bytes:
        project = _project(request)
        traces = otlp.read_traces(body, media)
        now_us = time.time_ns() // 1000
        records = []
        if traces.n_spans:
            records.append(encode(Record(now_us, "traces", project, traces.body)))
        if traces.n_rejected:
            records.append(encode(_reject(now_us, project, traces)))
        if records:
            await self._spool.put(*records)
        return otlp.traces_answer(traces, media)

    async def _refuse_logs(self, request: Request, body: bytes, media: str) -> bytes:
        return otlp.logs_refused(otlp.count_logs(body, media), media)

    async def _refuse_metrics(self, request: Request, body: bytes, media: str) -> bytes:
        return otlp.metrics_refused(otlp.count_metric_points(body, media), media)

    async def _take_records(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            # A web page can send a form to this port, but not this type: no page writes records behind our back.
            if otlp.media_type(request.headers.get("content-type", "")) != otlp.JSON:
                raise otlp.UnsupportedError(f"records are sent as {otlp.JSON}")
            project = _project(request)
            rows = _records(kind, await self._body(request), project)
            body = json.dumps(rows).encode()
            if not rows:
                return JSONResponse({"accepted": 0})
            sealed = await self._spool.put(
                encode(Record(time.time_ns() // 1000, f"records/{kind}", project, body, "json"))
            )
        except otlp.BadRequestError as refused:
            return _problem(refused.status_code, str(refused))
        except (SpoolFullError, OSError) as busy:
            return _problem(503, _explain(busy), {"retry-after": RETRY_AFTER_S})
        committed = request.query_params.get("wait") == "commit" and await _committed(sealed)
        return JSONResponse({"accepted": len(rows), "committed": committed}, 200 if committed else 202)

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


def _reject(now_us: int, project: str, traces: otlp.Traces) -> Record:
    why = {
        "reject_id": str(uuid.uuid4()),
        "signal": "traces",
        "reason": traces.reason,
        "n_items": traces.n_rejected,
    }
    return Record(now_us, "rejects", project, json.dumps(why).encode(), "json")


def _project(request: Request) -> str:
    # Without access keys the caller on this machine names the project itself; with keys the key will.
    project = request.headers.get(PROJECT_HEADER, DEFAULT_PROJECT)
    if not is_project(project):
        raise otlp.BadRequestError(
            f"{PROJECT_HEADER}: {project!r} is not a project name; use 1 to 64 of a-z, 0-9, '-' and '_'"
        )
    return project


def _records(kind: str, body: bytes, project: str) -> list[object]:
    if kind not in KINDS:
        raise otlp.BadRequestError(f"there is no record kind {kind!r}. There are: {', '.join(KINDS)}")
    try:
        document = json.loads(body)
    except ValueError as broken:
        raise otlp.BadRequestError(f"the body is not JSON: {broken}") from None
    rows: list[object] = document if isinstance(document, list) else [document]
    wrong = problems(KINDS[kind], rows)
    if kind == "erasures" and project != "demo":
        wrong.append("only project `demo` can be erased this way")
    if wrong:
        shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise otlp.BadRequestError(f"nothing was stored: {shown}")
    return rows


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


def main() -> None:
    """The process entry point: `python -m collector.receiver SETTINGS_JSON FD…`."""
    settings = CollectorSettings.model_validate_json(sys.argv[1])
    follow_parent()
    seal_orphans(settings.spool_dir)
    serve(Receiver(settings).app(), [int(fd) for fd in sys.argv[2:]], graceful_s=5)


if __name__ == "__main__":
    main()
