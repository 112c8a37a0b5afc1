"""What page and report say in the same words: of which calls, where a budget stands, what the amounts are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from dashboard import formats
from dashboard.formats import count, money, share
from dashboard.insight.budgets import Position
from dashboard.insight.forecast import Forecast
from dashboard.report.month import Month, bounds


@dataclass(frozen=True)
class Line:
    """One amount or count of a month, and what it is."""

    name: str
    value: str
    note: str


def narrowed(month: Month) -> str:
    """The calls that the month is of; empty = all."""
    return ", ".join(
        f"{formats.dimension(name)} {formats.in_dimension(value, name)}"
        for name, value in month.asked.narrowing.items()
    )


def group(value: str | None, by: str) -> str:
    """A row's name; in brackets when it stands for calls that have no value."""
    return formats.in_dimension(value, by) if value else f"({formats.in_dimension(None, by)})"


def foretold(month: Month) -> tuple[str, str]:
    """What the month comes to, and how sure that is."""
    found = month.forecast
    if not isinstance(found, Forecast):
        return formats.UNKNOWN, found.reason
    if not found.path:
        return money(found.expected_usd), found.method
    return money(found.expected_usd), f"80 %: {money(found.low_usd)} – {money(found.high_usd)}"


def against_budget(position: Position) -> str:
    """The end of the month beside the budget: `12.6 % under`, `4.0 % over`; what is spent of it where that is all there is."""
    found, budget_usd = position.forecast, position.budget.monthly_usd
    if not isinstance(found, Forecast) or not found.path:
        return f"{share_used(position)} used"
    ratio = found.expected_usd / budget_usd - 1
    side = "over" if ratio > 0 else "under"
    return (
        f"forecast {abs(100 * ratio):.1f} % {side}"
        if abs(ratio) >= Decimal("0.0005")
        else "forecast meets it"
    )


def share_used(position: Position) -> str:
    return (
        f"{100 * position.used:.0f} %" if position.used >= Decimal("0.1") else f"{100 * position.used:.1f} %"
    )


def gone(month: Month) -> str:
    """How much of the month is over."""
    since, until = bounds(month.first)
    return f"{min((month.now - since) / (until - since), 1.0):.0%} of the month gone".replace("%", " %")


def unit_costs(month: Month) -> Iterator[Line]:
    """What one thing costs: known costs by calls, successes and people."""
    totals, basis = month.totals, month.basis
    per_thousand = formats.usd_per_thousand(totals["cost_usd"], totals["n_priced"])
    yield Line("per 1,000 calls", money(per_thousand), f"{count(totals['n_priced'])} calls with a known cost")
    yield Line(
        "per successful call",
        money(_per(totals["cost_usd"], basis["n_ok_priced"])),
        f"{count(basis['n_ok_priced'])} successes, what failures cost included",
    )
    users = f"{count(basis['n_users'])} users" if basis["n_users"] else "no call names a user"
    of_users = basis["cost_of_users_usd"]
    covered = f", named in {share_of_usd(of_users, totals['cost_usd'])} of spend" if of_users else ""
    yield Line("per user", money(_per(of_users, basis["n_users"])), users + covered)


def amounts(month: Month) -> Iterator[Line]:
    """The same calls as everybody counts them, and what is beside their cost."""
    totals = month.totals
    yield Line("effective cost", money(totals["cost_usd"]), "what you pay, agreements applied")
    yield Line(
        "at list prices", money(totals["list_cost_usd"]), _less(totals["list_cost_usd"], totals["cost_usd"])
    )
    yield Line(
        "reported by emitters",
        money(totals["reported_cost_usd"]),
        f"by {count(totals['n_reported'])} calls" if totals["n_reported"] else "no emitter names a cost",
    )
    if totals["n_customer_billed"]:
        yield Line(
            "on customers' accounts",
            money(totals["customer_billed_usd"]),
            f"{count(totals['n_customer_billed'])} calls, at list prices: not in the cost",
        )
    yield Line(
        "saved by caching",
        money(totals["saved_usd"]),
        f"{count(totals['n_cache_hits'])} answers from a cache",
    )
    if totals["n_corrections"]:
        yield Line(
            "corrections",
            money(totals["correction_usd"]),
            f"of {count(totals['n_corrections'])} calls of closed months, booked in this one: in no amount here",
        )


def not_in_them(month: Month) -> Iterator[Line]:
    """Calls without a cost, which are in no amount."""
    totals = month.totals
    models = formats.shortened(totals["unpriced_models"] or "every model has a price", 120)
    yield Line(
        "unpriced calls",
        count(totals["n_unpriced"]),
        f"{share(totals['n_unpriced'], totals['n_calls'])} of calls: {models}"
        if totals["n_unpriced"]
        else models,
    )
    yield Line(
        "calls without usage",
        count(totals["n_no_usage"]),
        f"{share(totals['n_no_usage'], totals['n_calls'])} of calls, mostly failed",
    )


def reconciled(month: Month) -> Iterator[str]:
    """What the numbers add up to and rest on."""
    totals, others = month.totals, month.others
    since, until = bounds(month.first)
    n_rows = len(month.rows) + (others is not None)
    yield f"{n_rows} {'row sums' if n_rows == 1 else 'rows sum'} to {money(sum_of_rows(month))}, {count(totals['n_calls'])} calls"
    if totals["closed_at"]:
        yield f"closed on {formats.moment_exact(totals['closed_at'])}"
    if totals["n_corrections"]:
        yield f"{money(totals['correction_usd'])} of corrections of closed months are booked in it and in no amount above"
    if totals["n_estimated"]:
        yield f"{count(totals['n_estimated'])} costs are estimates"
    yield f"UTC month {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}"
    books = month.basis["price_books"]
    yield f"price book {books}" if books else "no call charged with a price book"


def sum_of_rows(month: Month) -> Decimal | None:
    """Of all rows, the one of the others included: by its meaning the cost of the month."""
    rows = [*month.rows, *([month.others] if month.others else [])]
    known = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    return sum(known, Decimal(0)) if known else None


def share_of_usd(part: Decimal | None, whole: Decimal | None) -> str:
    """A part of an amount in per cent."""
    if part is None or not whole:
        return formats.UNKNOWN
    percent = 100 * part / whole
    return "< 0.1 %" if 0 < percent < Decimal("0.1") else f"{percent:.1f} %"


def _less(listed: Decimal | None, paid: Decimal | None) -> str:
    if listed is None or paid is None or listed == paid:
        return "the same: no agreement applies"
    return f"{money(abs(listed - paid))} {'more' if listed > paid else 'less'} than is paid"


def _per(usd: Decimal | None, n: int) -> Decimal | None:
    return usd / n if usd is not None and n else None
