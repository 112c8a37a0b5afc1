"""Backup, restore and export, while telemetry arrives and at rest."""

from __future__ import annotations

import csv
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from store.backends import file
from tests.front_door import Done
from tests.front_door import front_door as steelyard
from tests.servers import Server, start_server
from tests.spans import a_call, export


def printed(done: Done) -> Path:
    """The one path on stdout."""
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    return Path(line)


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
    return found


@contextmanager
def sending_to(server: Server) -> Iterator[list[int]]:
    """Spans, 20 a request, until the end; yields how many each acknowledged request had."""
    acked: list[int] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            status, _ = server.post("/v1/traces", export(*(a_call() for _ in range(20))))
            assert status == 200
            acked.append(20)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield acked
    finally:
        stop.set()
        thread.join()


def test_a_backup_under_load_holds_whole_commits_and_all_that_was_acknowledged_before(server: Server) -> None:
    with sending_to(server) as acked:
        while len(acked) < 20:
            time.sleep(0.01)
        before = sum(acked)
        folder = printed(steelyard("backup", "--data", server.data_dir))
    stored = folder / "store.duckdb"
    [(n_spans, n_charges, usd)] = read(
        stored, "select (from (select count(*) from spans)), count(*), sum(list_cost_usd) from charges"
    )
    assert isinstance(n_spans, int)
    assert n_spans >= before
    assert read(stored, "select sum(n_spans) from batches") == [(n_spans,)]
    assert (n_charges, usd) == (n_spans, n_spans * Decimal("0.0035"))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"]["spans"] == n_spans


def test_a_backup_is_this_users_alone(server: Server) -> None:
    folder = printed(steelyard("backup", "--data", server.data_dir))
    assert {path.name for path in folder.iterdir()} >= {"store.duckdb", "manifest.json"}
    assert [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077] == []


def test_a_backup_can_be_put_elsewhere(server: Server, tmp_path: Path) -> None:
    folder = printed(steelyard("backup", "--data", server.data_dir, "--to", tmp_path / "mnt"))
    assert folder.parent == tmp_path / "mnt"
    assert not (server.data_dir / "backups" / folder.name).exists()


def test_a_restore_is_refused_while_a_server_runs_there(server: Server) -> None:
    folder = printed(steelyard("backup", "--data", server.data_dir))
    refused = steelyard("restore", folder, "--data", server.data_dir, "--replace")
    assert refused.returncode == 3
    assert f"in use by the Steelyard with process id {server.process.pid}" in refused.stderr


@pytest.fixture
def backup(server: Server, tmp_path: Path) -> Path:
    server.post("/v1/traces", export(a_call(tenant__id="acme")))
    return printed(steelyard("backup", "--data", server.data_dir, "--to", tmp_path))


def test_a_restored_directory_runs_and_says_what_it_holds(backup: Path, tmp_path: Path) -> None:
    n_spans = json.loads((backup / "manifest.json").read_text())["rows"]["spans"]
    done = steelyard("restore", backup, "--data", tmp_path / "new")
    assert printed(done) == tmp_path / "new"
    assert f"{n_spans:,} spans" in done.stderr
    with start_server(tmp_path / "new") as again:
        assert again.value("select count(*) from spans") == n_spans
        again.post("/v1/traces", export(a_call()))
        again.wait_until_committed()
        assert again.value("select count(*) from spans") == n_spans + 1


def test_a_store_that_is_there_is_never_overwritten_but_kept_aside_on_demand(
    backup: Path, tmp_path: Path
) -> None:
    data = tmp_path / "new"
    printed(steelyard("restore", backup, "--data", data))
    (data / "store.duckdb").write_bytes(b"mine")
    refused = steelyard("restore", backup, "--data", data)
    assert (refused.returncode, (data / "store.duckdb").read_bytes()) == (3, b"mine")
    assert "--replace" in refused.stderr
    printed(steelyard("restore", backup, "--data", data, "--replace"))
    [aside] = (data / "backups").glob("replaced-*")
    assert (aside / "store.duckdb").read_bytes() == b"mine"
    assert read(data / "store.duckdb", "select count(*) > 0 from spans") == [(True,)]


def test_a_damaged_backup_is_refused_before_anything_is_touched(backup: Path, tmp_path: Path) -> None:
    with (backup / "store.duckdb").open("r+b") as stored:
        stored.seek(5_000)
        stored.write(b"x")
    refused = steelyard("restore", backup, "--data", tmp_path / "new")
    assert refused.returncode == 3
    assert "is damaged: its SHA-256 is" in refused.stderr
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_version_is_refused_with_the_way_out(backup: Path, tmp_path: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(
        json.dumps({**manifest, "schema_version": 99, "steelyard_version": "9.9"})
    )
    refused = steelyard("restore", backup, "--data", tmp_path / "new")
    assert refused.returncode == 3
    assert "made by a newer Steelyard (9.9, schema 99" in refused.stderr


def test_a_folder_that_is_no_backup_says_so(tmp_path: Path) -> None:
    refused = steelyard("restore", tmp_path, "--data", tmp_path / "new")
    assert (refused.returncode, "is not a backup" in refused.stderr) == (3, True)


def test_without_a_server_the_file_is_copied_and_telemetry_that_waits_is_not_forgotten(
    backup: Path, tmp_path: Path
) -> None:
    data = tmp_path / "new"
    printed(steelyard("restore", backup, "--data", data))
    copy = printed(steelyard("backup", "--data", data))
    assert read(copy / "store.duckdb", "select count(*) from spans") == read(
        backup / "store.duckdb", "select count(*) from spans"
    )
    (data / "spool" / "00000000000001-x.seg").write_bytes(b"waits")
    refused = steelyard("backup", "--data", data)
    assert refused.returncode == 3
    assert "5 bytes of accepted telemetry wait" in refused.stderr


def test_an_export_read_into_an_empty_store_is_the_same_store(server: Server, tmp_path: Path) -> None:
    server.post("/v1/traces", export(a_call(tenant__id="acme"), a_call(started_ns=1_790_000_000_000_000_000)))
    folder = printed(steelyard("export", "--data", server.data_dir, "--to", tmp_path))
    manifest = json.loads((folder / "manifest.json").read_text())
    file.open_for_writing(tmp_path / "empty.duckdb").close()
    with duckdb.connect(str(tmp_path / "empty.duckdb")) as other:
        for one in manifest["files"]:
            other.execute(f"insert into {one['table']} by name from read_parquet('{folder / one['file']}')")
        ours = (
            "select count(*) as n, sum(list_cost_usd) as usd, sum(hash(c)::decimal(38, 0)) as h from calls c"
        )
        found = other.execute(ours).fetchall()
    [expected] = server.rows(ours)
    assert found == [tuple(expected.values())]
    assert {"2026-09"} < {one["month"] for one in manifest["files"] if one["table"] == "spans"}


def test_an_export_takes_only_what_was_asked_for(server: Server, tmp_path: Path) -> None:
    server.post(
        "/v1/traces", export(a_call(started_ns=1_790_000_000_000_000_000)), x_steelyard_project="other"
    )
    only = ("--project", "other", "--month", "2026-09", "--tables", "spans,charges")
    folder = printed(steelyard("export", "--data", server.data_dir, "--to", tmp_path, *only))
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
    assert found == ["charges/2026-09.parquet", "spans/2026-09.parquet"]
    with duckdb.connect() as connection:
        cost = connection.execute(
            f"select list_cost_usd, project from '{folder / found[0]}' limit 1"
        ).fetchone()
    assert cost == (Decimal("0.003500000000"), "other")


def test_csv_is_for_people_and_spreadsheets(server: Server, tmp_path: Path) -> None:
    server.post("/v1/traces", export(a_call()))
    only = ("--tables", "charges", "--format", "csv")
    folder = printed(steelyard("export", "--data", server.data_dir, "--to", tmp_path, *only))
    [path] = {path for path in folder.rglob("*.csv") if "2026-09" not in path.name}
    first, *_ = csv.DictReader(path.read_text().splitlines())
    assert first["list_cost_usd"] == "0.003500000000"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tables", "spanz"), "there is no table 'spanz' to export. There are: agreements"),
        (("--month", "2026-9"), "write it as YYYY-MM"),
        (("--month", "2026-09", "--since", "2026-09-01"), "not both"),
    ],
)
def test_a_wrong_export_says_what_is_wrong(server: Server, words: tuple[str, ...], said: str) -> None:
    refused = steelyard("export", "--data", server.data_dir, *words)
    assert (refused.returncode, said in refused.stderr) == (3, True), refused.stderr


def test_a_read_key_may_neither_back_up_nor_export(server: Server) -> None:
    made = steelyard("keys", "add", "--role", "read", "--project", "default", "--data", server.data_dir)
    key = next(word for word in made.stdout.split() if word.startswith("sy_read_"))
    env = {"STEELYARD_URL": server.api_url, "STEELYARD_API_KEY": key}
    for words in (("backup",), ("export",), ("erase", "--now")):
        refused = steelyard(*words, env=env)
        assert refused.returncode == 3
        assert "may not do this: it takes an admin key" in refused.stderr


@dataclass(frozen=True)
class Loose:
    """Files that others could read of a data directory whose store an earlier release had left open to them."""

    at_start: list[str]
    in_use: list[str]
    after: list[str]


@pytest.fixture(scope="module")
def found_loose(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Loose:
    data = tmp_path_factory.mktemp("old") / "data"
    data.mkdir(mode=0o700)
    backup = printed(steelyard("backup", "--data", server.data_dir))
    shutil.copy(backup / "store.duckdb", data / "store.duckdb")
    (data / "store.duckdb").chmod(0o644)
    assert loose(data) == [str(data / "store.duckdb")]
    previous = os.umask(0o022)
    try:
        with start_server(data) as again:
            at_start = loose(data)
            again.post("/v1/traces", export(a_call(tenant__id="acme")))
            printed(steelyard("backup", "--data", data))
            printed(steelyard("export", "--data", data))
            steelyard("erase", "--data", data, "--project", "default", "--tenant", "acme", "--yes")
            in_use = loose(data)
    finally:
        os.umask(previous)
    return Loose(at_start, in_use, loose(data))


def test_a_store_that_an_earlier_release_left_open_is_closed_to_others(found_loose: Loose) -> None:
    assert found_loose.at_start == []


def test_after_a_run_every_file_of_the_data_directory_is_this_users_alone(found_loose: Loose) -> None:
    assert found_loose.in_use == []
    assert found_loose.after == []


def loose(data: Path) -> list[str]:
    return [str(path) for path in (data, *data.rglob("*")) if path.lstat().st_mode & 0o077]
