"""Calls that failed, newest first, and beside them every attempt of the one that is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, duration
from dashboard.source import Row
from dashboard.views.reliability.reading import over_time, read

SHOWN = 50
_HEIGHT_PX = 300
_CLASS_KEY = "reliability-class"


def draw(filters: Filters, totals: Row) -> None:
    error_class = filters.own["class"]
    counted = failures_by_class(over_time(filters, "error_series"))
    rows = read(filters, "search_calls", status="error", error_class=error_class, limit=SHOWN)
    n_failed = counted.get(error_class, 0) if error_class else totals["n_errors"]
    opened = which_is_open(rows, filters.own["id"], filters.own["span"])
    left, right = st.columns([1.2, 1], gap="small")
    with left, pieces.card("Failed calls", f"the newest {len(rows)} of {count(n_failed)}" if rows else ""):
        _choose_class(counted, error_class)
        if not rows:
            st.caption(f"No call failed with {error_class}." if error_class else "No call failed.")
            return
        _table(rows, opened)
        pieces.link(
            "traces",
            "Search all of them in Traces",
            ":material/search:",
            project=filters.project,
            status="errors",
            **{"class": error_class},
        )
    with right:
        _attempts(filters, rows[opened])


def failures_by_class(rows: Sequence[Row]) -> dict[str, int]:
    """Failures of the whole window by class, most first. `rows` as `error_series` gives them."""
    counted: Counter[str] = Counter()
    for row in rows:
        if row["error_class"] is not None:
            counted[row["error_class"]] += row["n_calls"]
    return dict(counted.most_common())


def _choose_class(counted: Mapping[str, int], chosen: str | None) -> None:
    """One button a class with how many failed so; the one that is chosen has a button even where none did."""
    st.session_state[_CLASS_KEY] = chosen
    st.pills(
        "Error class",
        list(counted) if chosen is None or chosen in counted else [chosen, *counted],
        format_func=lambda name: f"{formats.plain(name)} {count(counted.get(name, 0))}",
        key=_CLASS_KEY,
        label_visibility="collapsed",
        on_change=lambda: choose(**{"class": st.session_state[_CLASS_KEY]}),
    )


def which_is_open(rows: Sequence[Row], trace_id: str | None, span_id: str | None) -> int:
    """The number of the row that the address names; the first where it names none of them."""
    asked = (trace_id, span_id)
    return next((place for place, row in enumerate(rows) if (row["trace_id"], row["span_id"]) == asked), 0)


def _table(rows: Sequence[Row], opened: int) -> None:
    pieces.table(
        [_shown(row) for row in rows],
        {"started_at": _second, "duration_ns": duration},
        {
            "started_at": st.column_config.DatetimeColumn("started", width=108),
            "error_class": st.column_config.TextColumn("class", width=92),
            "said": st.column_config.TextColumn("what was said", width=150),
            "model": st.column_config.TextColumn("model", width=150),
            "tenant": st.column_config.TextColumn("tenant", width=85),
            "attempt": st.column_config.NumberColumn("attempt", width=58),
            "duration_ns": st.column_config.NumberColumn("latency", width=65),
        },
        alt="The newest calls that failed, with their class, model, tenant, attempt and latency.",
        key="failed-calls",
        height=_HEIGHT_PX if len(rows) > 10 else "content",
        on_pick=lambda number: choose(id=rows[number]["trace_id"], span=rows[number]["span_id"]),
        picked=opened,
    )


def _shown(row: Row) -> dict[str, object]:
    said = " ".join(str(part) for part in (row["http_status"], row["error_type"]) if part)
    return {
        **row,
        "error_class": row["error_class"] or "other",
        "said": formats.shortened(said) or formats.UNKNOWN,
        "model": formats.model(row["model"]),
        "tenant": formats.tenant(row["tenant_id"]),
    }


def _second(at: datetime) -> str:
    return f"{at:%d %b %H:%M:%S}"


def _attempts(filters: Filters, call: Row) -> None:
    """Every attempt of the request that the call belongs to, with the waits between them, and the way to its trace."""
    rows = source.read(
        "request_attempts", filters.project, trace_id=call["trace_id"], span_id=call["span_id"]
    )
    bars = [row | {"depth": 0, "role": "call"} for row in map(dict, rows)]
    outcome = "succeeded in the end" if rows[-1]["status"] == "ok" else "failed in the end"
    pieces.chart(
        "Its request",
        charts.waterfall(bars, attempt_label),
        key="attempts",
        note=f"{len(rows)} attempts, {outcome}" if len(rows) > 1 else "the only attempt that is known",
    )
    with pieces.card("Attempts", f"started {_second(rows[0]['started_at'])}"):
        _attempts_table(rows)
        pieces.link(
            "traces",
            "Open the trace",
            ":material/account_tree:",
            project=filters.project,
            id=call["trace_id"],
            span=call["span_id"],
        )


def attempt_label(row: Row) -> str:
    return f"{row['attempt']} · {formats.in_dimension(row['provider'], 'provider')} · {formats.model(row['model'])}"


def _attempts_table(rows: Sequence[Row]) -> None:
    pieces.table(
        [
            {
                **row,
                "outcome": "✓ ok" if row["status"] == "ok" else f"✕ {row['error_class'] or 'other'}",
                "cost": formats.call_cost(row["cost_usd"], row["cost_status"]),
            }
            for row in rows
        ],
        {"waited_ns": duration, "duration_ns": duration},
        {
            "attempt": st.column_config.NumberColumn("no.", width=40),
            "waited_ns": st.column_config.NumberColumn("waited", width=70),
            "outcome": st.column_config.TextColumn("outcome", width=110),
            "http_status": st.column_config.NumberColumn("HTTP", width=50),
            "duration_ns": st.column_config.NumberColumn("latency", width=70),
            "cost": st.column_config.TextColumn("cost", width=80, alignment="right"),
        },
        alt="The attempts of the request with the wait before each, its outcome, latency and cost.",
        key="request-attempts",
    )
