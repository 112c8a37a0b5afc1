"""Figures of what failed, as a share of what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import formats
from dashboard.charts.parts import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Picture,
    Row,
    bucket_text,
    bucket_width,
    finish,
    time_axis,
)

# Every class has one colour and, for who cannot tell colours, one pattern: there are more classes than colours.
CLASS_MARKS: Mapping[str, tuple[str, str]] = {
    "server": (VERMILLION, ""),
    "rate_limit": (ORANGE, ""),
    "timeout": (PURPLE, ""),
    "connection": ("#6A51A3", ""),
    "bad_request": (BLUE, ""),
    "content_filter": (SKY, ""),
    "auth": ("#8C6D46", ""),
    "cancelled": (GREY, ""),
    "other": (GREY, "/"),
}
OTHER = "other"
# The largest share of calls that may fail; the same on every page.
ERROR_OBJECTIVE = 0.02
# More in one stack cannot be told apart.
MOST_CLASSES = 8
FAINT = 0.25
HEIGHT, _OBJECTIVE_PX = 255, 62  # of the figure, and of the room for the objective's name


def requests_and_errors(rows: Sequence[Row], objective: float | None = None) -> Picture:
    """Requests a bucket above, the share of them that failed below. `rows` as `window_series` gives them.

    `objective` is the largest share (0 to 1) that may fail; without one no line is drawn.
    """
    buckets = [row["bucket_at"] for row in rows]
    shares = [_percent(row["n_errors"], row["n_calls"]) for row in rows]
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
    finish(figure, height=330)
    time_axis(figure, buckets)
    figure.update_yaxes(rangemode="tozero", nticks=4, tickformat="~s", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=4, ticksuffix=" %", row=2, col=1)
    _objective(figure, objective, buckets, row=2, col=1)
    worst = max((share for share in shares if share is not None), default=0.0)
    return Picture(
        figure,
        f"Requests per {bucket_width(buckets)} and the share that failed; the worst share is {worst:.1f} %"
        + (f", the objective at most {100 * objective:g} %." if objective is not None else "."),
        [
            {
                "from": bucket_text(row["bucket_at"]),
                "requests": formats.count(row["n_calls"]),
                "failed": formats.count(row["n_errors"]),
                "share failed": formats.share(row["n_errors"], row["n_calls"]),
            }
            for row in rows
        ],
    )


def error_shares(rows: Sequence[Row], objective: float | None = None, chosen: str | None = None) -> Picture:
    """Stacked bars of the share of requests that failed, by class. `rows` as `error_series` gives them.

    `objective` is the largest share (0 to 1) that may fail; without one no line is drawn. The class `chosen` stands out. A
    mark's `customdata` are its failures, the requests of its bucket, and its class.
    """
    calls = {row["bucket_at"]: row["bucket_calls"] for row in rows}
    buckets = sorted(calls)
    failed = _failures(rows, buckets)
    figure = go.Figure()
    for name, counts in failed.items():
        figure.add_bar(**_class_bars(name, counts, calls, is_faint=chosen not in (None, name)))
    figure.update_layout(barmode="stack", bargap=0.12, hovermode="x unified")
    finish(figure, height=HEIGHT, legend_above=True)
    time_axis(figure, buckets)
    figure.update_yaxes(rangemode="tozero", nticks=6, ticksuffix=" %")
    _objective(figure, objective, buckets)
    return Picture(figure, _said(failed, calls, objective), _counted(failed, calls))


def _failures(rows: Sequence[Row], buckets: Sequence[datetime]) -> dict[str, dict[datetime, int]]:
    """Failures a bucket by class, in the order of the legend; the rarest beyond what can be told apart are other ones."""
    total: Counter[str] = Counter()
    for row in rows:
        if row["error_class"] is not None:
            total[row["error_class"]] += row["n_calls"]
    named = [name for name, _ in total.most_common()]
    if len(named) > MOST_CLASSES:
        known = [name for name in named if name != OTHER]
        named = [*known[: MOST_CLASSES - 1], OTHER]
    in_order = [name for name in CLASS_MARKS if name in named] + sorted(set(named) - CLASS_MARKS.keys())
    failed = {name: dict.fromkeys(buckets, 0) for name in in_order}
    for row in rows:
        if row["error_class"] is not None:
            failed[row["error_class"] if row["error_class"] in failed else OTHER][row["bucket_at"]] += row[
                "n_calls"
            ]
    return failed


def _class_bars(
    name: str, failed: Mapping[datetime, int], calls: Mapping[datetime, int], *, is_faint: bool
) -> dict[str, Any]:
    colour, pattern = CLASS_MARKS.get(name, CLASS_MARKS[OTHER])
    opacity = FAINT if is_faint else 1.0
    return {
        "x": list(failed),
        "y": [_percent(n, calls[bucket]) or 0.0 for bucket, n in failed.items()],
        "customdata": [[n, calls[bucket], name] for bucket, n in failed.items()],
        "name": formats.plain_html(name),
        "marker": {
            "color": colour,
            "pattern": {"shape": pattern},
            "line": {"width": 0},
            "opacity": opacity,
        },
        # A click chooses the class, not the one bar: the others are not to fade by themselves.
        "unselected": {"marker": {"opacity": opacity}},
        "hovertemplate": "%{y:.2f} % (%{customdata[0]:,} of %{customdata[1]:,})",
    }


def _said(
    failed: Mapping[str, Mapping[datetime, int]], calls: Mapping[datetime, int], objective: float | None
) -> str:
    shares = {
        bucket: _percent(sum(counts[bucket] for counts in failed.values()), n) or 0.0
        for bucket, n in calls.items()
    }
    worst = max(shares, key=lambda bucket: shares[bucket], default=None)
    words = [f"Share of requests that failed per {bucket_width(sorted(calls))}, by class: "]
    words.append(", ".join(failed) or "none")
    if worst is not None and shares[worst]:
        words.append(f"; the worst is {shares[worst]:.1f} % at {bucket_text(worst)} UTC")
    if objective is not None:
        words.append(f"; the objective is at most {100 * objective:g} %")
    return "".join(words) + "."


def _counted(
    failed: Mapping[str, Mapping[datetime, int]], calls: Mapping[datetime, int]
) -> list[dict[str, str]]:
    return [
        {"from": bucket_text(bucket), "requests": formats.count(calls[bucket])}
        | {name: formats.count(counts[bucket]) for name, counts in failed.items()}
        for bucket in sorted(calls)
    ]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _objective(figure: go.Figure, objective: float | None, buckets: Sequence[datetime], **where: int) -> None:
    """The share that may fail, as a dotted line with its number beside it."""
    if objective is None or not buckets:
        return
    figure.add_hline(y=100 * objective, line={"color": GREY, "width": 2, "dash": "dot"}, **where)
    # Beside the plot: within it bars would cover it.
    figure.add_annotation(
        x=1,
        xref="paper",
        xanchor="left",
        y=100 * objective,
        yref="y2" if where else "y",
        yanchor="middle",
        align="left",
        text=f"objective<br>{100 * objective:g} %",
        showarrow=False,
        font={"size": 12},
    )
    figure.update_layout(margin={"r": _OBJECTIVE_PX})
