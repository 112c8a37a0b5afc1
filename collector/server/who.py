"""What a caller is and may: `GET /api/v1/whoami`, `/api/v1/projects`, and for admins `/api/v1/settings`."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, get_args

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.roles import Right
from collector.server.access import Access
from collector.settings import CollectorSettings
from store.wire import API_VERSION, VERSION_HEADER

_PROJECTS = "select distinct project from spans union select distinct project from runs"
_MOST_PROJECTS = 10_000
_HEADERS = {VERSION_HEADER: API_VERSION}


def routes(ask: Callable[..., Future[bytes]], access: Access) -> list[Route]:
    """Who asks and what they may, and the projects they may see; `ask` is `Answers.ask`."""

    async def whoami(request: Request) -> Response:
        caller = access.caller(request)
        said = {
            # Null without a key.
            "key": caller.key_id or None,
            "role": caller.acting_as or caller.role,
            "rights": [right for right in get_args(Right) if caller.may(right)],
            # Null is every project; the tenant and the environment are null when the caller is bound to none.
            "project": None if caller.every_project else caller.project,
            "tenant": caller.tenant or None,
            "environment": caller.environment or None,
        }
        return JSONResponse(said, headers=_HEADERS)

    async def projects(request: Request) -> Response:
        caller = access.reader(request)
        if not caller.every_project:
            return JSONResponse([caller.project], headers=_HEADERS)
        stream = await asyncio.wrap_future(ask(_PROJECTS, {}, _MOST_PROJECTS))
        with pa.ipc.open_stream(stream) as reader:
            found = reader.read_all().column("project").to_pylist()
        return JSONResponse(sorted(str(name) for name in found), headers=_HEADERS)

    return [Route("/api/v1/whoami", whoami), Route("/api/v1/projects", projects)]


def settings_route(settings: CollectorSettings, access: Access) -> Route:
    """Every setting with its value, for who runs this collector. There is no secret among them: those are in files."""
    plain = settings.plain()
    listed: list[dict[str, Any]] = [
        {"name": field.name, "value": plain[field.name], "description": field.metadata["description"]}
        for field in dataclasses.fields(settings)
        if field.name in plain
    ]

    async def all_settings(request: Request) -> Response:
        access.administrator(request)
        return JSONResponse(listed, headers=_HEADERS)

    return Route("/api/v1/settings", all_settings)
