"""The read API: named queries and read-only SQL over HTTP, as Arrow streams or JSON.

At most two queries run at once (two unthrottled pollers cut ingest by a third, measured), the same query
asked at the same time runs once, and an answer is kept until the next commit. Errors are problem+json.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.keyring import AccessError
from collector.observe import reading
from collector.server import explain_route, who
from collector.server.access import Access, access_refused, check_query, project_of, scope_of
from collector.server.explain import Asked, explain
from collector.server.scopes import Scope, Sessions
from errors import QueryError
from store.catalog import bind, named_queries, named_query
from store.execute import MAX_ROWS, run_select
from store.terms import Terms
from store.wire import API_VERSION, ARROW_STREAM, VERSION_HEADER

AT_ONCE = 2
KEPT_ANSWERS = 64
KEPT_BYTES = 2_000_000
# Queries over "now" change without a commit: an answer is never older than this.
KEPT_FOR_S = 2.0
MAX_SQL_BYTES = 100_000


class Answers:
    """Runs queries on sessions of their own, once for all who ask the same."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        freshness: Callable[[], int],
        terms: Callable[[], Terms],
    ) -> None:
        self._freshness = freshness
        self._terms = terms
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="query")
        self._lock = Lock()
        self._kept: dict[str, tuple[int, float, Future[bytes]]] = {}
        self._sessions = Sessions(connection)

    def ask(
        self, sql: str, params: Mapping[str, Any], max_rows: int, scope: Scope | None = None
    ) -> Future[bytes]:
        """The rows as an Arrow IPC stream, when they are ready: those that the scope may see."""
        # The scope is part of the question: one key is never answered with what another may see.
        key = json.dumps([sql, dict(params), max_rows, scope and astuple(scope)], default=str)
        fresh, now = self._freshness(), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept[0] == fresh and now - kept[1] < KEPT_FOR_S:
                reading.from_cache()
                return kept[2]
            if len(self._kept) >= KEPT_ANSWERS:
                self._kept.clear()
            future = self._threads.submit(self._run, sql, params, max_rows, scope)
            self._kept[key] = (fresh, now, future)
        future.add_done_callback(lambda done: self._forget_when_large(key, done))
        return future

    def _forget_when_large(self, key: str, done: Future[bytes]) -> None:
        """Those who asked have it; keeping it for others would cost more memory than asking again."""
        if done.cancelled() or done.exception() or len(done.result()) > KEPT_BYTES:
            with self._lock:
                self._kept.pop(key, None)

    def _run(self, sql: str, params: Mapping[str, Any], max_rows: int, scope: Scope | None) -> bytes:
        with reading.query(), self._sessions.on(scope) as session:
            return _stream(run_select(session, sql, params, max_rows=max_rows))

    def explain(self, asked: Asked, scope: Scope | None = None) -> Future[dict[str, Any]]:
        """Why a span is what it is, when it is found out: of a span that the scope may see."""
        return self._threads.submit(self._explain, asked, scope)

    def _explain(self, asked: Asked, scope: Scope | None) -> dict[str, Any]:
        with reading.query(), self._sessions.on(scope) as seen, self._sessions.on(None) as whole:
            return explain(seen, whole, asked, self._terms())

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._sessions.close()


def read_api(
    answers: Answers, access: Access, about: Callable[[], Mapping[str, Any]], more: Sequence[Route] = ()
) -> Starlette:
    """The ASGI application; `about` says what the server knows of itself, `more` are routes beside the queries."""

    async def health(request: Request) -> Response:
        known = dict(about())
        # Without a key only whether it is well: where it keeps its data is its owner's business.
        said = known if access.is_trusted(request) else {"status": known["status"]}
        return JSONResponse(said, headers={VERSION_HEADER: API_VERSION})

    async def queries(request: Request) -> Response:
        caller = access.reader(request)
        listed = [
            {"name": query.name, "purpose": query.purpose, "params": [param.name for param in query.params]}
            for query in named_queries().values()
            if caller.may("contents") or not query.reads_contents
        ]
        return JSONResponse(listed, headers={VERSION_HEADER: API_VERSION})

    async def query(request: Request) -> Response:
        caller = access.reader(request)
        body = await _document(request)
        named = named_query(request.path_params["name"])
        check_query(caller, named)
        params = bind(named, project_of(caller, body.get("project")), body.get("params") or {})
        return _rows(
            request, await asyncio.wrap_future(answers.ask(named.sql, params, MAX_ROWS, scope_of(caller)))
        )

    async def sql(request: Request) -> Response:
        access.sql_reader(request)
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
            explain_route.route(answers.explain, access),
            *who.routes(answers.ask, access),
            *more,
        ],
        exception_handlers={QueryError: _refused, AccessError: access_refused},
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
        rows = reader.read_all().to_pylist(maps_as_pydicts="lossy")
    return Response(json.dumps(rows, default=str), media_type="application/json", headers=headers)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


async def _refused(request: Request, refused: Exception) -> Response:
    problem = {"title": "query refused", "status": 400, "detail": str(refused)}
    return JSONResponse(problem, 400, {VERSION_HEADER: API_VERSION}, "application/problem+json")
