"""What a conversation view asks: the list, the turns of one, and what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from store.reader import FileReader, rows
from tests.dashboard.data import NOW, a_call, a_content, a_failed_call, a_store

DAY = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
START = NOW - timedelta(hours=4)
TRACES = [f"{n:032x}" for n in range(1, 9)]


def turn(trace: int, seconds: float, session: str = "talk", **given: Any) -> dict[str, Any]:
    """A call of a conversation, a second long."""
    at = {
        "trace_id": TRACES[trace],
        "started_at": START + timedelta(seconds=seconds),
        "span_id": int(seconds) + 1,
    }
    return a_call(**at | {"session_id": session, "user_id": "ada", "duration_ns": 1_000_000_000} | given)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    spans = [
        turn(0, 0, input_tokens=1_000, output_tokens=100),
        turn(0, 3, input_tokens=1_200, output_tokens=100, finish_reason="length"),
        turn(
            1, 60, input_tokens=1_100, output_tokens=50, prompt_name="judge"
        ),  # of another prompt: no shrinking
        turn(2, 120, input_tokens=1_300, output_tokens=100, model_answered="small"),
        turn(3, 180, input_tokens=1_079, output_tokens=None),  # less than 9/10 of the 1,200 before
        turn(4, 240, "short", list_cost_usd=Decimal("9"), tenant_id="globex"),
        a_failed_call(session_id="lost", started_at=START + timedelta(hours=1)),
        a_call(session_id=None, started_at=START),
        turn(5, 300, "short", project="leak"),
    ]
    said = {"started_at": START, "span_id": 1}
    contents = [
        a_content(trace_id=TRACES[0], span_id=said["span_id"], body="first"),
        a_content(trace_id=TRACES[1], span_id=61, body="second"),
        a_content(trace_id=TRACES[7], span_id=61, body="of another trace"),
    ]
    path = tmp_path_factory.mktemp("sessions") / "store.duckdb"
    reader = FileReader(a_store(path, spans=spans, contents=contents))
    yield reader
    reader.close()


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({}, ["lost", "short", "talk"]),
        ({"sort": "cost"}, ["short", "talk", "lost"]),
        ({"sort": "calls"}, ["talk", "lost", "short"]),
        ({"sort": "errors"}, ["lost", "short", "talk"]),
        ({"user_id": "ada"}, ["short", "talk"]),
        ({"tenant_id": "globex"}, ["short"]),
    ],
    ids=str,
)
def test_conversations_are_ordered_as_asked(
    store: FileReader, asked: dict[str, str], order: list[str]
) -> None:
    found = rows(store.query("sessions", **DAY, limit="10", **asked))
    assert [row["session_id"] for row in found] == order


def test_a_conversation_is_summed_over_its_calls_and_nothing_unknown_is_zero(store: FileReader) -> None:
    found = {row["session_id"]: row for row in rows(store.query("sessions", **DAY, limit="10"))}
    talk, lost = found["talk"], found["lost"]
    assert (talk["n_calls"], talk["n_traces"], talk["n_truncated"], talk["n_users"]) == (5, 4, 1, 1)
    assert (talk["cost_usd"], talk["n_priced"]) == (5 * Decimal("0.0035"), 5)
    assert (talk["input_tokens"], talk["most_context_tokens"]) == (5_679, 1_400)
    assert (talk["models"], talk["prompt_names"]) == ("gpt-4o-2024-08-06, small", "judge")
    assert (talk["first_at"], talk["last_at"]) == (START, START + timedelta(seconds=180))
    assert (lost["cost_usd"], lost["input_tokens"], lost["n_errors"], lost["user_id"]) == (
        None,
        None,
        1,
        None,
    )


def test_a_limit_keeps_the_first_and_says_how_many_there_are(store: FileReader) -> None:
    (first,) = rows(store.query("sessions", **DAY, limit="1"))
    assert (first["session_id"], first["n_sessions"]) == ("lost", 3)


def test_the_turns_of_a_conversation_in_order_with_what_was_cut_short(store: FileReader) -> None:
    found = rows(store.query("session_turns", session_id="talk", windows=json.dumps({"small": 1_500})))
    assert [(row["place"], row["turn"], row["context_tokens"], row["truncation"]) for row in found] == [
        (1, 1, 1_100, None),
        (2, 1, 1_300, "length"),
        (3, 2, 1_150, None),
        (4, 3, 1_400, "near_window"),  # 1,400 of 1,500
        (5, 4, 1_079, "shrunk"),
    ]
    assert [row["waited_ns"] for row in found[:3]] == [None, 2_000_000_000, 56_000_000_000]


@pytest.mark.parametrize("windows", [None, "{}", "not json", "[1]", '{"small": "big"}'])
def test_without_a_known_window_nothing_is_said_of_it(store: FileReader, windows: str | None) -> None:
    found = rows(store.query("session_turns", session_id="talk", windows=windows))
    assert [(row["window_tokens"], row["truncation"]) for row in found][3] == (None, None)


def test_what_was_said_is_in_the_order_of_the_calls(store: FileReader) -> None:
    found = rows(store.query("session_contents", session_id="talk"))
    assert [(row["place"], row["body"]) for row in found] == [(1, "first"), (3, "second")]
    assert rows(store.query("session_contents", session_id="short")) == []


def test_the_conversations_of_a_window_sum_up_to_their_list(store: FileReader) -> None:
    found = rows(store.query("sessions", **DAY, limit="10"))
    (totals,) = rows(store.query("session_totals", **DAY))
    assert (totals["n_sessions"], totals["n_calls"], totals["n_loose"], totals["n_users"]) == (3, 7, 1, 1)
    assert totals["cost_usd"] == sum(row["cost_usd"] or 0 for row in found) == Decimal("9.0175")
    assert (totals["n_priced"], totals["n_failed"], totals["n_truncated"]) == (6, 1, 1)
    # Of 1, 1 and 5 calls; of 0.0175 and 9 dollars the lower, as one of the three has no known cost.
    assert (totals["median_calls"], totals["median_cost_usd"]) == (1.0, Decimal("0.0175"))
    assert totals["last_at"] == START + timedelta(hours=1)
    (of_ada,) = rows(store.query("session_totals", **DAY, user_id="ada"))
    assert (of_ada["n_sessions"], of_ada["n_loose"], of_ada["n_failed"]) == (2, 0, 0)
    (none,) = rows(store.query("session_totals", **DAY, model="of nobody"))
    assert (none["n_sessions"], none["n_calls"], none["cost_usd"], none["median_calls"]) == (0, 0, None, None)


def test_a_list_is_read_page_by_page_and_says_what_was_near_its_window(store: FileReader) -> None:
    windows = json.dumps({"small": 1_500})
    pages = [
        rows(store.query("sessions", **DAY, limit="2", skip=skip, windows=windows))
        for skip in ("0", "2", "4")
    ]
    assert [[row["session_id"] for row in page] for page in pages] == [["lost", "short"], ["talk"], []]
    assert (pages[1][0]["n_near_window"], pages[0][0]["n_near_window"]) == (1, 0)


def test_the_conversation_of_a_trace_is_found(store: FileReader) -> None:
    found = rows(store.query("sessions_of", trace_id=TRACES[0]))
    assert [(row["session_id"], row["n_calls"], row["first_at"]) for row in found] == [("talk", 2, START)]
    assert rows(store.query("sessions_of", trace_id="not a trace")) == []
