"""A running Steelyard: its processes on one data directory, for `up`, `collect` and `demo`."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from collector import datadir
from collector.settings import MEGABYTE, CollectorSettings
from collector.supervise import ProcessSpec, Supervisor
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
        _refuse_taken_ports(settings, with_dashboard)
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
    specs = [
        ProcessSpec(
            "receiver",
            (*python, "collector.receiver", handed_down),
            lambda: _answers(f"{settings.receiver_url}/healthz"),
        ),
        ProcessSpec(
            "store server",
            (*python, "collector.server", handed_down),
            lambda: _answers(f"{settings.api_url}/api/v1/health"),
            stop_patience_s=60.0,
        ),
    ]
    if with_dashboard:
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


def _refuse_taken_ports(settings: CollectorSettings, with_dashboard: bool) -> None:
    wanted = [("OTLP/HTTP", settings.otlp_http, "--otlp-http"), ("read API", settings.api, "--api")]
    if with_dashboard:
        wanted.append(("dashboard", settings.dashboard, "--dashboard"))
    for what, port, flag in wanted:
        if not _is_free(settings.host, port):
            by = "another Steelyard" if _answers(f"{settings.api_url}/api/v1/health") else "another program"
            raise ConfigError(
                f"port {port} ({what}) is taken by {by}. Stop that one, or choose another port with {flag} PORT."
            )


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers themselves bind: a port that is only lingering after a restart is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
