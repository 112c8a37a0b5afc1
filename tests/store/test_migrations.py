"""Migrations: the data directory of each release is taken over, with a backup, whatever happens in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from errors import DataDirError
from store.backends import file
from store.schema import latest_version, migrations, schema_version
from tests.servers import start_server

RELEASES = Path(__file__).parents[1] / "fixtures" / "releases"


def unpacked(release: str, into: Path) -> Path:
    """A copy of the data directory that the release left."""
    with tarfile.open(RELEASES / f"{release}.tar.xz") as archive:
        # As the argument `filter`, which Python 3.11.2 does not know yet.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(into)
    [data] = into.iterdir()
    return data


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
    return found


@pytest.fixture
def release_0_1_0(tmp_path: Path) -> Path:
    return unpacked("0.1.0-schema-1", tmp_path / "release")


def test_the_data_directory_of_0_1_0_keeps_every_number_and_its_spool_is_committed(
    release_0_1_0: Path,
) -> None:
    with start_server(release_0_1_0) as server:
        server.wait_until_committed()
        per_tenant = {
            row["tenant_id"]: row["usd"]
            for row in server.rows(
                "select tenant_id, sum(list_cost_usd) as usd from calls group by tenant_id"
            )
        }
        per_project = server.rows(
            "select project, count(*) as n from calls group by project order by project"
        )
        charged = server.value("select sum(list_cost_usd) from charges")
        n_runs = server.value("select count(*) from runs where received_at is not null")
        version = server.value("select value from meta where key = 'schema_version'")
    # One call waited in the spool, in the format of then: 1,000 tokens in, 100 out of gpt-4o.
    assert per_tenant.pop("spooled") == Decimal("0.0035")
    assert sum(usd for usd in per_tenant.values() if usd is not None) == Decimal("0.117378600000")
    assert charged == Decimal("0.117378600000") + Decimal("0.0035")
    assert {row["project"]: row["n"] for row in per_project} == {"default": 45, "other": 2}
    assert n_runs >= 1
    assert int(version) == latest_version()


def test_the_migration_of_0_1_0_left_a_backup_of_what_it_found(release_0_1_0: Path) -> None:
    file.open_for_writing(release_0_1_0 / "store.duckdb").close()
    [backup] = (release_0_1_0 / "backups").iterdir()
    assert read(backup, "select value from meta where key = 'schema_version'") == [("1",)]
    assert read(backup, "select count(*), sum(list_cost_usd) from calls") == [(46, Decimal("0.117378600000"))]
    assert backup.stat().st_mode & 0o077 == 0


def test_the_backup_before_a_migration_holds_what_only_the_log_had(release_0_1_0: Path) -> None:
    store = release_0_1_0 / "store.duckdb"
    # A process that dies without a checkpoint leaves its last commits in the log.
    dying = dedent(
        """
        import duckdb, os, sys
        connection = duckdb.connect(sys.argv[1])
        connection.execute("insert into batches values ('in-the-log', now()::timestamp, 0, 0, 0, 0)")
        os._exit(1)
        """
    )
    subprocess.run([sys.executable, "-c", dying, store], check=False, timeout=60)
    assert (release_0_1_0 / "store.duckdb.wal").stat().st_size > 0
    file.open_for_writing(store).close()
    [backup] = (release_0_1_0 / "backups").iterdir()
    assert read(backup, "select count(*) from batches where batch_id = 'in-the-log'") == [(1,)]


@pytest.mark.parametrize("version", range(2, latest_version() + 1))
def test_a_crash_in_the_middle_of_a_migration_leaves_a_store_that_opens(
    release_0_1_0: Path, version: int
) -> None:
    store = release_0_1_0 / "store.duckdb"
    dying = dedent(
        """
        import os, sys
        from pathlib import Path
        from store import schema
        from store.backends import file

        whole = schema._apply

        def half(connection, migration, sql):
            if migration.version < int(sys.argv[2]):
                return whole(connection, migration, sql)
            connection.execute("begin transaction")
            connection.execute(sql)
            os._exit(9)

        schema._apply = half
        file.open_for_writing(Path(sys.argv[1]))
        """
    )
    died = subprocess.run([sys.executable, "-c", dying, store, str(version)], check=False, timeout=60)
    assert died.returncode == 9
    connection = file.open_for_writing(store)
    try:
        assert schema_version(connection) == latest_version()
        counted = connection.execute("select count(*), sum(list_cost_usd) from calls").fetchall()
    finally:
        connection.close()
    assert counted == [(46, Decimal("0.117378600000"))]


def test_a_migrated_store_has_the_tables_of_a_new_one(release_0_1_0: Path, tmp_path: Path) -> None:
    shapes = []
    for path in (release_0_1_0 / "store.duckdb", tmp_path / "new.duckdb"):
        connection = file.open_for_writing(path)
        shapes.append(
            connection.execute(
                "select table_name, column_name, data_type from duckdb_columns() where database_name = 'store' "
                "and not internal order by table_name, column_index"
            ).fetchall()
        )
        connection.close()
    assert shapes[0] == shapes[1]


def test_every_release_has_an_archive_that_this_version_opens(tmp_path: Path) -> None:
    archives = sorted(RELEASES.glob("*.tar.xz"))
    assert archives
    for archive in archives:
        data = unpacked(archive.name.removesuffix(".tar.xz"), tmp_path / archive.name)
        connection = file.open_for_writing(data / "store.duckdb")
        assert schema_version(connection) == len(migrations())
        connection.close()
        assert not os.access(data / "store.duckdb.wal", os.F_OK)


def test_an_older_store_is_not_read_before_it_is_brought_up_to_date(release_0_1_0: Path) -> None:
    with pytest.raises(
        DataDirError, match=r"older Steelyard \(schema 1; this one reads \d+\).*steelyard collect"
    ):
        file.open_for_reading(release_0_1_0 / "store.duckdb")
