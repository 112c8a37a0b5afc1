"""`GET /api/v1/explain?span=HEX[&trace=HEX][&project=P]`: one span explained, to whoever may read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.server.access import Access, project_of, scope_of
from collector.server.explain import Asked, NoSuchSpanError, SeveralSpansError, asked_for
from collector.server.scopes import Scope
from store.wire import API_VERSION, VERSION_HEADER

Ask = Callable[[Asked, Scope | None], Future[dict[str, Any]]]


def route(ask: Ask, access: Access) -> Route:
    """Scoped as every read: by the key's project, tenant and environment."""

    async def explained(request: Request) -> Response:
        caller = access.reader(request)
        given = request.query_params
        asked = asked_for(project_of(caller, given.get("project")), given.get("span"), given.get("trace"))
        try:
            found = await asyncio.wrap_future(ask(asked, scope_of(caller)))
        except NoSuchSpanError as missing:
            return _problem("no such span", 404, missing)
        except SeveralSpansError as several:
            return _problem("several spans have this id", 409, several)
        body = json.dumps(found, ensure_ascii=False, allow_nan=False)
        return Response(body, media_type="application/json", headers={VERSION_HEADER: API_VERSION})

    return Route("/api/v1/explain", explained)


def _problem(title: str, status: int, refused: Exception) -> Response:
    problem = {"title": title, "status": status, "detail": str(refused)}
    return JSONResponse(problem, status, {VERSION_HEADER: API_VERSION}, "application/problem+json")
