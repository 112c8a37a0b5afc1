"""The figures of budgets and the month, with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dashboard import charts
from dashboard.charts.budgets import STATUSES
from dashboard.insight.budgets import STATES

NOW = datetime.fromisoformat("2026-11-03T12:00")
DAILY = {date(2026, 11, 1): Decimal(10), date(2026, 11, 3): Decimal(5)}  # nothing on the second


@dataclass(frozen=True)
class Day:
    day: date
    expected_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal


PATH = [
    Day(date(2026, 11, 3), Decimal(20), Decimal(18), Decimal(22)),
    Day(date(2026, 11, 4), Decimal(30), Decimal(24), Decimal(36)),
]


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_spend_so_far_grows_also_over_a_day_that_cost_nothing_and_ends_now() -> None:
    drawn = traces(charts.spend_to_date(DAILY, now=NOW).figure)["so far"]
    assert list(drawn.y) == [10.0, 10.0, 15.0]
    assert [f"{at:%d %H:%M}" for at in drawn.x] == ["02 00:00", "03 00:00", "03 12:00"]


def test_the_forecast_and_its_band_begin_where_the_sum_so_far_ends() -> None:
    picture = charts.spend_to_date(DAILY, now=NOW, forecast=PATH, budget_usd=Decimal(25))
    drawn = traces(picture.figure)
    assert list(drawn["forecast"].y) == [15.0, 20.0, 30.0]
    assert list(drawn["80% of outcomes"].y) == [15.0, 22.0, 36.0, 24.0, 18.0, 15.0]
    assert (
        "forecast $30.00 by the end of 04 Nov (80% between $24.00 and $36.00); budget $25.00" in picture.alt
    )
    assert picture.rows[-1] == {
        "end of": "2026-11-04",
        "so far": "–",
        "forecast": "$30.00",
        "at least": "$24.00",
        "at most": "$36.00",
        "last month": "–",
    }


def test_last_month_is_drawn_on_this_months_days() -> None:
    october = {date(2026, 10, 1): Decimal(1), date(2026, 10, 31): Decimal(9)}
    drawn = traces(charts.spend_to_date(DAILY, now=NOW, previous=october).figure)["last month"]
    # 30 days of November: the 31st of October has none of its own.
    assert (len(drawn.y), drawn.y[0], drawn.y[-1]) == (30, 1.0, 1.0)
    assert f"{drawn.x[-1]:%d %b}" == "01 Dec"


def test_a_budgets_bar_ends_at_what_is_spent_and_goes_on_pale_to_where_the_month_will() -> None:
    rows = [
        {
            "n": "a",
            "spent_usd": Decimal(90),
            "forecast_usd": Decimal(130),
            "budget_usd": Decimal(100),
            "status": "will exceed",
        },
        {
            "n": "b",
            "spent_usd": Decimal(900),
            "forecast_usd": None,
            "budget_usd": Decimal(100),
            "status": "over",
        },
    ]
    picture = charts.budget_positions(rows, lambda row: row["n"])
    bars, to_come = picture.figure.data
    # Nine times a budget is drawn as twice: the others would not be seen beside it. The table has the number.
    assert list(bars.x) == [0.9, 2.0]
    [(place, begins, length, text)] = zip(to_come.y, to_come.base, to_come.x, to_come.text, strict=True)
    assert (place, begins, round(begins + length, 6), text) == (0, 0.9, 1.3, "130%")
    assert list(picture.figure.layout.yaxis.ticktext) == ["a ▲", "b ✕"]
    assert [row["used"] for row in picture.rows] == ["90.0%", "900.0%"]
    assert picture.alt == "Share of each budget that is spent: 1 over, 1 will exceed."


def test_there_is_a_glyph_for_everything_that_can_be_said_of_a_budget_the_worst_first() -> None:
    glyphs = [glyph for glyph, _ in STATUSES.values()]
    assert tuple(STATUSES) == STATES
    assert len(set(glyphs)) == len(glyphs)


def test_a_budget_without_a_forecast_has_a_bar_alone() -> None:
    row = {
        "n": "a",
        "spent_usd": Decimal(5),
        "forecast_usd": None,
        "budget_usd": Decimal(10),
        "status": "on track",
    }
    spent, to_come = charts.budget_positions([row], lambda row: row["n"]).figure.data
    assert (list(spent.x), list(to_come.x)) == ([0.5], [])
