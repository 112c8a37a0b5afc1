"""`steelyard budgets`, against a real server: what is recorded, where it stands, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.budgets import command
from errors import ConfigError
from tests.servers import Server, start_server
from tests.spans import a_call, export

ONE_CALL_USD = Decimal("0.0035")
NOW = datetime.now(UTC)
MONTH = f"{NOW:%Y-%m}"
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)

Budgets = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("budgets") / "data") as running:
        yield running


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """One for each test, so that they share a server."""
    return str(request.node.originalname).removeprefix("test_")[:40].replace("_", "-").rstrip("-")


@pytest.fixture
def budgets(server: Server, project: str) -> Budgets:
    def run(*words: str) -> Result:
        asked = [*words, "--project", project, "--data", str(server.data_dir)]
        return CliRunner().invoke(command, asked, catch_exceptions=False)

    return run


@pytest.fixture
def send(server: Server, project: str) -> Callable[..., None]:
    def calls(*sent: tuple[datetime, dict[str, Any]]) -> None:
        spans = [a_call(started_ns=int(at.timestamp()) * 10**9, **attributes) for at, attributes in sent]
        status, _ = server.post("/v1/traces", export(*spans), **{"x-steelyard-project": project})
        assert status == 200
        server.wait_until_committed()

    return calls


def listed(budgets: Budgets, *words: str) -> dict[tuple[str | None, str], dict[str, Any]]:
    rows = json.loads(budgets("list", "--format", "json", *words).stdout)
    return {(row["dimension"], row["dimension_value"]): row for row in rows}


def test_a_budget_is_listed_with_what_was_spent_of_it_and_what_the_month_will_come_to(
    budgets: Budgets, send: Any
) -> None:
    """Two calls a day for 40 days: acme and nobody, $0.007 a day in all."""
    days = [TODAY - timedelta(days=n) for n in range(1, 41)]
    send(*((day, who) for day in days for who in ({"tenant__id": "acme"}, {})))
    assert budgets("set", "1000", "--note", "plan 2026").exit_code == 0
    said = budgets("set", "0.15", "--where", "tenant=acme", "--soft", "60%").stderr
    assert "tenant acme" in said
    assert "$0.15 a month" in said
    budgets("set", "20.50", "--where", "tenant=")
    found = listed(budgets)
    assert set(found) == {(None, ""), ("tenant_id", "acme"), ("tenant_id", "")}
    n_days = NOW.day - 1  # of this month, that are over
    whole, acme = found[None, ""], found["tenant_id", "acme"]
    assert Decimal(whole["spent_usd"]) == 2 * n_days * ONE_CALL_USD
    assert Decimal(acme["spent_usd"]) == n_days * ONE_CALL_USD
    assert (whole["state"], Decimal(whole["monthly_usd"]), whole["n_calls"]) == ("on track", 1000, 2 * n_days)
    days_in_month = ((TODAY.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    to_come = (days_in_month - n_days) * ONE_CALL_USD
    least = Decimal(acme["spent_usd"]) + to_come - 2 * ONE_CALL_USD
    assert least < Decimal(acme["forecast_usd"]) <= Decimal(acme["spent_usd"]) + to_come + Decimal("0.01")
    assert Decimal(acme["soft_share"]) == Decimal("0.6")
    table = budgets("list").stdout
    for told in (
        "everything",
        "tenant acme",
        "no tenant",
        "$1,000.00",
        "80 % band",
        "It knows the past days only",
    ):
        assert told in table


def test_records_are_dated_and_the_later_of_two_for_a_month_counts(budgets: Budgets) -> None:
    budgets("set", "100", "--from", "2026-01", "--where", "feature=search", "--by", "ann")
    budgets("set", "200", "--from", "2026-03", "--where", "feature=search", "--note", "two teams")
    budgets("set", "250", "--from", "2026-03", "--where", "feature=search")
    budgets("remove", "--from", "2026-05", "--where", "feature=search")
    told = {
        month: [Decimal(row["monthly_usd"]) for row in listed(budgets, "--month", month).values()]
        for month in ("2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2027-01")
    }
    assert told == {
        "2025-12": [], "2026-01": [100], "2026-02": [100], "2026-03": [250], "2026-04": [250],
        "2026-05": [], "2027-01": [],
    }  # fmt: skip
    records = json.loads(budgets("list", "--all", "--format", "json").stdout)
    assert [(row["valid_from"], row["status"]) for row in records] == [
        ("2026-05-01", "removed"), ("2026-03-01", "set"), ("2026-03-01", "set"), ("2026-01-01", "set"),
    ]  # fmt: skip
    assert records[3]["recorded_by"] == "ann"
    assert "two teams" in budgets("list", "--all").stdout


def test_a_budget_that_is_not_there_cannot_be_removed(budgets: Budgets) -> None:
    assert "No budgets" in budgets("list").stdout
    with pytest.raises(ConfigError, match=r"tenant acme has no budget in .*budgets list"):
        budgets("remove", "--where", "tenant=acme")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "lots"), "write US dollars above 0"),
        (("set", "0"), "write US dollars above 0"),
        (("set", "10.999"), "to the cent"),
        (("set", "10", "--soft", "eighty"), "for example 80% or 0.8"),
        (("set", "10", "--soft", "120%"), "--soft 120 % is above --hard 100 %"),
        (("set", "10", "--from", "November"), "write it as YYYY-MM"),
        (("set", "10", "--where", "tennant=acme"), "there is no dimension 'tennant'"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(budgets: Budgets, words: tuple[str, ...], told: str) -> None:
    ran = budgets(*words)
    assert ran.exit_code == 2  # click's own; the front door makes 3 of it
    assert told in " ".join(ran.stderr.split())


A_BUDGET = {
    "budget_key": "01K",
    "valid_from": "2026-11-01",
    "status": "set",
    "monthly_usd": "10",
    "soft_share": "0.8",
    "hard_share": "1",
}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"valid_from": "2026-11-02"}, "not the first day of a month"),
        ({"status": "gone"}, "not `set` or `removed`"),
        ({"monthly_usd": None}, "`monthly_usd` is missing"),
        ({"monthly_usd": "-1"}, "not above 0"),
        ({"soft_share": "1.1"}, "at most `hard_share` 1"),
        ({"dimension": "No Such"}, "not a dimension"),
        ({"dimension_value": "acme"}, "without `dimension`"),
    ],
)
def test_the_receiver_refuses_a_budget_that_makes_no_sense(
    server: Server, wrong: dict[str, Any], told: str
) -> None:
    status, body = server.post(
        "/api/v1/records/budgets", json.dumps([A_BUDGET | wrong]).encode(), "application/json"
    )
    assert status == 400
    assert told in json.loads(body)["detail"]
