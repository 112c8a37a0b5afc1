"""One span: what it was, what it cost and why, its attempts, messages, attributes and scores. A tab is asked for when opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import count, plain
from dashboard.source import Row
from dashboard.views.traces import calls, messages, price
from dashboard.views.traces.facts import Fact, facts_table

_SHORT = 34


def draw(chosen: Filters, trace_id: str, span: Row, picker: Callable[[], Any] | None) -> None:
    with st.container(border=True, gap="small", key="span-card"):
        _head(span, picker)
        _tabs(chosen.project, trace_id, span)


def _head(span: Row, picker: Callable[[], Any] | None) -> None:
    if picker is None:
        st.markdown(f"**{plain(formats.shortened(span['span_name'] or span['span_id']))}**")
    else:
        picker()


@st.fragment
def _tabs(project: str, trace_id: str, span: Row) -> None:
    drawers: dict[str, Callable[[], None]] = {"Overview": partial(_overview, project, trace_id, span)}
    if span["role"] == "call":
        drawers["Cost"] = partial(price.draw, project, trace_id, span)
        drawers["Attempts"] = partial(_attempts, project, trace_id, span)
    drawers |= {
        "Messages": partial(messages.draw, project, trace_id, span),
        "Attributes": partial(_attributes, project, trace_id, span),
        "Scores": partial(_scores, project, trace_id, span),
    }
    tabs = st.tabs(list(drawers), key="span-tab", on_change="rerun")
    for tab, draw_tab in zip(tabs, drawers.values(), strict=True):
        if tab.open:
            with tab:
                draw_tab()


def _overview(project: str, trace_id: str, span: Row) -> None:
    facts_table(
        [*facts(span), ("trace id", trace_id)], "What is known of this span.", key="overview", across=2
    )
    with st.container(horizontal=True, gap="small"):
        if span["session_id"]:
            pieces.link(
                "sessions",
                "Its conversation",
                ":material/forum:",
                project=project,
                session=span["session_id"],
            )
        if span["prompt_name"]:
            pieces.link("evals", "Its prompt", ":material/rule:", project=project, prompt=span["prompt_name"])


def facts(span: Row) -> Iterator[Fact]:
    """What matters of a span, in words; what is not known is left out."""
    yield "outcome", calls.outcome(span) if span["role"] == "call" else _status(span)
    yield "error", _joined(span["error_type"], span["http_status"] and f"HTTP {span['http_status']}")
    yield "started", f"{span['started_at']:%d %b %H:%M:%S.%f}"[:-3]
    yield "took", formats.duration(span["duration_ns"])
    yield "first token", formats.duration(span["ttft_ns"])
    yield "speed", speed(span)
    if span["role"] == "call":
        yield "cost", calls.cost({"cost_estimated": False, **span})
    yield "tokens in", _tokens_in(span)
    yield "tokens out", count(span["output_tokens"])
    yield "model", _short(span["model"])
    yield "provider", _short(span["provider"])
    yield "operation", _short(span["operation"])
    yield "prompt", calls.prompt(span)
    yield "tenant", _short(span["tenant_id"])
    yield "user", _short(span["user_id"])
    yield "session", _short(span["session_id"])
    yield "ended by", _short(span["finish_reason"])
    yield "tools asked for", count(span["tool_calls"]) if span["tool_calls"] else ""
    yield "service", _short(span["service_name"])
    yield "kind", _joined(span["role"], span["span_kind"])
    yield "sent by", _short(span["emitter"])
    yield "request", _short(span["request_id"])
    yield "counted by", f"span {span['duplicate_of']}" if span["duplicate_of"] else ""
    yield "doubt", _short(span["doubt"])
    yield "span id", span["span_id"]


def speed(span: Row) -> str:
    """Output tokens a second, after the first token where that is known."""
    if not span["duration_ns"] or not span["output_tokens"]:
        return ""
    writing_ns = span["duration_ns"] - (span["ttft_ns"] or 0)
    return f"{span['output_tokens'] / writing_ns * 10**9:,.0f} tokens/s" if writing_ns > 0 else ""


def _status(span: Row) -> str:
    return f"✕ {span['error_class'] or 'error'}" if span["status"] == "error" else "✓ ok"


def _tokens_in(span: Row) -> str:
    cached = f" ({count(span['cached_input_tokens'])} cached)" if span["cached_input_tokens"] else ""
    return count(span["input_tokens"]) + cached


def _joined(*parts: object) -> str:
    return formats.shortened(", ".join(str(part) for part in parts if part), _SHORT)


def _short(text: str | None) -> str:
    return formats.shortened(text, _SHORT) if text else ""


def _attempts(project: str, trace_id: str, span: Row) -> None:
    rows = source.read("request_attempts", project, trace_id=trace_id, span_id=span["span_id"])
    waited_ns = sum(row["waited_ns"] or 0 for row in rows)
    ended_ns = max((row["offset_ns"] + (row["duration_ns"] or 0) for row in rows), default=0)
    if len(rows) < 2:
        st.caption("The only attempt of its request, as far as telemetry tells.")
        return
    st.caption(
        f"{len(rows)} attempts of one request over {formats.duration(ended_ns)}, {formats.duration(waited_ns)} of it spent "
        "waiting between them."
    )
    asked = next((place for place, row in enumerate(rows) if row["is_asked"]), None)
    _attempts_table(rows, f"attempts-{span['span_id']}", asked)


def _attempts_table(rows: Sequence[Row], key: str, asked: int | None) -> None:
    shown = [
        {
            **row,
            "status": calls.outcome({**row, "attempt": None}),
            "by": _joined(row["provider"], row["model"], row["region"]),
            "cost": calls.cost({"cost_estimated": False, **row}),
        }
        for row in rows
    ]
    pieces.table(
        shown,
        {"offset_ns": formats.duration, "waited_ns": formats.duration, "duration_ns": formats.duration},
        {
            "attempt": st.column_config.NumberColumn("#", width=30),
            "status": st.column_config.TextColumn("status", width=100),
            "http_status": st.column_config.NumberColumn("HTTP", width=48, format="%d"),
            "offset_ns": st.column_config.NumberColumn("from", width=62),
            "waited_ns": st.column_config.NumberColumn("waited", width=62),
            "duration_ns": st.column_config.NumberColumn("took", width=62),
            "cost": st.column_config.TextColumn("cost", width=78, alignment="right"),
            "by": st.column_config.TextColumn("served by", width=160),
        },
        alt="The attempts of the request, with how long each was waited for and took.",
        key=key,
        picked=asked,
    )


def _attributes(project: str, trace_id: str, span: Row) -> None:
    asked = {"trace_id": trace_id, "span_id": span["span_id"]}
    rows = source.read("span_attributes", project, **asked)
    events = source.read("span_events", project, **asked) if span["n_events"] else []
    written = st.text_input(
        "Find an attribute",
        key="find-attribute",
        placeholder="find a key or a value",
        label_visibility="collapsed",
    )
    found = matching(rows, written)
    st.caption(f"{len(found)} of {len(rows)} attributes of the span, its resource and its links.")
    pieces.table(
        [{**row, "value": formats.shortened(row["value"] or "", 2_000)} for row in found],
        {},
        {
            "key": st.column_config.TextColumn("key", width=210),
            "value": st.column_config.TextColumn("value", width=230),
            "place": st.column_config.TextColumn("of", width=62),
            "kind": st.column_config.TextColumn("type", width=58),
        },
        alt="Attributes of the span, its resource and its links.",
        key=f"attributes-{span['span_id']}",
        height=330 if len(found) > 10 else "content",
    )
    if events:
        _events(events, span)


def matching(rows: Sequence[Row], written: str | None) -> list[Row]:
    """The attributes whose key or value has the text, whatever its capitals."""
    wanted = (written or "").strip().casefold()
    return [row for row in rows if wanted in f"{row['key']}={row['value'] or ''}".casefold()]


def _events(events: Sequence[Row], span: Row) -> None:
    st.caption(f"{len(events)} events")
    pieces.table(
        events,
        {"offset_ns": formats.duration},
        {
            "offset_ns": st.column_config.NumberColumn("after", width=70),
            "name": st.column_config.TextColumn("event", width=230),
            "exception_type": st.column_config.TextColumn("exception", width=230),
        },
        alt="The events of the span.",
        key=f"events-{span['span_id']}",
        height=330 if len(events) > 10 else "content",
    )


def _scores(project: str, trace_id: str, span: Row) -> None:
    rows = source.read("trace_scores", project, trace_id=trace_id)
    here = [row for row in rows if row["span_id"] in (None, span["span_id"])]
    if not here:
        others = f" {len(rows)} are of other spans of the trace." if rows else ""
        st.caption(
            f"Nobody scored this call.{others} Evaluations arrive as OTLP events, from eval runs or as feedback."
        )
        return
    pieces.table(
        [
            {
                **row,
                "of": "trace" if row["span_id"] is None else "call",
                "label": row["label"] or (f"✕ {row['error_type']}" if row["error_type"] else formats.UNKNOWN),
            }
            for row in here
        ],
        {"value": formats.score, "occurred_at": formats.moment},
        {
            "name": st.column_config.TextColumn("score", width=130),
            "value": st.column_config.NumberColumn("value", width=60),
            "label": st.column_config.TextColumn("label", width=110),
            "evaluator": st.column_config.TextColumn("by", width=110),
            "source": st.column_config.TextColumn("source", width=60),
            "of": st.column_config.TextColumn("of", width=50),
            "occurred_at": st.column_config.DatetimeColumn("when", width=90),
        },
        alt="Scores of the call and of its trace.",
        key=f"scores-{span['span_id']}",
    )
