"""`steelyard up`: everything, supervised, until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import click

from collector.configure import load_settings
from collector.observe import logs
from collector.settings import CollectorSettings
from commands import pages
from commands.processes import Running, running

_log = logs.of("steelyard")


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """The flags that `up`, `collect` and `demo` share."""
    for option in (
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
        click.option("--otlp-http", type=int, metavar="PORT", help="OTLP/HTTP port (default 4318)."),
        click.option("--otlp-grpc", type=int, metavar="PORT", help="OTLP/gRPC port (default 4317)."),
        click.option("--api", type=int, metavar="PORT", help="Read API port (default 4319)."),
    ):
        command = option(command)
    return command


@click.command("up", short_help="Start everything: receiver, store server and dashboard.")
@data_options
@click.option("--dashboard", type=int, metavar="PORT", help="Dashboard port (default 8501).")
def command(
    data: Path | None, otlp_http: int | None, otlp_grpc: int | None, api: int | None, dashboard: int | None
) -> None:
    """Start everything: receiver, store server and dashboard.

    \b
    Example:
      steelyard up
      steelyard up --data /var/lib/steelyard
    """
    flags = {"data": data, "otlp_http": otlp_http, "otlp_grpc": otlp_grpc, "api": api, "dashboard": dashboard}
    serve(load_settings(flags), with_dashboard=True)


def serve(settings: CollectorSettings, *, with_dashboard: bool) -> None:
    """Run in the foreground until interrupted; Ctrl-C is the normal end, not an error."""
    logs.configure(settings.log_format, settings.log_level)
    with contextlib.suppress(KeyboardInterrupt), running(settings, with_dashboard=with_dashboard) as up:
        _welcome(up)
        try:
            up.wait()
        except KeyboardInterrupt:
            _log.info("stopping", "stopping; what was accepted is being committed")


def _welcome(up: Running) -> None:
    """Where everything is: drawn for a person, one line for a machine."""
    banner = _banner(up)
    if not logs.is_json(up.settings.log_format):
        print(banner, file=sys.stderr, flush=True)
        return
    title, *notes = (line.strip() for line in banner.splitlines())
    _log.info("started", title, notes=notes)


def _banner(up: Running) -> str:
    settings = up.settings
    # Other machines know this one by its name, when it listens on every address.
    host = settings.host if settings.host == settings.local_host else socket.gethostname()
    page = [f"  dashboard   {pages.url_for_people(settings)}"] if up.dashboard_url else []
    over_grpc = settings.url(host, settings.otlp_grpc)
    return "\n".join(
        [
            f"Steelyard is running on {settings.data}",
            *page,
            f"  telemetry   export OTEL_EXPORTER_OTLP_ENDPOINT={settings.url(host, settings.otlp_http)}",
            f"  or gRPC     export OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT={over_grpc}",
            f"  read API    {settings.url(host, settings.api)}",
            *_about_access(up),
            "  Ctrl-C stops it.",
        ]
    )


def _about_access(up: Running) -> list[str]:
    """What a person must know who lets others in."""
    settings = up.settings
    said = []
    if settings.is_public or settings.require_keys:
        said.append(
            "  keys        export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=sy_… (one from `steelyard keys add`)"
        )
    if settings.is_public and up.dashboard_url and not settings.is_dashboard_public:
        said.append("  Only this machine can open the dashboard; for others set a sign-in (docs/sign-in.md).")
    if settings.is_public and settings.tls_cert is None:
        said.append(
            "  Keys and telemetry cross the network unencrypted: set tls_cert and tls_key, or use a TLS proxy."
        )
    return said
