"""`steelyard periods`: close a month, so that what it says stays; open it again; list what was closed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.connect import connect, source_options
from commands.months import MONTH, month_after
from commands.output import Format, format_option, print_rows, text_table
from commands.owner import Owner, owner
from commands.repriced import difference, whoami
from dashboard.formats import money
from errors import ConfigError
from store.reader import ServerReader, rows

_LOOK_EVERY_S = 0.2


@click.group("periods", short_help="Close a month, open it again, list what was closed.")
def command() -> None:
    """Close a month, open it again, list what was closed.

    A closed month keeps its charges: what `steelyard reprice` finds of it later is booked as a difference in the next
    open month.

    \b
    Example:
      steelyard periods close 2026-10
      steelyard periods list
    """


def _options(of: Any) -> Any:
    for option in (
        click.option("--note", help="Why, for the record."),
        click.option("--by", help="Who does it (default: your user name)."),
        click.option(
            "--project",
            default="default",
            show_default=True,
            envvar="STEELYARD_PROJECT",
            help="Whose month it is.",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
    ):
        of = option(of)
    return of


@command.command("close")
@click.argument("month", type=MONTH)
@_options
def close(month: date, project: str, note: str | None, by: str | None, data: Path | None) -> None:
    """Close a month that is over: what it came to is kept, and its calls are repriced no more.

    \b
    Example:
      steelyard periods close 2026-10 --note 'invoice of 3 November checked'
    """
    over_at = month_after(month)
    if datetime.now(UTC).date() < over_at:
        raise ConfigError(f"{month:%Y-%m} is not over: it can be closed from {over_at} on (UTC).")
    with owner(data) as server:
        before = _of(server, project, month)
        if before is not None and before["status"] == "closed":
            raise ConfigError(
                f"{month:%Y-%m} is closed already, since {before['recorded_at']:%Y-%m-%d %H:%M} UTC by {before['recorded_by']}."
            )
        closed = _record(server, project, month, "closed", note, by)
    sys.stdout.write(
        f"Closed {month:%Y-%m} in project {project}: {closed['n_calls']:,} calls, "
        f"{_usd(closed['effective_cost_usd'])} (list {_usd(closed['list_cost_usd'])}).\n"
    )
    if closed["n_unpriced_now"]:
        sys.stdout.write(
            f"{closed['n_unpriced_now']:,} of them have no known cost and are in no sum: a price that is found later "
            "is booked in the next open month.\n"
        )


@command.command("open")
@click.argument("month", type=MONTH)
@_options
def reopen(month: date, project: str, note: str | None, by: str | None, data: Path | None) -> None:
    """Open a closed month again: its calls can be repriced. What was booked elsewhere for them is taken back then.

    \b
    Example:
      steelyard periods open 2026-10 --note 'closed too early'
    """
    with owner(data) as server:
        before = _of(server, project, month)
        if before is None or before["status"] != "closed":
            raise ConfigError(f"{month:%Y-%m} is not closed. `steelyard periods list` shows the months.")
        _record(server, project, month, "open", note, by)
    sys.stdout.write(f"{month:%Y-%m} in project {project} is open again.\n")
    if before["corrected_usd"] is not None:
        sys.stdout.write(
            f"{difference(before['corrected_usd'])} for its calls is booked in other months: `steelyard reprice --month "
            f"{month:%Y-%m}` charges the calls themselves and takes that back.\n"
        )


@command.command("list")
@source_options
@format_option
def list_periods(project: str, data: Path | None, output_format: Format) -> None:
    """The months: what each came to when it was closed, what its calls come to now, and what it carries for others.

    \b
    Example:
      steelyard periods list
    """
    with connect(data) as reader:
        table = reader.query("periods", project=project)
    if output_format == "table":
        sys.stdout.write(_report(rows(table)) if table.num_rows else f"No calls in project {project}.\n")
    else:
        print_rows(table, output_format)


def _report(months: Sequence[Mapping[str, Any]]) -> str:
    headers = [
        "month",
        "status",
        "calls",
        "cost",
        "closed by",
        "calls now",
        "cost now",
        "late",
        "carries",
        "carried elsewhere",
    ]
    return text_table(headers, [_line(month) for month in months])


def _line(month: Mapping[str, Any]) -> list[str]:
    is_closed = month["status"] == "closed"
    late = Decimal(month["effective_cost_now_usd"] or 0) - Decimal(month["effective_cost_usd"] or 0)
    return [
        f"{month['month']:%Y-%m}",
        f"closed {month['recorded_at']:%Y-%m-%d}" if is_closed else "open",
        f"{month['n_calls']:,}" if is_closed else "",
        _usd(month["effective_cost_usd"]) if is_closed else "",
        month["recorded_by"] or "" if is_closed else "",
        f"{month['n_calls_now']:,}",
        _usd(month["effective_cost_now_usd"]) if month["n_calls_now"] else "",
        difference(late) if is_closed and late else "",
        difference(month["correction_usd"]) if month["correction_usd"] is not None else "",
        difference(month["corrected_usd"]) if month["corrected_usd"] is not None else "",
    ]


def _usd(amount: Any) -> str:
    return "unknown" if amount is None else money(amount)


def _record(
    server: Owner, project: str, month: date, status: str, note: str | None, by: str | None
) -> Mapping[str, Any]:
    """Record it and wait until it holds; the month as it is then."""
    record = {
        "period_key": str(ULID()),
        "month": month.isoformat(),
        "status": status,
        "note": note,
        "recorded_by": by or whoami(),
    }
    server.post_records("periods", [record], project=project)
    while (found := _of(server, project, month)) is None or found["status"] != status:
        time.sleep(_LOOK_EVERY_S)
    return found


def _of(server: Owner, project: str, month: date) -> Mapping[str, Any] | None:
    """What is recorded of a month; None when nothing is."""
    found = rows(ServerReader(server.client).query("periods", project=project, month=month.isoformat()))
    return found[0] if found else None
