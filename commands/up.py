"""`steelyard up`: everything, supervised, until Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import click

from collector.settings import CollectorSettings, load_settings
from commands.processes import Running, running


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """The flags that `up`, `collect` and `demo` share."""
    for option in (
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
        click.option("--otlp-http", type=int, metavar="PORT", help="OTLP/HTTP port (default 4318)."),
        click.option("--api", type=int, metavar="PORT", help="Read API port (default 4319)."),
    ):
        command = option(command)
    return command


@click.command("up", short_help="Start everything: receiver, store server and dashboard.")
@data_options
@click.option("--dashboard", type=int, metavar="PORT", help="Dashboard port (default 8501).")
def command(data: Path | None, otlp_http: int | None, api: int | None, dashboard: int | None) -> None:
    """Start everything: receiver, store server and dashboard.

    \b
    Example:
      steelyard up
      steelyard up --data /var/lib/steelyard
    """
    settings = load_settings({"data": data, "otlp_http": otlp_http, "api": api, "dashboard": dashboard})
    serve(settings, with_dashboard=True)


def serve(settings: CollectorSettings, *, with_dashboard: bool) -> None:
    """Run in the foreground until interrupted; Ctrl-C is the normal end, not an error."""
    with contextlib.suppress(KeyboardInterrupt), running(settings, with_dashboard=with_dashboard) as up:
        print(_banner(up), file=sys.stderr, flush=True)
        try:
            up.wait()
        except KeyboardInterrupt:
            print("steelyard: stopping; what was accepted is being committed", file=sys.stderr, flush=True)


def _banner(up: Running) -> str:
    page = [f"  dashboard   {up.dashboard_url}"] if up.dashboard_url else []
    return "\n".join(
        [
            f"Steelyard is running on {up.settings.data}",
            *page,
            f"  telemetry   export OTEL_EXPORTER_OTLP_ENDPOINT={up.receiver_url}",
            f"  read API    {up.api_url}",
            "  Ctrl-C stops it.",
        ]
    )
