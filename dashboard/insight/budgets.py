"""Where budgets stand in a month: spent so far, what the month will come to, and whether that is more than they allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from dashboard.insight.asking import Ask, Row
from dashboard.insight.forecast import Forecast, NoForecast, forecast

# The worst first.
State = Literal["over", "will exceed", "may exceed", "past soft", "on track"]
STATES: tuple[State, ...] = ("over", "will exceed", "may exceed", "past soft", "on track")


@dataclass(frozen=True)
class Budget:
    """What a UTC month may cost, as we pay it: all calls (dimension None), or those of one value of a dimension."""

    budget_key: str
    dimension: str | None
    value: str  # empty = calls that have none
    monthly_usd: Decimal
    soft_share: Decimal
    hard_share: Decimal

    @property
    def soft_usd(self) -> Decimal:
        return self.monthly_usd * self.soft_share

    @property
    def hard_usd(self) -> Decimal:
        return self.monthly_usd * self.hard_share


@dataclass(frozen=True)
class Position:
    """Where one budget stands. Only known costs count: `n_unpriced` calls of the month have none."""

    budget: Budget
    spent_usd: Decimal
    forecast: Forecast | NoForecast
    state: State
    exceeds_on: date | None  # the day by whose end that is expected
    n_calls: int
    n_unpriced: int

    @property
    def used(self) -> Decimal:
        """What was spent, of the amount: 1 is all of it."""
        return self.spent_usd / self.budget.monthly_usd


def positions(ask: Ask, project: str, month: date, now: datetime) -> list[Position]:
    """Every budget that holds in the month (its first day), the worst first. `now` is UTC.

    Asks `budgets` once, and `budget_days` once for each dimension that has any.
    """
    found = [budget_of(row) for row in ask("budgets", project, month=month.isoformat())]
    days = {
        dimension: _by_value(ask("budget_days", project, month=month.isoformat(), dimension=dimension))
        for dimension in dict.fromkeys(budget.dimension for budget in found)
    }
    told = [position(budget, days[budget.dimension].get(budget.value, ()), month, now) for budget in found]
    return sorted(told, key=lambda one: (STATES.index(one.state), -one.used))


def budget_of(row: Row) -> Budget:
    """A row of `budgets`."""
    return Budget(
        row["budget_key"],
        row["dimension"],
        row["dimension_value"],
        row["monthly_usd"],
        row["soft_share"],
        row["hard_share"],
    )


def position(budget: Budget, days: Sequence[Row], month: date, now: datetime) -> Position:
    """One budget, by the rows of `budget_days` that are of it."""
    foretold = forecast({row["day"]: row["cost_usd"] or Decimal(0) for row in days}, month, now)
    of_month = [row for row in days if row["day"] >= month]
    is_open = isinstance(foretold, Forecast) and foretold.spent_usd < budget.hard_usd
    return Position(
        budget,
        foretold.spent_usd,
        foretold,
        _state(budget, foretold),
        foretold.reaches_on(budget.hard_usd) if isinstance(foretold, Forecast) and is_open else None,
        sum(row["n_calls"] for row in of_month),
        sum(row["n_unpriced"] for row in of_month),
    )


def _state(budget: Budget, foretold: Forecast | NoForecast) -> State:
    if foretold.spent_usd >= budget.hard_usd:
        return "over"
    if isinstance(foretold, Forecast):
        if foretold.expected_usd >= budget.hard_usd:
            return "will exceed"
        if foretold.high_usd >= budget.hard_usd:
            return "may exceed"
    return "past soft" if foretold.spent_usd >= budget.soft_usd else "on track"


def _by_value(rows: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["dimension_value"]].append(row)
    return found
