"""What is looked up of the store before spans are settled: all that matters, and hardly ever anything."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from collector.commit import related, seen
from collector.commit.seen import Ids, Seen
from collector.commit.source_texts import SourceTexts
from collector.commit.statements import statement
from collector.settle.columns import settled_columns
from tests.collector.test_settle_scenes import call, each, sent, span
from tests.spans import a_call
from tests.stores import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def ids(*numbers: int, project: str = "default", began: datetime | None = None) -> Ids:
    """Of spans of these traces, those with an odd number answered."""
    raw = pa.array([number.to_bytes(16, "big") for number in numbers], pa.binary(16))
    spans = {
        "trace_id": pa.ExtensionArray.from_storage(pa.uuid(), raw),
        "project": [project] * len(numbers),
        "response_id": pa.array([f"r{number}" if number % 2 else None for number in numbers], pa.string()),
        "started_at": pa.array(
            [began or datetime.now(UTC).replace(tzinfo=None)] * len(numbers), pa.timestamp("us")
        ),
    }
    return Ids.of(pa.table(spans))


@pytest.fixture
def loaded(store: Store) -> Seen:
    seen = Seen()
    seen.load(store.session)
    return seen


def test_one_that_was_not_loaded_has_everything_looked_up() -> None:
    assert Seen().may_hold_trace(ids(1, 2)).all()


def test_nothing_is_looked_up_of_new_traces_and_everything_of_known_ones(loaded: Seen) -> None:
    loaded.add(ids(*range(1000)))
    assert loaded.may_hold_trace(ids(*range(1000))).all()
    assert loaded.may_hold_trace(ids(*range(1000, 2000))).sum() <= 1


def test_no_stored_trace_is_ever_missed_when_the_filters_grow(loaded: Seen) -> None:
    for first in range(0, 600_000, 100_000):
        loaded.add(ids(*range(first, first + 100_000)))
    assert loaded.may_hold_trace(ids(*range(0, 600_000, 7))).all()
    assert loaded.may_hold_trace(ids(*range(10**7, 10**7 + 20_000))).mean() < 0.001


def test_the_same_id_in_another_project_is_another_trace(loaded: Seen) -> None:
    loaded.add(ids(1, 2, 3))
    assert not loaded.may_hold_trace(ids(1, 2, 3, project="other")).any()


@pytest.mark.parametrize("off", [timedelta(hours=-3), timedelta(hours=1)])
def test_what_is_older_than_what_was_loaded_or_in_the_future_is_always_looked_up(
    loaded: Seen, off: timedelta
) -> None:
    assert loaded.may_hold_trace(ids(77, began=datetime.now(UTC).replace(tzinfo=None) + off)).all()


def test_what_is_forgotten_is_looked_up_again(loaded: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "_MOST_KEYS", 100)
    for first in range(0, 1_000, 60):
        loaded.add(ids(*range(first, first + 60)))
    assert loaded.may_hold_trace(ids(0, 500, 999, began=datetime.now(UTC).replace(tzinfo=None))).all()


def test_an_answer_repeats_only_when_it_came_twice(loaded: Seen) -> None:
    loaded.add(ids(1, 3))
    loaded.add(ids(3, 5, 5))
    asked = ids(1, 2, 3, 5)
    assert loaded.may_hold_answer(asked).tolist() == [True, False, True, True]
    assert loaded.may_repeat(asked).tolist() == [False, False, True, True]


def test_a_restarted_server_knows_what_was_stored(store: Store) -> None:
    now = time.time_ns()
    trace = b"t" * 16
    store.receive(a_call(trace_id=trace, span_id=b"aaaaaaaa", started_ns=now))
    store.reopen()
    store.receive(a_call(trace_id=trace, span_id=b"aaaaaaaa", started_ns=now))
    assert store.value("select count(*) from spans") == 1


def test_of_a_trace_without_end_only_the_neighbours_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related, "MOST_OF_A_TRACE", 10)
    root = span("root", ms=60_000, tenant__id="acme")
    each(store, sent(root))
    spans = [call(f"c{number}", parent=root, at_ms=number * 1_000) for number in range(30)]
    for one in spans:
        store.send(sent(one))
    store.commit()
    each(store, sent(call("late", parent=root, at_ms=40_000)))
    assert store.value("select count(*) from calls where tenant_id = 'acme'") == 31


def test_every_settled_column_is_put_back() -> None:
    excluded = re.search(r"exclude \(([^)]*)\)", statement("put_back"))
    assert excluded
    named = {name.strip() for name in excluded[1].split(",")}
    assert settled_columns([]).keys() <= named


def test_texts_about_sources_are_stored_once(store: Store) -> None:
    each(store, sent(call("one")), sent(call("two")))
    store.reopen()
    each(store, sent(call("three")))
    assert store.value("select count(*) from span_sources") == 1
    assert store.value("select count(*) from spans join span_sources using (sources_id)") == 3


def test_a_text_that_was_taken_back_is_stored_again(store: Store) -> None:
    texts = SourceTexts()
    store.session.execute("begin transaction")
    texts.ids(store.session, pa.array(["a", None, "a"]))
    store.session.execute("rollback")
    assert (
        texts.ids(store.session, pa.array(["a", "b"])).to_pylist()
        == texts.ids(store.session, pa.array(["a", "b"])).to_pylist()
    )
    assert store.value("select count(*) from span_sources") == 2
