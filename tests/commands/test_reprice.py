"""`steelyard reprice` and `steelyard periods` against a running server: look, decide, and read what came of it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collector.keys import read_local_token
from errors import ServerError, UserError
from steelyard import cli
from tests.servers import Server
from tests.spans import a_call, export

CALLS = 12
# 1,000 tokens in at $2 a million and 100 out at $10
ONE_CALL = Decimal("0.003")


def on(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()) * 1_000_000_000


def steelyard(server: Server, *words: str, answer: str = "") -> Result:
    """Run the command on the server's data directory, in this process."""
    return CliRunner().invoke(cli, [*words, "--data", str(server.data_dir)], input=answer)


def post_record(server: Server, kind: str, **fields: Any) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {read_local_token(server.data_dir)}"}
    return server.post(
        f"/api/v1/records/{kind}?wait=commit", json.dumps(fields).encode(), "application/json", **headers
    )


def receive(server: Server, day: str, model: str, n_calls: int = CALLS) -> None:
    """Send calls of a model that no shipped book has, of that day."""
    named = {
        "gen_ai__provider__name": "our-cluster",
        "gen_ai__request__model": model,
        "gen_ai__response__model": model,
    }
    calls = (
        a_call(started_ns=on(day) + at * 1_000_000_000, tenant__id="acme", **named) for at in range(n_calls)
    )
    status, answer = server.post("/v1/traces", export(*calls))
    assert status == 200, answer
    server.wait_until_committed()


def price(server: Server, model: str, valid_from: str = "2025-01-01") -> None:
    rates = [
        {"unit": unit, "tier_from_tokens": 0, "per_million": amount}
        for unit, amount in (("uncached_input", "2"), ("output", "10"))
    ]
    status, answer = post_record(
        server,
        "rate_cards",
        card_key=f"{model} {valid_from}",
        provider="our-cluster",
        model=model,
        layer="override",
        valid_from=f"{valid_from}T00:00:00Z",
        rates=rates,
        recorded_by="test",
    )
    assert status == 200, answer


def known_cost(server: Server, model: str) -> Decimal:
    found: Decimal = server.value(
        f"select coalesce(sum(effective_cost_usd), 0) from calls where model_answered = '{model}'"
    )
    return found


def test_the_difference_is_shown_before_anything_changes_and_a_no_changes_nothing(server: Server) -> None:
    receive(server, "2025-06-10", "asked")
    price(server, "asked")
    dry = steelyard(server, "reprice", "--month", "2025-06", "--model", "asked", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert re.search(
        r"acme +asked +12 +0 → 12 +unknown +\$0.036 +unknown +\$0.036 +\+\$0.036\n", dry.stdout
    ), dry.stdout
    assert "12 of 12 calls in scope would change" in dry.stdout
    assert "Nothing was changed" in dry.stderr
    refused = steelyard(server, "reprice", "--model", "asked", answer="n\n")
    assert refused.exit_code == 1
    assert known_cost(server, "asked") == 0
    agreed = steelyard(server, "reprice", "--model", "asked", "--note", "why not", answer="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert re.search(r"Pricing run [0-9A-Z]{26}: 12 calls looked at, 12 charged anew\.", agreed.stderr)
    assert known_cost(server, "asked") == CALLS * ONE_CALL
    again = steelyard(server, "reprice", "--model", "asked", "--yes")
    assert "Nothing to change" in again.stderr
    assert server.rows("select note, n_calls from pricing_runs where note is not null") == [
        {"note": "why not", "n_calls": 12}
    ]


def test_the_difference_is_data_for_programs(server: Server) -> None:
    receive(server, "2025-05-10", "as-data")
    price(server, "as-data")
    found = steelyard(server, "reprice", "--model", "as-data", "--dry-run", "--format", "json")
    [row] = json.loads(found.stdout)
    assert (row["tenant_id"], row["n_changed"], row["effective_after_usd"]) == ("acme", 12, "0.036000000000")
    assert row["effective_before_usd"] is None


def test_a_closed_month_is_listed_with_its_sum_and_what_other_months_carry_for_it(server: Server) -> None:
    receive(server, "2025-02-10", "closed")
    closed = steelyard(server, "periods", "close", "2025-02", "--by", "Ada", "--note", "checked")
    assert closed.exit_code == 0, closed.output
    assert "Closed 2025-02 in project default: 12 calls, unknown (list unknown)." in closed.stdout
    assert "12 of them have no known cost" in closed.stdout
    price(server, "closed")
    run = steelyard(server, "reprice", "--model", "closed", "--yes")
    assert "closed (closed)" in run.stdout
    assert "12 of closed months corrected" in run.stderr
    assert known_cost(server, "closed") == 0
    listed = steelyard(server, "periods", "list")
    assert re.search(r"2025-02 +closed 20.* 12 +unknown +Ada +12 +unknown +\+\$0.036\n", listed.stdout), (
        listed.stdout
    )
    assert re.search(r"2025-03 +open +0 +\+\$0.036\n", listed.stdout), listed.stdout
    assert "closed already" in str(steelyard(server, "periods", "close", "2025-02").exception)
    opened = steelyard(server, "periods", "open", "2025-02")
    assert "+$0.036 for its calls is booked in other months" in opened.stdout
    assert "is not closed" in str(steelyard(server, "periods", "open", "2025-02").exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["reprice", "--month", "2025-13"], "2026-10"),
        (["reprice", "--month", "2025-01", "--since", "2025-01-02"], "--month is a time of its own"),
        (["reprice", "--since", "2025-02-01", "--until", "2025-01-01"], "is not after"),
        (["reprice", "--status", "odd"], "unpriced_model"),
        (["periods", "close", "2999-01"], "2999-02-01"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(server: Server, words: list[str], told: str) -> None:
    made = steelyard(server, *words)
    # Both are printed without a traceback (tests/test_front_door.py).
    assert isinstance(made.exception, (UserError, SystemExit))
    assert told in f"{made.stderr}{made.exception}"


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (
            "pricing_runs",
            {"pricing_run": "x", "scope": {"modle": "y"}, "requested_at": "2025-01-01T00:00:00Z"},
            "no 'modle'",
        ),
        ("periods", {"period_key": "x", "month": "2025-01-02", "status": "closed"}, "first day"),
        ("periods", {"period_key": "x", "month": "2025-01-01", "status": "shut"}, "closed"),
    ],
)
def test_a_record_that_means_nothing_is_refused_at_the_door(
    server: Server, kind: str, fields: dict[str, Any], problem: str
) -> None:
    status, answer = post_record(server, kind, **fields)
    assert (status, problem in answer.decode()) == (400, True), answer


def test_a_run_survives_the_death_of_the_store_server(server: Server) -> None:
    receive(server, "2025-03-01", "killed", n_calls=3_000)
    price(server, "killed")
    run = {"pricing_run": "r", "scope": {"model": "killed"}, "requested_at": "2025-03-08T00:00:00Z"}
    assert post_record(server, "pricing_runs", **run)[0] == 200
    os.kill(server.pid_of("collector.server"), signal.SIGKILL)
    give_up_at = time.monotonic() + 60
    while _unfinished(server) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert known_cost(server, "killed") == 3_000 * ONE_CALL
    assert server.rows("select n_calls, n_changed from pricing_runs where pricing_run = 'r'") == [
        {"n_calls": 3_000, "n_changed": 3_000}
    ]
    assert server.value("select count(*) from charges where pricing_run = 'r'") == 3_000


def _unfinished(server: Server) -> bool:
    try:
        return bool(server.value("select count(*) from pricing_runs where finished_at is null"))
    except ServerError:  # it is being started again
        return True
