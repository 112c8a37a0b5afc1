"""What an explanation says of spans that other spans changed: found by settling again, and held against what is stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.receiver.otlp import PROTOBUF, read_traces
from collector.server.explain import asked_for, explain
from collector.server.explain_words import RULES
from store.backends import file
from tests.captures import capture, expected, split_spans, trace_captures
from tests.signals import a_record, export_logs
from tests.spans import a_call, export
from tests.stores import Store, open_store

PAIR = "otel-genai-anthropic/messages_plain.pb"


def truth(name: str, record: str = "llm_call") -> list[dict[str, Any]]:
    """What is known of the spans of a case."""
    return [one for one in expected() if one.get("file") == name and one["record"] == record]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Every capture, committed in one go."""
    with open_store(tmp_path_factory.mktemp("all")) as store:
        store.send(*(read_traces(one.body, one.media).body for one in trace_captures()))
        store.commit()
        yield store


def explained_here(store: Store, span_id: str, trace_id: str | None = None) -> dict[str, Any]:
    with file.cursor(store.session) as seen, file.cursor(store.session) as whole:
        return explain(seen, whole, asked_for("default", span_id, trace_id), store.committer.terms)


def unlike(spans: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those of them that have a family, a role, or a changed column in that role, which none before them had."""
    seen: set[tuple[str, ...]] = set()
    for one in spans:
        has = {
            (one["emitter"], one["role"]),
            *((one["role"], "column", name) for name in json.loads(one["as_sent"])),
        }
        if has - seen:
            yield one
        seen |= has


def test_whatever_was_folded_or_filled_of_any_emitter_is_explained_in_words(everything: Store) -> None:
    """Spans that others changed: each as it is stored, each rule with its words, each value with its place."""
    changed = everything.rows(
        "select replace(cast(trace_id as varchar), '-', '') as trace_id, printf('%016x', span_id) as span_id, "
        "emitter, role, as_sent from spans where as_sent is not null"
    )
    assert len(changed) > 60
    seen_rules = set()
    for one in unlike(changed):
        found = explained_here(everything, one["span_id"], one["trace_id"])
        assert found["check"]["is_same"], found["check"]
        assert "unrecorded" not in {told["kind"] for told in found["columns"]}
        # The arithmetic is worked out anew in decimals: it gives what the statement charged.
        assert found["cost"]["arithmetic"] is None or found["cost"]["arithmetic"]["is_exact"], found["cost"]
        seen_rules |= {told["rule"] for told in found["columns"] if "rule" in told}
        seen_rules |= {told["rule"] for told in found["folded"]} | {found["role"]["rule"]}
    assert seen_rules - {None} <= RULES.keys()
    assert len(seen_rules) > 4


def test_a_row_that_settling_would_make_otherwise_now_says_so(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        one = capture(PAIR)
        store.send(read_traces(one.body, one.media).body)
        store.commit()
        [call] = truth(PAIR)
        store.session.execute("delete from spans where role = 'duplicate'")
        found = explained_here(store, call["span_id"])["check"]
    assert not found["is_same"]
    assert "service_tier" in {one["column"] for one in found["differences"]}
    assert "retention" in found["means"]


def test_a_call_charged_again_shows_each_charge(tmp_path: Path) -> None:
    """The SDK's own span came first and was a call; then its instrumentation's did, and it is one no more."""
    one = read_traces(capture(PAIR).body, PROTOBUF).body
    [call] = truth(PAIR)
    [native] = truth(PAIR, "duplicate")
    with open_store(tmp_path) as store:
        for part in sorted(split_spans(one), key=lambda part: bytes.fromhex(native["span_id"]) not in part):
            store.send(part)
            store.commit()
        found = explained_here(store, native["span_id"])["cost"]
        other = explained_here(store, call["span_id"])["cost"]
    assert [(one["seq"], one["supersedes"], one["is_void"]) for one in found["history"]] == [
        (1, None, False),
        (2, 1, True),
    ]
    assert (found["amounts"], found["list_cost_usd"]) == ({}, None)
    assert other["list_cost_usd"] == found["history"][0]["list_cost_usd"]


def test_the_flag_of_doubt_is_put_into_words(tmp_path: Path) -> None:
    start = time.time_ns()
    calls = [
        a_call(
            trace_id=bytes([number]) * 16,
            span_id=bytes([number]) * 8,
            started_ns=start,
            gen_ai__response__id="r-1",
        )
        for number in (1, 2, 3)
    ]
    with open_store(tmp_path) as store:
        store.send(export(*calls[:2]), export(calls[2], service__name="gateway"))
        store.commit()
        found = explained_here(store, "01" * 8)["doubt"]
    assert found["doubt"] == "ambiguous_duplicate"
    assert "counted twice" in found["means"]


def test_a_custom_dimension_says_where_it_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_DIMENSIONS", json.dumps({"team": ["app.team"], "site": ["resource:site"]}))
    agent = a_call(
        trace_id=b"\1" * 16, span_id=b"\1" * 8, gen_ai__operation__name="invoke_agent", app__team="search"
    )
    call = a_call(trace_id=b"\1" * 16, span_id=b"\2" * 8)
    call.parent_span_id = agent.span_id
    with open_store(tmp_path) as store:
        store.send(export(agent, site="berlin"))
        store.send(export(call, site="berlin"))
        store.commit()
        found = explained_here(store, "02" * 8)
    told = {one["column"]: one for one in found["columns"]}
    assert (told["dim:team"]["value"], told["dim:team"]["rule"]) == ("search", "nearest ancestor")
    assert (told["dim:team"]["span"]["span_id"], told["dim:team"]["from"]) == ("01" * 8, "app.team")
    assert (told["dim:site"]["value"], told["dim:site"]["from"]) == ("berlin", "an attribute of its resource")
    assert found["check"]["is_same"], found["check"]


def test_a_coding_agents_request_is_explained_too(tmp_path: Path) -> None:
    said = {
        "event.name": "api_request",
        "model": "claude-sonnet-4-5",
        "input_tokens": "100",
        "output_tokens": "20",
        "session.id": "s-1",
    }
    event = a_record(body="claude_code.api_request", attributes=said)
    with open_store(tmp_path) as store:
        store.send(export_logs(event, scope="com.anthropic.claude_code.events"), signal="logs")
        store.commit()
        [row] = store.rows("select * from calls")
        found = explained_here(store, row["span_id"])
    assert found["role"]["role"] == "call"
    assert found["check"]["is_same"], found["check"]
    assert {one["column"] for one in found["columns"] if one["kind"] == "unrecorded"} == set()
