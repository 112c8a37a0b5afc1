"""A stream that broke off before anybody said what it came to is estimated, says so, and gives way to true counts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.test_canonical import an_event
from tests.collector.test_settle_scenes import MS, NATIVE, NOW_NS, OPENLLMETRY, call, sent
from tests.spans import USAGE_IN, USAGE_OUT
from tests.stores import Store, gpt_4o_book, open_store

# 40 characters of a question and 20 of instructions: 15 tokens. The rest is not read by the model.
MESSAGES = json.dumps(
    [
        {"role": "system", "parts": [{"type": "text", "content": "i" * 20}]},
        {"role": "user", "parts": [{"type": "text", "content": "q" * 40}]},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9000}}],
        },
    ]
)
CHUNK = "gen_ai.content.completion.chunk"
SILENT: dict[str, Any] = {USAGE_IN: None, USAGE_OUT: None, "gen_ai__request__stream": True}
BROKEN: dict[str, Any] = SILENT | {"gen_ai__response__id": "r1", "gen_ai__input__messages": MESSAGES}
COLUMNS = "input_tokens, output_tokens, usage_source, usage_semantics, cost_status, cost_estimated"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("interrupted"), gpt_4o_book()) as store:
        yield store


@pytest.fixture
def store(shared: Store) -> Store:
    shared.session.execute("delete from spans")
    shared.session.execute("delete from charges")
    return shared


def stored(store: Store, *bodies: bytes) -> dict[str, Any]:
    """The one call that these requests, a commit each, tell of."""
    for body in bodies:
        store.send(body)
        store.commit()
    [row] = store.rows(f"select {COLUMNS}, list_cost_usd from calls")
    return row


def with_chunks(span: Span, n: int, *, dropped: int = 0) -> Span:
    span.events.extend(an_event(CHUNK, NOW_NS + (10 + number) * MS) for number in range(n))
    span.dropped_events_count = dropped
    return span


def test_its_input_is_measured_and_its_output_counted_and_the_cost_is_an_estimate(store: Store) -> None:
    row = stored(store, sent(with_chunks(call("one", failed=True, **BROKEN), 7), OPENLLMETRY))
    # gpt-4o: 15 tokens at 2.50 and 7 at 10 USD per million.
    assert str(row.pop("list_cost_usd")) == "0.000107500000"
    assert row == {
        "input_tokens": 15,
        "output_tokens": 7,
        "usage_source": "estimated",
        "usage_semantics": None,
        "cost_status": "priced",
        "cost_estimated": True,
    }


def test_chunks_that_the_sdk_dropped_are_counted_with_those_it_kept(store: Store) -> None:
    row = stored(store, sent(with_chunks(call("one", **BROKEN), 128, dropped=400)))
    assert row["output_tokens"] == 528


def test_what_had_been_answered_is_measured_where_no_chunk_is_seen(store: Store) -> None:
    answer = json.dumps([{"role": "assistant", "finish_reason": "error", "parts": [{"content": "a" * 21}]}])
    row = stored(store, sent(call("one", **BROKEN, gen_ai__output__messages=answer)))
    assert (row["input_tokens"], row["output_tokens"]) == (15, 6)


def test_no_text_of_it_is_stored(store: Store) -> None:
    stored(store, sent(call("one", **BROKEN)))
    kept = json.dumps(store.rows("select attributes, events, as_sent::varchar as as_sent from spans"))
    assert "iiii" not in kept
    assert "qqqq" not in kept


@pytest.mark.parametrize(
    "said",
    [
        # It came to its end: that nobody asked for the usage does not make it a broken one.
        BROKEN | {"gen_ai__response__finish_reasons": ["stop"]},
        # It failed before an answer began: nothing is billed of it.
        BROKEN | {"gen_ai__response__id": None, "failed": True},
        # No stream: what came is all or nothing.
        BROKEN | {"gen_ai__request__stream": None, "failed": True},
        # It broke off, and nothing shows how far it had come.
        BROKEN | {"gen_ai__input__messages": None},
    ],
)
def test_nothing_is_estimated_without_a_reason(store: Store, said: dict[str, Any]) -> None:
    row = stored(store, sent(call("one", **said)))
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (None, None, "none")
    assert (row["cost_status"], row["list_cost_usd"]) == ("no_usage", None)


def test_a_count_that_was_reported_is_never_estimated_over(store: Store) -> None:
    row = stored(store, sent(with_chunks(call("one", failed=True, **BROKEN | {USAGE_IN: 3}), 9)))
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (3, None, "reported")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        # Another span of the call has the true counts.
        ({}, (1000, 100, "reported")),
        # Or saw the answer's end, without its usage.
        (SILENT | {"gen_ai__response__finish_reasons": ["stop"]}, (None, None, "none")),
        # Or knows no more.
        (SILENT, (15, None, "estimated")),
    ],
)
def test_a_duplicate_that_knows_better_ends_the_estimate_whichever_came_first(
    store: Store, seed: int, other: dict[str, Any], wanted: tuple[int | None, int | None, str]
) -> None:
    bodies = [
        sent(call("outer", tenant__id="a", **BROKEN), OPENLLMETRY),
        sent(call("native", at_ms=1, ms=98, **other | {"gen_ai__response__id": "r1"}), NATIVE),
    ]
    random.Random(seed).shuffle(bodies)
    row = stored(store, *bodies)
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == wanted
    [sums] = store.rows(
        "select (select sum(list_cost_usd) from calls) as of_calls, (select sum(list_cost_usd) from (from charges "
        "qualify row_number() over (partition by project, trace_id, span_id order by seq desc) = 1)) as of_charges"
    )
    assert sums["of_calls"] == sums["of_charges"]
