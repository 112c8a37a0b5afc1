"""`steelyard budgets set` and `remove`: dated records, of which nothing is ever overwritten."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.budgets.words import of_whom, percent
from commands.dimensions import narrowed, where_option
from commands.months import MONTH
from commands.owner import Owner, owner
from commands.repriced import whoami
from commands.tenants.options import recording_options
from dashboard.formats import money
from errors import ConfigError
from store.reader import ServerReader, rows
from store.records import is_decimal

_AMOUNT = re.compile(r"\$?(\d[\d,]*(\.\d{1,2})?)")


class Amount(click.ParamType[Decimal]):
    """US dollars above 0, to the cent: 5000, 5,000 or $5000.50."""

    name = "USD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        found = _AMOUNT.fullmatch(str(value))
        amount = found[1].replace(",", "") if found else ""
        if not is_decimal(amount, 18, 2) or Decimal(amount) == 0:
            self.fail(
                f"{value!r}: write US dollars above 0, to the cent, for example 5000 or 799.50", param, ctx
            )
        return Decimal(amount)


class Share(click.ParamType[Decimal]):
    """A part of the amount: 80% or 0.8."""

    name = "PERCENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        text = str(value)
        try:
            share = Decimal(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
        except InvalidOperation:
            share = Decimal(0)
        if not (0 < share <= 10 and is_decimal(f"{share:f}", 9, 6)):
            self.fail(f"{value!r}: write a part of the amount, for example 80% or 0.8", param, ctx)
        return share


@click.command("set", short_help="Set what a month may cost, from a month on.")
@click.argument("amount", type=Amount())
@where_option
@click.option("--from", "starts", type=MONTH, metavar="YYYY-MM", help="First UTC month (default: this one).")
@click.option(
    "--soft", type=Share(), default="80%", show_default=True, help="Spent so much, it is worth a look."
)
@click.option(
    "--hard", type=Share(), default="100%", show_default=True, help="Spent so much, it is exceeded."
)
@recording_options
def set_budget(
    amount: Decimal,
    where: str | None,
    starts: date | None,
    soft: Decimal,
    hard: Decimal,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """Set what a UTC month may cost, in US dollars as you pay them: all calls, or one value of a dimension.

    It holds from its first month until another is set for the same. A budget warns; it stops nothing.

    \b
    Example:
      steelyard budgets set 5000
      steelyard budgets set 800 --where tenant=acme --from 2026-11 --soft 75%
      steelyard budgets set 250 --where feature=search --note "agreed with Kim"
    """
    if soft > hard:
        raise click.UsageError(f"--soft {percent(soft)} is above --hard {percent(hard)}")
    budget = {
        "status": "set",
        "valid_from": (starts or _this_month()).isoformat(),
        "monthly_usd": f"{amount:f}",
        "soft_share": f"{soft:f}",
        "hard_share": f"{hard:f}",
    }
    with owner(data) as server:
        chosen = narrowed(ServerReader(server.client), project, where)
        _record(server, project, {**chosen, **budget}, note, recorded_by)
    print(
        f"steelyard: {_whose(chosen)} of project {project} may cost {money(amount)} a month from "
        f"{budget['valid_from'][:7]} on, worth a look from {money(amount * soft)} ({percent(soft)}), "
        f"exceeded from {money(amount * hard)} ({percent(hard)})",
        file=sys.stderr,
    )


@click.command("remove", short_help="End a budget, from a month on.")
@where_option
@click.option(
    "--from", "ends", type=MONTH, metavar="YYYY-MM", help="First UTC month without it (default: this one)."
)
@recording_options
def remove(
    where: str | None,
    ends: date | None,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """End a budget, from a month on; earlier months keep it. Without --where that of the whole project.

    \b
    Example:
      steelyard budgets remove --where tenant=acme --from 2026-12
    """
    first = ends or _this_month()
    with owner(data) as server:
        reader = ServerReader(server.client)
        chosen = narrowed(reader, project, where)
        in_force = rows(reader.query("budgets", project=project, month=first.isoformat()))
        wanted = (chosen.get("dimension"), chosen.get("dimension_value") or "")
        if wanted not in [(row["dimension"], row["dimension_value"]) for row in in_force]:
            raise ConfigError(
                f"{_whose(chosen)} has no budget in {first:%Y-%m} in project {project}. `steelyard budgets list --month "
                f"{first:%Y-%m}` shows those there are."
            )
        _record(
            server,
            project,
            {**chosen, "status": "removed", "valid_from": first.isoformat()},
            note,
            recorded_by,
        )
    print(f"steelyard: {_whose(chosen)} has no budget from {first:%Y-%m} on", file=sys.stderr)


def _record(server: Owner, project: str, budget: dict[str, Any], note: str | None, by: str | None) -> None:
    record = {
        "budget_key": str(ULID()),
        **budget,
        "note": note,
        "recorded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "recorded_by": by or whoami(),
    }
    server.post_records("budgets", [record], project=project)


def _whose(chosen: dict[str, str | None]) -> str:
    return of_whom(chosen.get("dimension"), chosen.get("dimension_value") or "")


def _this_month() -> date:
    return datetime.now(UTC).date().replace(day=1)
