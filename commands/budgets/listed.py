"""`steelyard budgets list`: where every budget of a month stands, or everything that was recorded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from commands.budgets.words import of_whom, percent
from commands.connect import connect, source_options
from commands.months import MONTH
from commands.output import Format, format_option, print_rows, text_table
from dashboard.formats import UNKNOWN, money
from dashboard.insight.asking import Row
from dashboard.insight.budgets import Position, positions
from dashboard.insight.forecast import WRONG_WHEN, Forecast
from store.reader import Reader, rows

_USD = pa.decimal128(38, 12)
_COLUMNS = pa.schema(
    {
        "dimension": pa.string(),
        "dimension_value": pa.string(),
        "monthly_usd": _USD,
        "soft_share": pa.decimal128(9, 6),
        "hard_share": pa.decimal128(9, 6),
        "spent_usd": _USD,
        "forecast_usd": _USD,
        "forecast_low_usd": _USD,
        "forecast_high_usd": _USD,
        "state": pa.string(),
        "exceeds_on": pa.date32(),
        "n_calls": pa.int64(),
        "n_unpriced": pa.int64(),
    }
)


@click.command("list", short_help="Every budget of a month: spent, forecast, and whether it will hold.")
@click.option("--month", type=MONTH, metavar="YYYY-MM", help="UTC month (default: this one).")
@click.option("--all", "everything", is_flag=True, help="Everything that was recorded, not one month.")
@source_options
@format_option
def list_budgets(
    month: date | None, everything: bool, project: str, data: Path | None, output_format: Format
) -> None:
    """Every budget of a month: spent, forecast, and whether it will hold; the worst first.

    \b
    Example:
      steelyard budgets list
      steelyard budgets list --month 2026-10 --format csv
      steelyard budgets list --all
    """
    now = datetime.now(UTC)
    month = month or now.date().replace(day=1)
    with connect(data) as reader:
        if everything:
            _print_records(reader, project, output_format)
            return
        found = positions(_asking(reader), project, month, now)
    if output_format != "table":
        print_rows(pa.Table.from_pylist([_row(one) for one in found], _COLUMNS), output_format)
    elif not found:
        sys.stdout.write(
            f"No budgets in {month:%Y-%m} in project {project}. `steelyard budgets set 5000 --where tenant=NAME` sets one.\n"
        )
    else:
        sys.stdout.write(_as_text(found, project, month))


def _asking(reader: Reader) -> Any:
    def ask(name: str, project: str, /, **params: str | None) -> Sequence[Row]:
        return rows(reader.query(name, project=project, **params))

    return ask


def _print_records(reader: Reader, project: str, output_format: Format) -> None:
    table = reader.query("budget_records", project=project)
    if output_format != "table":
        print_rows(table, output_format)
        return
    headers = ["budget of", "from", "a month", "soft", "hard", "note", "recorded (UTC)", "by"]
    found: Sequence[Row] = rows(table)
    sys.stdout.write(text_table(headers, [_record_line(row) for row in found]))


def _record_line(row: Row) -> list[Any]:
    is_set = row["status"] == "set"
    return [
        of_whom(row["dimension"], row["dimension_value"]),
        f"{row['valid_from']:%Y-%m}",
        money(row["monthly_usd"]) if is_set else "removed",
        percent(row["soft_share"]) if is_set else None,
        percent(row["hard_share"]) if is_set else None,
        row["note"],
        f"{row['received_at']:%Y-%m-%d %H:%M:%S}",
        row["recorded_by"],
    ]


def _row(one: Position) -> dict[str, Any]:
    budget, foretold = one.budget, one.forecast
    told = (
        {
            "forecast_usd": foretold.expected_usd,
            "forecast_low_usd": foretold.low_usd,
            "forecast_high_usd": foretold.high_usd,
        }
        if isinstance(foretold, Forecast)
        else {}
    )
    return {
        "dimension": budget.dimension,
        "dimension_value": budget.value,
        "monthly_usd": budget.monthly_usd,
        "soft_share": budget.soft_share,
        "hard_share": budget.hard_share,
        "spent_usd": one.spent_usd,
        **told,
        "state": one.state,
        "exceeds_on": one.exceeds_on,
        "n_calls": one.n_calls,
        "n_unpriced": one.n_unpriced,
    }


def _as_text(found: Sequence[Position], project: str, month: date) -> str:
    headers = ["budget of", "a month", "spent", "used", "forecast", "80 % band", "state"]
    text = f"Budgets in {month:%Y-%m} (UTC), project {project}\n\n" + text_table(
        headers, [_line(one) for one in found]
    )
    notes = []
    if any(isinstance(one.forecast, Forecast) and one.forecast.path for one in found):
        notes.append(f"Forecasts rest on the days of the last 8 weeks. {WRONG_WHEN}")
    reasons = {one.forecast.reason for one in found if not isinstance(one.forecast, Forecast)}
    notes += [f"Where there is no forecast: {reason}." for reason in sorted(reasons)]
    if any(one.n_unpriced for one in found):
        notes.append(
            "Calls without a price are in no amount: `steelyard prices report` says what gives them one."
        )
    return text + "".join(f"\n{note}\n" for note in notes)


def _line(one: Position) -> list[Any]:
    foretold = one.forecast
    expected, band = UNKNOWN, UNKNOWN
    if isinstance(foretold, Forecast):
        expected = money(foretold.expected_usd)
        band = f"{money(foretold.low_usd)} to {money(foretold.high_usd)}"
    return [
        of_whom(one.budget.dimension, one.budget.value),
        money(one.budget.monthly_usd),
        money(one.spent_usd),
        f"{100 * one.used:.0f} %",
        expected,
        band,
        one.state + (f" on {one.exceeds_on}" if one.exceeds_on else ""),
    ]
