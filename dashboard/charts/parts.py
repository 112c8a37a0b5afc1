"""What every figure is made of: its colours, its axes, and what it says to whoever does not see it.

Colours are Okabe and Ito's (2008), told apart by readers with any common colour blindness. Vermillion means
bad and bluish green good, always beside a glyph or a word, so neither ever stands for a model or a tenant.
Light or dark comes from Streamlit's theme; what is set here reads on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

import plotly.graph_objects as go

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
BAND = "rgba(86, 180, 233, 0.30)"

# For entities: neither of the colours that judge.
ENTITY_COLOURS = (BLUE, ORANGE, PURPLE, SKY, "#6A51A3", "#B8A100", "#8C6D46", "#3B8686")

# Round values of a logarithmic axis of durations, and what to write at them.
_DURATION_TICKS_NS = tuple(step * 10**power for power in range(3, 15) for step in (1, 3))


@dataclass(frozen=True)
class Picture:
    """A figure, what it says in words, and the values that it is drawn from, as text, one row a mark or a bucket."""

    figure: go.Figure
    alt: str
    rows: Sequence[Mapping[str, str]] = field(default_factory=tuple)


def colours(names: Sequence[str], in_order: Sequence[str]) -> dict[str, str]:
    """A colour for each name that does not change with what else is shown.

    `in_order` lists every name there is, most used first: the first eight get a colour of their own, later
    ones share by the hash of their name.
    """
    own = {name: ENTITY_COLOURS[place] for place, name in enumerate(in_order[: len(ENTITY_COLOURS)])}
    return {name: own.get(name, ENTITY_COLOURS[crc32(name.encode()) % len(ENTITY_COLOURS)]) for name in names}


def bucket_width(buckets: Sequence[datetime]) -> str:
    """The width of a bucket in words: 30 min, 3 h, day."""
    if len(buckets) < 2:
        return "bucket"
    width = buckets[1] - buckets[0]
    if width >= timedelta(days=1):
        return "day"
    hours = width / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{width / timedelta(minutes=1):g} min"


def finish(figure: go.Figure, height: int, *, legend_above: bool = False) -> None:
    """What all figures share; `height` in pixels."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={
            "orientation": "h",
            "yanchor": "bottom" if legend_above else "top",
            "y": 1.02 if legend_above else -0.2,
            "x": 0,
            "title": None,
            "font": {"size": 12},
            "traceorder": "normal",
        },
        hoverlabel={"namelength": -1},
        dragmode=False,
        separators=".,",
    )
    figure.update_xaxes(automargin=True, title={"standoff": 8, "font": {"size": 12}})
    figure.update_yaxes(automargin=True, separatethousands=True, title={"font": {"size": 12}})


def time_axis(figure: go.Figure, buckets: Sequence[datetime]) -> None:
    """Times along x, and a grid to read heights by."""
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


def lines_axis(figure: go.Figure, labels: Sequence[str], *, grid: bool = False) -> None:
    """One line a label along y, the first on top. By place and not by label: two long names may shorten alike."""
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[formats.plain_html(label) for label in labels],
        range=[len(labels) - 0.4, -0.6],
        showgrid=grid,
        gridcolor=GRID,
        automargin=True,
        zeroline=False,
    )


def duration_ticks(lowest_ns: float, highest_ns: float) -> dict[str, Any]:
    """A logarithmic axis of durations: its ticks with their text, which Plotly would write as 29.999999999999996."""
    shown = [tick for tick in _DURATION_TICKS_NS if lowest_ns <= tick <= highest_ns]
    return {
        "type": "log",
        "tickvals": shown,
        "ticktext": [tick_text(tick) for tick in shown],
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
    }


def tick_text(ns: int) -> str:
    """A round duration without needless decimals: 300 ms, 1.5 s, 100 s."""
    for size_ns, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if ns >= size_ns:
            return f"{ns / size_ns:,.10g} {unit}"
    return f"{ns} ns" if ns else "0"


def direct_label(figure: go.Figure, x: Any, y: float, text: str, colour: str, **more: Any) -> None:
    """A line's name beside it, so that nobody looks for it in a legend."""
    figure.add_annotation(
        x=x,
        y=y,
        text=formats.plain_html(text),
        showarrow=False,
        font={"size": 12, "color": colour},
        **{"xanchor": "left", "yanchor": "bottom", **more},
    )


def money_or_zero(amount: Decimal | None) -> float:
    return float(amount) if amount is not None else 0.0


def as_float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def bucket_text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
