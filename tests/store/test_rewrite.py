"""The rewritten file: the same rows in the same tables, put in place whole or not at all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from store import rewrite
from store.backends import file

DAYS = 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of some days of spans, undated ones too, and an erasure whose rows are still in the file."""
    path = tmp_path / "store.duckdb"
    connection = file.open_for_writing(path)
    connection.execute(
        "insert into spans by name select date '2026-10-01' + cast(i % ? as integer) as day, 'default' as project, "
        "uuid() as trace_id, 'call' as role, 0.0035 as list_cost_usd from range(2000) numbers(i)",
        [DAYS],
    )
    connection.execute("insert into spans by name select 'default' as project, 'undated' as span_name")
    connection.execute("insert into erasures by name select '01K' as erasure_id, 'tenant' as scope")
    connection.close()
    return path


def rewritten(path: Path) -> bool:
    """Copy the store, as its server would; closes it."""
    connection = file.open_for_writing(path)
    session = file.cursor(connection)
    try:
        return rewrite.copy_live_rows(session, path, file.STORAGE_VERSION, go_on=lambda: True)
    finally:
        session.close()
        connection.close()


def everything(path: Path) -> list[object]:
    """Tables with their definitions, views, and what the spans hold; the erasures apart, which are dated."""
    connection = file.open_for_writing(path)
    try:
        return [
            connection.execute(sql).fetchall()
            for sql in (
                "select table_name, sql from duckdb_tables() where database_name = 'store' order by table_name",
                "select view_name, sql from duckdb_views() where database_name = 'store' order by view_name",
                "select function_name from duckdb_functions() where database_name = 'store' order by function_name",
                "select count(*), count(day), count(distinct trace_id), sum(list_cost_usd), bit_xor(hash(s)) from spans s",
                "select count(*) from calls",
            )
        ]
    finally:
        connection.close()


def when_removed(path: Path) -> object:
    connection = file.open_for_writing(path)
    [(moment,)] = connection.execute("select physically_removed_at from erasures").fetchall()
    connection.close()
    return moment


def test_the_rewritten_store_is_the_same_store_in_another_file(path: Path) -> None:
    before, old = everything(path), path.stat().st_ino
    assert rewritten(path)
    assert everything(path) == before
    assert path.stat().st_ino != old


def test_the_receipt_is_dated_by_the_swap_and_not_by_the_copy(path: Path) -> None:
    assert rewritten(path)
    with duckdb.connect(str(path), read_only=True) as old:
        assert old.execute("select physically_removed_at from erasures").fetchall() == [(None,)]
    assert when_removed(path) is not None


def test_a_copy_that_a_crash_cut_short_is_thrown_away(path: Path) -> None:
    before = everything(path)
    part = path.parent / "rewrite" / "store.duckdb.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half a file")
    assert everything(path) == before
    assert when_removed(path) is None
    assert not part.exists()


def test_a_crash_after_the_old_log_went_loses_nothing(path: Path) -> None:
    before = everything(path)
    assert rewritten(path)
    # The swap's first step, and then the lights go out.
    path.with_name("store.duckdb.wal").unlink(missing_ok=True)
    assert everything(path) == before
    assert when_removed(path) is not None


def test_told_to_stop_it_leaves_nothing_behind(path: Path) -> None:
    connection = file.open_for_writing(path)
    session = file.cursor(connection)
    done = rewrite.copy_live_rows(session, path, file.STORAGE_VERSION, go_on=lambda: False)
    assert not done
    assert list((path.parent / "rewrite").iterdir()) == []
    session.execute("insert into spans by name select 'default' as project")  # and the store goes on
    session.close()
    connection.close()
