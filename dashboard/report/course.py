"""The course of a month as a drawing within a page of HTML: no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from itertools import accumulate

from dashboard import formats
from dashboard.insight.forecast import Forecast, PathDay
from dashboard.report.month import Month, bounds, month_before

_WIDTH, _HEIGHT = 900, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 16, 40
_BLUE, _GREY, _VERMILLION, _BAND = "#0072B2", "#6B7480", "#D55E00", "#BFE0F5"
_ROUND = (1, 2, 2.5, 5, 10)

# Places within the month: days since it began, and US dollars by then.
Line = Sequence[tuple[float, float]]


def drawn(month: Month) -> str:
    """Spend so far as a growing line, its forecast, the month before dotted, and the budget; as SVG."""
    n_days = (bounds(month.first)[1] - bounds(month.first)[0]).days
    so_far = _until_now(month, _sums(month.in_month(month.daily), month.first, _days_so_far(month, n_days)))
    before = _sums(month.before(month.daily), month_before(month.first), n_days)
    ahead, band = _ahead(month, so_far)
    budget = float(month.whole.budget.monthly_usd) if month.whole else 0.0
    step = _step(max([budget, *(usd for line in (so_far, before, ahead, band) for _, usd in line)]))
    scale = _Scale(n_days, step)
    parts = [
        *_grid(scale, month.first, n_days),
        scale.area(band, _BAND),
        scale.line(before, _GREY, 'stroke-dasharray="2 4"'),
        scale.line(ahead, _BLUE, 'stroke-dasharray="7 5"'),
        scale.line(so_far, _BLUE, 'stroke-width="3"'),
    ]
    if budget:
        parts.append(scale.line([(0, budget), (n_days, budget)], _VERMILLION, 'stroke-dasharray="7 5"'))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(_in_words(month))}">'
        + "".join(parts)
        + _legend(bool(before), bool(ahead), month)
        + "</svg>"
    )


class _Scale:
    """From days and US dollars to places in the drawing: up to four steps high."""

    def __init__(self, n_days: int, step: float) -> None:
        self.step = step
        self._per_day = (_WIDTH - _LEFT - _RIGHT) / n_days
        self._per_usd = (_HEIGHT - _TOP - _BOTTOM) / (4 * step)

    def x(self, day: float) -> float:
        return round(_LEFT + day * self._per_day, 1)

    def y(self, usd: float) -> float:
        return round(_HEIGHT - _BOTTOM - usd * self._per_usd, 1)

    def line(self, line: Line, colour: str, style: str) -> str:
        points = " ".join(f"{self.x(day)},{self.y(usd)}" for day, usd in line)
        return (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" {style}/>'
            if line
            else ""
        )

    def area(self, line: Line, colour: str) -> str:
        points = " ".join(f"{self.x(day)},{self.y(usd)}" for day, usd in line)
        return f'<polygon points="{points}" fill="{colour}"/>' if line else ""


def _days_so_far(month: Month, n_days: int) -> int:
    return n_days if month.is_over else month.now.day


def _sums(daily: Mapping[date, Decimal], first: date, n_days: int) -> Line:
    """From nothing on the first midnight, the growing sum at the end of each day; empty when nothing is known."""
    if not daily:
        return []
    costs = [daily.get(first + timedelta(days=n), Decimal(0)) for n in range(n_days)]
    return [(n, float(usd)) for n, usd in enumerate(accumulate(costs, initial=Decimal(0)))]


def _until_now(month: Month, so_far: Line) -> Line:
    """The same, ended now where the last day is under way."""
    if month.is_over or not so_far:
        return so_far
    since = bounds(month.first)[0]
    return [*so_far[:-1], ((month.now.replace(tzinfo=None) - since) / timedelta(days=1), so_far[-1][1])]


def _ahead(month: Month, so_far: Line) -> tuple[Line, Line]:
    """The forecast from where the sum so far ends, and the outline of its band."""
    found = month.forecast
    if not isinstance(found, Forecast) or not found.path or not so_far:
        return [], []
    now = so_far[-1]

    def line(usd_of: Callable[[PathDay], Decimal]) -> list[tuple[float, float]]:
        return [now, *((float(one.day.day), float(usd_of(one))) for one in found.path)]

    low, high = line(lambda one: one.low_usd), line(lambda one: one.high_usd)
    return line(lambda one: one.expected_usd), [*high, *reversed(low)]


def _step(top_usd: float) -> float:
    """A round number of US dollars of which four reach the top."""
    size = 10.0 ** (len(f"{int(top_usd / 4)}") - 1) if top_usd >= 4 else 0.01
    while size * 10 * 4 < top_usd:
        size *= 10
    return next((size * times for times in _ROUND if size * times * 4 >= top_usd), size * 10) or 1.0


def _grid(scale: _Scale, first: date, n_days: int) -> list[str]:
    lines = []
    for n in range(5):
        y, usd = scale.y(n * scale.step), _tick(n * scale.step)
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#E3E6EA"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{usd}</text>')
    for n in range(0, n_days, 7):
        lines.append(
            f'<text x="{scale.x(n)}" y="{_HEIGHT - _BOTTOM + 16}">{first + timedelta(days=n):%d %b}</text>'
        )
    return lines


def _tick(usd: float) -> str:
    return f"${usd:,.0f}" if usd == int(usd) else formats.money(Decimal(repr(usd)))


def _legend(has_before: bool, has_ahead: bool, month: Month) -> str:
    told = [("so far", _BLUE, "")]
    if has_ahead:
        told.append(("forecast, with 80 % of outcomes", _BLUE, "7 5"))
    if has_before:
        told.append(("month before", _GREY, "2 4"))
    if month.whole:
        told.append((f"budget {formats.money(month.whole.budget.monthly_usd)}", _VERMILLION, "7 5"))
    parts, x, y = [], _LEFT, _HEIGHT - 8
    for name, colour, dash in told:
        stroke = f'stroke="{colour}" stroke-width="3" stroke-dasharray="{dash}"'
        parts.append(f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" {stroke}/>')
        parts.append(f'<text x="{x + 30}" y="{y}">{escape(name)}</text>')
        x += 60 + 7 * len(name)
    return "".join(parts)


def _in_words(month: Month) -> str:
    said = f"Spend by day, {formats.money(month.totals['cost_usd'])} so far"
    if isinstance(month.forecast, Forecast) and month.forecast.path:
        said += f", forecast {formats.money(month.forecast.expected_usd)}"
    if month.whole:
        said += f", budget {formats.money(month.whole.budget.monthly_usd)}"
    return said + "."
