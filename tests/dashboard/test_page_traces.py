"""The Traces page: the calls that a search finds, and everything that is known of the one that is open."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from collector.server.explain import asked_for, explain
from dashboard import source, visitor
from dashboard.filters import RANGES, Filters, window
from dashboard.views.traces import asked, calls, opened, price, span
from dashboard.visitor import Visitor
from store import terms
from store.backends import file
from tests import spans
from tests.dashboard.data import (
    HOSTILE,
    NOW,
    RATE_CARD,
    SPAN_ID,
    TRACE_ID,
    a_call,
    a_content,
    a_failed_call,
    a_score,
    a_store,
    an_unpriced_call,
)
from tests.stores import gpt_4o_book, open_store

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
BEGAN = NOW - timedelta(hours=1)
FAILED_ID = "00f067aa0ba90001"
SAID = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where is <b>my</b> parcel?"}]}])
ANSWERED = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "At the depot."}]}])


def of_trace(number: int, seconds: float, **given: Any) -> dict[str, Any]:
    at = {"trace_id": TRACE_ID, "span_id": number, "parent_span_id": 1, "session_id": "s-1"}
    return a_call(**at | {"started_at": BEGAN + timedelta(seconds=seconds)} | given)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of two attempts below a request, and 3 other calls, of which one is unpriced."""
    request = {"request_id": "req-1", "prompt_name": "support-reply", "prompt_version": "v4"}
    failure = {
        "status": "error",
        "error_class": "rate_limit",
        "error_type": "429 Too Many",
        "http_status": 429,
    }
    nothing = {"cost_status": "no_usage", "list_cost_usd": None, "input_tokens": None, "output_tokens": None}
    second = {"attempt": 2, "ttft_ns": 500_000_000, "duration_ns": 2_000_000_000, "user_id": "ada"}
    stored = [
        of_trace(
            1, 0, parent_span_id=None, role="context", span_name="POST /reply", duration_ns=4_000_000_000
        ),
        of_trace(int(FAILED_ID, 16), 0.1, attempt=1, **request, **failure, **nothing),
        of_trace(
            int(SPAN_ID, 16),
            1.5,
            attributes='{"app.order": "o-7", "gen_ai.operation.name": "chat"}',
            list_cost_usd=Decimal("0.5"),
            operation="chat",
            **request,
            **second,
        ),
        an_unpriced_call(started_at=NOW - timedelta(hours=4)),
        *(a_call(started_at=NOW - timedelta(hours=5, minutes=n), tenant_id="globex") for n in range(2)),
    ]
    scores = [a_score(trace_id=TRACE_ID, span_id=int(SPAN_ID, 16)), a_score(trace_id=TRACE_ID, name="whole")]
    contents = [a_content(body=SAID), a_content(key="gen_ai.output.messages", body=ANSWERED, n_redactions=2)]
    path = tmp_path_factory.mktemp("store") / "store.duckdb"
    return a_store(path, spans=stored, scores=scores, contents=contents, rate_cards=[RATE_CARD])


Visit = Callable[..., AppTest]


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    def open_page(store: Path, tab: str = "Overview", **query: str) -> AppTest:
        monkeypatch.setenv("STEELYARD_STORE_FILE", str(store))
        app = AppTest.from_file(str(APP), default_timeout=60)
        app._page_hash = calc_hash("traces")
        app.query_params.update(query)
        app.session_state["span-tab"] = tab
        app.run()
        assert not app.exception, app.exception
        return app

    monkeypatch.setattr(source, "now", lambda: NOW)
    st.cache_data.clear()
    yield open_page
    st.cache_data.clear()
    st.cache_resource.clear()


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.info, *app.warning, *app.code)
    tables = [" ".join(map(str, table.value.to_numpy().ravel())) for table in app.table]
    return "\n".join([*(element.value for element in shown), *tables]).replace("\\", "")


def listed(app: AppTest) -> Any:
    return next(frame.value for frame in app.dataframe if "started_at" in frame.value.columns)


OPEN = {"id": TRACE_ID, "span": SPAN_ID}


class TestTheList:
    def test_a_page_is_followed_by_the_next_and_comes_back(
        self, visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calls, "PAGE", 3)
        app = visit(store)
        assert app.toggle(key="traces-live").disabled  # over a week
        assert "5 match · 1 failed (20.0 %) · $0.51, 2 without a cost" in words(app)
        first = listed(app)
        # What could not be priced says so; a failed call costs nothing that is known, which is not zero.
        assert first["cost"].tolist() == ["$0.500000", "–", "unpriced"]
        assert first["status"].tolist() == ["✓ ok · try 2", "✕ rate_limit", "✓ ok"]
        app.button(key="leaf-next").click().run()
        assert not app.exception
        assert listed(app)["tenant"].tolist() == ["globex", "globex"]
        assert "4 to 5" in words(app)
        app.button(key="leaf-back").click().run()
        assert listed(app)["trace_id"].tolist() == first["trace_id"].tolist()

    def test_the_address_says_which_calls(self, visit: Visit, store: Path) -> None:
        query = {"status": "errors", "class": "rate_limit", "min_ms": "850", "find": "s-1", "sort": "slowest"}
        assert listed(visit(store, **query))["status"].tolist() == ["✕ rate_limit"]

    def test_what_cannot_be_asked_is_said_and_left_out(self, visit: Visit, store: Path) -> None:
        app = visit(
            store,
            min_ms="soon",
            min_usd="-1",
            status="odd",
            tenant="acme",
            sort="upwards",
            find="app.order=o-7",
        )
        said = words(app)
        assert "'soon' is no number of ms" in said
        assert "'-1' is no number of US dollars" in said
        assert "status **odd**, which is not known here" in said
        assert "sort **upwards**, which is not known here" in said
        assert listed(app)["cost"].tolist() == ["$0.500000"]

    def test_nothing_found_names_the_filters_and_offers_what_the_id_is(
        self, visit: Visit, store: Path
    ) -> None:
        app = visit(store, find=TRACE_ID, tenant="globex", status="errors")
        assert f"No calls match tenant globex, failed, “{TRACE_ID}”" in words(app)
        app.button(key="open-trace_id").click().run()
        assert "Trace 4bf92f35" in words(app)
        app.button(key="clear").click().run()
        assert not app.exception
        assert "5 match" in words(app)
        assert app.session_state["find"] is None

    def test_the_newest_calls_of_a_day_can_be_followed(self, visit: Visit, store: Path) -> None:
        app = visit(store, range="24h", **{name: f" {value} " for name, value in OPEN.items()})
        app.toggle(key="traces-live").set_value(True).run()
        assert not app.exception
        assert len(listed(app)) == 5
        assert "as of 12:30:00" in words(app)


class TestTheOpenTrace:
    def test_shows_the_whole_and_the_chosen_call(self, visit: Visit, store: Path) -> None:
        said = words(visit(store, **OPEN))
        assert (
            "**Trace 4bf92f35** :red-badge[✕ 1 failed] :gray[4.00 s · $0.50, 1 without a cost · 1,100 tokens · 3 spans, 2 calls]"
            in said
        )
        for fact in ("2.00 s", "500 ms", "67 tokens/s", "$0.500000", "support-reply@v4", "req-1", SPAN_ID):
            assert fact in said

    def test_attempts_say_how_long_was_waited(self, visit: Visit, store: Path) -> None:
        app = visit(store, "Attempts", **OPEN)
        assert "2 attempts of one request over 3.40 s, 550 ms of it spent waiting" in words(app)

    def test_messages_and_the_case_they_make(self, visit: Visit, store: Path) -> None:
        app = visit(store, "Messages", **OPEN)
        shown = [code.value for code in app.code]
        assert shown[:2] == ["Where is <b>my</b> parcel?", "At the depot."]
        case = json.loads(shown[2])
        assert (case["id"], case["input"]) == (f"call-{SPAN_ID}", {"input": "Where is <b>my</b> parcel?"})
        assert case["expected"] == "At the depot."
        assert "places redacted in them: 2" in words(app)
        assert f"steelyard golden add --from-span {SPAN_ID} --set golden.jsonl" in words(app)

    def test_messages_that_were_not_captured_say_how_to_keep_them(self, visit: Visit, store: Path) -> None:
        app = visit(store, "Messages", id=TRACE_ID, span=FAILED_ID)
        assert "STEELYARD_CAPTURE_PROJECTS=default steelyard up" in words(app)
        assert "no input to make a case of" in words(app)

    def test_messages_are_not_asked_for_a_role_that_may_not_read_them(
        self, visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finance = Visitor("kim", "finance", frozenset({"query"}))
        monkeypatch.setattr(visitor, "current", lambda: finance)
        app = visit(store, "Messages", **OPEN)
        assert "Your role (finance) may not read" in words(app)
        assert not app.code

    def test_attributes_are_found_by_key_or_value(self, visit: Visit, store: Path) -> None:
        app = visit(store, "Attributes", **OPEN)
        app.text_input(key="find-attribute").set_value("O-7").run()
        assert "1 of 2 attributes" in words(app)

    def test_scores_of_the_call_and_of_its_trace(self, visit: Visit, store: Path) -> None:
        app = visit(store, "Scores", **OPEN)
        found = next(frame.value for frame in app.dataframe if "evaluator" in frame.value.columns)
        assert sorted(zip(found["name"], found["of"], strict=True)) == [
            ("relevance", "call"),
            ("whole", "trace"),
        ]

    def test_the_cost_is_explained_to_the_last_digit(
        self, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = spans.a_call(
            trace_id=bytes.fromhex(TRACE_ID), span_id=bytes.fromhex(SPAN_ID), tenant__id="a_b"
        )
        with open_store(tmp_path, gpt_4o_book()) as stored:
            stored.receive(call)
        explanation = explained(tmp_path / "store.duckdb")
        monkeypatch.setattr(source, "explain", lambda *_: explanation)
        app = visit(tmp_path / "store.duckdb", "Cost", **OPEN)
        lines = next(frame.value for frame in app.dataframe if "arithmetic" in frame.value.columns)
        # 1,000 tokens at 2.5 and 100 at 10 US dollars a million.
        assert lines["amount"].tolist() == ["$0.0025", "$0.001"]
        said = words(app)
        for part in (
            "$0.0035 :gray[· priced by its rate card]",
            "list price 0.0025 + 0.001 = 0.0035",
            "no agreement applies: the list price",
            "call: counted and priced",
            "a_b, as telemetry said it",
            "not sampled, or nobody says so",
        ):
            assert part in said

    def test_of_a_file_says_which_command_explains(self, visit: Visit, store: Path) -> None:
        assert f"steelyard explain {SPAN_ID} --data DIRECTORY" in words(visit(store, "Cost", **OPEN))

    def test_a_trace_that_is_not_stored_is_said(self, visit: Visit, store: Path) -> None:
        app = visit(store, id="f" * 32)
        assert f"Trace {'f' * 32} is not stored in project default" in words(app)
        assert "5 match" in words(app)


def explained(store: Path) -> dict[str, Any]:
    """What the server says of the call, worked out from its file."""
    with (
        closing(file.open_for_reading(store)) as opened,
        file.cursor(opened) as seen,
        file.cursor(opened) as whole,
    ):
        return explain(seen, whole, asked_for("default", SPAN_ID, TRACE_ID), terms.load(whole, gpt_4o_book()))


class TestWhateverComes:
    def test_an_empty_store_says_where_to_begin(self, visit: Visit, tmp_path: Path) -> None:
        assert "No calls match this range" in words(visit(a_store(tmp_path / "store.duckdb")))

    def test_hostile_text_is_shown_as_text(self, visit: Visit, tmp_path: Path) -> None:
        text = " ".join(HOSTILE)
        given = dict.fromkeys(
            ("tenant_id", "model_answered", "span_name", "prompt_name", "error_type", "user_id"), text
        )
        call = a_failed_call(trace_id=TRACE_ID, span_id=int(SPAN_ID, 16), **given)
        other = a_call(trace_id=TRACE_ID, span_id=2, role="context", span_name=text)
        store = a_store(tmp_path / "store.duckdb", spans=[call, other])
        app = visit(store, find=HOSTILE[0], **OPEN)
        assert listed(app)["status"].tolist() == ["✕ rate_limit"]
        rendered = [element.value for element in (*app.markdown, *app.caption, *app.info)]
        rendered += [str(cell) for table in app.table for cell in table.value.to_numpy().ravel()]
        for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
            assert not [one for one in rendered if markup in one]
        visit(store, find=HOSTILE[1], id=HOSTILE[2], span=HOSTILE[3], after="9~x~y", **{"class": HOSTILE[0]})


def fields(**given: str) -> Filters:
    """What is chosen on a page with nothing but these fields of its own."""
    own: dict[str, str | None] = dict.fromkeys(field.key for field in asked.OWN)
    return Filters(
        project="default",
        window=window(RANGES["7d"], NOW),
        range_name="7d",
        environment=None,
        tenant_id=None,
        model=None,
        prompt_name=None,
        dimension=None,
        dimension_value=None,
        by=None,
        month=NOW.date(),
        models_in_order=(),
        own=own | given,
    )


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        ("given", "params"),
        [
            ({}, {}),
            ({"status": "ok"}, {"status": "ok"}),
            ({"cost": "unpriced"}, {"kind": "unpriced"}),
            ({"cost": "free"}, {"cost_status": "free"}),
            ({"min_ms": "1e3", "min_usd": "$0.5"}, {"min_duration_ms": "1000", "min_cost_usd": "0.5"}),
            ({"min_usd": "NaN"}, {}),
            ({"min_ms": "99999999999"}, {}),
            ({"find": "req-1"}, {"find": "req-1"}),
            ({"find": "a.b=c=d"}, {"attribute": "a.b", "attribute_value": "c=d"}),
            ({"find": "a.b="}, {"attribute": "a.b"}),
            ({"find": "= x"}, {"find": "= x"}),
            ({"find": "kind=retried"}, {"kind": "retried"}),
            ({"find": "service=api"}, {"service_name": "api"}),
            ({"find": "min_tokens=many"}, {}),
            ({"cost": "unpriced", "find": "kind=retried"}, {"kind": "unpriced"}),
        ],
        ids=str,
    )
    def test_a_field_is_a_parameter_of_the_search(
        self, given: dict[str, str], params: dict[str, str]
    ) -> None:
        assert asked.search_of(fields(**given)).params == params

    def test_a_page_of_the_list_is_of_its_search_alone(self) -> None:
        search, other = asked.search_of(fields()), asked.search_of(fields(status="ok"))
        third = asked.Leaf(3, f"2026-11-21T11:30:00.000000/{uuid.UUID(TRACE_ID)}/1")
        assert asked.leaf_of(third.text(search), search) == third
        assert asked.leaf_of(third.text(search), other) == asked.Leaf()
        assert [
            asked.leaf_of(odd, search) for odd in (None, "", "3", "x~y~z", f"2~{search.fingerprint}~x")
        ] == [asked.Leaf()] * 5


class TestWords:
    @pytest.mark.parametrize(
        ("given", "word"),
        [
            ({}, "✓ ok"),
            ({"status": "error", "error_class": None}, "✕ other"),
            ({"cache_hit": True}, "⚡ cache hit"),
            ({"finish_reason": "length", "attempt": 2}, "▲ cut short · try 2"),
        ],
    )
    def test_of_an_outcome(self, given: dict[str, Any], word: str) -> None:
        plain = {"status": "ok", "error_class": None, "attempt": 1, "cache_hit": None, "finish_reason": None}
        assert calls.outcome(plain | given) == word

    def test_the_span_that_opens_is_the_first_call_unless_one_is_named(self) -> None:
        found = [{"span_id": "a", "role": "context"}, {"span_id": "b", "role": "call"}]
        assert [opened.chosen_span(found, asked_for)["span_id"] for asked_for in (None, "A", "nope")] == [
            "b",
            "a",
            "b",
        ]
        assert opened.chosen_span(found[:1], None)["span_id"] == "a"

    def test_of_a_long_trace_the_part_around_the_chosen_span_is_drawn(self) -> None:
        found = [{"n": n} for n in range(10)]
        drawn = [[row["n"] for row in opened.around(found, found[n], 4)] for n in (0, 5, 9)]
        assert drawn == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]

    def test_a_bar_is_full_at_what_19_of_20_calls_stay_under(self) -> None:
        known = [{"duration_ns": n} for n in range(100)]
        assert calls.usually_under([*known, {"duration_ns": None}]) == 95
        assert [calls.usually_under(some) for some in ([], known[:3])] == [0, 2]

    def test_an_amount_keeps_every_digit_that_says_something(self) -> None:
        assert [price.exact(text) for text in ("0.002500000000", "1200.000000000000", None, "0E-12")] == [
            "$0.0025",
            "$1,200",
            "not known",
            "$0",
        ]

    def test_a_speed_is_of_the_time_after_the_first_token(self) -> None:
        row = {"duration_ns": 3 * 10**9, "ttft_ns": 10**9, "output_tokens": 100}
        assert span.speed(row) == "50 tokens/s"
        assert span.speed(row | {"ttft_ns": None, "duration_ns": None}) == ""
