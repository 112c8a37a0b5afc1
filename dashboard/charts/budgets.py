"""Figures of spend against a budget: where the month will end, and who will exceed theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Protocol

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.parts import (
    BAND,
    BLUE,
    GREY,
    GRID,
    ORANGE,
    VERMILLION,
    Picture,
    Row,
    direct_label,
    finish,
    lines_axis,
    money_or_zero,
    time_axis,
)

# Status of a budget -> glyph and colour, the worst first. Only what somebody should act on stands out: amber where the month
# will exceed it, vermillion where it has.
STATUSES: Mapping[str, tuple[str, str]] = {
    "over": ("✕", VERMILLION),
    "will exceed": ("▲", ORANGE),
    "may exceed": ("△", BLUE),
    "past soft": ("◐", BLUE),
    "on track": ("✓", BLUE),
}
# Farther right than this every bar is as alarming as the next, and the others could no longer be read.
_MOST_SHOWN = 2.0


class ForecastDay(Protocol):
    """US dollars from the first of the month to the end of a day still to come, and the band around them."""

    @property
    def day(self) -> date: ...
    @property
    def expected_usd(self) -> Decimal: ...
    @property
    def low_usd(self) -> Decimal: ...
    @property
    def high_usd(self) -> Decimal: ...


def spend_to_date(
    daily: Mapping[date, Decimal],
    *,
    now: datetime | None = None,
    forecast: Sequence[ForecastDay] = (),
    confidence: float = 0.8,
    budget_usd: Decimal | None = None,
    previous: Mapping[date, Decimal] | None = None,
    height: int = 330,
) -> Picture:
    """Spend of a month so far as a growing sum, its forecast with a band, the budget, and the month before as a dotted line.

    `daily` is US dollars of each day so far (a day that is missing cost nothing), `previous` the same of the month before.
    A sum stands at the end of its day, that of today at `now` (UTC). The month before is drawn on this month's days.
    """
    days, sums = _growing(daily)
    ends = [_end(day, now) for day in days]
    figure = go.Figure()
    before = _on_days_of(previous or {}, days[0]) if days else {}
    if before:
        moved = [_end(day) for day in before]
        _line(figure, moved, list(before.values()), "last month", GREY, dash="dot", width=1.5)
    if forecast and days:
        _forecast(figure, forecast, confidence, ends[-1], sums[-1])
    if days:
        _line(figure, ends, sums, "so far", BLUE, dash="solid", width=3)
    if budget_usd is not None and days:
        figure.add_hline(y=float(budget_usd), line={"color": VERMILLION, "width": 2, "dash": "dash"})
        direct_label(figure, ends[0], float(budget_usd), f"budget {formats.money(budget_usd)}", VERMILLION)
    finish(figure, height=height, legend_above=True)
    time_axis(figure, [])
    figure.update_xaxes(tickformat="%d %b", hoverformat="%d %b")
    figure.update_yaxes(tickprefix="$", rangemode="tozero", nticks=6)
    figure.update_layout(hovermode="x unified")
    words = _in_words(days, sums, forecast, confidence, budget_usd)
    return Picture(figure, words, _rows(days, sums, before, forecast))


def _growing(daily: Mapping[date, Decimal]) -> tuple[list[date], list[Decimal]]:
    """Every day from the first of the month to the last that is known, and the sum at its end."""
    if not daily:
        return [], []
    last = max(daily)
    days = [last.replace(day=n) for n in range(1, last.day + 1)]
    return days, list(accumulate(daily.get(day, Decimal(0)) for day in days))


def _end(day: date, now: datetime | None = None) -> datetime:
    """Where a day's sum is drawn: at its end, which is the next midnight, or now."""
    midnight = datetime.combine(day, time()) + timedelta(days=1)
    return min(midnight, now) if now else midnight


def _line(
    figure: go.Figure,
    at: Sequence[datetime],
    sums: Sequence[Decimal],
    name: str,
    colour: str,
    *,
    dash: str,
    width: float,
) -> None:
    figure.add_scatter(
        x=list(at),
        y=[float(usd) for usd in sums],
        customdata=[formats.money(usd) for usd in sums],
        mode="lines" if len(at) > 1 else "lines+markers",
        name=name,
        line={"color": colour, "dash": dash, "width": width},
        hovertemplate="%{customdata}",
    )


def _forecast(
    figure: go.Figure, forecast: Sequence[ForecastDay], confidence: float, at: datetime, so_far: Decimal
) -> None:
    """The band and the line within it, both begun where the sum so far ends."""
    ahead = [found for found in forecast if _end(found.day) > at]
    times = [at, *(_end(found.day) for found in ahead)]
    low = [so_far, *(found.low_usd for found in ahead)]
    high = [so_far, *(found.high_usd for found in ahead)]
    figure.add_scatter(
        x=[*times, *reversed(times)],
        y=[float(usd) for usd in (*high, *reversed(low))],
        fill="toself",
        fillcolor=BAND,
        line={"width": 0},
        name=f"{confidence:.0%} of outcomes",
        hoverinfo="skip",
    )
    expected = [so_far, *(found.expected_usd for found in ahead)]
    _line(figure, times, expected, "forecast", BLUE, dash="dash", width=2)


def _on_days_of(previous: Mapping[date, Decimal], first: date) -> dict[date, Decimal]:
    """The growing sum of another month by the days of this one; days that this month does not have are left out."""
    moved = {first + timedelta(days=day.day - 1): usd for day, usd in zip(*_growing(previous), strict=True)}
    return {day: usd for day, usd in moved.items() if day.month == first.month}


def _in_words(
    days: Sequence[date],
    sums: Sequence[Decimal],
    forecast: Sequence[ForecastDay],
    confidence: float,
    budget_usd: Decimal | None,
) -> str:
    said = [
        f"Spend so far {formats.money(sums[-1])} by the end of {days[-1]:%d %b}"
        if days
        else "No spend so far"
    ]
    if forecast:
        last = forecast[-1]
        said.append(
            f"forecast {formats.money(last.expected_usd)} by the end of {last.day:%d %b} ({confidence:.0%} between "
            f"{formats.money(last.low_usd)} and {formats.money(last.high_usd)})"
        )
    if budget_usd is not None:
        said.append(f"budget {formats.money(budget_usd)}")
    return "; ".join(said) + "."


def _rows(
    days: Sequence[date],
    sums: Sequence[Decimal],
    before: Mapping[date, Decimal],
    forecast: Sequence[ForecastDay],
) -> list[dict[str, str]]:
    so_far = dict(zip(days, sums, strict=True))
    to_come = {found.day: found for found in forecast}

    def row(day: date) -> dict[str, str]:
        expected = to_come.get(day)
        return {
            "end of": f"{day:%Y-%m-%d}",
            "so far": formats.money(so_far.get(day)),
            "forecast": formats.money(expected.expected_usd if expected else None),
            "at least": formats.money(expected.low_usd if expected else None),
            "at most": formats.money(expected.high_usd if expected else None),
            "last month": formats.money(before.get(day)),
        }

    return [row(day) for day in sorted({*so_far, *to_come, *before})]


def budget_positions(rows: Sequence[Row], label: Callable[[Row], str]) -> Picture:
    """Spend as a share of each budget, pale to where the month will end, and the line of 100 %.

    `rows` have spent_usd, forecast_usd (NULL = not known), budget_usd (above 0) and status (a word of STATUSES), in the
    order in which to show them.
    """
    shares = [_share(row["spent_usd"], row) for row in rows]
    ends = [_share(row["forecast_usd"], row) for row in rows]
    words = [f"{STATUSES[row['status']][0]} {row['status']}" for row in rows]
    names = [label(row) for row in rows]
    figure = go.Figure()
    _spent_bars(figure, rows, names, words, shares)
    _forecast_bars(figure, rows, shares, ends)
    figure.add_vline(x=1.0, line={"color": VERMILLION, "width": 2, "dash": "dash"})
    figure.update_layout(bargap=0.3, barmode="overlay")
    # A few are drawn wider, many as narrow as they can be read.
    finish(figure, height=max(26 * len(rows), min(40 * len(rows), 200)) + 40)
    lines_axis(figure, [f"{name} {word[0]}" for name, word in zip(names, words, strict=True)])
    figure.update_xaxes(
        tickformat=".0%", gridcolor=GRID, showgrid=True, zeroline=False, range=[0, _axis_end(shares, ends)]
    )
    return Picture(
        figure,
        "Share of each budget that is spent: "
        + ", ".join(f"{n} {status}" for status, n in _how_many(rows).items())
        + ".",
        [
            {
                "of": name,
                "status": word,
                "spent": formats.money(row["spent_usd"]),
                "budget": formats.money(row["budget_usd"]),
                "used": f"{share:.1%}" if share is not None else formats.UNKNOWN,
                "forecast": formats.money(row["forecast_usd"]),
            }
            for name, word, share, row in zip(names, words, shares, rows, strict=True)
        ],
    )


def _how_many(rows: Sequence[Row]) -> dict[str, int]:
    """Of each status that there is, the worst first."""
    counted = {status: sum(row["status"] == status for row in rows) for status in STATUSES}
    return {status: n for status, n in counted.items() if n}


def _spent_bars(
    figure: go.Figure,
    rows: Sequence[Row],
    names: Sequence[str],
    words: Sequence[str],
    shares: Sequence[float | None],
) -> None:
    figure.add_bar(
        y=list(range(len(rows))),
        x=[min(share or 0.0, _MOST_SHOWN) for share in shares],
        orientation="h",
        marker={"color": [STATUSES[row["status"]][1] for row in rows], "line": {"width": 0}},
        customdata=[
            [
                formats.plain_html(name),
                word,
                formats.money(row["spent_usd"]),
                formats.money(row["budget_usd"]),
            ]
            for name, word, row in zip(names, words, rows, strict=True)
        ],
        hovertemplate="%{customdata[0]}: %{customdata[1]}, %{customdata[2]} of %{customdata[3]}<extra></extra>",
        showlegend=False,
    )


def _forecast_bars(
    figure: go.Figure, rows: Sequence[Row], shares: Sequence[float | None], ends: Sequence[float | None]
) -> None:
    """From what is spent to where the month will end, with the end as a number."""
    ahead = [
        (place, min(share or 0.0, _MOST_SHOWN), min(end, _MOST_SHOWN), end)
        for place, (share, end) in enumerate(zip(shares, ends, strict=True))
        if end is not None and end > (share or 0.0)
    ]
    figure.add_bar(
        y=[place for place, *_ in ahead],
        x=[end - spent for _, spent, end, _ in ahead],
        base=[spent for _, spent, *_ in ahead],
        orientation="h",
        marker={
            "color": [STATUSES[rows[place]["status"]][1] for place, *_ in ahead],
            "opacity": 0.32,
            "line": {"width": 0},
        },
        text=[f"{end:.0%}" for *_, end in ahead],
        textposition="outside",
        cliponaxis=False,
        customdata=[formats.money(rows[place]["forecast_usd"]) for place, *_ in ahead],
        hovertemplate="forecast %{customdata}<extra></extra>",
        showlegend=False,
    )


def _share(usd: Decimal | None, row: Row) -> float | None:
    return None if usd is None else money_or_zero(usd) / float(row["budget_usd"])


def _axis_end(shares: Sequence[float | None], ends: Sequence[float | None]) -> float:
    farthest = max((share for share in (*shares, *ends) if share is not None), default=1.0)
    return min(max(farthest, 1.0), _MOST_SHOWN) * 1.14
