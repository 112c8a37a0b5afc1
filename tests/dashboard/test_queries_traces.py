"""What the Traces page asks: searching calls, one trace, one span, and what an id is."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from collector.conventions import families, otel_current, otel_old
from collector.conventions.columns import FromAttributes
from errors import QueryError
from store.reader import FileReader, rows
from tests.dashboard.data import (
    NOW,
    SPAN_ID,
    TRACE_ID,
    a_call,
    a_content,
    a_failed_call,
    a_score,
    a_store,
    an_unpriced_call,
)

DAY = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
ATTRIBUTES = """{"app.order": "o-7", "a/b~c": "slash", "gen_ai.request.stop": ["x","y"], "n": 5, "user.id": "(in user_id)"}"""


def span(number: int, parent: int | None, seconds: float, **given: Any) -> dict[str, Any]:
    """A span of the trace, `seconds` after it began."""
    at = {"trace_id": TRACE_ID, "span_id": number, "parent_span_id": parent, "role": "context"}
    return a_call(**at | {"started_at": NOW - timedelta(hours=1) + timedelta(seconds=seconds)} | given)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    """Seven calls: five of one microsecond, a failed one before, the named one of the trace after."""
    same = [
        a_call(started_at=NOW - timedelta(hours=2), trace_id=str(uuid.UUID(int=9 - n)), span_id=n)
        for n in range(5)
    ]
    named = {
        "role": "call",
        "attributes": ATTRIBUTES,
        "resource": '{"host.name": "h1"}',
        "user_id": "ada",
        "response_id": "chatcmpl-1",
        "session_id": "s-1",
        "list_cost_usd": Decimal("0.5"),
        "duration_ns": 3_000_000_000,
        "dims": {"team": "search"},
        "events": '[{"name":"first token","time_unix_nano":"1795260601500000000"},{"name":"exception","exception.type":"Late"}]',
        "links": '[{"trace_id":"ab"}]',
    }
    spans = [
        *same,
        a_failed_call(started_at=NOW - timedelta(hours=3), error_class="timeout", duration_ns=None),
        span(1, None, 0.0, duration_ns=4_000_000_000),
        span(3, 1, 2.0),
        span(2, 1, 0.5, span_name="plan"),
        span(int(SPAN_ID, 16), 2, 1.0, **named),
        span(5, 404, 3.0),  # its parent is not stored
        span(6, 7, 3.5),  # 6 and 7 say they are each other's parent
        span(7, 6, 3.6),
        an_unpriced_call(project="leak", response_id="chatcmpl-1"),
    ]
    scores = [
        a_score(trace_id=TRACE_ID, span_id=int(SPAN_ID, 16), name="of the span"),
        a_score(response_id="chatcmpl-1", name="of the response"),
        a_score(response_id="chatcmpl-2", name="of another"),
    ]
    path = tmp_path_factory.mktemp("traces") / "store.duckdb"
    reader = FileReader(a_store(path, spans=spans, scores=scores, contents=[a_content()]))
    yield reader
    reader.close()


class TestSearch:
    def found(self, store: FileReader, **asked: str) -> list[Any]:
        return rows(store.query("search_calls", **DAY, limit="100", **asked))

    @pytest.mark.parametrize("sort", ["time", "cost", "duration", "tokens", "ttft"])
    @pytest.mark.parametrize("limit", ["1", "2", "3"])
    def test_pages_show_every_call_once_and_in_the_order_of_one_page(
        self, store: FileReader, sort: str, limit: str
    ) -> None:
        whole = self.found(store, sort=sort)
        paged: list[Any] = []
        asked: dict[str, str] = {}
        for _ in range(7):
            page = rows(store.query("search_calls", **DAY, limit=limit, sort=sort, **asked))
            paged += page
            if not page:
                break
            asked = {"after": str(page[-1]["position"])}
        assert len(whole) == 7
        assert paged == whole

    def test_the_newest_are_first_unless_told_otherwise(self, store: FileReader) -> None:
        assert self.found(store) == self.found(store, sort="time")
        assert (self.found(store)[0]["trace_id"], self.found(store)[0]["span_id"]) == (TRACE_ID, SPAN_ID)
        assert self.found(store)[-1]["error_class"] == "timeout"

    def test_the_dearest_come_first_and_unpriced_ones_last(self, store: FileReader) -> None:
        costs = [row["cost_usd"] for row in self.found(store, sort="cost")]
        assert costs == [Decimal("0.5"), *[Decimal("0.0035")] * 5, None]

    @pytest.mark.parametrize(
        ("asked", "n_calls"),
        [
            ({"status": "error"}, 1),
            ({"error_class": "timeout"}, 1),
            ({"error_class": "server"}, 0),
            ({"cost_status": "no_usage"}, 1),
            ({"min_duration_ms": "3000"}, 1),
            ({"min_duration_ms": "3001"}, 0),
            ({"min_cost_usd": "0.5"}, 1),
            ({"min_tokens": "1100"}, 6),
            ({"provider": "openai"}, 7),
            ({"service_name": "nope"}, 0),
            ({"dimension": "team", "dimension_value": "search"}, 1),
            ({"dimension": "team"}, 6),
            ({"environment": ""}, 7),
            ({"prompt_version": "v1"}, 0),
            ({"kind": "retried"}, 0),
            ({"kind": "what is this"}, 0),
            ({"attribute": "app.order"}, 1),
            ({"attribute": "app.order", "attribute_value": "o-7"}, 1),
            ({"attribute": "app.order", "attribute_value": "o-"}, 0),
            ({"attribute": "a/b~c", "attribute_value": "slash"}, 1),
            ({"attribute": "n", "attribute_value": "5"}, 1),
            ({"attribute": "host.name", "attribute_value": "h1"}, 1),
            (
                {"attribute": "user.id", "attribute_value": "ada"},
                1,
            ),  # stored in a column, named under the key
            ({"attribute": "user.id", "attribute_value": "(in user_id)"}, 0),
            ({"attribute": "'; drop table spans; --", "attribute_value": '"'}, 0),
            ({"find": TRACE_ID}, 1),
            ({"find": str(uuid.UUID(TRACE_ID)).upper()}, 1),
            ({"find": SPAN_ID.upper()}, 1),
            ({"find": "ada"}, 1),
            ({"find": "chatcmpl-1"}, 1),
            ({"find": "s-1"}, 1),
            ({"find": "o-7"}, 1),  # in an attribute
            ({"find": "h1"}, 1),  # of the resource
            ({"find": "O-7"}, 0),  # capitals count
            ({"find": "f" * 32}, 0),
            ({"find": "'; drop table spans; --"}, 0),
        ],
        ids=str,
    )
    def test_a_filter_finds_what_has_it_and_the_totals_agree(
        self, store: FileReader, asked: dict[str, str], n_calls: int
    ) -> None:
        assert len(self.found(store, **asked)) == n_calls
        (totals,) = rows(store.query("search_totals", **DAY, **asked))
        assert totals["n_calls"] == n_calls

    def test_an_amount_that_is_none_is_refused_in_words(self, store: FileReader) -> None:
        with pytest.raises(QueryError, match="a lot"):
            self.found(store, min_cost_usd="a lot")


def test_columns_that_hold_attribute_values_are_those_that_the_queries_read() -> None:
    """An attribute whose value was moved to a column that the macro does not know would never be found."""
    tables = [otel_current.MAPPING, otel_old.MAPPING, *(family.mapping for family in families.FAMILIES)]
    moved = {
        entry.column
        for table in tables
        for entry in table
        if isinstance(entry, FromAttributes) and entry.moved
    }
    macro = Path(str(files("store").joinpath("views", "calls_searched.sql"))).read_text("utf-8")
    assert moved
    assert moved <= set(re.findall(r"'\(in (\w+)\)' then", macro))


class TestTrace:
    def test_spans_stand_below_their_parents_oldest_first(self, store: FileReader) -> None:
        found = rows(store.query("trace_spans", trace_id=TRACE_ID))
        drawn = [
            (row["place"], int(str(row["span_id"]), 16), row["depth"], row["is_orphan"]) for row in found
        ]
        named = int(SPAN_ID, 16)
        assert drawn[:5] == [
            (1, 1, 0, False),
            (2, 2, 1, False),
            (3, named, 2, False),
            (4, 3, 1, False),
            (5, 5, 0, True),
        ]
        assert {row["n_spans"] for row in found} == {7}

    def test_spans_that_are_their_own_ancestors_are_shown_all_the_same(self, store: FileReader) -> None:
        found = rows(store.query("trace_spans", trace_id=TRACE_ID))
        assert [(row["span_id"], row["depth"]) for row in found[5:]] == [(f"{6:016x}", 0), (f"{7:016x}", 0)]

    def test_times_are_counted_from_the_first_span(self, store: FileReader) -> None:
        found = {row["span_id"]: row for row in rows(store.query("trace_spans", trace_id=TRACE_ID))}
        assert found[SPAN_ID]["offset_ns"] == 1_000_000_000
        assert (found[SPAN_ID]["cost_usd"], found[f"{2:016x}"]["cost_usd"]) == (Decimal("0.5"), None)
        assert found[SPAN_ID]["n_events"] == 2

    def test_a_limit_says_how_many_there_are(self, store: FileReader) -> None:
        found = rows(store.query("trace_spans", trace_id=TRACE_ID, limit="2"))
        assert [(row["place"], row["n_spans"]) for row in found] == [(1, 7), (2, 7)]

    def test_scores_are_found_by_span_and_by_response(self, store: FileReader) -> None:
        found = rows(store.query("trace_scores", trace_id=TRACE_ID))
        assert [(row["name"], row["span_id"]) for row in found] == [
            ("of the response", SPAN_ID),
            ("of the span", SPAN_ID),
        ]

    @pytest.mark.parametrize("name", ["trace_spans", "trace_scores"])
    @pytest.mark.parametrize("trace_id", ["", "x", "'", "0" * 32])
    def test_an_id_that_cannot_be_finds_nothing(self, store: FileReader, name: str, trace_id: str) -> None:
        assert rows(store.query(name, trace_id=trace_id)) == []


ASKED = {"trace_id": TRACE_ID, "span_id": SPAN_ID.upper()}


class TestSpan:
    def test_attributes_are_listed_with_their_kinds_and_their_real_values(self, store: FileReader) -> None:
        found = rows(store.query("span_attributes", **ASKED))
        assert [(row["place"], row["key"], row["value"], row["kind"]) for row in found] == [
            ("span", "a/b~c", "slash", "string"),
            ("span", "app.order", "o-7", "string"),
            ("span", "gen_ai.request.stop", '["x","y"]', "list"),
            ("span", "n", "5", "integer"),
            ("span", "user.id", "ada", "string"),
            ("resource", "host.name", "h1", "string"),
            ("link", "0", '{"trace_id":"ab"}', "map"),
        ]

    def test_events_keep_their_order_and_say_when(self, store: FileReader) -> None:
        first, second = rows(store.query("span_events", **ASKED))
        # The span started at 11:30:01 on 21 November, the event half a second later.
        assert (first["place"], first["name"], first["offset_ns"]) == (1, "first token", 500_000_000)
        assert (second["name"], second["exception_type"], second["occurred_at"]) == (
            "exception",
            "Late",
            None,
        )

    def test_what_was_captured_is_read_by_span(self, store: FileReader) -> None:
        (content,) = rows(store.query("span_contents", **ASKED))
        assert (content["key"], content["body"]) == ("gen_ai.input.messages", "Where is my parcel?")
        assert rows(store.query("span_contents", trace_id=TRACE_ID, span_id=f"{1:016x}")) == []


class TestFindingAnId:
    @pytest.mark.parametrize(
        ("asked", "kind", "n_calls"),
        [
            (TRACE_ID, "trace_id", 1),
            (str(uuid.UUID(TRACE_ID)).upper(), "trace_id", 1),
            (SPAN_ID, "span_id", 1),
            (" ada ", "user_id", 1),
            ("s-1", "session_id", 1),
            ("chatcmpl-1", "response_id", 1),
            (f"{1:016x}", "span_id", 1),  # the context span of the trace and one of the five calls
        ],
    )
    def test_an_id_is_known_by_what_it_names(
        self, store: FileReader, asked: str, kind: str, n_calls: int
    ) -> None:
        (found,) = rows(store.query("find_calls", id=asked))
        assert (found["kind"], found["n_calls"]) == (kind, n_calls)

    @pytest.mark.parametrize("asked", ["nobody", "", "'", "f" * 32, "f" * 16, "-" * 32])
    def test_an_id_of_nothing_finds_nothing(self, store: FileReader, asked: str) -> None:
        assert rows(store.query("find_calls", id=asked)) == []
