"""What the store server knows of the whole pipeline: receiver, spool, commits, store, disk. Figures, never content."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.observe import committing, registry
from collector.processes import restarts
from collector.retention import Table
from collector.server.access import Access, project_of
from collector.settings import EVERY_PROJECT, CollectorSettings
from collector.spool.segments import QUARANTINE, sealed_segments, spool_bytes
from store.wire import API_VERSION, VERSION_HEADER

# The store server is not ready, so a load balancer or a person should know, when data waits longer than this …
READY_LAG_S = 60.0
# … or the committer has not gone round for so long: one commit of 16 MB takes a second or two.
READY_SILENCE_S = 120.0

_ASK_RECEIVER_EVERY_S = 2.0
_RECEIVER_PATIENCE_S = 1.0
# Why segments are in quarantine: mostly one reason, and a page has no room for more than a few.
_NOTES_READ = 100
_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Readiness:
    """Whether a process can do its work now; why not, when it cannot. `is_up` is False when it does not answer."""

    is_up: bool
    reasons: tuple[str, ...]


class Pipeline:
    """The state of the collector on this data directory, as its pages, probes and metrics show it."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._receiver = Readiness(False, ("not asked yet",))
        self._asked_at = float("-inf")
        _watch(settings)

    def readiness(self) -> Readiness:
        """Whether this process commits and answers."""
        return Readiness(True, tuple(_troubles(self._settings)))

    def receiver(self) -> Readiness:
        """What the receiver says of itself, at most two seconds old. Takes up to a second."""
        with self._lock:
            if time.monotonic() - self._asked_at > _ASK_RECEIVER_EVERY_S:
                self._receiver = _ask(self._settings.receiver_url)
                self._asked_at = time.monotonic()
            return self._receiver

    def document(self, project: str) -> dict[str, Any]:
        """Everything, as /api/v1/pipeline gives it, with what is set for one project.

        Sizes in bytes, ages in seconds, times in ISO 8601; null is unknown, and for a number of days it is "for ever".
        """
        settings, state = self._settings, committing.state()
        return {
            "now": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "processes": _processes(settings.data, self.receiver(), self.readiness()),
            "problem": state.trouble,
            "oldest_waiting_s": oldest_waiting_s(settings.spool_dir),
            "last_commit_at": _time(state.last_commit_at_s),
            "newest_received_at": _time(state.newest_received_at_s),
            "commits_last_minute": state.commits_last_minute,
            "rows_last_minute": state.rows_last_minute,
            "spool": _spool(settings),
            "quarantine": _quarantine(settings),
            "disk": _disk(settings),
            "store": {
                "file_bytes": _size(settings.store_path),
                "wal_bytes": _size(_wal(settings.store_path)),
            },
            "endpoints": {"http": settings.receiver_url, "grpc": settings.grpc_url},
            "access": {
                "public": settings.is_public,
                "keys_required": settings.is_public or settings.require_keys,
            },
            "project": project,
            "captures_content": bool({project, EVERY_PROJECT} & set(settings.capture_projects)),
            "retention_days": {table: settings.retention.days(table, project) for table in get_args(Table)},
        }


def routes(pipeline: Pipeline, access: Access) -> list[Route]:
    """`/healthz`, `/readyz`, `/metrics` and `/api/v1/pipeline`. The first two need no key and say only why not."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        reasons = pipeline.readiness().reasons
        return JSONResponse(
            {"status": "unavailable" if reasons else "ok", "reasons": list(reasons)}, 503 if reasons else 200
        )

    async def metrics(request: Request) -> Response:
        access.pipeline_reader(request)
        body, content_type = registry.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def document(request: Request) -> Response:
        project = project_of(access.pipeline_reader(request), request.query_params.get("project"))
        found = await run_in_threadpool(pipeline.document, project)  # it asks the receiver
        return JSONResponse(found, headers={VERSION_HEADER: API_VERSION})

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/api/v1/pipeline", document, methods=["GET"]),
    ]


def oldest_waiting_s(spool_dir: Path) -> float | None:
    """How long the oldest segment waits to be committed, from its name; None when none does."""
    names = [path.name for path in sealed_segments(spool_dir)]
    began_ms = min((int(name[:14]) for name in names if name[:14].isdigit()), default=None)
    return None if began_ms is None else max(0.0, time.time() - began_ms / 1000)


def _troubles(settings: CollectorSettings) -> Iterator[str]:
    state = committing.state()
    if state.trouble is not None:
        yield state.trouble
    if state.silent_s is None:
        yield "the committer has not started"
    elif state.silent_s > READY_SILENCE_S:
        yield f"the committer has been silent for {state.silent_s:.0f} s"
    waiting_s = oldest_waiting_s(settings.spool_dir)
    if waiting_s is not None and waiting_s > READY_LAG_S:
        yield f"accepted data has been waiting for {waiting_s:.0f} s to be committed"


def _ask(receiver_url: str) -> Readiness:
    try:
        status, body = _get(receiver_url, "/readyz")
        reasons = json.loads(body).get("reasons", []) if status in (200, 503) else [f"it answers {status}"]
    except (OSError, http.client.HTTPException, ValueError) as silent:
        return Readiness(False, (f"it does not answer ({type(silent).__name__})",))
    return Readiness(True, tuple(str(reason) for reason in reasons))


def _get(url: str, path: str) -> tuple[int, bytes]:
    """From this machine and nothing secret, so a certificate for the public name will do."""
    where = urlsplit(url)
    host = where.hostname or "127.0.0.1"
    connection = (
        http.client.HTTPSConnection(
            host, where.port, timeout=_RECEIVER_PATIENCE_S, context=ssl._create_unverified_context()
        )
        if where.scheme == "https"
        else http.client.HTTPConnection(host, where.port, timeout=_RECEIVER_PATIENCE_S)
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(100_000)
    finally:
        connection.close()


def _processes(data: Path, receiver: Readiness, store: Readiness) -> dict[str, Any]:
    counted = restarts.read(data)
    seen = {"receiver": receiver, "store server": store}
    return {
        name: {
            "up": seen[name].is_up if name in seen else None,
            "reasons": list(seen[name].reasons) if name in seen else [],
            "restarts": counted[name].n_restarts if name in counted else None,
            "last_end": counted[name].last_how or None if name in counted else None,
            "last_end_at": counted[name].last_at or None if name in counted else None,
        }
        for name in {**seen, **counted}
    }


def _spool(settings: CollectorSettings) -> dict[str, int]:
    return {
        "bytes": spool_bytes(settings.spool_dir),
        "limit_bytes": settings.spool_max_bytes,
        "segments": len(sealed_segments(settings.spool_dir)),
    }


def _quarantine(settings: CollectorSettings) -> dict[str, Any]:
    folder = settings.spool_dir / QUARANTINE
    kept = _stats(folder.glob("*.seg"))
    return {
        "segments": len(kept),
        "bytes": sum(n_bytes for n_bytes, _ in kept),
        "oldest_s": max((max(0.0, time.time() - at) for _, at in kept), default=None),
        "reasons": sorted(_reasons(folder))[:_REASONS_SHOWN],
        "kept_days": settings.quarantine_days,
        "directory": str(folder),
    }


def _reasons(folder: Path) -> set[str]:
    """Why segments are in quarantine, as the notes beside them say."""
    found = set()
    for note in list(folder.glob("*.json"))[:_NOTES_READ]:
        try:
            found.add(str(json.loads(note.read_text("utf-8"))["reason"])[:200])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _stats(paths: Iterator[Path]) -> list[tuple[int, float]]:
    """(bytes, changed at) of the files that are still there."""
    found = []
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        found.append((stat.st_size, stat.st_ctime))
    return found


def _disk(settings: CollectorSettings) -> dict[str, int]:
    return {
        "free_bytes": shutil.disk_usage(settings.data).free,
        "reserve_bytes": settings.disk_reserve_bytes,
    }


def _watch(settings: CollectorSettings) -> None:
    """The figures that are looked up when Prometheus asks."""
    store, spool_dir = settings.store_path, settings.spool_dir
    gauges: list[tuple[str, str, Callable[[], float]]] = [
        (
            "oldest_waiting_seconds",
            "Age of the oldest segment that waits; 0 when none does.",
            lambda: oldest_waiting_s(spool_dir) or 0.0,
        ),
        ("spool_bytes", "Bytes that wait to be committed.", lambda: spool_bytes(spool_dir)),
        ("file_bytes", "Size of the store file.", lambda: _size(store) or 0),
        ("wal_bytes", "Size of its write-ahead log.", lambda: _size(_wal(store)) or 0),
        ("quarantined_segments", "Segments kept aside now.", lambda: _quarantine(settings)["segments"]),
    ]
    for name, meaning, look in gauges:
        registry.gauge(f"steelyard_store_{name}", meaning, look)
    for process in ("receiver", "store server", "dashboard"):
        registry.gauge(
            "steelyard_process_restarts",
            "How often the supervisor had to start it again.",
            partial(_n_restarts, settings.data, process),
            process=process,
        )


def _n_restarts(data: Path, process: str) -> int:
    counted = restarts.read(data)
    return counted[process].n_restarts if process in counted else 0


def _wal(store: Path) -> Path:
    return store.with_name(f"{store.name}.wal")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _time(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
