"""Every row of the month: a tenant, or a value of whatever it is grouped by. A click opens it beside the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import count, money
from dashboard.insight.forecast import Forecast
from dashboard.report import words
from dashboard.report.downloads import as_csv, as_parquet, named
from dashboard.report.html import as_html
from dashboard.report.month import Amounts, Month
from dashboard.source import Row
from dashboard.views.spend import budgets, panel
from store.dimensions import short_name
from store.reader import rows

# Longer tables scroll within the card.
_HEIGHT, _ROWS_WITHOUT_SCROLLING = 560, 18

_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "cost_usd": money,
    "list_cost_usd": money,
    "reported_cost_usd": money,
    "saved_usd": money,
    "per_thousand": money,
    "forecast_usd": money,
    "budget_usd": money,
    "n_calls": count,
    "n_unpriced": lambda n: count(n) if n else formats.UNKNOWN,
    "tokens": formats.short_count,
    "errors": lambda rate: f"{rate:.1%}",
}


def draw(chosen: Filters, month: Month) -> None:
    by = month.asked.by
    lines = [_line(month, row, words.group(row["value"], by)) for row in month.rows]
    others = month.others
    if others:
        lines.append(_line(month, others, f"all other {formats.dimensions(by)}"))
    lines.append(_line(month, month.totals, "Total"))
    opened = panel.opened(chosen, month)
    values = [panel.shown(row["value"], by) for row in month.rows]

    def pick(place: int) -> None:
        # The last lines stand for several rows: nothing opens.
        if place < len(values):
            panel.toggle(values[place], opened)

    with st.container(border=True, gap="small", key="spend-rows"):
        _head(month)
        pieces.table(
            lines,
            _WRITTEN,
            columns(month),
            alt=f"Every {formats.dimension(by)} of the month with spend, budget, calls, unit cost and unpriced calls.",
            key="spend-table",
            height=_HEIGHT if len(lines) > _ROWS_WITHOUT_SCROLLING else "content",
            unknown=formats.UNKNOWN,
            on_pick=pick,
            picked=values.index(opened) if opened in values else None,
        )
        budgets.elsewhere(month)


def _line(month: Month, row: Row, name: str) -> dict[str, Any]:
    """One row of the query as the table shows it; `row` may be of the others, or of all."""
    dearest = next((one["cost_usd"] for one in month.rows if one["cost_usd"]), None)
    line = {
        **row,
        "name": name,
        "tokens": row["tokens"] or 0,
        "bar": float((row["cost_usd"] or 0) / dearest) if "value" in row and dearest else None,
        "per_thousand": formats.usd_per_thousand(row["cost_usd"], row["n_priced"]),
        "errors": row["n_errors"] / row["n_calls"] if row["n_calls"] else None,
    }
    return line | _of_days(month, row) | _of_budget(month, row)


def _of_days(month: Month, row: Row) -> dict[str, Any]:
    """How the row went by day, and against the month before; unknown for rows whose days are not told."""
    amounts: Amounts | None = month.by_value.get(row["value"] or "") if "value" in row else None
    if row is month.totals:
        amounts = month.daily
    if amounts is None:
        return {"daily": None, "change": None}
    same_days = month.same_days(amounts)
    change = formats.change("spend", *same_days) if same_days else None
    return {
        "daily": [float(amounts.get(day.date(), 0)) for day in month.days_shown],
        "change": change.text if change else None,
    }


def _of_budget(month: Month, row: Row) -> dict[str, Any]:
    held = {one.budget.value: one for one in month.budgets}
    found = held.get(row["value"] or "") if "value" in row else None
    if row is month.totals:
        found = month.whole
    if found is None:
        return dict.fromkeys(("status", "used", "forecast_usd", "budget_usd"))
    foretold = found.forecast
    return {
        "status": f"{charts.STATUSES[found.state][0]} {found.state}",
        "used": float(100 * found.used),
        "forecast_usd": foretold.expected_usd if isinstance(foretold, Forecast) else None,
        "budget_usd": found.budget.monthly_usd,
    }


def columns(month: Month) -> dict[str, Any]:
    """The columns that say anything: none for budgets that nobody set, or prices that are all the same."""
    totals, number = month.totals, st.column_config.NumberColumn
    column: dict[str, Any] = {
        "name": st.column_config.TextColumn(
            formats.dimension(month.asked.by), width=110 if month.budgets else 165
        ),
        "cost_usd": number("spend", width=72),
        "bar": st.column_config.ProgressColumn("share", min_value=0.0, max_value=1.0, format=" ", width=80),
    }
    if month.budgets:
        column |= {
            "status": st.column_config.TextColumn("budget", width=94),
            "used": st.column_config.ProgressColumn(
                "used",
                min_value=0.0,
                max_value=100.0,
                format="%.0f %%",
                width=92,
                help="of the month's budget",
            ),
            "forecast_usd": number("forecast", width=70, help="what the month will come to"),
        }
        del column["bar"]
    column |= {
        "change": st.column_config.TextColumn(
            "vs before", width=68, help="complete days against the same days of the month before"
        ),
        "daily": st.column_config.BarChartColumn("by day", width=100, y_min=0, help="US dollars a day"),
        "per_thousand": number("$ / 1k calls", width=80, help="US dollars per 1,000 priced calls"),
        "n_calls": number("calls", width=58),
        "errors": number("errors", width=52),
    }
    if totals["n_unpriced"]:
        column["n_unpriced"] = number("unpriced", width=66, help="calls without a price: in no amount")
    column["tokens"] = number("tokens", width=62)
    if totals["list_cost_usd"] != totals["cost_usd"]:
        column["list_cost_usd"] = number("list price", width=78)
    if totals["n_reported"]:
        column["reported_cost_usd"] = number("reported", width=78, help="what emitters said that calls cost")
    if totals["saved_usd"]:
        column["saved_usd"] = number("saved", width=70, help="what cache hits would have cost")
    if month.budgets:
        column["budget_usd"] = number("budget $", width=76)
    return column


def _head(month: Month) -> None:
    by = month.asked.by
    n_rows, total = len(month.rows), "a click opens one"
    note = f"the {n_rows} costliest, {total}" if month.others else f"costliest first, {total}"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(
            f"**{formats.plain(formats.dimensions(by).capitalize())}** :gray[· {note}]", width="content"
        )
        with st.container(horizontal=True, width="content", gap="small"):
            _downloads(month)


def _downloads(month: Month) -> None:
    """The same rows as files, every one of them. Made on a click, by then as the visitor of now."""
    ask, asked = source.for_later(), month.asked
    name = _file_name(month)

    def every_row() -> pa.Table:
        params = asked.params("spend_month")
        return named(ask("spend_month", asked.project, month=asked.month, by=asked.by, **params), asked.by)

    def report() -> bytes:
        return as_html(partial(_rows, ask), asked, source.now()).encode()

    for label, data, suffix, mime in (
        ("CSV", lambda: as_csv(every_row()), "csv", "text/csv"),
        ("Parquet", lambda: as_parquet(every_row()), "parquet", "application/vnd.apache.parquet"),
        ("Report", report, "html", "text/html"),
    ):
        st.download_button(
            label,
            data,
            file_name=f"{name}.{suffix}",
            mime=mime,
            key=f"spend-{suffix}",
            icon=":material/print:" if suffix == "html" else ":material/download:",
            type="tertiary",
            help=_HELP[suffix],
            on_click="ignore",
        )


def _file_name(month: Month) -> str:
    """What the file is of, without its ending: `steelyard-spend-demo-2026-11-by-tenant-of-prod`."""
    asked = month.asked
    parts = ["steelyard-spend", asked.project, formats.month_name(asked.month), "by", short_name(asked.by)]
    if asked.narrowing:
        parts += ["of", *(value or f"no-{short_name(name)}" for name, value in asked.narrowing.items())]
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(parts))[:120]


_HELP = {
    "csv": "Every row with exact decimals",
    "parquet": "Every row with exact decimals, for other tools",
    "html": "The month on one page to print or to send: a file that needs nothing else",
}


def _rows(ask: Callable[..., pa.Table], name: str, project: str, /, **params: Any) -> Sequence[Row]:
    return rows(ask(name, project, **params))
