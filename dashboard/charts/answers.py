"""A figure of whatever a SELECT answered: one column along x, one of numbers along y."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import BLUE, GRID, Picture, finish

# More marks than this are a smear; the statement is to add them up.
MOST_MARKS = 300
# So many names along x are still read one by one.
_ALL_NAMED = 40


def answer_figure(kind: str, rows: Sequence[Mapping[str, Any]], x: str, y: str) -> Picture:
    """Bars (`bar`) or a line (`line`) of the column `y` over the column `x`: of the first 300 rows, in the order given."""
    shown = rows[:MOST_MARKS]
    places = [row[x] for row in shown]
    is_time = all(isinstance(place, date | datetime) for place in places if place is not None)
    along = places if is_time else [_label(place) for place in places]
    heights = [number(row[y]) for row in shown]
    figure = go.Figure()
    if kind == "line":
        figure.add_scatter(x=along, y=heights, mode="lines+markers", line={"color": BLUE}, marker={"size": 5})
    else:
        figure.add_bar(x=along, y=heights, marker={"color": BLUE, "line": {"width": 0}})
    figure.update_layout(showlegend=False, bargap=0.2)
    finish(figure, height=330)
    # By category: `1`, `2` and `2024-01` are names here, which Plotly would take for numbers and dates.
    figure.update_xaxes(
        type="date" if is_time else "category", title={"text": formats.plain_html(x)}, showgrid=False
    )
    if not is_time and len(shown) <= _ALL_NAMED:
        figure.update_xaxes(tickmode="linear", dtick=1)
    figure.update_yaxes(title={"text": formats.plain_html(y)}, gridcolor=GRID, zeroline=True, nticks=6)
    return Picture(
        figure,
        f"{y} over {x} of {len(shown)} of {len(rows)} rows.",
        [{x: text(row[x]), y: text(row[y])} if x != y else {x: text(row[x])} for row in shown],
    )


def number(value: object) -> float | None:
    """A number as a figure has it; None when it is none."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def text(value: object) -> str:
    """Any value of a SELECT in one line of text; an en dash where there is none."""
    match value:
        case None:
            return formats.UNKNOWN
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case Decimal():
            return f"{value:f}"
        case float():
            return f"{value:g}"
        case bytes():
            return value.hex()
        case _:
            return formats.shortened(str(value), 200)


def _label(value: object) -> str:
    return formats.plain_html(formats.shortened(text(value), 40))
