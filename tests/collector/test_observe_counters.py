"""Counters: fixed labels, and the committer's state of the last minute."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.observe import committing, reading, registry, taking
from errors import QueryError


def value(name: str, **labels: str) -> float:
    """A sample of the exposition as Prometheus would read it; 0 when it is not there yet."""
    body, _ = registry.exposition("")
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return 0.0


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The committer's counters, knowing of no commit."""
    monkeypatch.setattr(committing, "_recent", committing._Recent())
    yield committing


@pytest.mark.parametrize(
    ("reason", "known_as"),
    [
        ("a span has no trace id", "id"),
        ("the start time is 0", "time"),
        ("a value is over 1048576 bytes", "too_large"),
        ("the body is not protobuf", "unreadable"),
        ("whatever somebody writes here tomorrow", "other"),
    ],
)
def test_a_reason_becomes_one_of_a_few_words(reason: str, known_as: str) -> None:
    assert taking.reason_class(reason) == known_as


def test_a_signal_that_is_none_shares_a_label() -> None:
    before = value("steelyard_receiver_requests_total", door="http", signal="other", status="404")
    for path in ("/wp-admin", "/.env"):
        taking.answered("http", path, 404, 0.001)
    assert value("steelyard_receiver_requests_total", door="http", signal="other", status="404") == before + 2


def test_records_of_every_kind_are_one_signal() -> None:
    before = value("steelyard_receiver_items_accepted_total", signal="records")
    taking.accepted("records/runs", 3)
    assert value("steelyard_receiver_items_accepted_total", signal="records") == before + 3


def test_a_probe_does_not_make_the_doors_look_faster() -> None:
    before = value("steelyard_receiver_ack_seconds_count", door="http")
    taking.answered("http", taking.OTHER, 200, 0.001)
    taking.answered("http", "traces", 200, 0.001)
    assert value("steelyard_receiver_ack_seconds_count", door="http") == before + 1


def test_a_commit_counts_its_rows_by_table(commits: ModuleType) -> None:
    before = value("steelyard_store_rows_committed_total", table="spans")
    commits.committed(seconds=0.1, rows={"spans": 512, "scores": 0}, n_segments=2)
    assert value("steelyard_store_rows_committed_total", table="spans") == before + 512
    state = commits.state()
    assert (state.commits_last_minute, state.rows_last_minute) == (1, 512)


def test_commits_of_more_than_a_minute_ago_are_forgotten(
    commits: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(commits.time, "monotonic", lambda: now)
    commits.committed(seconds=0.1, rows={"spans": 10})
    now += 30
    commits.committed(seconds=0.1, rows={"spans": 5})
    now += 31
    assert (commits.state().commits_last_minute, commits.state().rows_last_minute) == (1, 5)


def test_an_older_segment_does_not_turn_the_newest_back(commits: ModuleType) -> None:
    commits.committed(seconds=0.1, rows={}, newest_received_at_us=2_000_000)
    commits.committed(seconds=0.1, rows={}, newest_received_at_us=1_000_000)
    assert commits.state().newest_received_at_s == 2.0


def test_trouble_is_one_until_it_is_over(commits: ModuleType) -> None:
    commits.trouble("the disk is full")
    assert value("steelyard_store_last_error") == 1 and commits.state().trouble == "the disk is full"
    commits.trouble(None)
    assert value("steelyard_store_last_error") == 0 and commits.state().trouble is None


def test_a_committer_that_was_never_heard_is_not_silent_for_zero_seconds(commits: ModuleType) -> None:
    assert commits.state().silent_s is None
    commits.alive()
    assert commits.state().silent_s is not None


@pytest.mark.parametrize(
    ("failure", "outcome"), [(QueryError("no"), "refused"), (ValueError("bug"), "failed")]
)
def test_a_query_counts_by_its_end(failure: Exception, outcome: str) -> None:
    before = value("steelyard_store_queries_total", outcome=outcome)
    with pytest.raises(type(failure)), reading.query():
        raise failure
    assert value("steelyard_store_queries_total", outcome=outcome) == before + 1


def test_a_gauge_set_twice_looks_at_the_later() -> None:
    registry.gauge("steelyard_test_gauge", "A test.", lambda: 1.0)
    registry.gauge("steelyard_test_gauge", "A test.", lambda: 2.0)
    assert value("steelyard_test_gauge") == 2.0


def test_who_asks_for_openmetrics_gets_it() -> None:
    body, content_type = registry.exposition("application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
