"""Retention: what is too old goes, a day at a time; what nobody limited is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collector.configure import load_settings
from collector.retention import Retention
from collector.upkeep.upkeep import LOOK_EVERY, RETRY_REWRITE_AFTER, StoreRewritten, Upkeep
from errors import ConfigError
from tests.spans import a_call, export
from tests.stores import Store, gpt_4o_book, open_store

NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data", gpt_4o_book()) as opened:
        yield opened


def upkeep(store: Store, **retention: Any) -> Upkeep:
    settings = load_settings({"data": store.spool_dir.parent, "retention": retention})
    return Upkeep(store.session, settings)


def to_the_end(kept: Upkeep, now: datetime = NOW) -> int:
    """How many steps it took until nothing was left to do."""
    n_steps = 1
    while kept.step(now):
        n_steps += 1
    return n_steps


def days_ago(days: int) -> int:
    return int((NOW - timedelta(days=days)).timestamp()) * 1_000_000_000


def rows_aged(store: Store, table: str, *ages: int, project: str = "default") -> None:
    column = "received_at" if table == "rejects" else "day"
    for age in ages:
        store.session.execute(
            f"insert into {table} by name select ? as project, cast(? as timestamp) as {column}",
            [project, (NOW - timedelta(days=age)).replace(tzinfo=None)],
        )


def ages(store: Store, table: str) -> list[int]:
    """Of the rows that are left, in days."""
    day = "cast(received_at as date)" if table == "rejects" else "day"
    return sorted((NOW.date() - row["day"]).days for row in store.rows(f"select {day} as day from {table}"))


@pytest.mark.parametrize("table", ["spans", "charges", "scores"])
def test_nothing_that_money_hangs_on_is_deleted_by_default(store: Store, table: str) -> None:
    rows_aged(store, table, 10_000)
    to_the_end(upkeep(store))
    assert ages(store, table) == [10_000]


@pytest.mark.parametrize(
    ("table", "days"), [("contents", 30), ("rejects", 30), ("log_records", 90), ("metric_points", 90)]
)
def test_the_rest_is_kept_for_its_days_by_default(store: Store, table: str, days: int) -> None:
    rows_aged(store, table, 0, days, days + 1, days + 400)
    to_the_end(upkeep(store))
    assert ages(store, table) == [0, days]


def test_a_project_can_keep_less_or_more_than_the_others(store: Store) -> None:
    for project in ("default", "demo", "audit"):
        rows_aged(store, "spans", 10, 100, 1000, project=project)
    to_the_end(
        upkeep(
            store, spans_days=400, projects={"demo": {"spans_days": 30}, "audit": {"spans_days": "forever"}}
        )
    )
    left = store.rows("select project, count(*) as n from spans group by project order by project")
    assert [(row["project"], row["n"]) for row in left] == [("audit", 3), ("default", 2), ("demo", 1)]


def test_a_step_takes_one_day_so_that_no_commit_waits_long(store: Store) -> None:
    rows_aged(store, "contents", 40, 41, 42)
    kept = upkeep(store)
    assert kept.step(NOW)
    assert ages(store, "contents") == [40, 41]
    assert to_the_end(kept) == 3


def test_the_ledger_outlives_the_calls(store: Store) -> None:
    store.send(export(a_call(started_ns=days_ago(50)), a_call()))
    store.commit()
    to_the_end(upkeep(store, spans_days=30))
    assert store.value("select count(*) from calls") == 1
    assert store.value("select sum(list_cost_usd) from charges") == 2 * Decimal("0.0035")


def test_a_span_that_arrives_late_is_stored_and_goes_at_the_next_look(store: Store) -> None:
    kept = upkeep(store, spans_days=30)
    to_the_end(kept)
    store.send(export(a_call(started_ns=days_ago(50))))
    store.commit()
    assert store.value("select count(*) from spans") == 1
    to_the_end(kept, NOW + LOOK_EVERY)
    assert store.value("select count(*) from spans") == 0


def test_between_looks_a_step_costs_nothing(store: Store) -> None:
    kept = upkeep(store, spans_days=30)
    to_the_end(kept)
    rows_aged(store, "spans", 50)
    assert not kept.step(NOW + LOOK_EVERY / 2)
    assert ages(store, "spans") == [50]


def test_an_erasure_is_rewritten_within_its_hours_and_not_before(store: Store) -> None:
    store.send(
        json.dumps({"erasure_id": "1", "scope": "tenant", "tenant_id": "a"}).encode(),
        signal="records/erasures",
    )
    store.commit()
    kept = upkeep(store, erasure_rewrite_hours=24)
    ready = store.spool_dir.parent / "rewrite" / "store.duckdb.ready"
    kept.step(datetime.now(UTC) + timedelta(hours=23))
    assert not ready.exists()
    with pytest.raises(StoreRewritten):
        kept.step(datetime.now(UTC) + timedelta(hours=25))
    assert ready.exists()


def test_a_copy_that_the_store_has_moved_on_from_is_dropped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with open_store(data, gpt_4o_book()) as store:
        store.send(
            json.dumps({"erasure_id": "1", "scope": "tenant", "tenant_id": "a"}).encode(),
            signal="records/erasures",
        )
        store.commit()
        with pytest.raises(StoreRewritten):
            upkeep(store, erasure_rewrite_hours=0).step(datetime.now(UTC) + timedelta(hours=1))
        store.send(export(a_call()))  # nobody may; but if somebody does, it must not be lost
        store.commit()
    with open_store(data, gpt_4o_book()) as store:
        assert store.value("select count(*) from calls") == 1
        assert store.value("select physically_removed_at from erasures") is None
    assert not (data / "rewrite" / "store.duckdb.ready").exists()


def test_a_rewrite_gives_way_to_a_spool_that_fills(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.send(
        json.dumps({"erasure_id": "1", "scope": "tenant", "tenant_id": "a"}).encode(),
        signal="records/erasures",
    )
    store.commit()
    settings = load_settings({"data": store.spool_dir.parent, "spool_max_bytes": 1_000_000})
    (store.spool_dir / "1.seg").write_bytes(bytes(600_000))
    kept = Upkeep(store.session, settings)
    kept.rewrite_soon()
    assert not kept.step(datetime.now(UTC))
    assert list((store.spool_dir.parent / "rewrite").iterdir()) == []
    assert "the spool was filling up" in caplog.text
    # What was asked for is not forgotten: it is tried again, and the spool has room by then.
    (store.spool_dir / "1.seg").unlink()
    with pytest.raises(StoreRewritten):
        kept.step(datetime.now(UTC) + RETRY_REWRITE_AFTER)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"span_days": 3}, "there is no span_days. There are: spans_days"),
        ({"spans_days": 0}, "spans_days = 0 is not a number from 1 to 36500, nor 'forever'"),
        ({"projects": {"A B": {}}}, "'A B' is not a project name"),
        (
            {"projects": {"demo": {"erasure_rewrite_hours": 3}}},
            "there is no projects.demo.erasure_rewrite_hours",
        ),
    ],
)
def test_a_wrong_setting_says_which_and_what_it_may_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match="setting retention") as refused:
        load_settings({"retention": given})
    assert said in str(refused.value)


def test_what_is_handed_to_the_processes_is_what_was_set() -> None:
    read = Retention.read({"spans_days": 400, "projects": {"demo": {"contents_days": "forever"}}})
    assert Retention.read(json.loads(json.dumps(read.plain()))) == read


def test_steelyard_toml_sets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steelyard.toml").write_text(
        "[retention]\nspans_days = 400\n[retention.projects.demo]\nspans_days = 30\n"
    )
    monkeypatch.chdir(tmp_path)
    read = load_settings().retention
    assert (read.days("spans", "default"), read.days("spans", "demo"), read.days("contents", "demo")) == (
        400,
        30,
        30,
    )


def test_a_day_of_many_rows_is_no_long_wait(store: Store) -> None:
    store.session.execute(
        "insert into spans by name select current_date - 50 as day, 'default' as project, uuid() as trace_id, "
        "'{\"a\": 1}'::json as attributes from range(200_000)"
    )
    began = time.monotonic()
    upkeep(store, spans_days=30).step(NOW)
    assert store.value("select count(*) from spans") == 0
    assert time.monotonic() - began < 10  # 0.02 s for half a million on 2 idle cores
