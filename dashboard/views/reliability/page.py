"""Reliability: the answer in six figures, what failed and how slow it was over time, and one further part below."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.charts import ERROR_OBJECTIVE, Picture
from dashboard.filters import Filters, choose
from dashboard.formats import count
from dashboard.source import Row
from dashboard.views.reliability import key_figures, parts
from dashboard.views.reliability.reading import over_time, read

# Lines of one figure: more cannot be told apart.
LINES = 5


def draw(filters: Filters) -> None:
    shown = filters.window
    (totals,) = read(filters, "reliability_totals")
    if not totals["n_calls"]:
        _nothing(filters)
        return
    (before,) = read(filters, "reliability_totals", shown.before)
    key_figures.draw(totals, before, filters)
    left, right = st.columns(2, gap="small")
    with left:
        _errors(filters, totals)
    with right:
        _latency(filters, totals)
    parts.draw(filters, totals)
    pieces.footer(
        f"{count(totals['n_calls'])} calls, every attempt counted",
        f"latency of {count(totals['n_timed'])} that succeeded, cache hits excluded",
        f"time to the first token known of {count(totals['n_ttft'])}",
        data_up_to=source.read_list("extent", filters.project)[0]["last_started_at"],
        window=shown,
        left_out=f"{count(totals['n_sampled'])} calls stand for others that were not sent"
        if totals["n_sampled"]
        else "",
    )


def _nothing(filters: Filters) -> None:
    """No call: none of this project at all, or none that the filters leave."""
    extent = source.read_one("extent", filters.project)
    if not extent["n_calls"]:
        with st.container(border=True):
            st.markdown("## :material/inbox: No calls yet")
            st.markdown("Failures and latency show here as soon as the first calls arrive.")
            pieces.link("setup", "Open Setup: how to send them", ":material/cable:", project=filters.project)
    else:
        pieces.nothing_matches(filters.described)
    pieces.footer(data_up_to=extent["last_started_at"], window=filters.window)


def _errors(filters: Filters, totals: Row) -> None:
    rows = over_time(filters, "error_series")
    width = charts.bucket_width(sorted({row["bucket_at"] for row in rows}))
    pieces.chart(
        "Failures by class",
        charts.error_shares(rows, ERROR_OBJECTIVE, chosen=filters.own["class"]),
        key="errors-by-class",
        note=f"share of calls per {width}, n {count(totals['n_calls'])}",
        on_pick=lambda mark: choose(**{"class": mark["customdata"][2], "part": parts.FAILURES}),
    )


def _latency(filters: Filters, totals: Row) -> None:
    by = filters.by or "provider"
    figures = {
        "Spread": partial(_spread, filters),
        f"p95 by {formats.dimension(by)}": partial(_lines, filters, by),
    }
    # What is grouped by is what people look for; the whole may stay flat while one of them is slow.
    in_order = dict(reversed(figures.items())) if filters.by else figures
    pieces.chart(
        "Latency",
        in_order,
        key=f"latency-{by}-{bool(filters.by)}",
        note=f"n {count(totals['n_timed'])}, cache hits excluded",
    )


def _spread(filters: Filters) -> Picture:
    return charts.latency_heatmap(
        over_time(filters, "latency_histogram"), over_time(filters, "latency_series")
    )


def _lines(filters: Filters, by: str) -> Picture:
    def label(row: Row) -> str:
        return "all others" if row["value"] is None else formats.in_dimension(row["value"], by)

    return charts.latency_lines(over_time(filters, "latency_series", by=by, top=LINES), label)
