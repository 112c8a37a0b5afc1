"""Figures, as pure functions from rows to a Plotly figure. Floats live here and nowhere else.

Colours are Okabe and Ito's (2008), told apart by readers with any common colour blindness. Vermillion means
bad and bluish green good, always beside a glyph or a word, so neither ever stands for a model or a tenant.
Light or dark comes from Streamlit's theme; what is set here reads on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import formats

Row = Mapping[str, Any]

BLUE = "#0072B2"
SKY = "#56B4E9"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8A93A0"
GRID = "rgba(138, 147, 160, 0.28)"

# For entities: neither of the colours that judge.
ENTITY_COLOURS = (BLUE, ORANGE, PURPLE, SKY, "#6A51A3", "#B8A100", "#8C6D46", "#3B8686")

VERDICT_MARKS: Mapping[str, tuple[str, str]] = {
    "PASS": ("circle", GREEN),
    "FAIL": ("x", VERMILLION),
    "INCONCLUSIVE": ("triangle-up", ORANGE),
}
UNDECIDED_MARK = ("circle-open", GREY)


@dataclass(frozen=True)
class Picture:
    """A figure and what it says in words, for whoever does not see it."""

    figure: go.Figure
    alt: str


def colours(names: Sequence[str], in_order: Sequence[str]) -> dict[str, str]:
    """A colour for each name that does not change with what else is shown.

    `in_order` lists every name there is, most used first: the first eight get a colour of their own, later
    ones share by the hash of their name.
    """
    own = {name: ENTITY_COLOURS[place] for place, name in enumerate(in_order[: len(ENTITY_COLOURS)])}
    return {name: own.get(name, ENTITY_COLOURS[crc32(name.encode()) % len(ENTITY_COLOURS)]) for name in names}


def spend_over_time(
    rows: Sequence[Row], buckets: Sequence[datetime], in_order: Sequence[str], by: str = "model"
) -> Picture:
    """Stacked bars of US dollars a bucket: the costliest values of a dimension, and the rest as `other`.

    `rows` as `spend_series` gives them, `buckets` every bucket of the window, `in_order` as for `colours`; without it the
    costliest have the first colours.
    """
    ranks = sorted({row["rank"] for row in rows if row["rank"]}) + (
        [0] if any(row["rank"] == 0 for row in rows) else []
    )
    by_rank = {rank: [row for row in rows if row["rank"] == rank] for rank in ranks}
    named = [by_rank[rank][0]["value"] for rank in ranks if rank]
    colour_of = colours(named, in_order or named)
    figure = go.Figure()
    for rank in ranks:
        at = {row["bucket_at"]: row["cost_usd"] for row in by_rank[rank]}
        value = by_rank[rank][0]["value"]
        figure.add_bar(
            x=list(buckets),
            y=[_float(at.get(bucket)) or 0.0 for bucket in buckets],
            customdata=[formats.money(at.get(bucket, Decimal(0))) for bucket in buckets],
            name="other" if rank == 0 else formats.plain_html(formats.in_dimension(value, by)),
            marker={"color": GREY if rank == 0 else colour_of[value], "line": {"width": 0}},
            hovertemplate="%{customdata}",
        )
    figure.update_layout(barmode="stack", bargap=0.12, hovermode="x unified")
    _finish(figure, height=330)
    _time_axis(figure, buckets)
    figure.update_yaxes(tickprefix="$", rangemode="tozero", nticks=6)
    shown = ", ".join(formats.in_dimension(name, by) for name in named)
    stacked = f"stacked by {formats.dimension(by)}: {shown}."
    return Picture(figure, f"Spend in US dollars per {bucket_width(buckets)}, {stacked}")


def requests_and_errors(rows: Sequence[Row]) -> Picture:
    """Requests a bucket above, the share of them that failed below. `rows` as `window_series` gives them."""
    buckets = [row["bucket_at"] for row in rows]
    shares = [100 * row["n_errors"] / row["n_calls"] if row["n_calls"] else None for row in rows]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.1)
    figure.add_bar(
        x=buckets,
        y=[row["n_calls"] for row in rows],
        name="requests",
        marker={"color": BLUE, "line": {"width": 0}},
        hovertemplate="%{x|%d %b %H:%M}: %{y:,} requests<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=buckets,
        y=shares,
        customdata=[[row["n_errors"], row["n_calls"]] for row in rows],
        name="failed",
        # A line needs two points: fewer would leave nothing to see.
        mode="lines+markers" if sum(share is not None for share in shares) < 3 else "lines",
        line={"color": VERMILLION, "width": 2},
        hovertemplate="%{x|%d %b %H:%M}: %{y:.2f} % failed "
        "(%{customdata[0]:,} of %{customdata[1]:,})<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_layout(bargap=0.12, showlegend=False)
    _finish(figure, height=330)
    _time_axis(figure, buckets)
    figure.update_yaxes(rangemode="tozero", nticks=4, tickformat="~s", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=4, ticksuffix=" %", row=2, col=1)
    worst = max((share for share in shares if share is not None), default=0.0)
    return Picture(
        figure,
        f"Requests per {bucket_width(buckets)} and the share that failed; the worst share is {worst:.1f} %.",
    )


def spend_bars(rows: Sequence[Row], label: Callable[[Row], str], by: str) -> Picture:
    """Horizontal bars of US dollars, one a row, costliest on top; `by` says what a row is."""
    shown = [row for row in rows if row["cost_usd"] is not None]
    labels = [formats.plain_html(label(row)) for row in shown]
    places = list(range(len(shown)))
    figure = go.Figure(
        go.Bar(
            # By place and not by label: two long names may shorten to the same text.
            y=places,
            x=[_float(row["cost_usd"]) for row in shown],
            orientation="h",
            text=[formats.money(row["cost_usd"]) for row in shown],
            textposition="outside",
            cliponaxis=False,
            customdata=[
                [name, formats.count(row["n_calls"])] for name, row in zip(labels, shown, strict=True)
            ],
            marker={
                "color": [GREY if row.get("kind") == "others" else BLUE for row in shown],
                "line": {"width": 0},
            },
            hovertemplate="%{customdata[0]}: %{text}, %{customdata[1]} calls<extra></extra>",
        )
    )
    figure.update_layout(bargap=0.25, showlegend=False)
    _finish(figure, height=max(140, 26 * len(shown) + 40))
    top = max((_float(row["cost_usd"]) or 0.0 for row in shown), default=0.0)
    figure.update_yaxes(
        autorange="reversed", tickvals=places, ticktext=labels, showgrid=False, automargin=True
    )
    figure.update_xaxes(tickprefix="$", range=[0, top * 1.18 or 1], nticks=5, gridcolor=GRID, showgrid=True)
    first = f"{label(shown[0])} with {formats.money(shown[0]['cost_usd'])}" if shown else "none"
    return Picture(figure, f"Spend in US dollars by {by}; the costliest is {first}.")


def forest(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """Candidate minus baseline in points, with its interval: one line a run, against zero and its margin.

    An interval that covers zero is grey: it shows no difference either way. `rows` as `runs` gives them.
    """
    shown = [row for row in rows if row["difference"] is not None]
    places = list(range(len(shown)))
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5})
    margins = [(place, row["margin"]) for place, row in enumerate(shown) if row["margin"] is not None]
    figure.add_scatter(
        x=[-100 * margin for _, margin in margins],
        y=[place for place, _ in margins],
        mode="markers",
        name="margin",
        marker={"symbol": "line-ns", "size": 20, "line": {"color": ORANGE, "width": 2.5}},
        hovertemplate="margin %{x:.1f} points<extra></extra>",
    )
    for name, colour, wanted in (
        ("covers zero", GREY, 0),
        ("better", GREEN, 1),
        ("worse", VERMILLION, -1),
    ):
        group = [(place, row) for place, row in enumerate(shown) if side_of_zero(row) == wanted]
        if group:
            figure.add_scatter(**_intervals(group, name, colour, label))
    _finish(figure, height=max(170, 34 * len(shown) + 100))
    figure.update_layout(legend={"yanchor": "bottom", "y": 1.02})
    figure.update_yaxes(
        tickvals=places,
        ticktext=[formats.plain_html(label(row)) for row in shown],
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
        automargin=True,
        zeroline=False,
    )
    figure.update_xaxes(
        title="points, candidate minus baseline", zeroline=False, showgrid=True, gridcolor=GRID, nticks=8
    )
    worse = [label(row) for row in shown if side_of_zero(row) < 0]
    return Picture(
        figure,
        f"Difference in points with its interval for {len(shown)} runs; worse than the baseline: "
        + (", ".join(worse) or "none")
        + ".",
    )


def side_of_zero(row: Row) -> int:
    """1 when the whole interval is above zero, −1 when below, 0 when it covers zero or is not known."""
    low, high = row["interval_low"], row["interval_high"]
    if low is None or high is None:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def verdict_history(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """Every run as a mark in time, one line a label; the shape carries the verdict. `rows` as of `runs`."""
    lines = list(dict.fromkeys(label(row) for row in rows))
    figure = go.Figure()
    for verdict in (*VERDICT_MARKS, None):
        group = [row for row in rows if row["verdict"] == verdict]
        if not group:
            continue
        symbol, colour = VERDICT_MARKS.get(verdict or "", UNDECIDED_MARK)
        figure.add_scatter(
            x=[row["started_at"] for row in group],
            y=[lines.index(label(row)) for row in group],
            mode="markers",
            name=(verdict or "not decided").lower(),
            marker={
                "symbol": symbol,
                "color": colour,
                "size": 11,
                "line": {"width": 1 if verdict is None else 0},
            },
            customdata=[
                [
                    formats.points(row["difference"]),
                    formats.interval(row["interval_low"], row["interval_high"]),
                ]
                for row in group
            ],
            hovertemplate="%{x|%d %b %H:%M}: %{customdata[0]} points %{customdata[1]}",
        )
    _finish(figure, height=max(170, 34 * len(lines) + 100))
    figure.update_yaxes(
        tickvals=list(range(len(lines))),
        ticktext=[formats.plain_html(line) for line in lines],
        range=[len(lines) - 0.4, -0.6],
        automargin=True,
        showgrid=True,
        gridcolor=GRID,
        zeroline=False,
    )
    figure.update_layout(legend={"yanchor": "bottom", "y": 1.02})
    figure.update_xaxes(showgrid=False, tickformat="%d %b", automargin=True)
    return Picture(
        figure, f"Verdicts of {len(rows)} runs over time, one line for each of {', '.join(lines)}."
    )


def bucket_width(buckets: Sequence[datetime]) -> str:
    """The width of a bucket in words: 30 min, 3 h, day."""
    if len(buckets) < 2:
        return "bucket"
    width = buckets[1] - buckets[0]
    if width >= timedelta(days=1):
        return "day"
    hours = width / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{width / timedelta(minutes=1):g} min"


def _intervals(
    group: Sequence[tuple[int, Row]], name: str, colour: str, label: Callable[[Row], str]
) -> dict[str, Any]:
    return {
        "x": [100 * row["difference"] for _, row in group],
        "y": [place for place, _ in group],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [
                100 * (_or(row["interval_high"], row["difference"]) - row["difference"]) for _, row in group
            ],
            "arrayminus": [
                100 * (row["difference"] - _or(row["interval_low"], row["difference"])) for _, row in group
            ],
            "color": colour,
            "thickness": 2.5,
            "width": 5,
        },
        "mode": "markers",
        "name": name,
        "marker": {"color": colour, "size": 10},
        "customdata": [
            [
                formats.plain_html(label(row)),
                formats.points(row["difference"]),
                formats.interval(row["interval_low"], row["interval_high"]),
                formats.count(row["n_paired"]),
            ]
            for _, row in group
        ],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]} points %{customdata[2]}, "
        "n %{customdata[3]}<extra></extra>",
    }


def _finish(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={
            "orientation": "h",
            "yanchor": "top",
            "y": -0.2,
            "x": 0,
            "title": None,
            "font": {"size": 12},
            "traceorder": "normal",
        },
        hoverlabel={"namelength": -1},
        dragmode=False,
        separators=".,",
    )


def _time_axis(figure: go.Figure, buckets: Sequence[datetime]) -> None:
    long = len(buckets) > 1 and buckets[-1] - buckets[0] > timedelta(days=2)
    figure.update_xaxes(
        type="date",
        tickformat="%d %b" if long else "%H:%M\n%d %b",
        showgrid=False,
        automargin=True,
        nticks=7,
        hoverformat="%d %b %H:%M UTC",
    )
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
