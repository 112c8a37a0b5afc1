"""What the owner of a store asks its server to do: a backup, an export, a rewrite of the file, the preview of a repricing.

Each runs in a thread on a session of its own, one at a time, while spans go on being committed and read.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import duckdb
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.repricing import preview
from collector.server.access import Access
from collector.settings import CollectorSettings
from errors import QueryError
from pricing.book import Book
from store import backup, export
from store.backends import file
from store.wire import API_VERSION, VERSION_HEADER

MAX_BODY_BYTES = 10_000
# What was accepted before a backup began must be in it; if the store is that far behind, the backup must wait.
SPOOL_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.02


class NotNowError(Exception):
    """Trouble of ours that passes: another job runs, the spool does not drain, the disk is full."""


class Jobs:
    """The jobs over one open store. `alone` is held while one runs, so that nobody swaps the file under it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: CollectorSettings,
        book: Book,
        alone: threading.Lock,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._book = book
        self._alone = alone

    def back_up(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Write a backup that holds everything that was acknowledged before this call."""
        _wait_until_committed(self._settings.spool_dir)
        folder, manifest = self._run(
            lambda session: backup.make(
                session, self._settings.data, file.STORAGE_VERSION, version("steelyard")
            )
        )
        return {"folder": str(folder), "manifest": asdict(manifest)}

    def export(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Write the selected rows as files."""
        selection, file_format = _selection(asked)
        _wait_until_committed(self._settings.spool_dir)
        folder, manifest = self._run(
            lambda session: export.export(
                session, self._settings.data, selection, file_format, version("steelyard")
            )
        )
        return {"folder": str(folder), "manifest": dict(manifest)}

    def reprice(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Say what a repricing would change. What does change it is a record of the kind `pricing_runs`."""
        question = preview.Question.read(asked)
        _wait_until_committed(self._settings.spool_dir)
        found: preview.Preview = self._run(lambda session: preview.preview(session, self._book, question))
        return found.document()

    def _run(self, job: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        if not self._alone.acquire(blocking=False):
            raise NotNowError(
                "a backup, an export, a rewrite or the preview of a repricing is running already; ask again when it is done"
            )
        session = file.cursor(self._connection)
        try:
            return job(session)
        except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as failed:
            raise NotNowError(str(failed).splitlines()[0]) from failed
        finally:
            session.close()
            self._alone.release()


def routes(jobs: Jobs, rewrite_soon: Callable[[], None], access: Access) -> list[Route]:
    """`POST /api/v1/admin/{backup,export,rewrite,reprice}`, for an admin key of every project or the directory's owner."""

    def job(work: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
        async def run(request: Request) -> Response:
            access.administrator(request)
            try:
                answer = await run_in_threadpool(work, await _document(request))
            except NotNowError as not_now:
                problem = {"title": "not now", "status": 503, "detail": str(not_now)}
                return JSONResponse(problem, 503, {VERSION_HEADER: API_VERSION}, "application/problem+json")
            return JSONResponse(answer, headers={VERSION_HEADER: API_VERSION})

        return run

    def ask_for_rewrite(asked: Mapping[str, Any]) -> dict[str, Any]:
        rewrite_soon()
        return {"asked": True}

    works = {
        "backup": jobs.back_up,
        "export": jobs.export,
        "rewrite": ask_for_rewrite,
        "reprice": jobs.reprice,
    }
    return [Route(f"/api/v1/admin/{name}", job(work), methods=["POST"]) for name, work in works.items()]


async def _document(request: Request) -> Mapping[str, Any]:
    # A web page cannot send this type across origins without asking first.
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise QueryError("send the request as application/json")
    body = await request.body()
    try:
        document = json.loads(body) if len(body) <= MAX_BODY_BYTES else None
    except ValueError as broken:
        raise QueryError(f"the body is not JSON: {broken}") from None
    if not isinstance(document, dict):
        raise QueryError(f"the body must be a JSON object of at most {MAX_BODY_BYTES} bytes")
    return document


def _selection(asked: Mapping[str, Any]) -> tuple[export.Selection, export.Format]:
    file_format = asked.get("format", "parquet")
    tables = asked.get("tables") or []
    if file_format not in get_args(export.Format):
        raise QueryError(f"format is {file_format!r}, not parquet or csv")
    if not isinstance(tables, list) or not all(isinstance(table, str) for table in tables):
        raise QueryError("tables is not a list of names")
    selection = export.Selection(
        project=_text(asked, "project"),
        since=_day(asked, "since"),
        until=_day(asked, "until"),
        tables=tables,
    )
    return selection, file_format


def _text(asked: Mapping[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise QueryError(f"{name} is not a text")
    return value


def _day(asked: Mapping[str, Any], name: str) -> date | None:
    text = _text(asked, name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{name} is {text!r}, not a day such as 2026-10-01") from None


def _wait_until_committed(spool_dir: Path) -> None:
    """Until nothing of what the spool holds now waits. Raises NotNowError when that takes too long."""
    waiting = {path.stem for path in spool_dir.iterdir() if path.suffix in (".open", ".seg")}
    give_up_at = time.monotonic() + SPOOL_PATIENCE_S
    while waiting:
        if time.monotonic() > give_up_at:
            raise NotNowError(
                f"{len(waiting)} spool segments are not committed after {SPOOL_PATIENCE_S:.0f} s; "
                "`steelyard doctor` says how far behind the store is"
            )
        time.sleep(_LOOK_EVERY_S)
        waiting &= {path.stem for path in spool_dir.iterdir() if path.suffix in (".open", ".seg")}
