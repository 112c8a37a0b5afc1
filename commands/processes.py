"""A running Steelyard: its processes on one data directory, for `up`, `collect` and `demo`."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector import datadir, keys
from collector.observe import logs
from collector.processes import restarts
from collector.processes.listening import listen
from collector.processes.supervise import ProcessSpec, Supervisor
from collector.settings import MEGABYTE, CollectorSettings
from collector.tls import certificate
from commands import pages
from errors import ConfigError, DataDirError, ServerError
from store.trust import exactly

# -P: a file of the folder that Steelyard is started in, `store.py` say, must not take the place of our own.
_PYTHON = (sys.executable, "-P")
START_PATIENCE_S = 60.0

_log = logs.of("steelyard")


@dataclass(frozen=True)
class Running:
    """A running Steelyard."""

    settings: CollectorSettings
    address: datadir.ServerAddress
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

    Raises DataDirError when the directory is in use or not writable, ConfigError when a port is taken, when TLS
    cannot be served, or when others could reach it and there is no access key.
    """
    dashboard_url = settings.dashboard_url if with_dashboard else None
    if with_dashboard:
        pages.check(settings)
    served = certificate(settings)
    os.umask(0o077)  # the children's too: whatever is written here is this user's alone
    datadir.prepare(settings.data)
    _check_keys(settings)
    _check_redaction(settings)
    _warn_when_disk_is_short(settings)
    address = datadir.ServerAddress(
        os.getpid(),
        settings.receiver_url,
        settings.api_url,
        dashboard_url,
        str(served.cert.absolute()) if served else None,
    )
    lock_fd = datadir.lock(settings.data, address)
    try:
        supervisor = Supervisor(
            _specs(settings, with_dashboard, keys.write_local_token(settings.data)),
            lock_fd=lock_fd,
            restarts_path=settings.data / restarts.FILE_NAME,
        )
        try:
            _start(supervisor)
            yield Running(
                settings, address, settings.receiver_url, settings.api_url, dashboard_url, supervisor
            )
        finally:
            supervisor.stop()
    finally:
        keys.remove_local_token(settings.data)
        os.close(lock_fd)


def _specs(settings: CollectorSettings, with_dashboard: bool, local_token: str) -> list[ProcessSpec]:
    """In the order in which to stop: first what takes data, then what commits it, then what looks."""
    handed_down = settings.handed_down()
    python = (*_PYTHON, "-m")
    telemetry = _listen(settings, "OTLP/HTTP", settings.otlp_http, "--otlp-http")
    _see_that_free(settings, "OTLP/gRPC", settings.otlp_grpc, "--otlp-grpc")
    queries = _listen(settings, "read API", settings.api, "--api")
    specs = [
        ProcessSpec(
            "receiver",
            (*python, "collector.receiver", handed_down, *_numbers(telemetry)),
            lambda: _answers(settings, f"{settings.receiver_url}/healthz"),
            sockets=telemetry,
        ),
        ProcessSpec(
            "store server",
            (*python, "collector.server", handed_down, *_numbers(queries)),
            lambda: _answers(settings, f"{settings.api_url}/api/v1/health"),
            sockets=queries,
            stop_patience_s=60.0,
        ),
    ]
    if with_dashboard:
        _see_that_free(settings, "dashboard", settings.dashboard, "--dashboard", settings.dashboard_address)
        specs.append(
            ProcessSpec(
                "dashboard",
                (*python, "dashboard.serve", *pages.arguments(settings)),
                lambda: _answers(settings, f"{settings.dashboard_url}/_stcore/health"),
                stop_patience_s=5.0,
                env=pages.environment(settings, local_token),
            )
        )
    return specs


def _check_redaction(settings: CollectorSettings) -> None:
    """What the policy refuses is told now, not by a store server that ends at every start."""
    if not settings.redact_patterns and settings.redact_analyzer is None and not settings.dimensions:
        return
    argv = [*_PYTHON, "-m", "collector.privacy", settings.handed_down()]
    asked = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    if asked.returncode:
        raise ConfigError(
            asked.stdout.strip()
            or "redact_patterns, redact_analyzer and dimensions could not be checked, see above"
        )


def _check_keys(settings: CollectorSettings) -> None:
    """Beyond this machine nobody comes in without a key, so without one a collector there would be of no use."""
    try:
        known = keys.active(keys.read_keys(settings.data))
    except keys.KeyFileError as unusable:
        raise DataDirError(str(unusable)) from None
    if known or not settings.is_public:
        return
    raise ConfigError(
        f"host = {settings.host} is open to other machines, which needs an access key, and {settings.data} has none. Make "
        f"one with `steelyard keys add --role ingest --project default --data {settings.data}` and start again, or "
        "listen on this machine only (STEELYARD_HOST=127.0.0.1)."
    )


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
        _log.warning(
            "disk_short",
            f"{settings.data} has {free // MEGABYTE} MB free. New telemetry is refused (503) until there are "
            f"{reserve // MEGABYTE} MB, which are kept to commit what was already accepted; free some space.",
        )


def _listen(
    settings: CollectorSettings, what: str, port: int, flag: str, host: str | None = None
) -> list[socket.socket]:
    host = host or settings.host
    try:
        return listen(host, port)
    except OSError as refused:
        if refused.errno != errno.EADDRINUSE:
            raise ConfigError(f"cannot listen on {host} port {port} ({what}): {refused.strerror}.") from None
        by = (
            "another Steelyard"
            if _answers(settings, f"{settings.api_url}/api/v1/health")
            else "another program"
        )
        raise ConfigError(
            f"port {port} ({what}) is taken by {by}. Stop that one, or choose another port with {flag} PORT."
        ) from None


def _see_that_free(
    settings: CollectorSettings, what: str, port: int, flag: str, host: str | None = None
) -> None:
    """For what binds its port itself, and could not tell its name as well as we can."""
    for held in _listen(settings, what, port, flag, host):
        held.close()


def _numbers(sockets: Sequence[socket.socket]) -> list[str]:
    return [str(held.fileno()) for held in sockets]


def _answers(settings: CollectorSettings, url: str) -> bool:
    # Its own certificate, not a name: it is for the machine's name out there, never for 127.0.0.1.
    tls = exactly(settings.tls_cert) if settings.tls_cert else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
    )
    try:
        with opener.open(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
