"""The history of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    Picture,
    Row,
    bucket_text,
    finish,
    lines_axis,
)

# Verdict -> symbol and colour: the shape alone tells them apart.
VERDICT_MARKS: Mapping[str | None, tuple[str, str]] = {
    "PASS": ("circle", GREEN),
    "FAIL": ("x", VERMILLION),
    "INCONCLUSIVE": ("triangle-up", ORANGE),
    None: ("circle-open", GREY),
}
# A verdict of a kind that this version does not know.
OTHER_MARK = ("diamond", PURPLE)


def verdict_history(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """Every run as a mark in time, one line a label; the shape carries the verdict. `rows` as of `runs`.

    The third of a mark's customdata is its run.
    """
    lines = list(dict.fromkeys(label(row) for row in rows))
    strange = {row["verdict"] for row in rows} - VERDICT_MARKS.keys()
    figure = go.Figure()
    for verdict in (*VERDICT_MARKS, *sorted(strange)):
        group = [row for row in rows if row["verdict"] == verdict]
        if group:
            figure.add_scatter(**_marks(verdict, group, [lines.index(label(row)) for row in group]))
    finish(figure, height=max(170, 34 * len(lines) + 100), legend_above=True)
    lines_axis(figure, lines, grid=True)
    figure.update_xaxes(showgrid=False, tickformat="%d %b", automargin=True)
    return Picture(
        figure,
        f"Verdicts of {len(rows)} runs over time, one line for each of {', '.join(lines)}.",
        [
            {
                "started": bucket_text(row["started_at"]),
                "gate": label(row),
                "verdict": _word(row["verdict"]),
                "points": formats.points(row["difference"]),
                "interval": formats.interval(row["interval_low"], row["interval_high"]),
            }
            for row in rows
        ],
    )


def _marks(verdict: str | None, group: Sequence[Row], lines: Sequence[int]) -> dict[str, Any]:
    symbol, colour = VERDICT_MARKS.get(verdict, OTHER_MARK)
    return {
        "x": [row["started_at"] for row in group],
        "y": list(lines),
        "mode": "markers",
        "name": formats.plain_html(_word(verdict)),
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": 11,
            "line": {"width": 1 if verdict is None else 0},
        },
        "customdata": [
            # The run, last, is for whoever clicks on its mark.
            [
                formats.points(row["difference"]),
                formats.interval(row["interval_low"], row["interval_high"]),
                row.get("run_id"),
            ]
            for row in group
        ],
        "hovertemplate": "%{x|%d %b %H:%M}: %{customdata[0]} points %{customdata[1]}",
    }


def _word(verdict: str | None) -> str:
    return formats.shortened(verdict).lower() if verdict else "not decided"
