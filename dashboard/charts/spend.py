"""Figures of spend: over time, and of what cost most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BLUE,
    GREY,
    GRID,
    Picture,
    Row,
    bucket_text,
    bucket_width,
    colours,
    finish,
    lines_axis,
    money_or_zero,
    time_axis,
)

OTHER = "other"


def spend_over_time(
    rows: Sequence[Row],
    buckets: Sequence[datetime],
    in_order: Sequence[str],
    by: str = "model",
    *,
    height: int = 330,
) -> Picture:
    """Stacked bars of US dollars a bucket: the costliest values of a dimension, and the rest as `other`.

    `rows` as `spend_series` gives them, `buckets` every bucket of the window, `in_order` as for `colours`; without it the
    costliest have the first colours.
    """
    ranks = sorted({row["rank"] for row in rows if row["rank"]}) + [0] * any(row["rank"] == 0 for row in rows)
    amounts = {
        rank: {row["bucket_at"]: row["cost_usd"] for row in rows if row["rank"] == rank} for rank in ranks
    }
    values = {row["rank"]: row["value"] for row in rows}
    named = [values[rank] for rank in ranks if rank]
    colour_of = colours(named, in_order or named)
    names = {rank: formats.in_dimension(values[rank], by) if rank else OTHER for rank in ranks}
    figure = go.Figure()
    for rank, at in amounts.items():
        figure.add_bar(
            x=list(buckets),
            y=[money_or_zero(at.get(bucket)) for bucket in buckets],
            customdata=[formats.money(at.get(bucket, Decimal(0))) for bucket in buckets],
            name=formats.plain_html(names[rank]),
            marker={"color": colour_of[values[rank]] if rank else GREY, "line": {"width": 0}},
            hovertemplate="%{customdata}",
        )
    figure.update_layout(barmode="stack", bargap=0.12, hovermode="x unified")
    finish(figure, height=height)
    time_axis(figure, buckets)
    figure.update_yaxes(tickprefix="$", rangemode="tozero", nticks=6)
    shown = ", ".join(formats.in_dimension(name, by) for name in named)
    return Picture(
        figure,
        f"Spend in US dollars per {bucket_width(buckets)}, stacked by {formats.dimension(by)}: {shown}.",
        [_bucket_row(bucket, amounts, names) for bucket in buckets],
    )


def _bucket_row(
    bucket: datetime, amounts: Mapping[int, Mapping[datetime, Decimal | None]], names: Mapping[int, str]
) -> dict[str, str]:
    # By rank: two long names may shorten to the same text, and then the rank tells them apart.
    taken = list(names.values())
    columns = {rank: name if taken.count(name) == 1 else f"{name} ({rank})" for rank, name in names.items()}
    return {"from": bucket_text(bucket)} | {
        columns[rank]: formats.money(amounts[rank].get(bucket)) for rank in names
    }


def spend_bars(rows: Sequence[Row], label: Callable[[Row], str], by: str) -> Picture:
    """Horizontal bars of US dollars, one a row, costliest on top; `by` says what a row is."""
    shown = [row for row in rows if row["cost_usd"] is not None]
    labels = [label(row) for row in shown]
    figure = go.Figure(
        go.Bar(
            y=list(range(len(shown))),
            x=[money_or_zero(row["cost_usd"]) for row in shown],
            orientation="h",
            text=[formats.money(row["cost_usd"]) for row in shown],
            textposition="outside",
            cliponaxis=False,
            customdata=[
                [formats.plain_html(name), formats.count(row["n_calls"])]
                for name, row in zip(labels, shown, strict=True)
            ],
            marker={
                "color": [GREY if row.get("kind") == "others" else BLUE for row in shown],
                "line": {"width": 0},
            },
            hovertemplate="%{customdata[0]}: %{text}, %{customdata[1]} calls<extra></extra>",
        )
    )
    figure.update_layout(bargap=0.25, showlegend=False)
    finish(figure, height=max(140, 26 * len(shown) + 40))
    top = max((money_or_zero(row["cost_usd"]) for row in shown), default=0.0)
    lines_axis(figure, labels)
    figure.update_xaxes(tickprefix="$", range=[0, top * 1.18 or 1], nticks=5, gridcolor=GRID, showgrid=True)
    first = f"{labels[0]} with {formats.money(shown[0]['cost_usd'])}" if shown else "none"
    return Picture(
        figure,
        f"Spend in US dollars by {by}; the costliest is {first}.",
        [
            {by: name, "spend": formats.money(row["cost_usd"]), "calls": formats.count(row["n_calls"])}
            for name, row in zip(labels, shown, strict=True)
        ],
    )
