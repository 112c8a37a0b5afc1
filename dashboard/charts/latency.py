"""Figures of latency, always on a logarithmic scale: how it is spread over time, and between providers."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    Picture,
    Row,
    bucket_text,
    bucket_width,
    colours,
    duration_ticks,
    finish,
    lines_axis,
    time_axis,
)

HEIGHT = 255  # pixels
# From nothing to much: readable on white and on black, because it begins transparent. Steep at first: a share is of all the
# calls of its bucket, so where calls are few one cell has half of them and the others would be too faint to be seen.
_SCALE = [
    [share, f"rgba(0, 114, 178, {opacity})"]
    for share, opacity in ((0, 0), (0.06, 0.2), (0.25, 0.5), (1, 0.9))
]
PERCENTILES: Mapping[str, tuple[str, str]] = {
    "p50_ns": (BLUE, "circle"),
    "p95_ns": (ORANGE, "diamond"),
    "p99_ns": (VERMILLION, "triangle-up"),
}


def latency_heatmap(cells: Sequence[Row], series: Sequence[Row]) -> Picture:
    """The share of a bucket's calls in each band of latency, with p50 (solid) and p95 (dashed) over it.

    `cells` as `latency_histogram` gives them: one for every band that has calls. `series` as `latency_series` gives them,
    of one line: one row for every bucket of the window.
    """
    buckets = [row["bucket_at"] for row in series]
    # A band is drawn at its geometric mean, which is its middle on a logarithmic axis.
    bands = sorted({(row["from_ns"], row["to_ns"]) for row in cells})
    middles = [_middle_ns(*band) for band in bands]
    shares = _shares(cells, buckets, bands)
    figure = go.Figure()
    figure.add_heatmap(
        x=buckets,
        y=middles,
        z=shares,
        colorscale=_SCALE,
        showscale=False,
        hoverongaps=False,
        customdata=_where_known(
            shares, [f"{formats.duration(low)} to {formats.duration(high)}" for low, high in bands]
        ),
        hovertemplate="%{x|%d %b %H:%M}, %{customdata}: %{z:.1f} % of calls<extra></extra>",
    )
    for column, dash in (("p50_ns", "solid"), ("p95_ns", "dash")):
        colour = ORANGE if column == "p50_ns" else VERMILLION
        figure.add_scatter(
            x=buckets,
            y=[row[column] for row in series],
            customdata=[formats.duration(row[column]) for row in series],
            mode="lines" if len(buckets) > 2 else "lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            name=column.removesuffix("_ns"),
            hovertemplate="%{x|%d %b %H:%M}: %{customdata}",
        )
    finish(figure, height=HEIGHT, legend_above=True)
    time_axis(figure, buckets)
    lowest, highest = (bands[0][0] or 1, bands[-1][1]) if bands else (10**8, 3 * 10**10)
    figure.update_yaxes(**duration_ticks(lowest, highest))
    slowest = max((row["p95_ns"] for row in series if row["p95_ns"] is not None), default=None)
    return Picture(
        figure,
        f"Spread of latency per {bucket_width(buckets)}, of calls that succeeded, cache hits excluded; the highest p95 is "
        f"{formats.duration(slowest)}.",
        [
            {"from": bucket_text(row["bucket_at"])}
            | {name: formats.duration(row[f"{name}_ns"]) for name in ("p50", "p95")}
            | {"calls": formats.count(row["n_timed"])}
            for row in series
        ],
    )


def latency_lines(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """p95 over time, a line for each value of a dimension. `rows` as `latency_series` gives them, with every bucket of every
    line; the others together (rank 0) are grey and dotted.
    """
    lines: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["rank"] or math.inf, row["bucket_at"])):
        lines.setdefault(row["rank"], []).append(row)
    buckets = sorted({row["bucket_at"] for row in rows})
    names = _told_apart({rank: label(line[0]) for rank, line in lines.items()})
    colour = colours(list(names.values()), list(names.values()))
    figure = go.Figure()
    for rank, line in lines.items():
        figure.add_scatter(
            x=[row["bucket_at"] for row in line],
            y=[row["p95_ns"] for row in line],
            customdata=[[formats.duration(row["p95_ns"]), row["n_timed"]] for row in line],
            # A line needs two points beside each other: fewer would leave nothing to see.
            mode="lines" if _has_neighbours(line) else "lines+markers",
            line={"color": colour[names[rank]], "width": 2} if rank else {"color": GREY, "dash": "dot"},
            name=formats.plain_html(names[rank]),
            hovertemplate="%{customdata[0]} (n %{customdata[1]:,})",
        )
    figure.update_layout(hovermode="x unified", showlegend=True)
    finish(figure, height=HEIGHT, legend_above=True)
    time_axis(figure, buckets)
    known = [row["p95_ns"] for row in rows if row["p95_ns"] is not None]
    figure.update_yaxes(**duration_ticks(min(known, default=10**8) / 2, max(known, default=10**10) * 2))
    return Picture(
        figure,
        f"p95 latency per {bucket_width(buckets)} of {len(lines)} lines on a logarithmic scale; "
        f"{_slowest(rows, label)}.",
        _p95_rows(lines, names, buckets),
    )


def _slowest(rows: Sequence[Row], label: Callable[[Row], str]) -> str:
    slowest = max(rows, key=lambda row: row["p95_ns"] or 0, default=None)
    if slowest is None or slowest["p95_ns"] is None:
        return "none is known"
    at = f"{bucket_text(slowest['bucket_at'])} UTC"
    return f"the highest is {formats.duration(slowest['p95_ns'])}, of {label(slowest)} at {at}"


def _told_apart(names: Mapping[int, str]) -> dict[int, str]:
    """The same, with the rank beside a name that another line has too: two long ones may shorten alike."""
    times = Counter(names.values())
    return {rank: name if times[name] == 1 else f"{name} ({rank})" for rank, name in names.items()}


def _has_neighbours(line: Sequence[Row]) -> bool:
    return any(
        one["p95_ns"] is not None and other["p95_ns"] is not None for one, other in itertools.pairwise(line)
    )


def _p95_rows(
    lines: Mapping[int, Sequence[Row]], names: Mapping[int, str], buckets: Sequence[datetime]
) -> list[dict[str, str]]:
    found: dict[datetime, dict[str, str]] = {bucket: {"from": bucket_text(bucket)} for bucket in buckets}
    for rank, line in lines.items():
        for row in line:
            found[row["bucket_at"]][names[rank]] = formats.duration(row["p95_ns"])
    return list(found.values())


def _shares(
    cells: Sequence[Row], buckets: Sequence[datetime], bands: Sequence[tuple[int, int]]
) -> list[list[float | None]]:
    """Per cent of its bucket's calls, one list a band; None where it has none of them, or no call at all."""
    # To a hundredth: further digits are seen by nobody, and were half of what the figure weighs.
    found = {
        ((cell["from_ns"], cell["to_ns"]), cell["bucket_at"]): round(
            100 * cell["n_calls"] / cell["bucket_calls"], 2
        )
        for cell in cells
    }
    return [[found.get((band, bucket)) for bucket in buckets] for band in bands]


def _where_known(cells: Sequence[Sequence[float | None]], texts: Sequence[str]) -> list[list[str]]:
    """A band's text in each of its cells that can be pointed at."""
    return [
        ["" if share is None else text for share in line] for line, text in zip(cells, texts, strict=True)
    ]


def _middle_ns(low_ns: int, high_ns: int) -> float:
    return float((max(low_ns, 1) * high_ns) ** 0.5)


def latency_spread(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """p50, p95 and p99 of each row on one line: circle, diamond, triangle. `rows` in the order in which to show them.

    `rows` have p50_ns, p95_ns and p99_ns (NULL = not known).
    """
    shown = [row for row in rows if row["p50_ns"] is not None]
    known = [row[column] for row in shown for column in PERCENTILES if row[column] is not None]
    figure = go.Figure()
    ends = [(place, max(row[name] or 0 for name in PERCENTILES)) for place, row in enumerate(shown)]
    figure.add_scatter(
        x=[x for (_, end), row in zip(ends, shown, strict=True) for x in (row["p50_ns"], end, None)],
        y=[y for place, _ in ends for y in (place, place, None)],
        mode="lines",
        line={"color": GREY, "width": 4},
        hoverinfo="skip",
        showlegend=False,
    )
    for column, (colour, symbol) in PERCENTILES.items():
        figure.add_scatter(**_percentile(shown, column, colour, symbol, label))
    finish(figure, height=max(170, 34 * len(shown) + 80), legend_above=True)
    lines_axis(figure, [label(row) for row in shown])
    figure.update_xaxes(
        showgrid=True, **duration_ticks(min(known, default=10**8) / 2, max(known, default=10**10) * 2)
    )
    slowest = max(shown, key=lambda row: row["p95_ns"] or 0, default=None)
    worst = f"{label(slowest)} with {formats.duration(slowest['p95_ns'])}" if slowest else "none"
    return Picture(
        figure,
        f"p50, p95 and p99 latency of {len(shown)} rows on a logarithmic scale; the highest p95 is {worst}.",
        [
            {"of": label(row)}
            | {name.removesuffix("_ns"): formats.duration(row[name]) for name in PERCENTILES}
            for row in shown
        ],
    )


def _percentile(
    rows: Sequence[Row], column: str, colour: str, symbol: str, label: Callable[[Row], str]
) -> dict[str, Any]:
    return {
        "x": [row[column] for row in rows],
        "y": list(range(len(rows))),
        "mode": "markers",
        "name": column.removesuffix("_ns"),
        "marker": {"color": colour, "symbol": symbol, "size": 11},
        "customdata": [[formats.plain_html(label(row)), formats.duration(row[column])] for row in rows],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}",
    }
