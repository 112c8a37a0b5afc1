"""The demo's budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from commands.demo import budgets
from commands.demo.story import TENANTS, Edition
from store.record_checks import budget_problems
from store.records import KINDS, problems

EDITION = Edition(calls=6_000, until=datetime(2026, 11, 21, 18, 30, tzinfo=UTC))


def test_every_budget_is_one_that_the_receiver_takes_and_is_of_a_tenant_of_the_story() -> None:
    made = budgets.records(EDITION)
    assert problems(KINDS["budgets"], made) == []
    assert budget_problems(made, "demo") == []
    assert {row["dimension_value"] for row in made} - {None} <= {tenant.name for tenant in TENANTS}
    assert len({row["budget_key"] for row in made}) == len(made)


def test_a_smaller_demo_has_smaller_budgets() -> None:
    small, large = (budgets.records(Edition(calls, EDITION.until)) for calls in (6_000, 60_000))
    assert [Decimal(str(row["monthly_usd"])) * 10 for row in small] == [
        Decimal(str(row["monthly_usd"])) for row in large
    ]
