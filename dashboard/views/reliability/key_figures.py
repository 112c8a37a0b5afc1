"""The six figures above the page, each beside what it was in the window before."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import formats, pieces
from dashboard.charts import ERROR_OBJECTIVE
from dashboard.filters import Filters
from dashboard.formats import count, duration, money, share
from dashboard.source import Row


@dataclass(frozen=True)
class Compared:
    """The totals of the window and of the one before it, and in words what a change is against."""

    totals: Row
    before: Row
    versus: str

    def share_of_calls(self, metric: str, column: str) -> formats.Change | None:
        now, before = self.totals, self.before
        return formats.change_of_share(
            metric, (now[column], now["n_calls"]), (before[column], before["n_calls"])
        )

    def amount(self, metric: str, column: str) -> formats.Change | None:
        return formats.change(metric, self.totals[column], self.before[column])


def draw(totals: Row, before: Row, filters: Filters) -> None:
    than = filters.compared_with
    compared = Compared(
        totals,
        before,
        f"The change is against the {than}." if before["n_calls"] else f"There is nothing in the {than}.",
    )
    for column, figure in zip(st.columns(len(_FIGURES), gap="small"), _FIGURES, strict=True):
        with column:
            figure(compared)


def _error_rate(of: Compared) -> None:
    n_errors, n_calls = of.totals["n_errors"], of.totals["n_calls"]
    objective = f"{100 * ERROR_OBJECTIVE:g} %"
    pieces.metric(
        "Error rate",
        share(n_errors, n_calls),
        change=of.share_of_calls("error_rate", "n_errors"),
        note=f"✕ over {objective}" if n_errors > ERROR_OBJECTIVE * n_calls else f"✓ within {objective}",
        help=f"{count(n_errors)} of {count(n_calls)} calls failed, every attempt counted; the objective is at most "
        f"{objective}. {of.versus}",
    )


def _latency(of: Compared) -> None:
    pieces.metric(
        "Latency p95",
        duration(of.totals["p95_ns"]),
        change=of.amount("p95", "p95_ns"),
        note=f"p50 {duration(of.totals['p50_ns'])}, p99 {duration(of.totals['p99_ns'])}",
        help=f"Of {count(of.totals['n_timed'])} calls that succeeded and no cache answered. {of.versus}",
    )


def _first_token(of: Compared) -> None:
    pieces.metric(
        "First token p95",
        duration(of.totals["ttft_p95_ns"]),
        change=of.amount("ttft", "ttft_p95_ns"),
        note=f"p50 {duration(of.totals['ttft_p50_ns'])}",
        help=f"Of the {count(of.totals['n_ttft'])} calls whose time to the first token is known. {of.versus}",
    )


def _speed(of: Compared) -> None:
    pieces.metric(
        "Output speed",
        _tokens_per_s(of.totals["tokens_per_s"]),
        change=of.amount("tokens_per_s", "tokens_per_s"),
        note=f"{_tokens_per_s(of.totals['stream_tokens_per_s'])} streaming",
        help="All output tokens by all the time their calls took; streaming: after the first token, of the calls whose "
        f"time to it is known. {of.versus}",
    )


def _tokens_per_s(speed: float | None) -> str:
    return formats.UNKNOWN if speed is None else f"{speed:,.0f} tok/s"


def _retries(of: Compared) -> None:
    pieces.metric(
        "Retries",
        share(of.totals["n_retries"], of.totals["n_calls"]),
        change=of.share_of_calls("retry_rate", "n_retries"),
        note=f"{count(of.totals['n_retries'])} of calls",
        help=f"Calls that were a second or later attempt of their request. {of.versus}",
    )


def _cache_hits(of: Compared) -> None:
    saved_usd = of.totals["saved_usd"]
    pieces.metric(
        "Cache hits",
        share(of.totals["n_cache_hits"], of.totals["n_calls"]),
        change=of.share_of_calls("cache_share", "n_cache_hits"),
        note=f"{money(saved_usd)} saved" if saved_usd is not None else "none",
        help=f"{count(of.totals['n_cache_hits'])} calls that a response cache answered, and what they would have cost. "
        f"{of.versus}",
    )


_FIGURES = (_error_rate, _latency, _first_token, _speed, _retries, _cache_hits)
