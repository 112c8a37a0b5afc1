"""The strip of key figures: each with how it moved beyond noise, and its course over the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import Change, count, money, share
from dashboard.source import Row


@dataclass(frozen=True)
class Figures:
    """Rows of `overview_figures`: of the window, of the one before it, and of each of its buckets."""

    window: Row
    before: Row
    buckets: Sequence[Row]

    def change(self, metric: str, column: str) -> Change | None:
        return formats.change(metric, self.window[column], self.before[column])

    def change_of_share(self, metric: str, column: str) -> Change | None:
        now, before = ((row[column], row["n_calls"]) for row in (self.window, self.before))
        return formats.change_of_share(metric, now, before)

    def shares(self, column: str) -> list[float]:
        return [row[column] / row["n_calls"] if row["n_calls"] else 0.0 for row in self.buckets]


def read(filters: Filters) -> Figures:
    shown = filters.window
    rows = source.read(
        "overview_figures",
        filters.project,
        before=shown.before.since,
        since=shown.since,
        until=shown.until,
        bucket_minutes=shown.bucket_minutes,
        **filters.of("overview_figures"),
    )
    of_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in ("window", "before", "bucket")}
    return Figures(of_kind["window"][0], of_kind["before"][0], of_kind["bucket"])


def draw(found: Figures, compared_with: str) -> None:
    versus = f"vs {compared_with}" if found.before["n_calls"] else f"nothing in the {compared_with}"
    strip = (_spend, _requests, _error_rate, _latency, _tokens, _unpriced)
    with st.container(key="key-figures"):
        for column, figure in zip(st.columns(len(strip), gap="small"), strip, strict=True):
            with column:
                figure(found, versus)


def _spend(found: Figures, versus: str) -> None:
    pieces.metric(
        "Spend",
        money(found.window["cost_usd"]),
        change=found.change("spend", "cost_usd"),
        note=versus,
        trend=[float(row["cost_usd"] or 0) for row in found.buckets],
        trend_shape="bars",
        help=f"What is paid, in US dollars, for the calls that could be priced: {formats.coverage(found.window)}. "
        f"{formats.beside(found.window)}",
    )


def _requests(found: Figures, versus: str) -> None:
    pieces.metric(
        "Requests",
        count(found.window["n_calls"]),
        change=found.change("requests", "n_calls"),
        note=versus,
        trend=[row["n_calls"] for row in found.buckets],
        trend_shape="bars",
        help="Calls of models, failed ones included.",
    )


def _error_rate(found: Figures, versus: str) -> None:
    n_errors, n_calls = found.window["n_errors"], found.window["n_calls"]
    objective = f"{100 * charts.ERROR_OBJECTIVE:g} %"
    is_over = n_errors > charts.ERROR_OBJECTIVE * n_calls
    pieces.metric(
        "Error rate",
        share(n_errors, n_calls),
        change=found.change_of_share("error_rate", "n_errors"),
        note=f"✕ over {objective}" if is_over else f"✓ within {objective}",
        trend=found.shares("n_errors"),
        help=f"{count(n_errors)} of {count(n_calls)} calls failed; the objective is at most {objective}. "
        f"The change is {versus}.",
    )


def _latency(found: Figures, versus: str) -> None:
    pieces.metric(
        "p95 latency",
        formats.duration(found.window["p95_ns"]),
        change=found.change("p95", "p95_ns"),
        note=f"p50 {formats.duration(found.window['p50_ns'])}",
        trend=[float(row["p95_ns"]) for row in found.buckets if row["p95_ns"] is not None],
        help=f"Of {count(found.window['n_timed'])} calls that succeeded, answers from a cache excluded. "
        f"The change is {versus}.",
    )


def _tokens(found: Figures, versus: str) -> None:
    totals = found.window
    saved = totals["saved_usd"]
    pieces.metric(
        "Tokens",
        formats.short_count(totals["tokens"]),
        change=found.change("tokens", "tokens"),
        note=f"cache saved {money(saved)}" if saved else versus,
        trend=[row["tokens"] for row in found.buckets],
        trend_shape="bars",
        help=f"Input {count(totals['input_tokens'])}, of which {count(totals['cached_input_tokens'])} read from the "
        f"provider's cache; output {count(totals['output_tokens'])}. {count(totals['n_cache_hits'])} calls were "
        f"answered from a cache of answers and would have cost {money(saved)}. The change is {versus}.",
    )


def _unpriced(found: Figures, versus: str) -> None:
    totals = found.window
    n_unpriced = totals["n_unpriced"]
    pieces.metric(
        "Unpriced",
        share(n_unpriced, totals["n_calls"]),
        change=found.change_of_share("unpriced_share", "n_unpriced"),
        note=f"{count(n_unpriced)} calls in no amount" if n_unpriced else "✓ all usage is priced",
        trend=[row["n_unpriced"] for row in found.buckets],
        trend_shape="bars",
        help="Calls with usage that no price was found for: what they cost is in no amount on this page. "
        f"The change is {versus}.",
    )
