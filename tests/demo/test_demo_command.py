"""`steelyard demo` on a real server: what it loads, what it leaves alone, what it takes away again."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.demo import command, traffic
from commands.demo.story import Edition
from steelyard import COMMANDS
from store.backends import file
from tests.servers import STEELYARD, Server, free_ports
from tests.stores import open_store

CALLS = 700


def demo(data_dir: Path, *flags: str) -> str:
    """Run the command to its end; what it said."""
    # In this process: starting Python and its imports costs more than loading this little.
    done = CliRunner().invoke(command, ["--data", str(data_dir), *flags], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stderr


@pytest.fixture
def loaded(server: Server) -> Server:
    """A server that holds today's demo, whatever the test before it did."""
    if not CALLS <= n_calls(server) <= CALLS + 8:
        demo(server.data_dir, "--calls", str(CALLS))
    return server


def n_calls(server: Server) -> int:
    found: int = server.value("select count(*) from calls where project = 'demo'")
    return found


def rows_by_project(server: Server) -> dict[tuple[str, str], int]:
    """(table, project) -> rows, for every table that knows projects but the ledger of erasures itself."""
    relations = server.rows(
        "select distinct table_name from information_schema.columns where column_name = 'project'"
    )
    counted: dict[tuple[str, str], int] = {}
    for name in sorted(row["table_name"] for row in relations if row["table_name"] != "erasures"):
        for row in server.rows(f"select project, count(*) as n from {name} group by project"):
            counted[name, row["project"]] = row["n"]
    return counted


def test_the_help_line_of_the_command_is_the_one_of_the_front_door() -> None:
    assert command.get_short_help_str(limit=200) == COMMANDS["Run it"]["demo"]


def test_everything_is_visible_when_the_command_returns(server: Server) -> None:
    said = demo(server.data_dir, "--calls", str(CALLS))
    assert CALLS <= n_calls(server) <= CALLS + 8
    assert f"{n_calls(server):,} calls and 13 eval runs are visible" in said


def test_loading_twice_adds_nothing(loaded: Server) -> None:
    before = rows_by_project(loaded)
    demo(loaded.data_dir, "--calls", str(CALLS))
    assert rows_by_project(loaded) == before


def test_only_the_self_hosted_model_is_unpriced_and_says_so(loaded: Server) -> None:
    unpriced = (
        "select distinct model_requested from calls where project = 'demo' and cost_status = 'unpriced_model'"
    )
    assert [row["model_requested"] for row in loaded.rows(unpriced)] == ["acme-internal-8b"]


def test_every_other_call_with_usage_has_a_cost(loaded: Server) -> None:
    statuses = loaded.rows("select distinct cost_status from calls where project = 'demo' order by all")
    assert [row["cost_status"] for row in statuses] == ["cache_hit", "no_usage", "priced", "unpriced_model"]
    assert (
        loaded.value("select count(*) from calls where cost_status = 'priced' and list_cost_usd is null") == 0
    )


def test_a_cache_hit_says_what_it_saved(loaded: Server) -> None:
    saved = "select min(saved_cost_usd) > 0 from calls where project = 'demo' and cost_status = 'cache_hit'"
    assert loaded.value(saved) is True


def test_parents_are_context_and_never_calls(loaded: Server) -> None:
    roles = loaded.rows("select distinct role from spans where project = 'demo' order by role")
    assert [row["role"] for row in roles] == ["call", "context", "wrapper"]


def test_the_runs_show_their_verdicts(loaded: Server) -> None:
    with loaded.reader() as reader:
        runs = reader.query("runs", project="demo", limit="50").to_pylist()
    assert len(runs) == 13
    assert {run["verdict"] for run in runs} == {"PASS", "FAIL", "INCONCLUSIVE"}


def test_remove_takes_every_row_of_the_demo_and_none_of_others(loaded: Server) -> None:
    [batch] = traffic.batches(
        Edition(calls=100, until=datetime(2026, 11, 1, tzinfo=UTC)), spans_per_batch=10_000
    )
    assert loaded.post("/v1/traces", batch.body)[0] == 200
    loaded.wait_until_committed()
    others = {key: n for key, n in rows_by_project(loaded).items() if key[1] != "demo"}
    assert others["calls", "default"] == batch.n_calls

    demo(loaded.data_dir, "--remove")

    assert rows_by_project(loaded) == others


def test_the_demo_can_be_loaded_again_after_it_was_removed(server: Server) -> None:
    if server.value("select count(*) from erasures where project = 'demo'") == 0:
        demo(server.data_dir, "--calls", str(CALLS))
    demo(server.data_dir, "--remove")
    demo(server.data_dir, "--calls", str(CALLS))
    assert n_calls(server) >= CALLS


def test_a_demo_of_another_size_takes_the_place_of_the_one_that_is_there(loaded: Server) -> None:
    demo(loaded.data_dir, "--calls", "300")
    assert 300 <= n_calls(loaded) <= 308


def test_remove_says_so_when_there_is_nothing(server: Server, tmp_path: Path) -> None:
    demo(server.data_dir, "--remove")
    assert "empty already" in demo(server.data_dir, "--remove")
    assert "no demo to remove" in demo(tmp_path / "nothing", "--remove")
    assert not (tmp_path / "nothing").exists()


def test_remove_works_while_no_server_runs(tmp_path: Path) -> None:
    with open_store(tmp_path / "data") as filled:
        for batch in traffic.batches(Edition(calls=200, until=datetime(2026, 11, 1, tzinfo=UTC))):
            filled.send(batch.body, project="demo")
        filled.commit()
        assert filled.value("select count(*) from spans") > 200
    http, grpc, api = map(str, free_ports(3))
    demo(tmp_path / "data", "--remove", "--otlp-http", http, "--otlp-grpc", grpc, "--api", api)
    store = file.open_for_reading(tmp_path / "data" / "store.duckdb")
    assert store.execute("select count(*) from store.spans").fetchone() == (0,)
    store.close()


def test_without_a_server_the_demo_starts_everything_and_prints_the_page(tmp_path: Path) -> None:
    http, grpc, api, dashboard = map(str, free_ports(4))
    ports = ["--otlp-http", http, "--otlp-grpc", grpc, "--api", api, "--dashboard", dashboard]
    running = subprocess.Popen(
        [STEELYARD, "demo", "--data", tmp_path / "data", "--no-open", "--calls", "200", *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        page = running.stdout.readline().strip()
        assert page == f"http://127.0.0.1:{dashboard}/?project=demo"
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert answer.status == 200
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
