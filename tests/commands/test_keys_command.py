"""`steelyard keys`, and how other commands get in where keys are required."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import keys
from tests.evals.factories import a_suite
from tests.front_door import Done, front_door
from tests.servers import Server, start_server
from tests.spans import a_call, export


def steelyard(*arguments: str, cwd: Path | None = None, **env: str) -> Done:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STEELYARD_")}
    return front_door(*arguments, cwd=cwd, env={**plain, **env})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector that asks everybody for a key, on the usual data directory of its working directory."""
    data = tmp_path_factory.mktemp("here") / ".steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        yield running


def test_a_new_key_is_alone_on_stdout_for_a_script_to_take(tmp_path: Path) -> None:
    made = steelyard(
        "keys", "add", "--role", "ingest", "--project", "search", "--data", str(tmp_path / "new")
    )
    assert made.returncode == 0
    assert re.fullmatch(r"sy_ingest_[a-z2-9]{10}_[0-9a-f]{64}\n", made.stdout)
    key = keys.read_keys(tmp_path / "new")[0]
    assert keys.token_hash(made.stdout.strip()) == key.hash
    assert f"steelyard keys revoke {key.key_id}" in made.stderr
    assert made.stdout.strip() not in made.stderr
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("output_format", ["table", "json", "csv"])
def test_a_list_shows_what_a_key_is_for_and_never_the_key_or_its_hash(
    tmp_path: Path, output_format: str
) -> None:
    key, token = keys.add_key(tmp_path, role="read", project="search", tenant="acme", name="finance page")
    keys.revoke_key(tmp_path, keys.add_key(tmp_path, role="ingest", project="old")[0].key_id)
    listed = steelyard("keys", "list", "--data", str(tmp_path), "--format", output_format).stdout
    assert token not in listed
    assert key.hash not in listed
    for shown in (key.key_id, "finance page", "acme", token[-4:], "old"):
        assert shown in listed
    rows = {
        "table": lambda: listed.splitlines()[2:],
        "json": lambda: json.loads(listed),
        "csv": lambda: list(csv.DictReader(io.StringIO(listed))),
    }[output_format]()
    assert len(rows) == 2


def test_an_empty_list_says_how_to_make_the_first(tmp_path: Path) -> None:
    listed = steelyard("keys", "list", "--data", str(tmp_path / "nothing"), "--format", "json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    assert "steelyard keys add" in listed.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_revoked_key_stays_listed_and_is_not_revoked_twice(tmp_path: Path) -> None:
    key, _ = keys.add_key(tmp_path, role="read", project="search")
    assert steelyard("keys", "revoke", key.key_id, "--data", str(tmp_path)).returncode == 0
    assert keys.read_keys(tmp_path)[0].revoked_at is not None
    again = steelyard("keys", "revoke", key.key_id, "--data", str(tmp_path))
    assert again.returncode == 3
    assert "revoked already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("add", "--role", "root", "--project", "search"),
            "Roles: ingest, viewer, engineer, read, finance, admin",
        ),
        (("add", "--role", "read", "--project", "A B"), "cannot name a project"),
        (("add", "--role", "read", "--project", "*"), "for admin keys"),
        (("add", "--project", "search"), "--role"),
        (("revoke", "aaaaaaaaaa"), "steelyard keys list"),
    ],
)
def test_a_mistake_ends_with_the_next_step(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = steelyard("keys", *arguments, "--data", str(tmp_path))
    assert ended.returncode == 3
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_whole_key_given_as_its_id_is_not_repeated_on_the_screen(tmp_path: Path) -> None:
    _, token = keys.add_key(tmp_path, role="read", project="search")
    ended = steelyard("keys", "revoke", token, "--data", str(tmp_path))
    assert ended.returncode == 3
    assert token.rsplit("_", 1)[1] not in ended.stderr


def test_a_key_made_beside_a_running_collector_lets_in_without_a_restart(server: Server) -> None:
    made = steelyard("keys", "add", "--role", "admin", "--project", "fresh", "--data", str(server.data_dir))
    token = made.stdout.strip()
    while server.post("/v1/traces", b"", x_api_key=token)[0] == 401:
        time.sleep(0.05)
    assert server.post("/v1/traces", export(a_call()), x_api_key=token)[0] == 200
    server.wait_until_committed()
    asked = ("query", "extent", "--format", "csv", "--project", "fresh")
    by_key = steelyard(*asked, STEELYARD_URL=server.api_url, STEELYARD_API_KEY=token)
    assert by_key.returncode == 0, by_key.stderr
    assert by_key.stdout.splitlines()[1].startswith("1,1,")


def test_the_owner_of_the_data_directory_needs_no_key_for_its_commands(server: Server) -> None:
    data = ("--data", str(server.data_dir))
    asked = steelyard("sql", "select 42 as n", "--format", "csv", *data)
    assert (asked.returncode, asked.stdout.split()) == (0, ["n", "42"])
    looked = steelyard("doctor", *data)
    assert looked.returncode == 0, looked.stdout
    assert "price book" in looked.stdout


def test_a_named_server_elsewhere_never_gets_the_owners_token(server: Server) -> None:
    # STEELYARD_URL may be anybody's: without a key of its own the command comes with none.
    refused = steelyard("query", "extent", cwd=server.data_dir.parent, STEELYARD_URL=server.api_url)
    assert refused.returncode == 3
    assert "STEELYARD_API_KEY" in refused.stderr


def test_a_key_that_is_set_wins_over_the_owners_token(server: Server) -> None:
    _, token = keys.add_key(server.data_dir, role="read", project="search")
    asked = ("query", "extent", "--data", str(server.data_dir), "--project", "billing")
    while "not known" in (refused := steelyard(*asked, STEELYARD_API_KEY=token)).stderr:
        time.sleep(0.05)
    assert refused.returncode == 3
    assert "belongs to project 'search'" in refused.stderr


def test_an_eval_run_with_an_ingest_key_brings_its_calls_and_records_home(
    server: Server, tmp_path: Path
) -> None:
    _, token = keys.add_key(server.data_dir, role="ingest", project="ci")
    while server.post("/v1/traces", b"", x_api_key=token)[0] == 401:
        time.sleep(0.05)
    suite = a_suite(tmp_path)
    environment = {"STEELYARD_OTLP_URL": server.receiver_url, "STEELYARD_API_KEY": token}
    ended = steelyard("eval", "run", str(suite), "--report-only", cwd=tmp_path, **environment)
    assert ended.returncode == 0, ended.stderr
    assert "not sent" not in ended.stderr
    assert "not all delivered" not in ended.stderr
    server.wait_until_committed()
    assert server.value("select count(*) from runs where project = 'ci'") == 1
    assert server.value("select count(*) from verdicts where project = 'ci'") == 1
    assert server.value("select count(*) from calls where project = 'ci'") == 8


def test_an_eval_run_beside_the_data_directory_finds_its_collector_and_gets_in(
    server: Server, tmp_path: Path
) -> None:
    suite = a_suite(tmp_path)
    ended = steelyard(
        "eval", "run", str(suite), "--report-only", cwd=tmp_path, STEELYARD_DATA=str(server.data_dir)
    )
    assert ended.returncode == 0, ended.stderr
    server.wait_until_committed()
    assert server.value("select count(*) from runs where project = 'default'") == 1


def test_an_eval_run_with_a_key_of_another_project_keeps_everything_and_says_why(
    server: Server, tmp_path: Path
) -> None:
    _, token = keys.add_key(server.data_dir, role="ingest", project="ci-two")
    while server.post("/v1/traces", b"", x_api_key=token)[0] == 401:
        time.sleep(0.05)
    environment = {"STEELYARD_OTLP_URL": server.receiver_url, "STEELYARD_API_KEY": token}
    run = ("eval", "run", str(a_suite(tmp_path)), "--report-only", "--project", "search")
    ended = steelyard(*run, cwd=tmp_path, **environment)
    assert ended.returncode == 0
    assert "were not all delivered" in ended.stderr
    assert token not in ended.stderr
    assert "Traceback" not in ended.stderr
