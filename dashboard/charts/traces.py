"""One request, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BAND,
    BLUE,
    GREY,
    GRID,
    PURPLE,
    SKY,
    VERMILLION,
    Picture,
    Row,
    finish,
    lines_axis,
    tick_text,
)

# Role of a span -> colour; what failed is vermillion whatever its role.
ROLE_COLOURS: Mapping[str | None, str] = {"call": BLUE, "duplicate": PURPLE}
# The names of spans stand to the left of the bars, each level of the tree a step further in.
_NAMES_PX, _STEP_PX, _PX_PER_CHARACTER = 190, 10, 6.5
# A bar shorter than this share of the trace would be seen as nothing.
_THINNEST = 0.004
_DEEPEST_SHOWN = 8
_STEPS_NS = tuple(step * 10**power for power in range(13) for step in (1, 2, 5))


def waterfall(rows: Sequence[Row], label: Callable[[Row], str], chosen: str | None = None) -> Picture:
    """Spans as bars from where they begin in their trace, one a line, in the order given; the text is the duration.

    `rows` are those of the query `trace_spans`, or others with depth, offset_ns, duration_ns, role and status; an unknown
    duration is drawn as a thin mark. Of a call the part up to its first token is lighter, and before an attempt that was waited
    for the wait is dotted. `chosen` is the span whose line stands out. A bar's `customdata` begins with its span's id.
    """
    known = [row["offset_ns"] + (row["duration_ns"] or 0) for row in rows]
    whole_ns = max(known, default=0) or 1
    figure = go.Figure(_bars(rows, label, whole_ns))
    _first_tokens(figure, rows)
    waits = waits_of(rows)
    _waits(figure, waits)
    figure.update_layout(bargap=0.3, showlegend=False, barmode="overlay")
    finish(figure, height=max(110, 26 * len(rows) + 46))
    lines_axis(figure, [""] * len(rows))
    figure.update_layout(margin={"l": _NAMES_PX})
    for place, row in enumerate(rows):
        is_chosen = row.get("span_id") == chosen
        if is_chosen:
            figure.add_hrect(y0=place - 0.5, y1=place + 0.5, fillcolor=BAND, line={"width": 0}, layer="below")
        _name(figure, place, row["depth"], label(row), bold=is_chosen)
    _seconds(figure, whole_ns)
    n_failed = sum(row["status"] == "error" for row in rows)
    waited = (
        f", {formats.duration(sum(ns for _, _, ns in waits))} of it waiting between attempts" if waits else ""
    )
    return Picture(
        figure,
        f"{len(rows)} spans over {formats.duration(whole_ns if known else None)}{waited}, {n_failed} of them failed.",
        [_values(row, label) for row in rows],
    )


def waits_of(rows: Sequence[Row]) -> list[tuple[int, int, int]]:
    """(place of the later attempt, ns from the trace's start, length in ns) of each wait between attempts of one request."""
    found = []
    ended: dict[str, int] = {}
    numbered = [
        (place, row) for place, row in enumerate(rows) if row.get("request_id") and row["role"] == "call"
    ]
    for place, row in sorted(numbered, key=lambda one: one[1]["offset_ns"]):
        before = ended.get(row["request_id"])
        if before is not None and row["offset_ns"] > before:
            found.append((place, before, row["offset_ns"] - before))
        ended[row["request_id"]] = row["offset_ns"] + (row["duration_ns"] or 0)
    return found


def _bars(rows: Sequence[Row], label: Callable[[Row], str], whole_ns: int) -> go.Bar:
    return go.Bar(
        y=list(range(len(rows))),
        base=[row["offset_ns"] for row in rows],
        x=[max(row["duration_ns"] or 0, _THINNEST * whole_ns) for row in rows],
        orientation="h",
        text=[_text(row) for row in rows],
        textposition="outside",
        cliponaxis=False,
        marker={
            "color": [_colour(row) for row in rows],
            "pattern": {"shape": ["/" if row["role"] == "duplicate" else "" for row in rows]},
            "line": {"width": 0},
        },
        # A click chooses a span; without this Plotly would fade all others.
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[
            [
                row.get("span_id"),
                formats.plain_html(label(row)),
                row["role"] or formats.UNKNOWN,
                formats.duration(row["offset_ns"]),
            ]
            for row in rows
        ],
        hovertemplate="%{customdata[1]} (%{customdata[2]}), from %{customdata[3]}: %{text}<extra></extra>",
    )


def _colour(row: Row) -> str:
    return VERMILLION if row["status"] == "error" else ROLE_COLOURS.get(row["role"], GREY)


def _first_tokens(figure: go.Figure, rows: Sequence[Row]) -> None:
    """Over the bar of a streamed call, how much of it was spent before the first token."""
    known = [(place, row) for place, row in enumerate(rows) if row.get("ttft_ns") and row["role"] == "call"]
    if known:
        figure.add_bar(
            y=[place for place, _ in known],
            base=[row["offset_ns"] for _, row in known],
            x=[min(row["ttft_ns"], row["duration_ns"] or row["ttft_ns"]) for _, row in known],
            orientation="h",
            marker={"color": SKY, "line": {"width": 0}},
            customdata=[[row.get("span_id"), formats.duration(row["ttft_ns"])] for _, row in known],
            hovertemplate="first token after %{customdata[1]}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
        )


def _waits(figure: go.Figure, waits: Sequence[tuple[int, int, int]]) -> None:
    for place, since_ns, length_ns in waits:
        figure.add_scatter(
            x=[since_ns, since_ns + length_ns],
            y=[place, place],
            mode="lines",
            line={"color": GREY, "width": 2, "dash": "dot"},
            hovertemplate=f"waited {formats.duration(length_ns)} before this attempt<extra></extra>",
        )


def _seconds(figure: go.Figure, whole_ns: int) -> None:
    ticks = _ticks(whole_ns)
    figure.update_xaxes(
        range=[0, whole_ns * 1.17],
        tickvals=ticks,
        ticktext=[tick_text(tick) for tick in ticks],
        gridcolor=GRID,
        showgrid=True,
        zeroline=False,
    )


def _values(row: Row, label: Callable[[Row], str]) -> dict[str, str]:
    return {
        "span": f"{'· ' * row['depth']}{label(row)}",
        "role": row["role"] or formats.UNKNOWN,
        "status": "✕ error" if row["status"] == "error" else "✓ ok",
        "from": formats.duration(row["offset_ns"]),
        "duration": formats.duration(row["duration_ns"]),
        "first token": formats.duration(row.get("ttft_ns")),
    }


def _name(figure: go.Figure, place: int, depth: int, text: str, *, bold: bool) -> None:
    # Not the axis's own labels: those end at the axis, where a step to the right cannot be seen.
    step = _STEP_PX * min(depth, _DEEPEST_SHOWN)
    at_most = int((_NAMES_PX - step) / _PX_PER_CHARACTER)
    written = formats.plain_html(formats.shortened(text, at_most))
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        xshift=step - _NAMES_PX + 8,
        y=place,
        text=f"<b>{written}</b>" if bold else written,
        showarrow=False,
        align="left",
        font={"size": 12},
    )


def _text(row: Row) -> str:
    return ("✕ " if row["status"] == "error" else "") + formats.duration(row["duration_ns"])


def _ticks(whole_ns: int) -> list[int]:
    """At most seven round times from zero on."""
    step = next((step for step in _STEPS_NS if whole_ns / step <= 6), _STEPS_NS[-1])
    return list(range(0, whole_ns + 1, step))
