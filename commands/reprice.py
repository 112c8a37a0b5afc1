"""`steelyard reprice`: charge stored calls by what is known now, after a look at what that changes."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from commands import repriced
from commands.moments import MOMENT
from commands.months import MONTH, first_moment, month_after
from commands.output import Format, format_option, print_rows
from commands.owner import owner
from commands.repriced import Outcome, Preview
from store.pricing_scope import COST_STATUSES, PricingScope


@click.command("reprice", short_help="Charge stored calls by today's prices; shows the difference first.")
@click.option("--month", type=MONTH, metavar="YYYY-MM", help="Calls of this UTC month.")
@click.option(
    "--since", type=MOMENT, metavar="TIME", help="Calls that started at this UTC day or time, or later."
)
@click.option("--until", type=MOMENT, metavar="TIME", help="Calls that started before this UTC day or time.")
@click.option("--provider", help="Calls of this provider.")
@click.option(
    "--model", help="Calls of this model, as telemetry names it; `*` at its end for all that begin so."
)
@click.option("--tenant", help="Calls of this tenant; '' = of none.")
@click.option(
    "--status", "cost_status", type=click.Choice(list(COST_STATUSES)), help="Calls with this cost status."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--note", help="Why, for the record.")
@click.option("--by", help="Who asks for it (default: your user name).")
@click.option(
    "--project", default="default", show_default=True, envvar="STEELYARD_PROJECT", help="Project to reprice."
)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
@format_option
def command(
    month: date | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    yes: bool,
    note: str | None,
    by: str | None,
    project: str,
    data: Path | None,
    output_format: Format,
    tenant: str | None,
    **conditions: str | None,
) -> None:
    """Charge stored calls by today's prices; shows the difference first.

    New prices, agreements, tenants and rules count for calls that arrive from then on. This applies what is known now to
    calls that are stored already, each at the price of its own time. A month that was closed keeps its charges: what
    differs is booked in the next open month.

    \b
    Example:
      steelyard reprice --month 2026-10 --dry-run
      steelyard reprice --month 2026-10 --model 'ft:gpt-4o*' --note 'price list of 2 October'
      steelyard reprice --status unpriced
    """
    if month is not None:
        if since is not None or until is not None:
            raise click.UsageError("--month is a time of its own: give it, or --since and --until")
        since, until = first_moment(month), first_moment(month_after(month))
    if since is not None and until is not None and until <= since:
        raise click.UsageError(f"--until {until} is not after --since {since}")
    scope = PricingScope(since=since, until=until, tenant_id=tenant, **conditions)
    with owner(data) as server:
        found = repriced.preview(server, project, scope)
        _show(found, output_format)
        if dry_run or not found.n_changed:
            _say(
                "Nothing was changed (--dry-run)."
                if dry_run
                else "Nothing to change: all of it is charged so already."
            )
            return
        if not yes:
            click.confirm("Change them?", abort=True, err=True)
        _say(_told(repriced.run(server, project, scope, note=note, by=by)))


def _show(found: Preview, output_format: Format) -> None:
    if output_format == "table":
        sys.stdout.write(
            repriced.report(found) if found.differences else f"{found.n_calls:,} calls in scope.\n"
        )
        return
    print_rows(_table(found), output_format)


def _table(found: Preview) -> pa.Table:
    rows: list[dict[str, Any]] = [asdict(one) for one in found.differences]
    amount, count = pa.decimal128(38, 12), pa.int64()
    kinds = {"tenant_id": pa.string(), "provider": pa.string(), "model": pa.string(), "is_closed": pa.bool_()}
    names = [
        *("n_calls_before", "n_calls_after", "n_priced_before", "n_priced_after", "n_changed"),
        *("list_before_usd", "list_after_usd", "effective_before_usd", "effective_after_usd"),
    ]
    fields = kinds | {name: amount if name.endswith("_usd") else count for name in names}
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _told(outcome: Outcome) -> str:
    if outcome.n_calls is None:
        return f"Pricing run {outcome.pricing_run} {outcome.note}"
    corrected = f", {outcome.n_corrected:,} of closed months corrected" if outcome.n_corrected else ""
    return (
        f"Pricing run {outcome.pricing_run}: {outcome.n_calls:,} calls looked at, {outcome.n_changed:,} charged anew"
        f"{corrected}."
    )


def _say(text: str) -> None:
    """Beside the rows, which alone are on stdout."""
    print(text, file=sys.stderr)
