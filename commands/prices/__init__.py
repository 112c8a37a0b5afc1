"""`steelyard prices`: what models cost, since when, who says so; and how to change it."""

from __future__ import annotations

import click

from commands.prices.decide import approve, withdraw
from commands.prices.differences import diff
from commands.prices.imported import import_prices
from commands.prices.listed import list_prices
from commands.prices.overridden import override
from commands.prices.report import report
from commands.prices.shown import show

_COMMANDS = (list_prices, show, import_prices, diff, override, approve, withdraw, report)


@click.group("prices", short_help="What models cost, since when and who says so; set prices of your own.")
def command() -> None:
    """What models cost, since when and who says so; set prices of your own.

    \b
    Example:
      steelyard prices list --provider openai
      steelyard prices show gpt-4o
      steelyard prices override openai gpt-4o --input 2.25 --from 2026-10-01 --note "new contract"
      steelyard prices import prices.toml --dry-run
    """


for _command in _COMMANDS:
    command.add_command(_command)
