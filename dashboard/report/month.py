"""The facts of one UTC month: what it cost and for whom, what it will come to, and where its budgets stand.

The page and the report both draw from what is gathered here, so that their numbers cannot differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from dashboard.insight.asking import Ask, Row
from dashboard.insight.budgets import STATES, Budget, Position, budget_of, position
from dashboard.insight.forecast import HISTORY_DAYS, Forecast, NoForecast, forecast

# A table of more is not read; the download has them all.
MOST_ROWS = 100
# Values whose days are known one by one: 30 of them in three months are 2,700 rows.
_NAMED = 30
_ADDED_UP = (
    "n_calls", "n_errors", "n_priced", "n_unpriced", "n_no_usage", "tokens", "priced_tokens", "cost_usd",
    "list_cost_usd", "reported_cost_usd", "saved_usd", "n_reported", "n_customer_billed", "customer_billed_usd",
)  # fmt: skip

Amounts = Mapping[date, Decimal]


def _nothing(query: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Asked:
    """Which month of which project, grouped by which dimension, of which calls.

    `narrowing` says whose calls by dimension (empty text = calls that have none), `params` the same as parameters of the
    named query of this name.
    """

    project: str
    month: date  # its first day
    by: str = "tenant_id"
    narrowing: Mapping[str, str] = field(default_factory=dict)
    params: Callable[[str], Mapping[str, str]] = _nothing


@dataclass(frozen=True)
class Month:
    """What was found. Amounts are effective US dollars, of calls with a known cost."""

    asked: Asked
    now: datetime  # UTC
    totals: Row  # of `month_totals`
    rows: Sequence[Row]  # of `spend_month`, the costliest, at most MOST_ROWS
    days: Sequence[Row]  # of `spend_days`: the month and the eight weeks before it
    basis: Row  # of `month_basis`
    whole: Position | None  # of the budget of exactly these calls
    budgets: Sequence[Position]  # of values of `asked.by`, the worst first
    elsewhere: Mapping[str, int]  # dimension -> budgets of it, which are not among those

    @property
    def first(self) -> date:
        return self.asked.month

    @property
    def is_over(self) -> bool:
        return self.now.date() >= bounds(self.first)[1].date()

    @property
    def others(self) -> Row | None:
        """What is in no row, as one row without a value; None when the rows are all there are."""
        if self.totals["n_calls"] == sum(row["n_calls"] for row in self.rows):
            return None
        return _of_others(self.totals, self.rows)

    @cached_property
    def daily(self) -> Amounts:
        """What every day cost in all, from eight weeks before the month on."""
        return _amounts(whole_days(self.days))

    @cached_property
    def by_value(self) -> Mapping[str, Amounts]:
        """The same for the values that cost most; empty text = calls that have none."""
        return {value: _amounts(days) for value, days in _of_values(self.days).items()}

    @cached_property
    def forecast(self) -> Forecast | NoForecast:
        return self.whole.forecast if self.whole else forecast(self.daily, self.first, self.now)

    @property
    def days_shown(self) -> list[datetime]:
        """Every midnight of the month that has come."""
        since, until = bounds(self.first)
        end = min(until, self.now.replace(tzinfo=None))
        return [since + timedelta(days=n) for n in range((end - since).days + (end < until))]

    def in_month(self, amounts: Amounts) -> Amounts:
        return {day: usd for day, usd in amounts.items() if day >= self.first}

    def before(self, amounts: Amounts) -> Amounts:
        """Of the month before."""
        begins = month_before(self.first)
        return {day: usd for day, usd in amounts.items() if begins <= day < self.first}

    def same_days(self, amounts: Amounts) -> tuple[Decimal, Decimal] | None:
        """The complete days of the month, and the same days of the month before; None when there are none yet."""
        n_days = 31 if self.is_over else self.now.day - 1
        if not n_days:
            return None
        now, before = (
            sum((usd for day, usd in part.items() if day.day <= n_days), Decimal(0))
            for part in (self.in_month(amounts), self.before(amounts))
        )
        return now, before


def gather(ask: Ask, asked: Asked, now: datetime) -> Month:
    """The facts of the month, as of `now` (UTC). Asks five or six queries."""
    month = asked.month.isoformat()
    since, until = bounds(asked.month)
    days = ask(
        "spend_days",
        asked.project,
        since=since - timedelta(days=HISTORY_DAYS),
        until=until,
        top=_NAMED,
        by=asked.by,
        **asked.params("spend_days"),
    )
    held = [budget_of(row) for row in ask("budgets", asked.project, month=month)]
    # A budget is of all its calls: beside a part of them it would look kept.
    of_whole = next((one for one in held if _whose(one) == dict(asked.narrowing)), None)
    of_rows = [one for one in held if one.dimension == asked.by and not asked.narrowing]
    return Month(
        asked,
        now,
        totals=ask("month_totals", asked.project, month=month, **asked.params("month_totals"))[0],
        rows=ask(
            "spend_month",
            asked.project,
            month=month,
            by=asked.by,
            limit=MOST_ROWS,
            **asked.params("spend_month"),
        ),
        days=days,
        basis=ask("month_basis", asked.project, month=month, **asked.params("month_basis"))[0],
        whole=position(of_whole, whole_days(days), asked.month, now) if of_whole else None,
        budgets=_positions(ask, asked, of_rows, days, now),
        elsewhere=Counter(
            one.dimension for one in held if one.dimension and one is not of_whole and one not in of_rows
        ),
    )


def _whose(budget: Budget) -> dict[str, str]:
    return {budget.dimension: budget.value} if budget.dimension else {}


def _positions(
    ask: Ask, asked: Asked, held: Sequence[Budget], days: Sequence[Row], now: datetime
) -> list[Position]:
    if not held:
        return []
    of_value = _of_values(days)
    if any(row["value"] is None for row in days):
        # Some of them may be among the values that are told as one.
        found = ask("budget_days", asked.project, month=asked.month.isoformat(), dimension=asked.by)
        of_value = _of_values(found, "dimension_value")
    told = [position(one, of_value.get(one.value, ()), asked.month, now) for one in held]
    return sorted(told, key=lambda one: (STATES.index(one.state), -one.used))


def bounds(month: date) -> tuple[datetime, datetime]:
    """The half-open UTC month."""
    since = datetime(month.year, month.month, 1)  # noqa: DTZ001 - UTC without a zone, as the store has it
    return since, since.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def whole_days(days: Sequence[Row]) -> list[Row]:
    """Rows of `spend_days` as one a day; a cost is NULL where none is known."""
    of_day: dict[date, list[Row]] = defaultdict(list)
    for row in days:
        of_day[row["day"]].append(row)
    return [
        {
            "day": day,
            "n_calls": sum(row["n_calls"] for row in parts),
            "n_unpriced": sum(row["n_unpriced"] for row in parts),
            "cost_usd": known_sum([row["cost_usd"] for row in parts]),
        }
        for day, parts in sorted(of_day.items())
    ]


def known_sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None when nothing is."""
    known = [usd for usd in amounts if usd is not None]
    return sum(known, Decimal(0)) if known else None


def _of_others(totals: Row, rows: Sequence[Row]) -> Row:
    left = {name: totals[name] for name in _ADDED_UP}
    for name, total in left.items():
        known = [row[name] for row in rows if row[name] is not None]
        left[name] = None if total is None else total - sum(known)
    # Nothing of theirs is known, which is not 0.
    unknown = ("cost_usd", "list_cost_usd") if not left["n_priced"] else ()
    return left | dict.fromkeys(unknown)


def _of_values(days: Sequence[Row], name: str = "value") -> Mapping[str, Sequence[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in days:
        if row[name] is not None:
            found[row[name]].append(row)
    return found


def _amounts(days: Sequence[Row]) -> Amounts:
    return {row["day"]: row["cost_usd"] or Decimal(0) for row in days}
