"""A running Steelyard: its processes on one data directory, for `up`, `collect` and `demo`."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector import datadir
from collector.processes.listening import listen
from collector.processes.supervise import ProcessSpec, Supervisor
from collector.settings import MEGABYTE, CollectorSettings
from errors import ConfigError, ServerError

START_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Running:
    """A running Steelyard."""

    settings: CollectorSettings
    receiver_url: str
    api_url: str
    dashboard_url: str | None
    supervisor: Supervisor

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM, which arrive as KeyboardInterrupt."""
        # Not a bare wait(): on some platforms it cannot be interrupted.
        forever = threading.Event()
        while not forever.wait(3600):
            pass


@contextlib.contextmanager
def running(settings: CollectorSettings, *, with_dashboard: bool) -> Iterator[Running]:
    """Run on the data directory of the settings; stops everything in order on the way out.

    Raises DataDirError when the directory is in use or not writable, ConfigError when a port is taken.
    """
    dashboard_url = settings.dashboard_url if with_dashboard else None
    datadir.prepare(settings.data)
    _warn_when_disk_is_short(settings)
    address = datadir.ServerAddress(os.getpid(), settings.receiver_url, settings.api_url, dashboard_url)
    lock_fd = datadir.lock(settings.data, address)
    try:
        supervisor = Supervisor(_specs(settings, with_dashboard), lock_fd=lock_fd)
        try:
            _start(supervisor)
            yield Running(settings, settings.receiver_url, settings.api_url, dashboard_url, supervisor)
        finally:
            supervisor.stop()
    finally:
        os.close(lock_fd)


def _specs(settings: CollectorSettings, with_dashboard: bool) -> list[ProcessSpec]:
    """In the order in which to stop: first what takes data, then what commits it, then what looks."""
    handed_down = settings.model_dump_json()
    python = (sys.executable, "-m")
    telemetry = _listen(settings, "OTLP/HTTP", settings.otlp_http, "--otlp-http")
    queries = _listen(settings, "read API", settings.api, "--api")
    specs = [
        ProcessSpec(
            "receiver",
            (*python, "collector.receiver", handed_down, *_numbers(telemetry)),
            lambda: _answers(f"{settings.receiver_url}/healthz"),
            sockets=telemetry,
        ),
        ProcessSpec(
            "store server",
            (*python, "collector.server", handed_down, *_numbers(queries)),
            lambda: _answers(f"{settings.api_url}/api/v1/health"),
            sockets=queries,
            stop_patience_s=60.0,
        ),
    ]
    if with_dashboard:
        # Streamlit binds its port itself: only see that it can.
        for held in _listen(settings, "dashboard", settings.dashboard, "--dashboard"):
            held.close()
        specs.append(
            ProcessSpec(
                "dashboard",
                (
                    *python,
                    "dashboard.serve",
                    "--supervised",
                    "--address",
                    settings.host,
                    "--port",
                    str(settings.dashboard),
                    "--api-url",
                    settings.api_url,
                ),
                lambda: _answers(f"{settings.dashboard_url}/_stcore/health"),
                stop_patience_s=5.0,
            )
        )
    return specs


def _start(supervisor: Supervisor) -> None:
    try:
        supervisor.start(START_PATIENCE_S)
    except TimeoutError as silent:
        raise ServerError(
            f"the {silent} did not answer within {START_PATIENCE_S:g} s; its messages above say why."
        ) from None


def _warn_when_disk_is_short(settings: CollectorSettings) -> None:
    free, reserve = shutil.disk_usage(settings.data).free, settings.disk_reserve_bytes
    if free < reserve:
        print(
            f"steelyard: {settings.data} has {free // MEGABYTE} MB free. New telemetry is refused (503) until there are "
            f"{reserve // MEGABYTE} MB, which are kept to commit what was already accepted; free some space.",
            file=sys.stderr,
        )


def _listen(settings: CollectorSettings, what: str, port: int, flag: str) -> list[socket.socket]:
    try:
        return listen(settings.host, port)
    except OSError as refused:
        if refused.errno != errno.EADDRINUSE:
            raise ConfigError(
                f"cannot listen on {settings.host} port {port} ({what}): {refused.strerror}."
            ) from None
        by = "another Steelyard" if _answers(f"{settings.api_url}/api/v1/health") else "another program"
        raise ConfigError(
            f"port {port} ({what}) is taken by {by}. Stop that one, or choose another port with {flag} PORT."
        ) from None


def _numbers(sockets: Sequence[socket.socket]) -> list[str]:
    return [str(held.fileno()) for held in sockets]


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
