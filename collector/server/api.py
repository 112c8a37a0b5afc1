"""The read API: named queries and read-only SQL over HTTP, as Arrow streams or JSON.

At most two queries run at once (two unthrottled pollers cut ingest by a third, measured), the same query
asked at the same time runs once, and an answer is kept until the next commit. Errors are problem+json.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from errors import QueryError
from store.backends import file
from store.catalog import bind, named_queries, named_query
from store.execute import MAX_ROWS, run_select
from store.projects import DEFAULT_PROJECT
from store.remote import API_VERSION, ARROW_STREAM, VERSION_HEADER

AT_ONCE = 2
KEPT_ANSWERS = 64
KEPT_BYTES = 2_000_000
# Queries over "now" change without a commit: an answer is never older than this.
KEPT_FOR_S = 2.0
MAX_SQL_BYTES = 100_000


class Answers:
    """Runs queries on sessions of their own, once for all who ask the same."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, freshness: Callable[[], int]) -> None:
        self._connection = connection
        self._freshness = freshness
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="query")
        self._lock = Lock()
        self._kept: dict[str, tuple[int, float, Future[bytes]]] = {}

    def ask(self, sql: str, params: Mapping[str, Any], max_rows: int) -> Future[bytes]:
        """The rows as an Arrow IPC stream, when they are ready."""
        key = json.dumps([sql, dict(params), max_rows], default=str)
        fresh, now = self._freshness(), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept[0] == fresh and now - kept[1] < KEPT_FOR_S:
                return kept[2]
            if len(self._kept) >= KEPT_ANSWERS:
                self._kept.clear()
            future = self._threads.submit(self._run, sql, params, max_rows)
            self._kept[key] = (fresh, now, future)
        future.add_done_callback(lambda done: self._forget_when_large(key, done))
        return future

    def _forget_when_large(self, key: str, done: Future[bytes]) -> None:
        """Those who asked have it; keeping it for others would cost more memory than asking again."""
        if done.cancelled() or done.exception() or len(done.result()) > KEPT_BYTES:
            with self._lock:
                self._kept.pop(key, None)

    def _run(self, sql: str, params: Mapping[str, Any], max_rows: int) -> bytes:
        session = file.cursor(self._connection)
        try:
            return _stream(run_select(session, sql, params, max_rows=max_rows))
        finally:
            session.close()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


def read_api(answers: Answers, about: Callable[[], Mapping[str, Any]]) -> Starlette:
    """The ASGI application; `about` says what the server knows of itself."""

    async def health(request: Request) -> Response:
        return JSONResponse(dict(about()), headers={VERSION_HEADER: API_VERSION})

    async def queries(request: Request) -> Response:
        listed = [
            {"name": query.name, "purpose": query.purpose, "params": [param.name for param in query.params]}
            for query in named_queries().values()
        ]
        return JSONResponse(listed, headers={VERSION_HEADER: API_VERSION})

    async def query(request: Request) -> Response:
        body = await _document(request)
        named = named_query(request.path_params["name"])
        params = bind(named, str(body.get("project", DEFAULT_PROJECT)), body.get("params") or {})
        return _rows(request, await asyncio.wrap_future(answers.ask(named.sql, params, MAX_ROWS)))

    async def sql(request: Request) -> Response:
        body = await _document(request)
        max_rows = body.get("max_rows", MAX_ROWS)
        if not isinstance(max_rows, int) or not 0 <= max_rows <= MAX_ROWS:
            raise QueryError(f"max_rows is {max_rows!r}, not a number from 0 to {MAX_ROWS}")
        return _rows(request, await asyncio.wrap_future(answers.ask(str(body.get("sql", "")), {}, max_rows)))

    return Starlette(
        routes=[
            Route("/api/v1/health", health),
            Route("/api/v1/queries", queries),
            Route("/api/v1/query/{name}", query, methods=["POST"]),
            Route("/api/v1/sql", sql, methods=["POST"]),
        ],
        # Without keys only this machine may ask, and a web page that rebinds its DNS name to 127.0.0.1 is not it.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])],
        exception_handlers={QueryError: _refused},
    )


async def _document(request: Request) -> dict[str, Any]:
    # A form cannot send this type across origins without asking first, so no web page can query behind the user's back.
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise QueryError("send the query as application/json")
    body = await request.body()
    if len(body) > MAX_SQL_BYTES:
        raise QueryError(f"the query is over {MAX_SQL_BYTES} bytes")
    try:
        document = json.loads(body)
    except ValueError as broken:
        raise QueryError(f"the body is not JSON: {broken}") from None
    if not isinstance(document, dict):
        raise QueryError("the body must be a JSON object")
    return document


def _rows(request: Request, stream: bytes) -> Response:
    headers = {VERSION_HEADER: API_VERSION}
    if ARROW_STREAM in request.headers.get("accept", ""):
        return Response(stream, media_type=ARROW_STREAM, headers=headers)
    with pa.ipc.open_stream(stream) as reader:
        rows = reader.read_all().to_pylist()
    return Response(json.dumps(rows, default=str), media_type="application/json", headers=headers)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


async def _refused(request: Request, refused: Exception) -> Response:
    problem = {"title": "query refused", "status": 400, "detail": str(refused)}
    return JSONResponse(problem, 400, {VERSION_HEADER: API_VERSION}, "application/problem+json")
