"""The store's tables: made by numbered migrations, and never by surprise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from errors import DataDirError
from store.backends import file
from store.records import KINDS, PRICE_KINDS, SQL_TYPES
from store.schema import latest_version, migrations, schema_version

# What the store server adds to a record when it has done what it asks for (collector/repricing).
WORKED_OFF = {
    "pricing_runs": ("finished_at", "n_calls", "n_changed", "n_corrected"),
    "periods": ("recorded_at", "n_calls", "list_cost_usd", "effective_cost_usd", "price_book"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = file.open_for_writing(tmp_path_factory.mktemp("schema") / "store.duckdb")
    yield connection
    connection.close()


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    found = connection.execute(
        "select column_name, data_type from information_schema.columns where table_name = ? order by ordinal_position",
        [table],
    )
    return [(name, str(kind)) for name, kind in found.fetchall()]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, latest_version() + 1))


# An erasure is stored as a receipt, without the id that came (tests/store/test_erase.py); prices are of no project, and a
# card becomes rows of two tables (tests/store/test_prices.py).
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in {"erasures", *PRICE_KINDS, *WORKED_OFF}]
)
def test_each_record_kind_has_a_table_with_exactly_its_fields(
    store: duckdb.DuckDBPyConnection, kind: str
) -> None:
    promised = [("project", "VARCHAR"), ("received_at", "TIMESTAMP")]
    promised += [(name, SQL_TYPES[field]) for name, field in KINDS[kind].fields.items()]
    assert columns(store, KINDS[kind].table) == promised


@pytest.mark.parametrize("kind", WORKED_OFF)
def test_what_is_asked_for_has_a_table_that_says_what_came_of_it_too(
    store: duckdb.DuckDBPyConnection, kind: str
) -> None:
    asked = {name: SQL_TYPES[field] for name, field in KINDS[kind].fields.items()}
    kinds = dict(columns(store, KINDS[kind].table))
    assert {name: kinds.get(name) for name in asked} == asked
    assert set(kinds) - set(asked) == {"project", "received_at", *WORKED_OFF[kind]}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        connection = file.open_for_writing(tmp_path / "store.duckdb")
        assert schema_version(connection) == latest_version()
        connection.close()
    assert not (tmp_path / "backups").exists()


def test_views_that_another_version_of_them_made_are_made_anew(tmp_path: Path) -> None:
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    [(fingerprint,)] = connection.execute("select value from meta where key = 'views'").fetchall()
    connection.execute("create or replace view calls as select 1 as of_an_older_version")
    connection.execute("update meta set value = 'older' where key = 'views'")
    connection.close()
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    assert columns(connection, "calls") != [("of_an_older_version", "INTEGER")]
    assert connection.execute("select value from meta where key = 'views'").fetchall() == [(fingerprint,)]
    connection.close()


def test_a_file_from_a_newer_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    connection.execute("update meta set value = '999' where key = 'schema_version'")
    connection.close()
    with pytest.raises(DataDirError, match=r"newer Steelyard.*Upgrade"):
        file.open_for_writing(tmp_path / "store.duckdb")


def test_a_file_that_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").write_bytes(b"this is not a database" * 100)
    with pytest.raises(DataDirError, match="cannot be opened"):
        file.open_for_writing(tmp_path / "store.duckdb")


def test_every_view_reads_on_an_empty_store(store: duckdb.DuckDBPyConnection) -> None:
    assert store.execute("select count(*) from calls").fetchone() == (0,)
    assert store.execute("select * from trace('5b8aa5a2d2c872e8321cf37308d69df2')").fetchall() == []


def test_no_table_or_view_has_a_type_that_scale_out_would_store_wrongly(
    store: duckdb.DuckDBPyConnection,
) -> None:
    kinds = {
        kind
        for (kind,) in store.execute("select distinct data_type from information_schema.columns").fetchall()
    }
    assert not {kind for kind in kinds if "HUGEINT" in kind or kind.startswith("ENUM")}
