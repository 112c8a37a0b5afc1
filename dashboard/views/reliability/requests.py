"""Logical requests: how many took several attempts, what came of them, and what caches and limits did to the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import formats, pieces
from dashboard.charts import bucket_width
from dashboard.filters import Filters
from dashboard.formats import count, money, share
from dashboard.source import Row
from dashboard.views.reliability.reading import over_time


def draw(filters: Filters, totals: Row) -> None:
    series = over_time(filters, "request_series")
    left, right = st.columns([1.75, 1], gap="small")
    width = bucket_width([row["bucket_at"] for row in series])
    with (
        left,
        pieces.card("What became of requests", f"attempts of one request count once; trend per {width}"),
    ):
        _requests(series)
    with right, pieces.card("Answers and caches", f"of {count(totals['n_calls'])} calls"):
        _answers(totals)


def of_requests(series: Sequence[Row]) -> list[dict[str, Any]]:
    """A line for everything that can become of a request: how many, of how many of what, and how it went."""
    sums = (
        {name: sum(row[name] for row in series) for name in series[0] if name != "bucket_at"}
        if series
        else {}
    )

    def line(what: str, column: str, of: str, word: str) -> dict[str, Any]:
        return {
            "what": what,
            "n": sums.get(column, 0),
            "share": f"{share(sums.get(column), sums.get(of))} of {word}",
            "trend": [row[column] / row[of] if row[of] else 0.0 for row in series],
        }

    return [
        {
            "what": "Requests",
            "n": sums.get("n_requests", 0),
            "share": f"{_attempts_each(sums)} calls each",
            "trend": [row["n_requests"] for row in series],
        },
        line("took more than one attempt", "n_retried", "n_requests", "requests"),
        line("of those, saved by a later attempt", "n_recovered", "n_retried", "retried"),
        line("of those, went to another provider or model", "n_failed_over", "n_retried", "retried"),
        line("failed in the end", "n_failed", "n_requests", "requests"),
        line("answered by a response cache", "n_cache_hits", "n_calls", "calls"),
    ]


def _attempts_each(sums: dict[str, int]) -> str:
    return f"{sums['n_calls'] / sums['n_requests']:.3f}" if sums.get("n_requests") else formats.UNKNOWN


def _requests(series: Sequence[Row]) -> None:
    pieces.table(
        of_requests(series),
        {"n": count},
        {
            "what": st.column_config.TextColumn("requests that", width=280),
            "n": st.column_config.NumberColumn("n", width=70),
            "share": st.column_config.TextColumn("share", width=150, alignment="right"),
            "trend": st.column_config.BarChartColumn("trend", width=260, y_min=0),
        },
        alt="Requests by what became of them: retried, saved, failed over, failed in the end, answered by a cache.",
        key="requests-became",
    )


def _answers(totals: Row) -> None:
    n_calls, input_tokens = totals["n_calls"], totals["input_tokens"]
    rows = [
        ("ended at a limit of tokens", count(totals["n_truncated"]), share(totals["n_truncated"], n_calls)),
        (
            "stopped by a content filter",
            count(totals["n_content_filter"]),
            share(totals["n_content_filter"], n_calls),
        ),
        ("streamed", count(totals["n_streamed"]), share(totals["n_streamed"], n_calls)),
        (
            "input tokens from the provider's cache",
            formats.short_count(totals["cached_input_tokens"]),
            share(totals["cached_input_tokens"], input_tokens),
        ),
        ("saved by the response cache", money(totals["saved_usd"]), ""),
        (
            "cost of a call that succeeded",
            formats.call_cost(totals["cost_per_success_usd"], "unpriced_model"),
            f"{share(totals['n_priced'], n_calls)} priced",
        ),
    ]
    pieces.table(
        [dict(zip(("what", "n", "share"), row, strict=True)) for row in rows],
        {},
        {
            "what": st.column_config.TextColumn("calls", width=230),
            "n": st.column_config.TextColumn("n", width=75, alignment="right"),
            "share": st.column_config.TextColumn("share", width=95, alignment="right"),
        },
        alt="How answers ended, what caches answered, and what a call that succeeded cost.",
        key="answers",
    )
