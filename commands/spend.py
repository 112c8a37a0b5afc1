"""`steelyard spend`: a tenant's month, with what could not be priced on a line of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from commands.connect import connect, source_options
from commands.dimensions import known_dimension, narrowed, where_option
from commands.output import Format, format_option, print_rows, text_table
from dashboard.formats import money, sampling_note
from store.dimensions import short_name
from store.reader import rows

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
@source_options
@format_option
def command(
    month: str | None, by: str, where: str | None, project: str, data: Path | None, output_format: Format
) -> None:
    """What each tenant cost in a month, with what could not be priced.

    \b
    Example:
      steelyard spend --month 2026-10
      steelyard spend --month 2026-10 --by tenant,model
      steelyard spend --month 2026-10 --by team --where environment=production --format csv > october.csv
    """
    month = month or datetime.now(UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(month):
        raise click.UsageError(f"--month {month!r}: write it as YYYY-MM, for example --month 2026-10")
    with connect(data) as reader:
        grouped = [known_dimension(reader, project, name) for name in by.split(",")]
        if len(set(grouped)) != len(grouped) or len(grouped) > _MOST_DIMENSIONS:
            raise click.UsageError(
                f"--by {by!r}: name one or two different ones, for example --by tenant,model"
            )
        chosen: dict[str, str | None] = dict(zip(("by", "then_by"), grouped, strict=False))
        chosen |= narrowed(reader, project, where)
        table = _named(reader.query("spend_month", project=project, month=f"{month}-01", **chosen), grouped)
    if output_format == "table":
        narrowed_to = f", where {where}" if where else ""
        sys.stdout.write(
            _report(f"Spend in {month} (UTC), project {project}{narrowed_to}", rows(table), grouped)
            or f"No calls in {month} (UTC) in project {project}{narrowed_to}.\n"
        )
    else:
        print_rows(table, output_format)


def _named(table: pa.Table, grouped: Sequence[str]) -> pa.Table:
    """The rows with a column for each dimension in front, by its name."""
    amounts = table.drop_columns(["tenant_id", "value", "value_2"])
    columns = [table[name] for name in ("value", "value_2")[: len(grouped)]]
    return pa.table([*columns, *amounts.columns], names=[*grouped, *amounts.column_names])


def _report(title: str, groups: Sequence[Mapping[str, Any]], grouped: Sequence[str]) -> str:
    """The month for people; empty without calls."""
    if not groups:
        return ""
    lines = [
        [
            *(group[name] or f"(no {short_name(name)})" for name in grouped),
            f"{group['n_calls']:,}",
            _tokens(group["input_tokens"]),
            _tokens(group["output_tokens"]),
            "unknown" if group["cost_usd"] is None else money(group["cost_usd"]),
            f"{group['n_unpriced']:,}" if group["n_unpriced"] else "",
        ]
        for group in groups
    ]
    headers = [*map(short_name, grouped), "calls", "input tokens", "output tokens", "cost", "unpriced calls"]
    totals = ["total", *[""] * (len(grouped) - 1), f"{_sum(groups, 'n_calls'):,}", "", ""]
    totals += [money(_usd(groups, "cost_usd")), ""]
    return (
        f"{title}\n\n" + text_table(headers, [*lines, totals]) + "\n" + _coverage(groups) + _sampled(groups)
    )


def _coverage(groups: Sequence[Mapping[str, Any]]) -> str:
    """What the total does not hold, in words: an unknown cost is never zero."""
    n_calls = _sum(groups, "n_calls")
    n_unpriced = _sum(groups, "n_unpriced")
    n_no_usage = _sum(groups, "n_no_usage")
    covered = f"{_sum(groups, 'n_priced') / n_calls:.1%} of calls have a known cost."
    if n_unpriced:
        models = sorted(
            {name for group in groups for name in (group["unpriced_models"] or "").split(", ") if name}
        )
        covered += f"\nNot in the total: {n_unpriced:,} calls without a price ({', '.join(models)})."
    if n_no_usage:
        covered += f"\nNot in the total: {n_no_usage:,} calls that reported no usage."
    return covered + "\n"


def _sampled(groups: Sequence[Mapping[str, Any]]) -> str:
    note = sampling_note(
        _sum(groups, "n_sampled"), _sum(groups, "n_calls"), _usd(groups, "estimated_cost_usd")
    )
    return f"{note}\n" if note else ""


def _usd(groups: Sequence[Mapping[str, Any]], column: str) -> Decimal:
    return sum((group[column] for group in groups if group[column] is not None), Decimal(0))


def _sum(groups: Sequence[Mapping[str, Any]], column: str) -> int:
    return sum(int(group[column]) for group in groups)


def _tokens(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"
