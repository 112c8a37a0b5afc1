"""Spend: who spends what in a UTC month, and how much of it is known?"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import count, money, plain, share
from dashboard.source import Row

IN_CHART = 12


def draw(filters: Filters) -> None:
    month = filters.month
    asked = {"month": month.isoformat(), **filters.in_dimension}
    totals = source.read_one("month_totals", filters.project, **asked)
    rows = source.read("spend_month", filters.project, by=filters.by, **asked)
    if not rows and filters.described_dimension:
        pieces.nothing_matches(filters.described_dimension)
        return
    if not rows:
        st.info(f"No calls in {formats.month_name(month)}.", icon=":material/event_busy:")
        pieces.link("setup", "Open Setup: is data flowing?", ":material/cable:", project=filters.project)
        return
    _key_figures(totals)
    pieces.sampled(totals)
    left, right = st.columns([2.1, 1], gap="small")
    with left:
        _every_row(filters, rows, totals)
    with right:
        _top(filters, rows)
        _unpriced(filters, totals, month)
    since, until = bounds(month)
    pieces.footer(
        f"rows sum to {money(_sum(rows))}",
        formats.beside(totals).rstrip("."),
        f"closed on {formats.moment_exact(totals['closed_at'])}" if totals["closed_at"] else "",
        f"{money(totals['correction_usd'])} of corrections of closed months are booked in it and in no amount above"
        if totals["n_corrections"]
        else "",
        f"{count(sum(row['n_calls'] for row in rows))} calls",
        f"UTC month {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}",
        f"data up to {formats.moment_exact(totals['last_started_at'])}",
        f"{count(totals['n_estimated'])} costs are estimates" if totals["n_estimated"] else "",
        pieces.price_book(filters.project, since, until),
    )


def bounds(month: date) -> tuple[datetime, datetime]:
    """The half-open UTC month."""
    since = datetime(month.year, month.month, 1)  # noqa: DTZ001 - UTC without a zone, as the store has it
    return since, since.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def named(rows: Sequence[Row], by: str) -> list[Row]:
    """The rows with the dimension under its own name, as `steelyard spend --format csv` prints them."""
    generic = ("tenant_id", "value", "value_2")
    return [
        {by: row["value"], **{name: value for name, value in row.items() if name not in generic}}
        for row in rows
    ]


def as_csv(rows: Sequence[Row]) -> bytes:
    """The rows as the query gives them: exact decimals, an empty field for what is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _csv_field(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _csv_field(value: object) -> object:
    # A spreadsheet would run a tenant called `=cmd()` as a formula; a leading apostrophe keeps it text.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return f"{value:f}" if isinstance(value, Decimal) else value


def _key_figures(totals: Row) -> None:
    columns = st.columns(5, gap="small")
    with columns[0]:
        pieces.metric(
            "Cost of the month",
            money(totals["cost_usd"]),
            note=f"{count(totals['n_calls'])} calls, {count(totals['n_tenants'])} tenants",
            help=f"What is paid, in US dollars, for every call that could be priced. {formats.beside(totals)}",
        )
    with columns[1]:
        pieces.metric(
            "Calls priced",
            share(totals["n_priced"], totals["n_calls"]),
            note=f"{count(totals['n_priced'])} of {count(totals['n_calls'])}",
        )
    with columns[2]:
        pieces.metric(
            "Tokens priced",
            share(totals["priced_tokens"], totals["tokens"]),
            note=f"of {formats.short_count(totals['tokens'])} tokens",
        )
    with columns[3]:
        pieces.metric(
            "Unpriced calls",
            count(totals["n_unpriced"]),
            note=formats.shortened(totals["unpriced_models"] or "every model has a price", 34),
            help="Calls with usage that no price was found for. They are in no amount on this page.",
        )
    with columns[4]:
        pieces.metric(
            "Saved by the cache",
            money(totals["saved_usd"]),
            note=f"{count(totals['n_cache_hits'])} cache hits",
            help="What the calls answered from a response cache would have cost.",
        )


def _every_row(filters: Filters, rows: Sequence[Row], totals: Row) -> None:
    by = filters.by or "tenant_id"
    dearest = float(max((row["cost_usd"] for row in rows if row["cost_usd"] is not None), default=0))
    shown = [
        _table_row(
            row, formats.shortened(row["value"]) if row["value"] else f"({formats.in_dimension(None, by)})"
        )
        for row in rows
    ]
    shown.append(_table_row(totals, "Total") | {"bar": 0.0})
    note = f"{len(rows)} rows, costliest first; the last row is their total"
    with pieces.card(formats.dimensions(by).capitalize(), note, key="every-tenant"):
        pieces.table(
            shown,
            {
                "cost_usd": money,
                "list_cost_usd": money,
                "per_thousand": money,
                "n_calls": count,
                "tokens": formats.short_count,
                "n_unpriced": lambda n: count(n) if n else formats.UNKNOWN,
                "errors": lambda rate: f"{rate:.1%}",
                "saved_usd": money,
            },
            {
                "name": st.column_config.TextColumn(formats.dimension(by), width=130),
                "cost_usd": st.column_config.NumberColumn("spend", width=80),
                **_list_column(totals),
                "bar": st.column_config.ProgressColumn(
                    "", min_value=0.0, max_value=dearest or 1.0, format=" ", width=100
                ),
                "n_calls": st.column_config.NumberColumn("calls", width=65),
                "tokens": st.column_config.NumberColumn("tokens", width=70),
                "per_thousand": st.column_config.NumberColumn(
                    "$ / 1k calls", width=85, help="US dollars per 1,000 priced calls"
                ),
                "n_unpriced": st.column_config.NumberColumn(
                    "unpriced", width=70, help="calls without a price"
                ),
                "errors": st.column_config.NumberColumn("errors", width=60),
                "saved_usd": st.column_config.NumberColumn("saved", width=70),
            },
            alt=f"Every {formats.dimension(by)} of the month with spend, calls, tokens, unit cost and unpriced calls.",
            key="tenants",
            height=560 if len(shown) > 18 else "content",
            unknown="not priced",
        )
        by_suffix = f"-by-{by}" if filters.by else ""
        st.download_button(
            "CSV, exact decimals",
            lambda: as_csv(named(rows, by)),
            file_name=f"steelyard-spend-{filters.project}-{formats.month_name(filters.month)}{by_suffix}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _list_column(totals: Row) -> dict[str, Any]:
    """A column for the list price, where it is not what is paid."""
    if totals["list_cost_usd"] == totals["cost_usd"]:
        return {}
    return {"list_cost_usd": st.column_config.NumberColumn("list price", width=80)}


def _table_row(row: Row, name: str) -> dict[str, object]:
    tokens = row["tokens"] if "tokens" in row else (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
    return {
        **row,
        "name": name,
        "tokens": tokens,
        "bar": float(row["cost_usd"] or 0),
        "per_thousand": formats.usd_per_thousand(row["cost_usd"], row["n_priced"]),
        "errors": row["n_errors"] / row["n_calls"],
        "saved_usd": row["saved_usd"] or Decimal(0),
    }


def _top(filters: Filters, rows: Sequence[Row]) -> None:
    by = filters.by or "tenant_id"
    with pieces.card(f"Top {formats.dimensions(by)}", "US dollars in the month"):
        shown = [row for row in rows if row["cost_usd"] is not None][:IN_CHART]
        if shown:
            pieces.draw(
                charts.spend_bars(
                    shown, lambda row: formats.in_dimension(row["value"], by), formats.dimension(by)
                ),
                key="top-tenants-bars",
            )
        else:
            st.caption("No call of this month could be priced.")


def _unpriced(filters: Filters, totals: Row, month: date) -> None:
    since, until = bounds(month)
    rows = source.read("unpriced_models", filters.project, since=since, until=until, **filters.in_dimension)
    with pieces.card("Not in the amounts"):
        st.markdown(
            f"**{count(totals['n_unpriced'])}** calls unpriced, "
            f"{share(totals['tokens'] - totals['priced_tokens'], totals['tokens'])} of tokens · "
            f"**{count(totals['n_no_usage'])}** calls without usage (mostly failed)"
        )
        for row in rows[:5]:
            name = plain(formats.model(row["model"]))
            st.caption(
                f"▲ **{name}** · {plain(row['provider'] or 'no provider')} · {count(row['n_calls'])} calls · "
                f"{formats.short_count(row['tokens'])} tokens"
            )
        if len(rows) > 5:
            st.caption(f"and {len(rows) - 5} more, on Setup")


def _sum(rows: Sequence[Row]) -> Decimal | None:
    known = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    return sum(known, Decimal(0)) if known else None
