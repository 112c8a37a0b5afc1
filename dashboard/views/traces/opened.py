"""The open trace: its spans as a waterfall, and everything that is known of the one that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, plain
from dashboard.source import Row
from dashboard.views.traces import span as of_span

# More lines than this nobody reads; the list of spans below offers the others.
DRAWN = 24
LISTED = 500


def draw(chosen: Filters) -> None:
    trace_id = str(chosen.own["id"])
    rows = source.read("trace_spans", chosen.project, trace_id=trace_id, limit=LISTED)
    if not rows:
        _not_stored(chosen.project, trace_id)
        return
    span = chosen_span(rows, chosen.own["span"])
    _head(trace_id, rows)
    drawn = around(rows, span)
    first = rows.index(drawn[0]) + 1
    part = "" if len(drawn) == rows[0]["n_spans"] else f"spans {first} to {first + len(drawn) - 1}, "
    # In a container of its own it is as high as its lines, and not stretched to the end of the list beside it.
    with st.container():
        pieces.chart(
            "Waterfall",
            charts.waterfall(drawn, label, chosen=span["span_id"]),
            key=f"waterfall-{trace_id}",
            note=f"{part}click a bar for its details",
            on_pick=_pick,
        )
    of_span.draw(chosen, trace_id, span, _picker(trace_id, rows, span))


def chosen_span(rows: Sequence[Row], span_id: str | None) -> Row:
    """The span that the address names; else the first call, which the trace is about; else the first span."""
    by_id = {row["span_id"]: row for row in rows}
    calls = (row for row in rows if row["role"] == "call")
    return by_id.get((span_id or "").lower()) or next(calls, rows[0])


def around(rows: Sequence[Row], span: Row, at_most: int = DRAWN) -> Sequence[Row]:
    """So many lines of the waterfall, with the span among them."""
    first = max(0, min(rows.index(span) - at_most // 2, len(rows) - at_most))
    return rows[first : first + at_most]


def label(row: Row) -> str:
    """A span in a word or two: a call by its model, anything else by its name."""
    if row["role"] == "call" and row["model"]:
        attempt = f" · try {row['attempt']}" if (row["attempt"] or 1) > 1 else ""
        return f"{row['operation'] or 'call'} {row['model']}{attempt}"
    return str(row["span_name"] or row["span_id"])


def totals(rows: Sequence[Row]) -> dict[str, str]:
    """What the whole trace is, in words."""
    calls = [row for row in rows if row["role"] == "call"]
    known = [row["cost_usd"] for row in calls if row["cost_usd"] is not None]
    ends = [row["offset_ns"] + (row["duration_ns"] or 0) for row in rows]
    tokens = [
        row[name] for row in calls for name in ("input_tokens", "output_tokens") if row[name] is not None
    ]
    n_failed = sum(row["status"] == "error" for row in calls)
    unknown = len(calls) - len(known)
    return {
        "spans": f"{_some(rows[0]['n_spans'], 'span')}, {_some(len(calls), 'call')}",
        "failed": f"{count(n_failed)} failed" if n_failed else "",
        "duration": formats.duration(max(ends))
        if any(row["duration_ns"] is not None for row in rows)
        else "",
        "cost": f"{formats.money(sum(known, Decimal(0)) if known else None)}"
        + (f", {count(unknown)} without a cost" if unknown else ""),
        "tokens": f"{formats.short_count(sum(tokens))} tokens" if tokens else "",
    }


def _some(n: int, what: str) -> str:
    return f"{count(n)} {what}{'' if n == 1 else 's'}"


def _head(trace_id: str, rows: Sequence[Row]) -> None:
    said = totals(rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-trace"):
        told = plain(" · ".join(said[name] for name in ("duration", "cost", "tokens", "spans") if said[name]))
        outcome = f":red-badge[✕ {said['failed']}]" if said["failed"] else ":green-badge[✓ ok]"
        st.markdown(f"**Trace {plain(trace_id[:8])}** {outcome} :gray[{told}]", width="stretch")
        st.button(
            "Close",
            key="close-trace",
            icon=":material/close:",
            type="tertiary",
            on_click=choose,
            kwargs={"id": None, "span": None},
        )


def _picker(trace_id: str, rows: Sequence[Row], span: Row) -> Any:
    """The choice among spans, for who does not click on bars: by keyboard, and for those that are not drawn."""
    if len(rows) == 1:
        return None
    key = f"span-of-{trace_id}-{span['span_id']}"
    names = {row["span_id"]: f"{'· ' * min(row['depth'], 6)}{formats.shortened(label(row))}" for row in rows}
    return partial(
        st.selectbox,
        "Span",
        [row["span_id"] for row in rows],
        index=rows.index(span),
        format_func=names.__getitem__,
        key=key,
        label_visibility="collapsed",
        on_change=_pick_from_list,
        args=(key,),
    )


def _pick_from_list(key: str) -> None:
    choose(span=st.session_state[key])


def _pick(mark: Mapping[str, Any]) -> None:
    choose(span=mark["customdata"][0])


def _not_stored(project: str, trace_id: str) -> None:
    with st.container(border=True):
        st.info(
            f"Trace {plain(formats.shortened(trace_id))} is not stored in project {plain(project)}, or not for you to see. It "
            "may be of another project, older than what is kept, or erased.",
            icon=":material/search_off:",
        )
        st.button(
            "Close",
            key="close-trace",
            icon=":material/close:",
            on_click=choose,
            kwargs={"id": None, "span": None},
        )
