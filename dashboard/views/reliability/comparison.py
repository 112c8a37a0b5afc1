"""Providers and models, or the values of any dimension, side by side: one that fails or is slow hides in the whole."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from dashboard import charts, formats, pieces
from dashboard.filters import Filters, choose
from dashboard.filters.toolbar import OWN_FILTER
from dashboard.formats import count, duration, money
from dashboard.source import Row
from dashboard.views.reliability.reading import read
from store.dimensions import short_name

ROWS = 50
# Rows of the figure; the table has them all.
DRAWN = 8
_MOST_PX, _FITTING = 300, 9  # the height of the table, and how many rows fit in it


def draw(filters: Filters, totals: Row) -> None:
    by, then_by = (filters.by, None) if filters.by else ("provider", "model")
    names = [name for name in (by, then_by) if name]
    rows = read(filters, "reliability_by", by=by, then_by=then_by, limit=ROWS)
    left, right = st.columns([2.2, 1], gap="small")
    with (
        left,
        pieces.card(_title(names), "a click on a row narrows the page to it"),
    ):
        _table(rows, names)
        _of_how_many(rows, totals, names)
    with right:
        timed = [row for row in rows if row["p50_ns"] is not None][:DRAWN]
        pieces.chart(
            "Latency spread",
            charts.latency_spread(timed, lambda row: short_label(row, timed, names)),
            key="latency-spread",
            note=f"the {len(timed)} with most calls" if len(timed) > 1 else "",
        )


def label(row: Row, names: Sequence[str]) -> str:
    """What a row stands for: `openai · gpt-4o`."""
    return " · ".join(
        formats.in_dimension(row[column], name)
        for name, column in zip(names, ("value", "value_2"), strict=False)
    )


def narrowing(row: Row, names: Sequence[str]) -> dict[str, str | None]:
    """What the address has to say to show this row alone, by its keys."""
    said: dict[str, str | None] = {}
    for name, column in zip(names, ("value", "value_2"), strict=False):
        value = row[column] or formats.no_value(name)
        if name in OWN_FILTER:
            said[OWN_FILTER[name][0]] = value
        else:
            said |= {"dim": short_name(name), "value": value}
    return said


def short_label(row: Row, among: Sequence[Row], names: Sequence[str]) -> str:
    """The same without the provider, where its model says enough."""
    is_alone = sum(other["value_2"] == row["value_2"] for other in among) == 1
    return (
        label(row, names)
        if len(names) == 1 or not is_alone
        else formats.in_dimension(row["value_2"], names[1])
    )


def _title(names: Sequence[str]) -> str:
    return " × ".join(formats.dimensions(name) for name in names).capitalize()


def _table(rows: Sequence[Row], names: Sequence[str]) -> None:
    pieces.table(
        [_shown(row, names) for row in rows],
        {
            "n_calls": count,
            "errors": percent,
            "retried": percent,
            "p50_ns": duration,
            "p95_ns": duration,
            "p99_ns": duration,
            "ttft_p95_ns": duration,
            "tokens_per_s": lambda speed: f"{speed:,.0f}",
            "cached": percent,
            "cost_per_1k_usd": money,
        },
        {
            **{
                column: st.column_config.TextColumn(
                    formats.dimension(name), width=82 if column == "value" and len(names) > 1 else 172
                )
                for name, column in zip(names, ("value", "value_2"), strict=False)
            },
            "n_calls": st.column_config.NumberColumn("calls", width=52),
            "errors": st.column_config.NumberColumn("errors", width=60),
            "mostly": st.column_config.TextColumn("mostly", width=85),
            "retried": st.column_config.NumberColumn("retries", width=60),
            "p50_ns": st.column_config.NumberColumn("p50", width=56),
            "p95_ns": st.column_config.NumberColumn("p95", width=56),
            "p99_ns": st.column_config.NumberColumn("p99", width=56),
            "ttft_p95_ns": st.column_config.NumberColumn("TTFT p95", width=68),
            "tokens_per_s": st.column_config.NumberColumn("tok/s", width=46),
            "cached": st.column_config.NumberColumn(
                "cached", help="Share of the input tokens that the provider's cache answered", width=60
            ),
            "cost_per_1k_usd": st.column_config.NumberColumn("$/1k calls", width=72),
        },
        alt=f"{_title(names)} side by side: calls, failures, retries, latency, speed and cost.",
        key=f"compared-{'-'.join(names)}",
        height=_MOST_PX if len(rows) > _FITTING else "content",
        on_pick=lambda number: choose(**narrowing(rows[number], names)),
    )


def _shown(row: Row, names: Sequence[str]) -> dict[str, object]:
    classes = json.loads(row["error_classes"] or "{}")
    worst = max(classes, key=lambda name: classes[name], default=None)
    return {
        **row,
        **{
            column: formats.in_dimension(row[column], name)
            for name, column in zip(names, ("value", "value_2"), strict=False)
        },
        "errors": row["n_errors"] / row["n_calls"],
        "mostly": worst,
        "retried": row["n_retries"] / row["n_calls"],
        "cached": row["cached_input_tokens"] / row["input_tokens"]
        if row["input_tokens"] and row["cached_input_tokens"] is not None
        else None,
    }


def percent(rate: float) -> str:
    """A share (0 to 1) in per cent, with two digits that tell small ones apart."""
    return f"{100 * rate:.{0 if rate in (0, 1) else 2 if rate < 0.1 else 1}f} %"


def _of_how_many(rows: Sequence[Row], totals: Row, names: Sequence[str]) -> None:
    """What the table leaves out, and where it misleads."""
    said = []
    left_out = totals["n_calls"] - sum(row["n_calls"] for row in rows)
    if left_out:
        said.append(
            f"The {len(rows)} with most calls; {count(left_out)} calls of others are not in the table."
        )
    if "model" in names:
        said.append("A call that failed before any model answered stands under the model that it asked for.")
    if said:
        st.caption(" ".join(said))
