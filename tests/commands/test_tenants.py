"""`steelyard tenants`, against a real server: what is recorded, what moves, and what is only shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.tenants import command
from errors import ConfigError, QueryError
from tests.servers import Server, start_server
from tests.spans import a_call, export

SEPTEMBER_NS = 1_788_220_800_000_000_000  # 2026-09-01T00:00:00Z
HOUR_NS = 3_600_000_000_000
ONE_CALL_USD = Decimal("0.0035")

Tenants = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("tenants") / "data") as running:
        yield running


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """One for each test, so that they share a server."""
    return str(request.node.originalname).removeprefix("test_")[:40].replace("_", "-").rstrip("-")


@pytest.fixture
def tenants(server: Server, project: str) -> Tenants:
    def run(*words: str, answer: str = "") -> Result:
        asked = [*words, "--project", project, "--data", str(server.data_dir)]
        return CliRunner().invoke(command, asked, input=answer, catch_exceptions=False)

    return run


@pytest.fixture
def listed(tenants: Tenants) -> Callable[..., dict[str | None, dict[str, Any]]]:
    def rows(*words: str) -> dict[str | None, dict[str, Any]]:
        found = json.loads(tenants("list", "--format", "json", *words).stdout)
        return {row["tenant_id"]: row for row in found}

    return rows


@pytest.fixture
def send(server: Server, project: str) -> Callable[..., None]:
    def calls(*attributes: dict[str, Any], service: str = "test", at_ns: int = SEPTEMBER_NS) -> None:
        spans = [a_call(started_ns=at_ns + n * 1_000_000_000, **one) for n, one in enumerate(attributes)]
        status, _ = server.post(
            "/v1/traces", export(*spans, service__name=service), **{"x-steelyard-project": project}
        )
        assert status == 200
        server.wait_until_committed()

    return calls


def test_tenants_of_telemetry_are_listed_by_themselves_beside_recorded_ones_and_calls_of_none(
    tenants: Tenants, listed: Any, send: Any
) -> None:
    send({"tenant__id": "acme"}, {"tenant__id": "acme"}, {})
    assert tenants("set", "zeta", "--name", "Zeta Ltd", "--owner", "kim", "--by", "ann").exit_code == 0
    found = listed()
    assert list(found) == ["acme", "zeta", None]
    assert (found["acme"]["n_calls"], Decimal(found["acme"]["cost_usd"])) == (2, 2 * ONE_CALL_USD)
    assert found["acme"]["first_seen"] == "2026-09-01T00:00:00Z"
    assert (found["acme"]["n_records"], found["acme"]["name"]) == (0, None)
    assert (found["zeta"]["name"], found["zeta"]["n_calls"]) == ("Zeta Ltd", 0)
    assert found[None]["n_calls"] == 1
    assert "(no tenant)" in tenants("list").stdout


def test_a_record_says_what_changes_from_its_day_on_and_the_rest_stays(tenants: Tenants, listed: Any) -> None:
    tenants("set", "acme", "--name", "Acme", "--owner", "kim", "--plan", "free", "--from", "2026-01-01")
    tenants("set", "acme", "--plan", "pro", "--from", "2026-06-01", "--note", "upgrade", "--by", "ann")
    # Told late, of a time before: the plan of June stands.
    tenants("set", "acme", "--plan", "starter", "--owner", "", "--from", "2026-03-01")
    told = {
        day: (row["name"], row["owner"], row["plan"])
        for day in ("2026-02-01", "2026-04-01", "2026-07-01")
        for row in [listed("--at", day)["acme"]]
    }
    assert told == {
        "2026-02-01": ("Acme", "kim", "free"),
        "2026-04-01": ("Acme", None, "starter"),
        "2026-07-01": ("Acme", None, "pro"),
    }
    shown = tenants("show", "acme").stdout
    assert "upgrade" in shown
    assert shown.index("2026-06-01") < shown.index("2026-03-01") < shown.index("2026-01-01")


def test_a_csv_file_is_recorded_whole_or_not_at_all_and_once(
    tenants: Tenants, listed: Any, tmp_path: Path
) -> None:
    file = tmp_path / "tenants.csv"
    file.write_text('tenant_id,name,plan,billed_to\nacme,"Acme, Inc.",pro,\nzeta,Zeta,,them\n\n,Nobody,,\n')
    with pytest.raises(ConfigError, match=r"line 3: billed_to is 'them'.*line 5: tenant_id is empty"):
        tenants("import", str(file))
    assert listed() == {}
    file.write_text('tenant_id,name,plan,billed_to\nacme,"Acme, Inc.",pro,\nzeta,Zeta,,customer\n')
    assert "2 of 2 tenants would be recorded" in tenants("import", str(file), "--dry-run").stderr
    assert listed() == {}
    assert "2 of 2 tenants recorded" in tenants("import", str(file)).stderr
    assert (listed()["acme"]["name"], listed()["zeta"]["billed_to"]) == ("Acme, Inc.", "customer")
    assert "0 of 2 tenants recorded; 2 say nothing new" in tenants("import", str(file)).stderr
    file.write_text("tenant_id,plan\nacme,pro\nzeta,free\n")
    assert "1 of 2 tenants recorded" in tenants("import", str(file)).stderr
    assert (listed()["zeta"]["plan"], listed()["zeta"]["n_records"]) == ("free", 2)
    file.write_text("tenant_id,plan\nacme,pro\nacme,free\n")
    with pytest.raises(ConfigError, match="more than once"):
        tenants("import", str(file))
    file.write_text("tenant,plan\nacme,pro\n")
    with pytest.raises(ConfigError, match=r"column 'tenant'\. A column is one of: tenant_id, name"):
        tenants("import", str(file))


def test_stored_calls_follow_a_rule_that_is_shown_first_and_return_when_it_is_withdrawn(
    tenants: Tenants, listed: Any, send: Any, server: Server, project: str
) -> None:
    send({}, {"tenant__id": "zeta"}, service="bot")
    send({}, service="bot", at_ns=SEPTEMBER_NS - HOUR_NS)
    rule = ("attribute", "--tenant", "acme", "--where", "service=bot", "--from", "2026-09-01")
    shown = tenants(*rule, "--dry-run").stdout
    assert "acme" in shown
    assert "1 of 2 calls in scope would change" in shown
    assert "Nothing was recorded" in shown
    assert set(listed()) == {"zeta", None}
    assert tenants(*rule, answer="n\n").exit_code != 0
    assert set(listed()) == {"zeta", None}

    done = tenants(*rule, "--note", "their bot", "--by", "ann", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "2 calls looked at, 1 changed" in done.stdout
    found = listed()
    assert {name: row["n_calls"] for name, row in found.items()} == {"acme": 1, "zeta": 1, None: 1}
    assert (found["acme"]["n_attributed"], Decimal(found["acme"]["cost_usd"])) == (1, ONE_CALL_USD)
    send({}, service="bot", at_ns=SEPTEMBER_NS + HOUR_NS)
    assert listed()["acme"]["n_calls"] == 2

    [known] = json.loads(tenants("rules", "--format", "json").stdout)
    assert (known["status"], known["n_calls"], known["note"], known["recorded_by"]) == (
        "in_force",
        2,
        "their bot",
        "ann",
    )
    assert "service=bot" in tenants("show", "acme").stdout
    assert "2 of 2 calls" in tenants("withdraw", known["rule_id"], "--yes").stdout
    assert {name: row["n_calls"] for name, row in listed().items()} == {"zeta": 1, None: 3}
    assert json.loads(tenants("rules", "--format", "json").stdout)[0]["status"] == "withdrawn"
    with pytest.raises(QueryError, match="is withdrawn already"):
        tenants("withdraw", known["rule_id"])
    [(total, official)] = [
        tuple(row.values())
        for row in server.rows(
            f"select (select sum(list_cost_usd) from calls where project = '{project}'), (select sum(list_cost_usd) from "
            f"(from charges where project = '{project}' qualify row_number() over (partition by span_id order by seq desc) = 1))"
        )
    ]
    assert total == official == 4 * ONE_CALL_USD


def test_calls_of_a_tenant_that_pays_its_provider_itself_cost_us_nothing_from_that_day_on(
    tenants: Tenants, listed: Any, send: Any
) -> None:
    said = tenants("set", "acme", "--billed-to", "customer", "--from", "2026-09-01")
    assert "reprice" not in said.stderr
    send({"tenant__id": "acme"})
    send({"tenant__id": "acme"}, at_ns=SEPTEMBER_NS - HOUR_NS)
    acme = listed()["acme"]
    assert (Decimal(acme["list_cost_usd"]), Decimal(acme["cost_usd"])) == (2 * ONE_CALL_USD, ONE_CALL_USD)
    assert Decimal(acme["customer_billed_usd"]) == ONE_CALL_USD
    again = tenants("set", "acme", "--billed-to", "customer", "--from", "2026-08-01")
    assert "steelyard reprice" in again.stderr
    assert "--tenant acme --since 2026-08-01" in again.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "acme"), "say what acme is"),
        (("set", "acme", "--plan", "pro", "--from", "1 May"), "write it in UTC as 2026-10-01"),
        (("attribute", "--tenant", "a", "--where", "servic=bot"), "there is no dimension 'servic'"),
        (("attribute", "--tenant", "a", "--where", "bot"), "write it as NAME=VALUE"),
        (
            (
                "attribute",
                "--tenant",
                "a",
                "--where",
                "service=b",
                "--from",
                "2026-09-02",
                "--to",
                "2026-09-02",
            ),
            "--to 2026-09-02 is not after --from 2026-09-02",
        ),
    ],
)
def test_a_mistake_is_told_with_the_way_out(tenants: Tenants, words: tuple[str, ...], told: str) -> None:
    ran = tenants(*words)
    assert ran.exit_code == 2  # click's own; the front door makes 3 of it
    assert told in " ".join(ran.stderr.split())


@pytest.mark.parametrize(
    ("words", "told"), [(("show", "nobody"), "no tenant 'nobody'"), (("withdraw", "r"), "no rule 'r'")]
)
def test_what_is_not_there_is_said(tenants: Tenants, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(QueryError, match=told):
        tenants(*words)
