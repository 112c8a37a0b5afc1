"""`steelyard prices report`: what of the calls has no cost, or one that may be wrong, and the command that mends it."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import click
import pyarrow as pa

from commands.connect import connect, source_options
from commands.moments import MOMENT, shown, today, wire
from commands.output import Format, format_option, print_rows
from commands.prices.findings import HEADINGS, SCHEMA, Finding, Period, findings
from dashboard.formats import coverage, money
from store.reader import Reader, rows

_LOOKED_BACK = timedelta(days=30)
# Of each kind; --format json has them all.
_MOST_SHOWN = 10


@click.command("report")
@click.option("--since", type=MOMENT, help="Calls from this UTC day or time on (default: the last 30 days).")
@click.option("--until", type=MOMENT, help="Calls before this UTC day or time (default: the end of today).")
@source_options
@format_option
def report(
    since: datetime | None, until: datetime | None, project: str, data: Path | None, output_format: Format
) -> None:
    """What of the calls has no cost, or one that may be wrong, and the command that mends it.

    Models and units without a price, names that may mean several models, counts that contradict each other, costs that
    emitters report differently, prices that wait for approval, and prices that nobody has checked for 90 days.

    \b
    Example:
      steelyard prices report
      steelyard prices report --since 2026-10-01 --until 2026-11-01
      steelyard prices report --format json
    """
    until = until or today() + timedelta(days=1)
    since = since or until - _LOOKED_BACK
    if since >= until:
        raise click.UsageError(f"--since {shown(since)} is not before --until {shown(until)}")
    period = Period(project, since, until)
    with connect(data) as reader:
        found = findings(reader, period)
        summary = _summary(reader, period)
    if output_format == "table":
        sys.stdout.write(summary + _as_text(found))
    else:
        print_rows(pa.Table.from_pylist([one.as_row() for one in found], SCHEMA), output_format)


def _summary(reader: Reader, period: Period) -> str:
    between = {"since": wire(period.since), "until": wire(period.until)}
    [totals] = rows(reader.query("window_totals", project=period.project, **between))
    title = (
        f"Prices of calls from {shown(period.since)} to {shown(period.until)} (UTC), project {period.project}"
    )
    if not totals["n_calls"]:
        return f"{title}\nNo calls.\n"
    return f"{title}\n{coverage(totals)} have a known cost, {money(totals['cost_usd'])} in all.\n"  # type: ignore[arg-type]


def _as_text(found: list[Finding]) -> str:
    """A section for each kind of finding; one sentence when there is none."""
    if not found:
        return "Nothing is missing, and nothing is in doubt.\n"
    lines = []
    for kind, heading in HEADINGS.items():
        of_kind = [one for one in found if one.kind == kind]
        if not of_kind:
            continue
        lines += ["", heading]
        for one in of_kind[:_MOST_SHOWN]:
            lines.append(f"  {_printable(one.name)}: {_printable(one.says)}")
            lines += [f"      {_printable(command)}" for command in one.commands]
        if len(of_kind) > _MOST_SHOWN:
            lines.append(f"  and {len(of_kind) - _MOST_SHOWN} more: --format json has them all")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """Names come from outside: what a terminal would obey is not passed on."""
    return "".join(char if char.isprintable() else "·" for char in text)
