"""Where the budgets of the rows stand; without any, what each day went to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces
from dashboard.filters import Filters, choose
from dashboard.insight.budgets import STATES, Position
from dashboard.insight.forecast import Forecast
from dashboard.report.month import Month, known_sum
from dashboard.views.spend import panel
from dashboard.views.spend.figures import COURSE_HEIGHT
from store.dimensions import short_name

# As high as the course of the month beside it.
IN_CHART = 8
_NAMED = 5


def draw(chosen: Filters, month: Month) -> None:
    if not month.budgets:
        _by_day(chosen, month)
        return
    by = month.asked.by
    shown = month.budgets[:IN_CHART]
    picture = charts.budget_positions(
        [chart_row(one) for one in shown], lambda row: formats.in_dimension(row["value"], by)
    )

    def pick(mark: Mapping[str, Any]) -> None:
        panel.open_row(shown[int(mark["y"])].budget.value, by)

    pieces.chart(
        f"Budgets by {formats.dimension(by)}",
        picture,
        key="spend-budgets",
        note=told(month.budgets),
        on_pick=pick,
    )


def chart_row(one: Position) -> dict[str, Any]:
    """A budget as its figure takes it."""
    foretold = one.forecast
    return {
        "value": one.budget.value,
        "spent_usd": one.spent_usd,
        "forecast_usd": foretold.expected_usd if isinstance(foretold, Forecast) else None,
        "budget_usd": one.budget.monthly_usd,
        "status": one.state,
    }


def told(found: Sequence[Position]) -> str:
    """How many stand how, the worst first: `1 over, 2 will exceed, 29 on track`."""
    counted = Counter(one.state for one in found)
    return ", ".join(f"{counted[state]} {state}" for state in STATES if counted[state])


def elsewhere(month: Month) -> None:
    """Buttons that show the budgets of other dimensions."""
    for dimension, n in month.elsewhere.items():
        name = formats.dimension(dimension)
        st.button(
            f"{n} {'budget' if n == 1 else 'budgets'} by {formats.plain(name)}",
            key=f"budgets-by-{dimension}",
            icon=":material/savings:",
            type="tertiary",
            on_click=choose,
            kwargs={"by": short_name(dimension), "open": None},
        )


def _by_day(chosen: Filters, month: Month) -> None:
    by = month.asked.by
    picture = charts.spend_over_time(
        _costliest_by_day(month),
        month.days_shown,
        chosen.models_in_order if by == "model" else (),
        by,
        height=COURSE_HEIGHT,
    )
    pieces.chart("By day", picture, key="spend-by-day", note=f"US dollars, by {formats.dimension(by)}")


def _costliest_by_day(month: Month) -> list[dict[str, Any]]:
    """The days of the rows that cost most, and of all others as one, as `spend_series` has them."""
    ranks = {row["value"] or "": place for place, row in enumerate(month.rows[:_NAMED], start=1)}
    sums: dict[tuple[int, str | None, datetime], Decimal | None] = {}
    for row in month.days:
        if row["day"] < month.first:
            continue
        rank = ranks.get(row["value"], 0)
        key = (rank, row["value"] if rank else None, datetime.combine(row["day"], time()))
        sums[key] = known_sum([sums.get(key), row["cost_usd"]])
    return [
        {"rank": rank, "value": value, "bucket_at": at, "cost_usd": usd}
        for (rank, value, at), usd in sums.items()
    ]
