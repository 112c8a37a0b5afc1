"""Overview: is anything wrong, and what does it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters, Window, window
from dashboard.formats import count, money, share
from dashboard.source import Row
from store.dimensions import short_name
from store.projects import DEMO_PROJECT

TOP_MODELS = 5
TOP_TENANTS = 8
LATEST_CALLS = 50


def draw(filters: Filters) -> None:
    extent = source.read_one("extent", filters.project)
    if not extent["n_calls"]:
        _nothing_yet(filters)
        return
    shown = window(filters.range, source.now())
    narrowed: dict[str, Any] = {
        "tenant_id": filters.tenant_id,
        "model": filters.model,
        **filters.in_dimension,
    }
    totals = source.read_one(
        "window_totals", filters.project, since=shown.since, until=shown.until, **narrowed
    )
    if not totals["n_calls"]:
        pieces.nothing_matches(filters.described)
        pieces.footer(_window_text(shown), f"newest call {formats.moment_exact(extent['last_started_at'])}")
        return
    before = source.read_one(
        "window_totals", filters.project, since=shown.before.since, until=shown.before.until, **narrowed
    )
    at = {"since": shown.since, "until": shown.until, **narrowed}
    series = source.read("window_series", filters.project, bucket_minutes=shown.bucket_minutes, **at)
    _key_figures(totals, before, series, filters.range.name)
    pieces.sampled(totals)
    left, middle, right = st.columns([1.15, 1, 0.95], gap="small")
    with left:
        _spend(filters, shown, series, at)
    with middle:
        _requests(series, totals)
    with right:
        _top(filters, at)
    _latest(filters, at)
    pieces.footer(
        _window_text(shown),
        f"data up to {formats.moment_exact(extent['last_started_at'])}",
        f"latency of {count(totals['n_timed'])} calls that succeeded, cache hits excluded",
        f"{count(totals['n_unpriced'])} unpriced and {count(totals['n_no_usage'])} without usage "
        "are not in spend",
        pieces.price_book(filters.project, shown.since, shown.until),
    )


def _nothing_yet(filters: Filters) -> None:
    with st.container(border=True):
        st.markdown("### :material/inbox: No calls yet")
        st.markdown(
            f"Nothing has arrived in project **{formats.plain(filters.project)}**. Point an OpenTelemetry "
            "exporter at this machine, or load the demo data:"
        )
        st.code("export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\nsteelyard demo", language="bash")
        pieces.link(
            "setup",
            "Open Setup: snippets, and whether data is flowing",
            ":material/cable:",
            project=filters.project,
        )
        if filters.project != DEMO_PROJECT and DEMO_PROJECT in source.projects():
            pieces.link("overview", "Look at the demo data", ":material/science:", project=DEMO_PROJECT)


def _key_figures(totals: Row, before: Row, series: Sequence[Row], range_name: str) -> None:
    def change(metric: str, column: str) -> formats.Change | None:
        return formats.change(metric, totals[column], before[column])

    versus = f"vs prev {range_name}" if before["n_calls"] else f"nothing in the {range_name} before"
    error_rates = [row["n_errors"] / row["n_calls"] if row["n_calls"] else 0.0 for row in series]
    columns = st.columns(6, gap="small")
    with columns[0]:
        pieces.metric(
            "Spend",
            money(totals["cost_usd"]),
            change=change("spend", "cost_usd"),
            note=f"{formats.coverage(totals)} priced",
            trend=[float(row["cost_usd"] or 0) for row in series],
            trend_type="bar",
            help=f"What is paid, in US dollars, for the calls that could be priced. {formats.beside(totals)}",
        )
    with columns[1]:
        pieces.metric(
            "Requests",
            count(totals["n_calls"]),
            change=change("requests", "n_calls"),
            note=versus,
            trend=[row["n_calls"] for row in series],
            trend_type="bar",
        )
    with columns[2]:
        pieces.metric(
            "Error rate",
            share(totals["n_errors"], totals["n_calls"]),
            change=formats.change(
                "error_rate",
                _ratio(totals["n_errors"], totals["n_calls"]),
                _ratio(before["n_errors"], before["n_calls"]),
            ),
            note=versus,
            trend=error_rates,
            help=f"{count(totals['n_errors'])} of {count(totals['n_calls'])} calls failed.",
        )
    for column, percentile in ((columns[3], "p50"), (columns[4], "p95")):
        nanoseconds = f"{percentile}_ns"
        with column:
            pieces.metric(
                f"{percentile} latency",
                formats.duration(totals[nanoseconds]),
                change=change(percentile, nanoseconds),
                note=versus,
                trend=[float(row[nanoseconds]) for row in series if row[nanoseconds] is not None],
            )
    with columns[5]:
        pieces.metric(
            "Tokens",
            formats.short_count(totals["tokens"]),
            change=change("tokens", "tokens"),
            note=versus,
            trend=[row["tokens"] for row in series],
            trend_type="bar",
            help=f"Input {count(totals['input_tokens'])}, output {count(totals['output_tokens'])}.",
        )


def _spend(filters: Filters, shown: Window, series: Sequence[Row], at: dict[str, Any]) -> None:
    buckets = [row["bucket_at"] for row in series]
    rows = source.read(
        "spend_series",
        filters.project,
        bucket_minutes=shown.bucket_minutes,
        top=TOP_MODELS,
        by=filters.by,
        **at,
    )
    by = filters.by or "model"
    with pieces.card(f"Spend by {formats.dimension(by)}", f"US dollars per {charts.bucket_width(buckets)}"):
        if rows:
            in_order = filters.models_in_order if by == "model" else ()
            pieces.draw(charts.spend_over_time(rows, buckets, in_order, by), key="spend-over-time")
        else:
            st.caption("No call in this window could be priced. Setup lists the models without a price.")


def _requests(series: Sequence[Row], totals: Row) -> None:
    width = charts.bucket_width([row["bucket_at"] for row in series])
    with pieces.card("Requests and share failed", f"per {width}, n {count(totals['n_calls'])}"):
        pieces.draw(charts.requests_and_errors(series), key="requests-and-errors")


def _top(filters: Filters, at: dict[str, Any]) -> None:
    by = filters.by or "tenant_id"
    rows = source.read("top_tenants", filters.project, top=TOP_TENANTS, by=by, **at)
    # The rest is no tenant: its bar would dwarf theirs.
    dearest = max(
        (row["cost_usd"] for row in rows if row["cost_usd"] is not None and row["kind"] != "others"),
        default=0,
    )
    shown = [
        {
            "name": label(row, by),
            "bar": 0.0 if row["kind"] == "others" else float(row["cost_usd"] or 0),
            "cost_usd": row["cost_usd"],
            "per_thousand": formats.usd_per_thousand(row["cost_usd"], row["n_priced"]),
            "errors": row["n_errors"] / row["n_calls"],
        }
        for row in rows
    ]
    with pieces.card(f"Top {formats.dimensions(by)}", "by spend"):
        pieces.table(
            shown,
            {"cost_usd": money, "per_thousand": money, "errors": lambda rate: f"{rate:.1%}"},
            {
                "name": st.column_config.TextColumn(formats.dimension(by), width=95),
                "bar": st.column_config.ProgressColumn(
                    "share", min_value=0.0, max_value=float(dearest) or 1.0, format=" ", width=55
                ),
                "cost_usd": st.column_config.NumberColumn("spend", width=65),
                "per_thousand": st.column_config.NumberColumn("$/1k calls", width=75),
                "errors": st.column_config.NumberColumn("errors", width=55),
            },
            alt=f"{formats.dimensions(by).capitalize()} by spend, with US dollars per 1,000 priced calls "
            "and the share that failed.",
            key="top-tenants",
            unknown="unpriced",
        )
        pieces.link(
            "spend",
            f"Whole month, every {formats.dimension(by)}",
            ":material/payments:",
            project=filters.project,
            by=short_name(by) if filters.by else None,
        )


def label(row: Row, by: str) -> str:
    """What a row of `top_tenants` stands for."""
    if row["kind"] == "others":
        return f"{row['n_tenants']:,} others"
    return formats.in_dimension(row["value"], by)


def _latest(filters: Filters, at: dict[str, Any]) -> None:
    rows = source.read("latest_calls", filters.project, limit=LATEST_CALLS, **at)
    shown = [
        {
            **row,
            "status": "✓ ok" if row["status"] == "ok" else f"✕ {row['error_class'] or 'error'}",
            "tenant": formats.tenant(row["tenant_id"]),
            "model": formats.model(row["model"]),
            # Text, because the words beside the amounts are values too.
            "cost": formats.call_cost(row["cost_usd"], row["cost_status"]),
        }
        for row in rows
    ]
    with pieces.card("Latest calls", f"newest {len(rows)} of the window"):
        pieces.table(
            shown,
            {
                "started_at": lambda at: f"{at:%d %b %H:%M:%S}",
                "duration_ns": formats.duration,
                "input_tokens": count,
                "output_tokens": count,
                "prompt_name": lambda name: name or formats.UNKNOWN,
                "service_name": lambda name: name or formats.UNKNOWN,
            },
            {
                "started_at": st.column_config.DatetimeColumn("started", width=110),
                "status": st.column_config.TextColumn("status", width=100),
                "tenant": st.column_config.TextColumn("tenant", width=110),
                "model": st.column_config.TextColumn("model", width=210),
                "prompt_name": st.column_config.TextColumn("prompt", width=130),
                "service_name": st.column_config.TextColumn("service", width=110),
                "duration_ns": st.column_config.NumberColumn("latency", width=75),
                "input_tokens": st.column_config.NumberColumn("input tok", width=75),
                "output_tokens": st.column_config.NumberColumn("output tok", width=80),
                "cost": st.column_config.TextColumn("cost", width=90, alignment="right"),
                "trace_id": st.column_config.TextColumn("trace", width=260),
            },
            alt="The newest calls with tenant, model, latency, tokens and cost.",
            key="latest-calls",
            height=320 if len(rows) > 10 else "content",
        )


def _window_text(shown: Window) -> str:
    return f"{formats.moment_exact(shown.since)} to {formats.moment_exact(shown.until)}"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
