"""Figures that compare two versions: by slice with an interval, case by case, and quality against cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    ORANGE,
    VERMILLION,
    Picture,
    Row,
    finish,
    lines_axis,
)

# Side of zero -> what it means, colour, symbol: an interval that covers zero shows no difference either way.
_SIDES = {
    0: ("covers zero", GREY, "circle"),
    1: ("better", GREEN, "triangle-up"),
    -1: ("worse", VERMILLION, "triangle-down"),
}
# Three of them stand beside each other above a table of cases.
BESIDE_PX = 265
# So many points have room for their names.
_NAMED_ALL = 5
_DOLLAR_TICKS = tuple(step * 10.0**power for power in range(-6, 7) for step in (1, 2, 5))


def forest(rows: Sequence[Row], label: Callable[[Row], str], *, at_least_px: int = 170) -> Picture:
    """Candidate minus baseline in points, with its interval: one line a row, against zero and its margin.

    `rows` have difference, interval_low, interval_high, margin (0 to 1, NULL = none) and n_paired, as `runs` gives them.
    """
    shown = [row for row in rows if row["difference"] is not None]
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
    for side in _SIDES:
        group = [(place, row) for place, row in enumerate(shown) if side_of_zero(row) == side]
        if group:
            figure.add_scatter(**_intervals(group, side, label))
    finish(figure, height=max(at_least_px, 34 * len(shown) + 100), legend_above=True)
    lines_axis(figure, [label(row) for row in shown])
    figure.update_xaxes(
        title="points, candidate minus baseline", zeroline=False, showgrid=True, gridcolor=GRID, nticks=8
    )
    worse = ", ".join(label(row) for row in shown if side_of_zero(row) < 0) or "none"
    return Picture(
        figure,
        f"Difference in points with its interval for {len(shown)} rows; worse than the baseline: {worse}.",
        [
            {
                "of": label(row),
                "points": formats.points(row["difference"]),
                "interval": formats.interval(row["interval_low"], row["interval_high"]),
                "margin": formats.points(row["margin"], sign=False),
                "n": formats.count(row["n_paired"]),
                "judgement": _SIDES[side_of_zero(row)][0],
            }
            for row in shown
        ],
    )


def side_of_zero(row: Row) -> int:
    """1 when the whole interval is above zero, −1 when below, 0 when it covers zero or is not known."""
    low, high = row["interval_low"], row["interval_high"]
    if low is None or high is None:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def _intervals(group: Sequence[tuple[int, Row]], side: int, label: Callable[[Row], str]) -> dict[str, Any]:
    name, colour, symbol = _SIDES[side]
    rows = [row for _, row in group]
    return {
        "x": [100 * row["difference"] for row in rows],
        "y": [place for place, _ in group],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [
                100 * (_or(row["interval_high"], row["difference"]) - row["difference"]) for row in rows
            ],
            "arrayminus": [
                100 * (row["difference"] - _or(row["interval_low"], row["difference"])) for row in rows
            ],
            "color": colour,
            "thickness": 2.5,
            "width": 5,
        },
        "mode": "markers",
        "name": name,
        "marker": {"color": colour, "symbol": symbol, "size": 10},
        "customdata": [
            [
                formats.plain_html(label(row)),
                formats.points(row["difference"]),
                formats.interval(row["interval_low"], row["interval_high"]),
                formats.count(row["n_paired"]),
            ]
            for row in rows
        ],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]} points %{customdata[2]}, "
        "n %{customdata[3]}<extra></extra>",
    }


def sorted_deltas(rows: Sequence[Row], noise: float = 0.0) -> Picture:
    """The change of every case, worst first: bars in points, grey up to `noise` (0 to 1) either way.

    `rows` have case_id and difference (0 to 1); cases whose difference is not known are counted in the words.
    """
    shown = sorted(
        (row for row in rows if row["difference"] is not None), key=lambda row: float(row["difference"])
    )
    worse = [row for row in shown if row["difference"] < -noise]
    better = [row for row in shown if row["difference"] > noise]
    figure = go.Figure(
        go.Bar(
            x=list(range(len(shown))),
            y=[100 * row["difference"] for row in shown],
            marker={
                "color": [_delta_colour(row["difference"], noise) for row in shown],
                "line": {"width": 0},
            },
            customdata=[formats.plain_html(formats.shortened(row["case_id"])) for row in shown],
            hovertemplate="%{customdata}: %{y:+.1f} points<extra></extra>",
        )
    )
    figure.update_layout(bargap=0 if len(shown) > 60 else 0.12, showlegend=False)
    finish(figure, height=BESIDE_PX)
    figure.update_xaxes(showticklabels=False, showgrid=False, title="cases, worst first")
    figure.update_yaxes(
        ticksuffix=" pts",
        gridcolor=GRID,
        zerolinecolor=GREY,
        nticks=6,
        automargin=True,
        range=_with_room([100 * row["difference"] for row in shown]),
    )
    if worse:
        _corner(figure, 0.0, f"▼ {len(worse)} worse")
    if better:
        _corner(figure, 1.0, f"▲ {len(better)} better")
    unknown = len(rows) - len(shown)
    return Picture(
        figure,
        f"Change of {len(shown)} cases in points, worst first: {len(worse)} worse, {len(better)} better, "
        f"{len(shown) - len(worse) - len(better)} the same" + (f", {unknown} not known." if unknown else "."),
        [{"case": row["case_id"], "points": formats.points(row["difference"])} for row in shown],
    )


def _with_room(points: Sequence[float]) -> list[float]:
    """Both ends of an axis that holds zero and leaves a line of text free above and below what is drawn."""
    low, high = min([0.0, *points]), max([0.0, *points])
    room = 0.14 * (high - low or 1.0)
    return [low - room, high + room]


def _delta_colour(difference: float, noise: float) -> str:
    return GREY if abs(difference) <= noise else VERMILLION if difference < 0 else BLUE


def _corner(figure: go.Figure, x: float, text: str) -> None:
    figure.add_annotation(
        x=x,
        # Worse bars hang below zero on the left, better ones stand on the right: the other halves are free.
        y=1.0 if x == 0 else 0.0,
        xref="paper",
        yref="paper",
        xanchor="left" if x == 0 else "right",
        text=text,
        showarrow=False,
        font={"size": 13},
    )


def quality_against_cost(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """Mean score against US dollars per 1,000 calls (logarithmic); the size is the p95 latency, the line the Pareto front.

    `rows` have mean_score (0 to 1), usd_per_thousand and p95_ns (NULL = not known). What costs nothing has no place on a
    logarithmic axis; it is in the rows and counted in the words. Among many only what is on the front has its name beside it.
    """
    placed = [row for row in rows if row["mean_score"] is not None and row["usd_per_thousand"]]
    front = pareto_front(placed)
    slowest = max((row["p95_ns"] or 0 for row in placed), default=0)
    figure = go.Figure()
    figure.add_scatter(
        x=[float(row["usd_per_thousand"]) for row in front],
        y=[row["mean_score"] for row in front],
        mode="lines",
        line={"color": ORANGE, "width": 2, "shape": "hv"},
        name="Pareto front",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[float(row["usd_per_thousand"]) for row in placed],
        y=[row["mean_score"] for row in placed],
        mode="markers+text",
        text=[
            formats.plain_html(label(row)) if row in front or len(placed) <= _NAMED_ALL else ""
            for row in placed
        ],
        textposition="top center",
        marker={
            "color": [BLUE if row in front else GREY for row in placed],
            "size": [8 + 12 * (row["p95_ns"] or 0) / (slowest or 1) for row in placed],
            # Markers that overlap stay two.
            "opacity": 0.75,
            "line": {"width": 1.5, "color": GREY},
        },
        customdata=[
            [
                formats.plain_html(label(row)),
                formats.money(row["usd_per_thousand"]),
                formats.duration(row["p95_ns"]),
            ]
            for row in placed
        ],
        hovertemplate="%{customdata[0]}: %{y:.3f}, %{customdata[1]} per 1,000, p95 %{customdata[2]}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    finish(figure, height=BESIDE_PX, legend_above=True)
    figure.update_xaxes(title="US dollars per 1,000 calls", **_dollar_ticks(placed))
    figure.update_yaxes(title="mean score", gridcolor=GRID, zeroline=False, nticks=6, automargin=True)
    names = ", ".join(label(row) for row in front) or "none"
    missing = len(rows) - len(placed)
    return Picture(
        figure,
        f"Mean score against cost; best for their cost: {names}."
        + (f" Not placed: {missing}." * bool(missing)),
        [
            {
                "of": label(row),
                "mean score": formats.score(row["mean_score"]),
                "$ / 1k": formats.money(row["usd_per_thousand"]),
                "p95": formats.duration(row["p95_ns"]),
                "on the front": "yes" if row in front else "no",
            }
            for row in rows
        ],
    )


def pareto_front(rows: Sequence[Row]) -> list[Row]:
    """What nothing else beats in score at the same cost or less, cheapest first."""
    front: list[Row] = []
    for row in sorted(rows, key=lambda row: (row["usd_per_thousand"], -row["mean_score"])):
        if not front or row["mean_score"] > front[-1]["mean_score"]:
            front.append(row)
    return front


def _dollar_ticks(rows: Sequence[Row]) -> dict[str, Any]:
    amounts = [float(row["usd_per_thousand"]) for row in rows] or [1.0]
    # Room for the marks at both ends, a share of what lies between them.
    room = max(1.05, (max(amounts) / min(amounts)) ** 0.15)
    low, high = min(amounts) / room, max(amounts) * room
    round_ones = [tick for tick in _DOLLAR_TICKS if low <= tick <= high]
    # Between two round amounts there may be none: then the amounts themselves are told.
    shown = round_ones if len(round_ones) > 1 else sorted({min(amounts), max(amounts)})
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": shown,
        "ticktext": [_dollars(tick) for tick in shown],
        "tickangle": 0,
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
    }


def _dollars(tick: float) -> str:
    return f"${tick:,.0f}" if tick == round(tick) else formats.money(Decimal(repr(tick)))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
