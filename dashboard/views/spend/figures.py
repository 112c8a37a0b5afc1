"""The key figures of the month, and its course from the first day to the last."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboard import charts, formats, pieces
from dashboard.formats import count, money, share
from dashboard.insight.forecast import WRONG_WHEN, Forecast
from dashboard.report import words
from dashboard.report.month import Month, month_before

COURSE_HEIGHT = 240


def draw(month: Month) -> None:
    columns = st.columns(6, gap="small")
    for column, figure in zip(
        columns, (_cost, _forecast, _budget, _unit_cost, _saved, _unpriced), strict=True
    ):
        with column:
            figure(month)


def _cost(month: Month) -> None:
    same_days = month.same_days(month.daily)
    change = formats.change("spend", *same_days) if same_days else None
    before = f"{month_before(month.first):%B}"
    against = f"vs {before}" if month.is_over else f"vs same days of {before}"
    pieces.metric(
        "Cost of the month" if month.is_over else "Month to date",
        money(month.totals["cost_usd"]),
        change=change,
        note=against if change else f"{count(month.totals['n_calls'])} calls",
        help="What is paid, in US dollars, for every call that could be priced. Compared by complete days. "
        + formats.beside(month.totals),
    )


def _forecast(month: Month) -> None:
    value, note = words.foretold(month)
    method = month.forecast.method if isinstance(month.forecast, Forecast) else month.forecast.reason
    pieces.metric(
        "Forecast for the month", value, note=note, help=f"By what past days cost: {method}. {WRONG_WHEN}"
    )


def _budget(month: Month) -> None:
    if month.whole is None:
        pieces.metric(
            "Budget",
            formats.UNKNOWN,
            note="none set for these calls",
            help="`steelyard budgets set 5000` sets one of the whole project, `--where tenant=NAME` one of a tenant.",
        )
        return
    state = month.whole.state
    pieces.metric(
        "Budget",
        money(month.whole.budget.monthly_usd),
        note=f"{charts.STATUSES[state][0]} {state} · {words.against_budget(month.whole)}",
        help=f"{words.share_used(month.whole)} of it is spent, {words.gone(month)}.",
    )


def _unit_cost(month: Month) -> None:
    per_thousand, per_success, _ = words.unit_costs(month)
    pieces.metric(
        "Per 1,000 calls",
        per_thousand.value,
        note=f"{per_success.value} per success",
        help="US dollars per 1,000 calls with a known cost, and per call that succeeded, what failures cost included.",
    )


def _saved(month: Month) -> None:
    totals = month.totals
    pieces.metric(
        "Saved by the cache",
        money(totals["saved_usd"]),
        note=f"{count(totals['n_cache_hits'])} hits, {share(totals['n_cache_hits'], totals['n_calls'])} of calls",
        help="What the calls answered from a response cache would have cost.",
    )


def _unpriced(month: Month) -> None:
    totals = month.totals
    glyph = "▲ " if totals["n_unpriced"] else "✓ "
    of_calls = share(totals["n_unpriced"], totals["n_calls"])
    pieces.metric(
        "Unpriced calls",
        count(totals["n_unpriced"]),
        note=glyph + (f"{of_calls} of calls" if totals["n_unpriced"] else "every model has a price"),
        help="Calls with usage that no price was found for. They are in no amount on this page.",
    )


def course(month: Month) -> None:
    """Spend so far, what it will come to, and the budget."""
    foretold = month.forecast
    picture = charts.spend_to_date(
        month.in_month(month.daily) or {month.first: Decimal(0)},
        now=None if month.is_over else month.now.replace(tzinfo=None),
        forecast=foretold.path if isinstance(foretold, Forecast) else (),
        budget_usd=month.whole.budget.monthly_usd if month.whole else None,
        previous=month.before(month.daily),
        height=COURSE_HEIGHT,
    )
    last = month_before(month.first)
    note = f"US dollars, {words.gone(month)}" if not month.is_over else f"US dollars, beside {last:%B %Y}"
    title = "Spend against the budget" if month.whole else "Spend by the end of each day"
    pieces.chart(title, picture, key="spend-course", note=note)
