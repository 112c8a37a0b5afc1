"""A month in dollars: the three costs kept apart, what the total does not hold, and corrections of closed months."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_reading import Steelyard, steelyard
from tests.dashboard.data import NOW, a_call, a_correction, a_store, an_unpriced_call

__all__ = ["steelyard"]  # the fixture


def a_period(month: date, status: str, **given: Any) -> dict[str, Any]:
    return {"project": "default", "month": month, "status": status, "recorded_at": NOW} | given


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """November, closed: acme has 15 % off, hooli its own account with the provider, somebody is nobody's."""
    where = tmp_path_factory.mktemp("data")
    usd = {"list_cost_usd": Decimal(2), "input_tokens": 3_000, "output_tokens": 1_000}
    a_store(
        where / "store.duckdb",
        spans=[
            a_call(**usd, effective_cost_usd=Decimal("1.70"), reported_cost_usd=Decimal("2.10")),
            a_call(**usd, tenant_id="hooli", effective_cost_usd=Decimal(0), billed_to="customer"),
            a_call(**usd, tenant_id=None, cost_estimated=True),
            an_unpriced_call(tenant_id=None, input_tokens=3_000, output_tokens=1_000),
            a_call(
                cost_status="cache_hit",
                cache_hit=True,
                list_cost_usd=Decimal(0),
                saved_cost_usd=Decimal("0.50"),
                input_tokens=3_000,
                output_tokens=1_000,
            ),
        ],
        corrections=[
            a_correction(),
            a_correction(tenant_id="hooli", effective_delta_usd=Decimal("-0.05")),
            a_correction(tenant_id=None),
            a_correction(booked_month=date(2026, 12, 1), effective_delta_usd=Decimal(99)),
        ],
        periods=[
            a_period(date(2026, 11, 1), "open", recorded_at=NOW - timedelta(days=2)),
            a_period(date(2026, 11, 1), "closed"),
            a_period(date(2026, 10, 1), "closed"),
        ],
    )
    return where


def spent(steelyard: Steelyard, data: Path, *words: str) -> list[dict[str, Any]]:
    ran = steelyard("spend", "--month", "2026-11", "--format", "csv", *words, data=data)
    assert ran.returncode == 0, ran.stderr
    return list(csv.DictReader(io.StringIO(ran.stdout)))


def test_list_effective_reported_and_saved_are_columns_of_their_own(steelyard: Steelyard, data: Path) -> None:
    found = {row["tenant_id"]: row for row in spent(steelyard, data) if not row["correction_of"]}
    names = ("cost_usd", "list_cost_usd", "reported_cost_usd", "saved_usd", "customer_billed_usd")
    amounts = {
        tenant: [Decimal(row[name]) if row[name] else None for name in names] for tenant, row in found.items()
    }
    assert amounts == {
        "acme": [Decimal("1.7"), Decimal(2), Decimal("2.1"), Decimal("0.5"), None],
        "hooli": [Decimal(0), Decimal(2), None, None, Decimal(2)],
        "": [Decimal(2), Decimal(2), None, None, None],
    }


def test_a_correction_is_a_line_of_its_own_in_the_month_that_books_it(
    steelyard: Steelyard, data: Path
) -> None:
    found = [
        (row["tenant_id"], row["correction_of"], Decimal(row["cost_usd"]), row["n_calls"])
        for row in spent(steelyard, data)
        if row["correction_of"]
    ]
    assert sorted(found) == [
        ("", "2026-09", Decimal("0.20"), ""),
        ("acme", "2026-09", Decimal("0.20"), ""),
        ("hooli", "2026-09", Decimal("-0.05"), ""),
    ]


def test_the_report_says_what_the_total_holds_and_what_not(steelyard: Steelyard, data: Path) -> None:
    said = steelyard("spend", "--month", "2026-11", data=data).stdout
    assert said.startswith("Spend in 2026-11 (UTC), project default, closed on 2026-11-21\n")
    assert "(no tenant)" in said
    assert "acme, correction of 2026-09" in said
    # 1.70 + 0 + 2.00 + 0 of calls, 0.20 + 0.20 - 0.05 of corrections.
    [total] = [line.split() for line in said.splitlines() if line.startswith("total")]
    assert total == [
        *("total", "5", "15,000", "5,000", "$4.05", "$6.75", "$2.10", "$0.50"),
        *("80.0", "%", "80.0", "%", "1"),
    ]
    assert "80.0 % of calls and 80.0 % of tokens have a known cost." in said
    assert "Not in the total: 1 calls on customers' own accounts, $2.00 at list prices." in said
    assert "In the total: $0.35 of corrections of closed months, booked in this one." in said
    assert "Of the costs 1 are estimates" in said


def test_by_what_corrections_do_not_say_they_are_one_line_a_month(steelyard: Steelyard, data: Path) -> None:
    said = steelyard("spend", "--month", "2026-11", "--by", "environment", data=data).stdout
    [line] = [line for line in said.splitlines() if line.startswith("correction of 2026-09")]
    assert "$0.35" in line


def test_a_filter_takes_the_corrections_that_it_can_tell(steelyard: Steelyard, data: Path) -> None:
    corrected = [
        row["cost_usd"] for row in spent(steelyard, data, "--where", "tenant=hooli") if row["correction_of"]
    ]
    assert corrected == ["-0.050000000000"]
    said = steelyard("spend", "--month", "2026-11", "--where", "environment=", data=data).stdout
    assert "Not in the total: corrections of closed months" in said


def test_a_month_with_corrections_only_has_lines(steelyard: Steelyard, data: Path) -> None:
    said = steelyard("spend", "--month", "2026-12", data=data).stdout
    assert "acme, correction of 2026-09" in said and "closed on" not in said
    assert "0 %" not in said
