"""Closing a month, and opening it again: a record that holds from the moment that is noted here, with what the month came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from collector.repricing.months import next_month
from collector.repricing.transactions import replace_row, utc_now

_SUMS = """
    select cast(count(*) as bigint), cast(sum(list_cost_usd) as decimal(38, 12)), cast(sum(effective_cost_usd) as decimal(38, 12))
    from spans
    where project = ? and role = 'call' and day >= ? and day < ?
"""


@dataclass(frozen=True)
class Closing:
    """A row of `periods` that does not hold yet."""

    project: str
    period_key: str
    month: date
    status: str  # closed | open


def settle(session: duckdb.DuckDBPyConnection, closing: Closing, price_book: str) -> None:
    """Let it hold from now on. A closed month keeps its sums of this moment, and the version of the shipped prices."""
    values: dict[str, object] = {"recorded_at": utc_now()}
    if closing.status == "closed":
        until = next_month(closing.month)
        [sums] = session.execute(_SUMS, [closing.project, closing.month, until]).fetchall()
        values |= dict(zip(("n_calls", "list_cost_usd", "effective_cost_usd"), sums, strict=True))
        values["price_book"] = price_book
    replace_row(session, "periods", closing.project, "period_key", closing.period_key, values)
