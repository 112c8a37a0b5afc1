"""Setup: who sends, what could not be used, how data comes in, and who looks."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from collector.narrowing import Narrowing
from collector.visitors import SignIn
from dashboard import source, visitor
from dashboard.snippets import snippets
from dashboard.views.setup.sources import advice, doubts
from tests.dashboard.data import (
    HELD_CARD,
    HOSTILE,
    NOW,
    a_call,
    a_failed_call,
    a_store,
    an_unpriced_call,
)
from tests.dashboard.test_pages import APP, Visit, table, visit, words

__all__ = ["visit"]

A_REJECT = {
    "project": "default",
    "signal": "traces",
    "reason": "no trace id",
    "n_items": 3,
    "received_at": NOW,
}
TWO_DAYS_AGO = NOW - timedelta(days=2)


@pytest.fixture(scope="module")
def sources_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat service that sends and has every trouble there is, and one without a name that is quiet."""
    chat = {"service_name": "chat", "started_at": NOW - timedelta(minutes=20)}
    return a_store(
        tmp_path_factory.mktemp("store") / "store.duckdb",
        spans=[
            a_call(**chat),
            a_call(**chat, sampling_rate=0.1),
            a_call(**chat, doubt="ambiguous_duplicate"),
            a_call(**chat, dropped_attributes_count=40),
            a_call(**chat, cost_status="no_usage", list_cost_usd=None),
            an_unpriced_call(**chat),
            a_failed_call(**chat),
            a_call(service_name=None, emitter=None, started_at=TWO_DAYS_AGO),
        ],
        rejects=[A_REJECT, A_REJECT | {"n_items": None}],
        rate_cards=[HELD_CARD],
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_store(tmp_path_factory.mktemp("store") / "store.duckdb")


@pytest.fixture(scope="module")
def page(sources_store: Path) -> AppTest:
    """Setup on that store, run once for all that is claimed of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_STORE_FILE", str(sources_store))
        patch.setattr(source, "now", lambda: NOW)
        app = AppTest.from_file(str(APP), default_timeout=60)
        app._page_hash = calc_hash("setup")
        return app.run()


class TestWithData:
    def test_says_of_every_source_whether_it_sends_and_when_last(self, page: AppTest) -> None:
        shown = table(page, "service", "state")
        assert shown[
            ["service", "state", "last", "n_calls_recent", "n_calls", "emitters"]
        ].values.tolist() == [
            ["chat", "✓ sends", "20 min ago", 7, 7, "openai-v2"],
            ["no service named", "○ quiet", "2 d ago", 0, 1, "–"],
        ]
        assert "Last span **20 min ago** · 2026-11-21 12:10 UTC" in words(page)

    def test_says_of_every_source_what_is_in_doubt(self, page: AppTest) -> None:
        # The call that failed has no usage by nature.
        assert table(page, "service", "doubts")["doubts"].tolist() == [
            "1 unpriced, 1 without usage, 1 sampled, 1 perhaps twice, 1 cut",
            "none",
        ]

    def test_says_what_would_end_each_doubt(self, page: AppTest) -> None:
        said = words(page)
        assert "1 calls of chat (sent at a rate of 10 %) stand for others that were never sent" in said
        assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=1024" in said
        assert "may be counted twice" in said

    def test_shows_what_was_refused_and_that_nobody_knows_what_a_whole_request_held(
        self, page: AppTest
    ) -> None:
        assert table(page, "reason")[["signal", "reason", "n_refusals", "n_items"]].values.tolist() == [
            ["traces", "no trace id", 2, 3]
        ]

    def test_shows_models_without_a_price_and_prices_that_wait_for_approval(self, page: AppTest) -> None:
        assert table(page, "cost_status")[["model", "n_calls"]].values.tolist() == [["acme-finetune", 1]]
        assert table(page, "held_because")["rate_card"].tolist() == ["openai/gpt-4o@2026-12-01"]
        assert "Without a price, so in no sum: **1** calls" in words(page)

    def test_offers_three_ways_in(self, page: AppTest) -> None:
        assert [tab.label for tab in page.tabs] == ["From your program", "Demo data", "From a file"]
        assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in words(page)
        assert "steelyard demo" in words(page) and "steelyard import" in words(page)

    def test_says_what_the_store_holds_and_that_nobody_signs_in(self, page: AppTest) -> None:
        facts = dict(table(page, "fact").values.tolist())
        assert facts["holds"] == "8 spans, 8 of them model calls; 0 eval runs"
        assert facts["calls from"] == "2026-11-19 12:30 UTC to 2026-11-21 12:10 UTC"
        assert "Nobody signs in here" in words(page)


def test_an_empty_store_shows_the_ways_in_and_waits_for_the_first_span(visit: Visit, empty: Path) -> None:
    app = visit(empty, "setup")
    assert "Waiting for the first span" in words(app)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in words(app)
    assert "Is data flowing?" not in words(app)


def test_the_page_that_waits_turns_into_the_one_with_data(
    visit: Visit, empty: Path, sources_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(empty, "setup")
    monkeypatch.setenv("STEELYARD_STORE_FILE", str(sources_store))
    app.run()
    assert "Is data flowing?" in words(app) and "Waiting" not in words(app)


def test_sources_that_fell_silent_are_said_aloud(visit: Visit, tmp_path: Path) -> None:
    store = a_store(tmp_path / "store.duckdb", spans=[a_call(started_at=TWO_DAYS_AGO)])
    said = words(visit(store, "setup"))
    assert "nothing in the last hour" in said
    assert "Nothing was refused" in said and "Every call with usage has a price." in said


def test_hostile_names_of_services_stay_text(visit: Visit, tmp_path: Path) -> None:
    spans = [a_call(service_name=text, sampling_rate=0.5, list_cost_usd=Decimal(1)) for text in HOSTILE]
    app = visit(a_store(tmp_path / "store.duckdb", spans=spans), "setup")
    rendered = "\n".join(element.value for element in app.markdown)
    for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
        assert markup not in rendered


def test_who_is_signed_in_reads_in_which_role_and_what_it_shows(
    visit: Visit, sources_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = visitor.of_name("ana@example.com", Narrowing(role="engineer", project="default"))
    monkeypatch.setattr(visitor, "sign_in", lambda: SignIn(method="key"))
    monkeypatch.setattr(visitor, "current", lambda: ana)
    app = visit(sources_store, "setup")
    shown = [frame.value for frame in app.dataframe if "fact" in frame.value.columns]
    said = dict(shown[-1].values.tolist())
    assert said["signed in as"] == "ana@example.com"
    assert said["role"] == "engineer, project default"
    assert said["may see"].startswith("numbers, calls and evals, captured messages, SQL of their own")


class TestWords:
    def test_a_source_without_troubles_has_no_doubts(self) -> None:
        assert list(doubts({})) == []
        assert list(doubts({"n_unpriced": 1_200, "n_sampled": 0})) == ["1,200 unpriced"]

    def test_only_the_first_five_sources_are_named_and_the_rest_counted(self) -> None:
        nothing = dict.fromkeys(("n_unpriced", "n_no_usage", "n_sampled", "n_ambiguous"), 0)
        rows = [nothing | {"service_name": f"s{n}", "n_cut": n} for n in range(1, 8)]
        (sentence,) = advice(rows)
        assert (
            sentence.startswith("**Cut**: 7 calls of s7; 6 calls of s6;")
            and "; and 2 more services" in sentence
        )

    def test_with_keys_required_every_snippet_says_where_the_key_goes(self) -> None:
        asked = snippets("http://c:4318", "http://c:4317", needs_key=True)
        assert all("sy_ingest_…" in text for text, _ in asked.values())
        assert not any(
            "sy_ingest_…" in text for text, _ in snippets("http://c", "http://d", needs_key=False).values()
        )


def test_the_troubles_of_another_window_or_project_are_not_counted(sources_store: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_STORE_FILE", str(sources_store))
        later = {"since": NOW, "until": NOW + timedelta(hours=1)}
        assert source.read("source_troubles", "default", **later) == []
        ever = {"since": NOW - timedelta(days=9), "until": NOW}
        assert source.read("source_troubles", "elsewhere", **ever) == []
        (row,) = source.read("source_troubles", "default", **ever)
    assert (row["service_name"], row["n_no_usage"], row["lowest_rate"]) == ("chat", 1, 0.1)
