"""`steelyard budgets`: what a month may cost, and what it will."""

from __future__ import annotations

import click

from commands.budgets.listed import list_budgets
from commands.budgets.recorded import remove, set_budget


@click.group(
    "budgets",
    short_help="What a month may cost, by tenant or any dimension: set, list with forecast, remove.",
)
def command() -> None:
    """What a month may cost, by tenant or any dimension: set, list with forecast, remove.

    \b
    Example:
      steelyard budgets set 5000
      steelyard budgets set 800 --where tenant=acme --from 2026-11 --soft 75%
      steelyard budgets list
    """


for _command in (list_budgets, set_budget, remove):
    command.add_command(_command)
