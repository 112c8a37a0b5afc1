"""`steelyard collect`: the receiver and the store server, without the dashboard."""

from __future__ import annotations

from pathlib import Path

import click

from collector.configure import load_settings
from commands.up import data_options, serve


@click.command("collect", short_help="Start the receiver and the store server, without the dashboard.")
@data_options
def command(data: Path | None, otlp_http: int | None, otlp_grpc: int | None, api: int | None) -> None:
    """Start the receiver and the store server, without the dashboard.

    \b
    Example:
      steelyard collect --data /var/lib/steelyard --otlp-http 4318
    """
    flags = {"data": data, "otlp_http": otlp_http, "otlp_grpc": otlp_grpc, "api": api}
    serve(load_settings(flags), with_dashboard=False)
