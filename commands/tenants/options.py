"""The flags of every command that records something about tenants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click


def recording_options(command: Callable[..., None]) -> Callable[..., None]:
    """Why and by whom it is recorded, in which project, and where."""
    for option in (
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
        click.option(
            "--project",
            default="default",
            show_default=True,
            envvar="STEELYARD_PROJECT",
            help="The project whose tenant it is.",
        ),
        click.option("--by", "recorded_by", help="Who records it (default: your user name)."),
        click.option("--note", help="Why, for the record."),
    ):
        command = option(command)
    return command


def showing_first(command: Callable[..., None]) -> Callable[..., None]:
    """`--dry-run` and `--yes`, for what moves stored calls."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show what would move, and stop."),
    ):
        command = option(command)
    return command
