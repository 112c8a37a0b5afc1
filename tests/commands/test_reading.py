"""The commands that read: from the server while one runs, from the file when none does."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq
import pytest

from tests.front_door import Done as Ran
from tests.front_door import front_door
from tests.servers import STEELYARD, Server
from tests.spans import a_call, export
from tests.stores import open_store

# 2026-10-05T12:00:00Z and the first moment of November, UTC
OCTOBER_NS = 1_791_201_600 * 10**9
NOVEMBER_NS = 1_793_491_200 * 10**9


class Steelyard(Protocol):
    def __call__(self, *words: str, data: Path | None = None) -> Ran: ...


@pytest.fixture
def steelyard() -> Steelyard:
    """The command as its entry point runs it, in this process: thirty interpreters would cost a minute."""

    def run(*words: str, data: Path | None = None) -> Ran:
        where = ["--data", str(data)] if data else []
        return front_door(*words, *where, env=dict(os.environ))

    return run


def five_calls() -> bytes:
    """Four calls in October, one at the first moment of November."""
    return export(
        a_call(started_ns=OCTOBER_NS, tenant__id="acme"),
        a_call(started_ns=NOVEMBER_NS - 1000, tenant__id="acme"),
        a_call(
            started_ns=OCTOBER_NS,
            tenant__id="hooli",
            gen_ai__request__model="own",
            gen_ai__response__model="own",
        ),
        a_call(started_ns=OCTOBER_NS),
        a_call(started_ns=NOVEMBER_NS, tenant__id="acme"),
    )


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    """A running server with the five calls."""
    server.post("/v1/traces", five_calls())
    server.wait_until_committed()
    return server


@pytest.fixture(scope="module", params=["server", "file"])
def data(request: pytest.FixtureRequest, filled: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the five calls: once with its server running, once without any."""
    if request.param == "server":
        return filled.data_dir
    alone = tmp_path_factory.mktemp("alone") / "data"
    with open_store(alone) as store:
        store.send(five_calls())
        store.commit()
    return alone


def test_sql_prints_json_with_exact_amounts_and_utc_times(data: Path, steelyard: Steelyard) -> None:
    ran = steelyard(
        "sql",
        "--format",
        "json",
        "select tenant_id, list_cost_usd, started_at from calls order by started_at desc limit 1",
        data=data,
    )
    assert json.loads(ran.stdout) == [
        {"tenant_id": "acme", "list_cost_usd": "0.003500000000", "started_at": "2026-11-01T00:00:00Z"}
    ]


def test_null_is_null_in_json_and_a_dash_in_a_table(data: Path, steelyard: Steelyard) -> None:
    words = "select list_cost_usd from calls where tenant_id = 'hooli'"
    assert json.loads(steelyard("sql", "--format", "json", words, data=data).stdout) == [
        {"list_cost_usd": None}
    ]
    assert steelyard("sql", words, data=data).stdout.splitlines()[2].strip() == "–"


def test_a_month_holds_its_first_moment_and_not_its_last(data: Path, steelyard: Steelyard) -> None:
    ran = steelyard("spend", "--month", "2026-10", "--format", "csv", data=data)
    rows = {row["tenant_id"]: row for row in csv.DictReader(io.StringIO(ran.stdout))}
    assert rows["acme"]["n_calls"] == "2"
    assert Decimal(rows["acme"]["cost_usd"]) == Decimal("0.007")
    assert rows["hooli"]["cost_usd"] == ""
    assert rows["hooli"]["n_unpriced"] == "1"
    assert rows["hooli"]["unpriced_models"] == "own"


def test_spend_says_what_its_total_does_not_hold(data: Path, steelyard: Steelyard) -> None:
    said = steelyard("spend", "--month", "2026-10", data=data).stdout
    assert "75.0 % of calls and 75.0 % of tokens have a known cost." in said
    assert "Not in the total: 1 calls without a price (own)." in said
    assert "$0.00 " not in said


def test_a_month_without_calls_says_so(data: Path, steelyard: Steelyard) -> None:
    assert (
        steelyard("spend", "--month", "2020-01", data=data).stdout
        == "No calls in 2020-01 (UTC) in project default.\n"
    )


def test_parquet_keeps_decimals(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    with out.open("wb") as sink:
        subprocess.run(
            [
                STEELYARD,
                "sql",
                "--data",
                data,
                "--format",
                "parquet",
                "select sum(list_cost_usd) as usd from calls",
            ],
            stdout=sink,
            check=True,
        )
    assert pq.read_table(out).to_pylist() == [{"usd": Decimal("0.014000000000")}]


def test_tail_prints_the_newest_calls_oldest_first(data: Path, steelyard: Steelyard) -> None:
    lines = steelyard("tail", "--no-follow", data=data).stdout.splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("2026-11-01 00:00:00")
    assert "unpriced_model" in "\n".join(lines)


def test_query_without_a_name_lists_what_there_is(data: Path, steelyard: Steelyard) -> None:
    assert "spend_month" in steelyard("query", data=data).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sql", "select 1; select 2"], "only a single SELECT is allowed"),
        (["sql", "drop table spans"], "only a single SELECT is allowed"),
        (["sql", "selekt 1"], "does not parse"),
        (["sql", "select nope from calls"], "nope"),
        (["sql", "select * from read_csv('/etc/passwd')"], "disabled by configuration"),
        (["sql", "attach 'x.db'"], "only a single SELECT is allowed"),
        (["query", "no_such"], "there is no query named 'no_such'"),
        (["query", "latest_calls"], "needs limit"),
        (["query", "latest_calls", "--param", "limit=many"], "not a integer"),
        (["query", "latest_calls", "--param", "limit"], "write it as NAME=VALUE"),
        (
            ["query", "latest_calls", "--param", "limit=1", "--param", "colour=red"],
            "has no parameter 'colour'",
        ),
        (["spend", "--month", "October"], "write it as YYYY-MM"),
    ],
)
def test_a_mistake_is_explained_without_a_traceback_and_ends_with_3(
    data: Path, steelyard: Steelyard, words: list[str], said: str
) -> None:
    ran = steelyard(*words, data=data)
    assert ran.returncode == 3
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_without_any_store_the_way_out_is_named(tmp_path: Path, steelyard: Steelyard) -> None:
    ran = steelyard("sql", "select 1", data=tmp_path / "nothing")
    assert ran.returncode == 3
    assert "steelyard up" in ran.stderr


def test_doctor_finds_a_sound_server_sound(filled: Server, steelyard: Steelyard) -> None:
    ran = steelyard("doctor", data=filled.data_dir)
    assert ran.returncode == 0, ran.stdout
    assert "5 stored, 1 without a price" in ran.stdout
    assert "!!" not in ran.stdout


def test_tail_follows_with_what_is_new_and_nothing_older(filled: Server) -> None:
    words = [STEELYARD, "tail", "-n", "1", "--data", filled.data_dir, "--project", "followed"]
    filled.post(
        "/v1/traces",
        export(a_call(tenant__id="old-1"), a_call(tenant__id="old-2")),
        x_steelyard_project="followed",
    )
    filled.wait_until_committed()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        first = tail.stdout.readline()
        filled.post("/v1/traces", export(a_call(tenant__id="new")), x_steelyard_project="followed")
        second = tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
    assert "old-" in first
    assert "new" in second
    assert tail.returncode == 0
