"""What a commit makes of spans: one row each, the fuller body kept, every known cost in the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.spans import USAGE_IN, USAGE_OUT, a_call, export
from tests.stores import Store, gpt_4o_book, open_store

TRACE, SPAN = b"t" * 16, b"s" * 8
DAY_NS = 24 * 3600 * 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data", gpt_4o_book()) as opened:
        yield opened


def test_a_known_model_costs_its_published_price(store: Store) -> None:
    # gpt-4o: 2.50 in, 1.25 cached, 10.00 out a million. 200 × 2.50 + 800 × 1.25 + 100 × 10 = 2,500 millionths.
    store.receive(a_call(**{USAGE_IN: 1000, "gen_ai.usage.cache_read.input_tokens": 800, USAGE_OUT: 100}))
    [call] = store.rows("select cost_status, list_cost_usd, effective_cost_usd from calls")
    assert call == {
        "cost_status": "priced",
        "list_cost_usd": Decimal("0.002500000000"),
        "effective_cost_usd": Decimal("0.002500000000"),
    }


def test_an_unknown_model_is_unpriced_and_never_free(store: Store) -> None:
    store.receive(a_call(gen_ai__request__model="my-own-model", gen_ai__response__model=None))
    [call] = store.rows("select cost_status, list_cost_usd from calls")
    assert call == {"cost_status": "unpriced_model", "list_cost_usd": None}


def test_a_call_without_usage_has_no_cost(store: Store) -> None:
    store.receive(a_call(**{USAGE_IN: None, USAGE_OUT: None}))
    [call] = store.rows("select cost_status, list_cost_usd, input_tokens, usage_source from calls")
    assert call == {
        "cost_status": "no_usage",
        "list_cost_usd": None,
        "input_tokens": None,
        "usage_source": "none",
    }


def test_audio_beyond_the_input_is_a_conflict_and_not_clamped(store: Store) -> None:
    store.receive(a_call(**{USAGE_IN: 10, "gen_ai.usage.audio.input_tokens": 500}))
    [call] = store.rows("select cost_status, list_cost_usd from calls")
    assert call == {"cost_status": "conflict", "list_cost_usd": None}


def test_cached_beyond_the_input_proves_that_the_input_leaves_it_out(store: Store) -> None:
    store.receive(a_call(**{USAGE_IN: 10, "gen_ai.usage.cache_read.input_tokens": 500}))
    [call] = store.rows("select input_tokens, cached_input_tokens, usage_semantics, cost_status from calls")
    assert call == {
        "input_tokens": 510,
        "cached_input_tokens": 500,
        "usage_semantics": "exclusive",
        "cost_status": "priced",
    }


@pytest.mark.parametrize("fuller_first", [True, False])
@pytest.mark.parametrize("one_commit", [True, False])
def test_of_two_bodies_of_one_span_the_one_with_more_usage_stays(
    store: Store, fuller_first: bool, one_commit: bool
) -> None:
    started = time.time_ns()
    same = {"trace_id": TRACE, "span_id": SPAN, "started_ns": started}
    bodies = [a_call(**same, **{USAGE_OUT: 100}), a_call(**same, **{USAGE_OUT: None})]  # type: ignore[arg-type]
    for body in bodies if fuller_first else reversed(bodies):
        store.send(export(body))
        if not one_commit:
            store.commit()
    store.commit()
    assert store.rows("select output_tokens from calls") == [{"output_tokens": 100}]


def test_the_same_segment_twice_adds_nothing(store: Store, tmp_path: Path) -> None:
    store.send(export(a_call()))
    store.spool.seal()
    [segment] = (tmp_path / "data" / "spool").glob("*.seg")
    content = segment.read_bytes()
    store.commit()
    segment.write_bytes(content)  # as after a crash between commit and delete
    store.commit()
    assert store.value("select count(*) from spans") == 1
    assert store.value("select count(*) from charges") == 1
    assert not segment.exists()


def test_the_ledger_and_the_calls_always_agree(store: Store) -> None:
    started = time.time_ns()
    same = {"trace_id": TRACE, "span_id": SPAN, "started_ns": started}
    store.receive(
        a_call(**same, **{USAGE_OUT: 50}),
        a_call(),
        a_call(gen_ai__request__model="x", gen_ai__response__model="x"),
    )  # type: ignore[arg-type]
    store.receive(a_call(**same, **{USAGE_OUT: 100}))  # type: ignore[arg-type]
    official = (
        "select sum(list_cost_usd) from (select * from charges "
        "qualify row_number() over (partition by project, trace_id, span_id order by seq desc) = 1)"
    )
    assert (
        store.value(official)
        == store.value("select sum(list_cost_usd) from calls")
        == Decimal("0.007000000000")
    )
    assert store.rows(
        "select seq, supersedes from charges where span_id = 8319119876378817395 order by seq"
    ) == [
        {"seq": 1, "supersedes": None},
        {"seq": 2, "supersedes": 1},
    ]


def test_one_bad_clock_does_not_keep_others_from_being_recognised(store: Store) -> None:
    now = time.time_ns()
    spans = [
        a_call(started_ns=now),
        a_call(started_ns=now - 20_000 * DAY_NS),
        a_call(started_ns=now + 900 * DAY_NS),
    ]
    store.receive(*spans)
    store.receive(*spans)
    assert store.value("select count(*) from spans") == 3


def test_the_same_span_in_two_projects_is_two_spans(store: Store) -> None:
    body = export(a_call())
    store.send(body, project="one")
    store.send(body, project="two")
    store.commit()
    assert store.rows("select project from calls order by project") == [
        {"project": "one"},
        {"project": "two"},
    ]


def test_concurrent_identical_calls_stay_two(store: Store) -> None:
    started = time.time_ns()
    store.receive(a_call(started_ns=started), a_call(started_ns=started))
    assert store.value("select count(*) from calls") == 2


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "plan", "something_new"])
def test_what_is_not_a_model_call_is_a_wrapper_and_costs_nothing(store: Store, operation: str) -> None:
    store.receive(a_call(gen_ai__operation__name=operation))
    assert store.rows("select role, input_tokens, cost_status from spans") == [
        {"role": "wrapper", "input_tokens": None, "cost_status": None}
    ]


def test_a_span_another_family_marked_is_left_to_its_rules(store: Store) -> None:
    store.receive(a_call(langsmith__span__kind="prompt"))
    assert store.value("select role from spans") == "wrapper"


@pytest.mark.parametrize(
    ("attributes", "error_class"),
    [
        ({"http__response__status_code": 429}, "rate_limit"),
        ({"error__type": "429"}, "rate_limit"),
        ({"error__type": "openai.RateLimitError"}, "rate_limit"),
        ({"error__type": "APITimeoutError"}, "timeout"),
        ({"http__response__status_code": 503}, "server"),
        ({"http__response__status_code": 401}, "auth"),
        ({"http__response__status_code": 400}, "bad_request"),
        ({"http__response__status_code": 400, "error__type": "content_filter"}, "content_filter"),
        ({"error__type": "APIConnectionError"}, "connection"),
        ({"error__type": "Exception"}, "other"),
        ({}, "other"),
    ],
)
def test_a_failure_has_one_class_whatever_its_emitter_calls_it(
    store: Store, attributes: dict[str, Any], error_class: str
) -> None:
    store.receive(a_call(failed=True, **attributes))
    assert store.value("select error_class from calls") == error_class


def test_the_status_in_the_error_text_is_used_and_the_text_is_not_kept(store: Store) -> None:
    span = a_call(failed=True, error__type="BadThing")
    span.status.message = "Error code: 429 - you said: my secret prompt"
    store.receive(span)
    assert store.rows("select error_class, http_status from calls") == [
        {"error_class": "rate_limit", "http_status": 429}
    ]
    assert "secret" not in str(store.rows("select * from spans"))


def test_a_segment_that_cannot_be_decoded_does_not_stop_its_neighbours(store: Store, tmp_path: Path) -> None:
    store.send(export(a_call()))
    store.spool.seal()
    store.send(b"\xff\xff not protobuf")
    store.spool.seal()
    store.send(export(a_call()))
    store.commit()
    assert store.value("select count(*) from calls") == 2
    assert store.value("select count(*) from rejects") == 1
    assert len(list((tmp_path / "data" / "spool" / "quarantine").glob("*.seg"))) == 1


def test_records_are_stored_once_by_their_own_key(store: Store) -> None:
    body = b'[{"run_id": "01J", "suite": "s", "started_at": "2026-11-01T00:00:00Z"}]'
    for _ in range(2):
        store.send(body, signal="records/runs")
        store.commit()
    assert store.value("select count(*) from runs") == 1


def test_an_erasure_removes_what_came_before_it_and_nothing_after(store: Store) -> None:
    store.send(export(a_call()), project="demo")
    store.send(export(a_call()), project="default")
    store.send(b'[{"erasure_id": "01K", "scope": "project"}]', project="demo", signal="records/erasures")
    store.send(export(a_call(), a_call()), project="demo")
    store.commit()
    assert store.rows("select project, count(*) as n from spans group by project order by project") == [
        {"project": "default", "n": 1},
        {"project": "demo", "n": 2},
    ]
    assert store.value("select count(*) from charges where project = 'demo'") == 2


def test_the_store_cannot_be_made_to_read_files(store: Store) -> None:
    with pytest.raises(duckdb.PermissionException):
        store.session.execute("select * from read_csv('/etc/passwd')")


def test_a_body_that_meets_two_stored_ones_of_its_span_is_not_lost_between_them(store: Store) -> None:
    # Two bodies an hour apart are not recognised as one span. A third between them, in a commit that spans both,
    # meets one that it beats and one that beats it.
    start = 1_790_000_000 * 10**9
    minute = 60 * 10**9
    same = {"trace_id": TRACE, "span_id": SPAN}
    store.receive(a_call(**same, started_ns=start, **{USAGE_OUT: 10}))
    store.receive(a_call(**same, started_ns=start + 50 * minute, **{USAGE_OUT: 30}))
    store.receive(
        *(a_call(started_ns=start + n * minute) for n in range(0, 60, 10)),
        a_call(**same, started_ns=start + 25 * minute, **{USAGE_OUT: 20}),
    )
    assert store.value("select max(output_tokens) from calls where span_id = '" + SPAN.hex() + "'") == 30
