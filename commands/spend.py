"""`steelyard spend`: what a month cost, by tenant or by any dimension, with what could not be priced on a line of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from commands.connect import connect, source_options
from commands.dimensions import known_dimension, narrowed, where_option
from commands.output import Format, format_option, print_rows
from commands.spend_report import write_report
from commands.spent import Asked, Month, as_table, as_text

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_MOST_DIMENSIONS = 2


@click.command("spend", short_help="What each tenant cost in a month, with what could not be priced.")
@click.option("--month", metavar="YYYY-MM", help="UTC month (default: this one).")
@click.option(
    "--by",
    default="tenant",
    show_default=True,
    metavar="NAME[,NAME]",
    help="What to group by: one or two dimensions, such as tenant, model, or one of your own.",
)
@where_option
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE.html",
    help="Write the month as one HTML file to print or send, instead.",
)
@source_options
@format_option
def command(
    month: str | None,
    by: str,
    where: str | None,
    report: Path | None,
    project: str,
    data: Path | None,
    output_format: Format,
) -> None:
    """What each tenant cost in a month, with what could not be priced.

    `cost` is what you pay: list prices with your agreements applied, 0 for calls on a customer's own account. Beside it
    stand the list price, what the emitters reported, and what the cache saved. Differences that a repricing found in
    months that were closed have lines of their own.

    \b
    Example:
      steelyard spend --month 2026-10
      steelyard spend --month 2026-10 --by tenant,model
      steelyard spend --month 2026-10 --by team --where environment=production --format csv > october.csv
      steelyard spend --month 2026-10 --report october.html
    """
    month = month or datetime.now(UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(month):
        raise click.UsageError(f"--month {month!r}: write it as YYYY-MM, for example --month 2026-10")
    day = f"{month}-01"
    with connect(data) as reader:
        grouped = [known_dimension(reader, project, name) for name in by.split(",")]
        if len(set(grouped)) != len(grouped) or len(grouped) > _MOST_DIMENSIONS:
            raise click.UsageError(
                f"--by {by!r}: name one or two different ones, for example --by tenant,model"
            )
        only = narrowed(reader, project, where)
        if report:
            write_report(reader, _asked(month, project, grouped, where, only), report)
            return
        groups = dict(zip(("by", "then_by"), grouped, strict=False))
        found = Month(
            groups=reader.query("spend_month", project=project, month=day, **groups, **only),
            totals=reader.query("month_totals", project=project, month=day, **only),
            corrections=reader.query("corrections", project=project, booked_month=day),
        )
    asked = _asked(month, project, grouped, where, only)
    if output_format == "table":
        sys.stdout.write(as_text(asked, found))
    else:
        print_rows(as_table(asked, found), output_format)


def _asked(
    month: str, project: str, grouped: Sequence[str], where: str | None, only: Mapping[str, str | None]
) -> Asked:
    return Asked(
        month, project, tuple(grouped), where, only.get("dimension"), only.get("dimension_value") or ""
    )
