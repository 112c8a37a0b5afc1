"""Who asks the read API, and what their key lets them ask."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from collector.keyring import (
    CHALLENGE,
    ForbiddenError,
    Keyring,
    KeysUnreadableError,
    NotAProjectError,
    UnauthenticatedError,
    presented,
)
from collector.keys import Caller
from collector.roles import Right, roles_with
from collector.server.scopes import Scope
from collector.settings import CollectorSettings
from errors import QueryError
from store.catalog import NamedQuery
from store.projects import is_project
from store.wire import API_VERSION, VERSION_HEADER

_EVERYTHING = Scope("")
_STATUS_OF = {
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotAProjectError: 400,
    KeysUnreadableError: 503,
}
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.I)


class Access:
    """Who asks, and whether they may."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._keyring = Keyring.of(settings)

    def caller(self, request: Request) -> Caller:
        """Who asks. Raises an AccessError, or QueryError for a keyless request under a strange host name."""
        caller = self._keyring.caller(request.headers)
        # A web page that rebinds its DNS name to 127.0.0.1 comes from this machine and has no key.
        if caller.is_keyless and not _LOCAL_HOST.fullmatch(request.headers.get("host", "")):
            raise QueryError("without an access key this API answers to 127.0.0.1 and localhost only")
        return caller

    def reader(self, request: Request) -> Caller:
        """Who asks, with a role that may query. Raises as `caller` does."""
        caller = self.caller(request)
        _check_may(caller, "query", "read")
        return caller

    def pipeline_reader(self, request: Request) -> Caller:
        """Who asks, if the state of the collector is theirs to see. Raises as `caller` does."""
        caller = self.caller(request)
        _check_may(caller, "pipeline", "see the state of the collector")
        return caller

    def administrator(self, request: Request) -> Caller:
        """Who asks, if they run this collector. Raises as `caller` does."""
        caller = self.caller(request)
        if not caller.may("administer") or not caller.every_project:
            raise ForbiddenError(
                f"{caller.described} may not do this: it takes an admin key of every project "
                "(`steelyard keys add --role admin --project '*'`)"
            )
        return caller

    def sql_reader(self, request: Request) -> Caller:
        """Who asks, if they may see every project, as SQL does. Raises as `caller` does."""
        caller = self.reader(request)
        _check_may(caller, "sql", "use SQL")
        if not caller.every_project:
            raise ForbiddenError(
                f"{caller.described} is bound to project {caller.project!r}, and SQL sees every project; "
                "use a named query, or an admin key made with --project '*'"
            )
        return caller

    def is_trusted(self, request: Request) -> bool:
        """Whether this caller may know where the server keeps what. A key that is wrong is still refused."""
        try:
            return self.caller(request).may("administer")
        except KeysUnreadableError:
            return False
        except UnauthenticatedError:
            if presented(request.headers) is not None:
                raise
            return False


def project_of(caller: Caller, asked: object) -> str:
    """The project of a query: the key's. Raises ForbiddenError when another is asked for."""
    if caller.every_project:
        named = caller.project if asked is None else str(asked)
        if not is_project(named):
            raise QueryError(f"project {named[:100]!r} is not a project name")
        return named
    if asked is not None and asked != caller.project:
        raise ForbiddenError(
            f"project {str(asked)[:100]!r} was asked for, but {caller.described} belongs to project "
            f"{caller.project!r}; ask for that one (--project {caller.project})"
        )
    return caller.project


def check_query(caller: Caller, query: NamedQuery) -> None:
    """Refuse a query that the caller's role may not ask. Raises ForbiddenError."""
    if query.reads_contents:
        _check_may(caller, "contents", f"read captured messages, as query {query.name!r} does")


def scope_of(caller: Caller) -> Scope | None:
    """What the caller's session is narrowed to; None for whoever sees everything."""
    project = "" if caller.every_project else caller.project
    scope = Scope(project, caller.tenant, caller.environment, caller.may("contents"))
    return None if scope == _EVERYTHING else scope


def _check_may(caller: Caller, right: Right, what: str) -> None:
    if not caller.may(right):
        raise ForbiddenError(
            f"{caller.described} may not {what}; it takes one of the roles {roles_with(right)}"
        )


async def access_refused(request: Request, refused: Exception) -> Response:
    """The answer to a request that may not: problem+json with 401, 403, or 503 when it is our own trouble."""
    status = next((code for kind, code in _STATUS_OF.items() if isinstance(refused, kind)), 403)
    headers = {VERSION_HEADER: API_VERSION}
    if status == 401:
        headers |= CHALLENGE
    if status == 503:
        headers["retry-after"] = "2"
    problem = {"title": "access refused", "status": status, "detail": str(refused)}
    return JSONResponse(problem, status, headers, "application/problem+json")
