"""`steelyard collect`: the receiver and the store server, without the dashboard."""

from __future__ import annotations

from pathlib import Path

import click

from collector.settings import load_settings
from commands.up import data_options, serve


@click.command("collect", short_help="Start the receiver and the store server, without the dashboard.")
@data_options
def command(data: Path | None, otlp_http: int | None, api: int | None) -> None:
    """Start the receiver and the store server, without the dashboard.

    \b
    Example:
      steelyard collect --data /var/lib/steelyard --otlp-http 4318
    """
    serve(load_settings({"data": data, "otlp_http": otlp_http, "api": api}), with_dashboard=False)
