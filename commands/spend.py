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

from commands.connect import connect, source_options
from commands.output import Format, format_option, print_rows, text_table
from dashboard.formats import money
from store.reader import rows

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@click.command("spend", short_help="What each tenant cost in a month, with what could not be priced.")
@click.option("--month", metavar="YYYY-MM", help="UTC month (default: this one).")
@source_options
@format_option
def command(month: str | None, project: str, data: Path | None, output_format: Format) -> None:
    """What each tenant cost in a month, with what could not be priced.

    \b
    Example:
      steelyard spend --month 2026-10
      steelyard spend --month 2026-10 --format csv > october.csv
    """
    month = month or datetime.now(UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(month):
        raise click.UsageError(f"--month {month!r}: write it as YYYY-MM, for example --month 2026-10")
    with connect(data) as reader:
        table = reader.query("spend_month", project=project, month=f"{month}-01")
    if output_format == "table":
        sys.stdout.write(_report(month, project, rows(table)))
    else:
        print_rows(table, output_format)


def _report(month: str, project: str, tenants: Sequence[Mapping[str, Any]]) -> str:
    if not tenants:
        return f"No calls in {month} (UTC) in project {project}.\n"
    lines = [
        [
            tenant["tenant_id"] or "(no tenant)",
            f"{tenant['n_calls']:,}",
            _tokens(tenant["input_tokens"]),
            _tokens(tenant["output_tokens"]),
            "unknown" if tenant["cost_usd"] is None else money(tenant["cost_usd"]),
            f"{tenant['n_unpriced']:,}" if tenant["n_unpriced"] else "",
        ]
        for tenant in tenants
    ]
    headers = ["tenant", "calls", "input tokens", "output tokens", "cost", "unpriced calls"]
    total = sum((tenant["cost_usd"] for tenant in tenants if tenant["cost_usd"] is not None), Decimal(0))
    return (
        f"Spend in {month} (UTC), project {project}\n\n"
        + text_table(headers, [*lines, ["total", f"{_sum(tenants, 'n_calls'):,}", "", "", money(total), ""]])
        + "\n"
        + _coverage(tenants)
    )


def _coverage(tenants: Sequence[Mapping[str, Any]]) -> str:
    """What the total does not hold, in words: an unknown cost is never zero."""
    n_calls = _sum(tenants, "n_calls")
    n_unpriced = _sum(tenants, "n_unpriced")
    n_no_usage = _sum(tenants, "n_no_usage")
    covered = f"{_sum(tenants, 'n_priced') / n_calls:.1%} of calls have a known cost."
    if n_unpriced:
        models = sorted(
            {name for tenant in tenants for name in (tenant["unpriced_models"] or "").split(", ") if name}
        )
        covered += f"\nNot in the total: {n_unpriced:,} calls without a price ({', '.join(models)})."
    if n_no_usage:
        covered += f"\nNot in the total: {n_no_usage:,} calls that reported no usage."
    return covered + "\n"


def _sum(tenants: Sequence[Mapping[str, Any]], column: str) -> int:
    return sum(int(tenant[column]) for tenant in tenants)


def _tokens(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"
