"""Figures of a conversation: how much its model has in view, call by call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BLUE,
    GREY,
    GRID,
    ORANGE,
    SKY,
    VERMILLION,
    Picture,
    Row,
    direct_label,
    finish,
)

# Why an answer or a context is not whole, in words.
TRUNCATIONS: Mapping[str | None, str] = {
    "length": "ended at a token limit",
    "near_window": "near the model's window",
    "shrunk": "context shrank",
}
_SYMBOLS = {
    "length": ("x", VERMILLION),
    "near_window": ("triangle-up", VERMILLION),
    "shrunk": ("diamond", GREY),
}
# The window is drawn where the conversation comes near it; else it would flatten every bar.
_NEAR = 0.4


def context_growth(turns: Sequence[Row]) -> Picture:
    """Tokens of every call of a conversation, in their order: read from the cache, other input, output.

    `turns` as `session_turns` gives them. What was cut short has a mark above it; a model's window is a line where it is near.
    """
    known = [row for row in turns if row["input_tokens"] is not None]
    places = [row["place"] for row in known]
    cached = [min(row["cached_input_tokens"] or 0, row["input_tokens"]) for row in known]
    parts = (
        ("cached input", SKY, cached),
        ("input", BLUE, [row["input_tokens"] - part for row, part in zip(known, cached, strict=True)]),
        ("output", ORANGE, [row["output_tokens"] or 0 for row in known]),
    )
    figure = go.Figure()
    for name, colour, amounts in parts:
        figure.add_bar(
            x=places,
            y=amounts,
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="%{y:,}",
        )
    _mark(figure, known)
    highest = max((row["context_tokens"] for row in known), default=0)
    _draw_window(figure, known, highest)
    figure.update_layout(barmode="stack", bargap=0.15, hovermode="x unified")
    finish(figure, height=200, legend_above=True)
    figure.update_xaxes(title={"text": "call"}, showgrid=False, tickformat="d", nticks=12)
    figure.update_yaxes(rangemode="tozero", gridcolor=GRID, nticks=5, tickformat="~s")
    return Picture(figure, _alt(known, len(turns)), [_row(row) for row in turns])


def _mark(figure: go.Figure, known: Sequence[Row]) -> None:
    for kind, (symbol, colour) in _SYMBOLS.items():
        rows = [row for row in known if row["truncation"] == kind]
        if rows:
            figure.add_scatter(
                x=[row["place"] for row in rows],
                y=[row["context_tokens"] * 1.06 for row in rows],
                mode="markers",
                name=TRUNCATIONS[kind],
                marker={"symbol": symbol, "color": colour, "size": 9},
                hovertemplate=TRUNCATIONS[kind],
            )


def _draw_window(figure: go.Figure, known: Sequence[Row], highest: int) -> None:
    sizes = {row["window_tokens"] for row in known if row["window_tokens"]}
    for size in sorted(sizes):
        if highest >= _NEAR * size:
            figure.add_hline(y=size, line={"dash": "dot", "width": 1.5, "color": VERMILLION})
            direct_label(figure, known[0]["place"], size, f"window {formats.short_count(size)}", VERMILLION)


def _alt(known: Sequence[Row], n_calls: int) -> str:
    cut = [row for row in known if row["truncation"] in ("length", "near_window")]
    largest = max((row["context_tokens"] for row in known), default=None)
    return (
        f"Tokens of input and output of {len(known)} of {n_calls} calls of a conversation in their order; the most is "
        f"{formats.count(largest)}, and {len(cut)} were cut short or near the model's window."
    )


def _row(row: Row) -> dict[str, str]:
    return {
        "call": str(row["place"]),
        "input": formats.count(row["input_tokens"]),
        "cached": formats.count(row["cached_input_tokens"]),
        "output": formats.count(row["output_tokens"]),
        "window": formats.count(row["window_tokens"]),
        "cut short": TRUNCATIONS.get(row["truncation"], formats.UNKNOWN),
    }
