"""The Reliability page, run by Streamlit itself on a real store file; numbers worked by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import source
from dashboard.charts.errors import CLASS_MARKS
from dashboard.filters.own import ERROR_CLASSES
from dashboard.views.reliability import comparison, failures, requests
from tests.dashboard.data import HOSTILE, NOW, a_call, a_failed_call, a_store

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
AT_8, AT_9, AT_11 = (NOW.replace(hour=hour, minute=10) for hour in (8, 9, 11))
TRACE = "0" * 31 + "1"
RETRIED = {"request_id": "request-1", "trace_id": TRACE, "started_at": AT_9, "tenant_id": "globex"}
# Six requests in eight calls, three of which failed: two attempts of one request, and one that is lost.
CALLS = (
    a_call(started_at=AT_8, duration_ns=100_000_000, output_tokens=100),
    a_call(started_at=AT_8, duration_ns=200_000_000, output_tokens=50, finish_reason="length"),
    a_call(started_at=AT_8, duration_ns=1_000_000_000, output_tokens=101, ttft_ns=200_000_000),
    a_failed_call(**RETRIED, span_id=1, attempt=1, duration_ns=500_000_000, http_status=429),
    a_failed_call(
        **RETRIED | {"started_at": AT_9 + timedelta(seconds=2)},
        span_id=2,
        attempt=2,
        duration_ns=500_000_000,
        error_class="timeout",
    ),
    a_call(
        **RETRIED | {"started_at": AT_9 + timedelta(seconds=3)},
        span_id=3,
        attempt=3,
        provider="anthropic",
        model_requested="claude",
        model_answered="claude",
        duration_ns=400_000_000,
        output_tokens=40,
    ),
    a_failed_call(started_at=AT_11, error_class=None, error_type="weird", duration_ns=9_000_000_000),
    a_call(
        started_at=AT_11,
        cache_hit=True,
        cost_status="cache_hit",
        duration_ns=1,
        list_cost_usd=Decimal(0),
        saved_cost_usd=Decimal("0.0035"),
    ),
)
Visit = Callable[..., AppTest]


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    """Open the page on a store file: `visit(store, part="failures")`; no exception may show."""
    with pytest.MonkeyPatch.context() as patched:

        def open_page(store: Path, **query: str) -> AppTest:
            patched.setenv("STEELYARD_STORE_FILE", str(store))
            app = AppTest.from_file(str(APP), default_timeout=60)
            # AppTest switches between page files only; ours are functions, known by the hash of their path.
            app._page_hash = calc_hash("reliability")
            app.query_params.update(query)
            app.run()
            assert not app.exception, app.exception
            return app

        patched.setattr(source, "now", lambda: NOW)
        _forget()
        yield open_page
        _forget()


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_store(tmp_path_factory.mktemp("reliability") / "store.duckdb", spans=CALLS)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The queries that the first draw of the page asked."""
    return []


@pytest.fixture(scope="module")
def first(visit: Visit, store: Path, asked: list[str]) -> AppTest:
    read = source.read
    with pytest.MonkeyPatch.context() as listening:
        listening.setattr(
            source, "read", lambda name, *of, **more: (asked.append(name), read(name, *of, **more))[1]
        )
        return visit(store)


def table(app: AppTest, *columns: str) -> Any:
    """The first table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error)
    return "\n".join(element.value for element in shown).replace("\\", "")


def test_the_key_figures_are_those_of_the_store(first: AppTest) -> None:
    assert {metric.label: metric.value for metric in first.metric} == {
        "Error rate": "37.5 %",  # 3 of 8
        "Latency p95": "910 ms",  # of 100, 200, 400 and 1,000 ms: 400 + 0.85 x 600
        "First token p95": "200 ms",
        "Output speed": "171 tok/s",  # 291 tokens in 1.7 s
        "Retries": "25.0 %",  # 2 of 8
        "Cache hits": "12.5 %",
    }


def test_the_footer_says_what_the_numbers_rest_on(first: AppTest) -> None:
    said = words(first)
    assert "8 calls, every attempt counted" in said
    assert "latency of 4 that succeeded, cache hits excluded" in said
    assert "2026-11-14 12:00 UTC to 2026-11-21 12:31 UTC" in said
    assert "data up to 2026-11-21 11:10 UTC" in said


def test_the_first_draw_asks_six_queries_and_draws_three_figures(first: AppTest, asked: list[str]) -> None:
    assert sorted(asked) == [
        "error_series",
        "latency_histogram",
        "latency_series",
        "reliability_by",
        "reliability_totals",
        "reliability_totals",
    ]
    assert len(first.get("plotly_chart")) == 3


def test_providers_and_models_stand_side_by_side(first: AppTest) -> None:
    rows = table(first, "mostly")
    assert list(zip(rows["value"], rows["value_2"], rows["n_calls"], rows["errors"], strict=True)) == [
        ("openai", "gpt-4o-2024-08-06", 7, pytest.approx(3 / 7)),
        ("anthropic", "claude", 1, 0.0),
    ]
    assert rows["p99_ns"][1] == 400_000_000
    assert rows["cached"].isna().all()  # nobody said how much a provider's cache answered


def test_grouped_by_a_dimension_its_values_stand_side_by_side(visit: Visit, store: Path) -> None:
    app = visit(store, by="tenant", **{"class": "no-such"})
    assert list(table(app, "mostly")["value"]) == ["acme", "globex"]
    assert "class **no-such**, which is not known here" in words(app)


def test_every_attempt_of_the_call_that_is_open_is_shown_with_the_wait_before_it(
    visit: Visit, store: Path
) -> None:
    app = visit(store, part="failures", id=TRACE, span=f"{2:016x}")
    assert list(table(app, "said", "tenant")["error_class"]) == ["other", "timeout", "rate_limit"]
    rows = table(app, "waited_ns")
    assert list(rows["outcome"]) == ["✕ rate_limit", "✕ timeout", "✓ ok"]
    assert list(rows["waited_ns"])[1:] == [1_500_000_000, 500_000_000]
    assert list(rows["cost"]) == ["no usage", "no usage", "$0.003500"]
    assert "3 attempts, succeeded in the end" in words(app)


def test_a_class_narrows_the_failed_calls_and_the_address_says_so(visit: Visit, store: Path) -> None:
    app = visit(store, part="failures", **{"class": "other"})
    assert list(table(app, "said", "tenant")["said"]) == ["weird"]
    app.pills(key="reliability-class").set_value("timeout").run()
    assert list(table(app, "said", "tenant")["error_class"]) == ["timeout"]
    assert "the newest 1 of 1" in words(app)
    assert app.query_params["class"] == "timeout"
    assert [link.proto.query_string for link in app.get("page_link") if link.proto.page == "traces"] == [
        "project=default&status=errors&class=timeout",
        f"project=default&id={TRACE}&span={2:016x}",
    ]


@pytest.fixture(scope="module")
def requests_part(visit: Visit, store: Path) -> AppTest:
    return visit(store, part="requests")


def test_attempts_of_a_request_count_once(requests_part: AppTest) -> None:
    rows = table(requests_part, "what", "trend")
    assert list(zip(rows["what"], rows["n"], rows["share"], strict=True)) == [
        ("Requests", 6, "1.333 calls each"),
        ("took more than one attempt", 1, "16.7 % of requests"),
        ("of those, saved by a later attempt", 1, "100 % of retried"),
        ("of those, went to another provider or model", 1, "100 % of retried"),
        ("failed in the end", 1, "16.7 % of requests"),
        ("answered by a response cache", 1, "12.5 % of calls"),
    ]


def test_another_part_is_in_the_address(requests_part: AppTest) -> None:
    app = requests_part
    app.segmented_control(key="reliability-part").set_value("Failed calls").run()
    assert app.query_params["part"] == "failures"
    assert "the newest 3 of 3" in words(app)


def test_an_empty_store_leads_to_setup(visit: Visit, tmp_path: Path) -> None:
    app = visit(a_store(tmp_path / "store.duckdb"))
    assert "No calls yet" in words(app)
    assert not app.metric


def test_names_the_filter_that_emptied_the_page(visit: Visit, tmp_path: Path) -> None:
    old = a_store(tmp_path / "store.duckdb", spans=[a_call(started_at=NOW - timedelta(days=60))])
    assert "No calls match tenant acme" in words(visit(old, tenant="acme"))


def test_one_call_of_hostile_names_shows_them_as_they_are(visit: Visit, tmp_path: Path) -> None:
    script, maths, link = HOSTILE[:3]
    call = a_failed_call(
        provider=script, model_requested=maths, model_answered=None, tenant_id=link, error_type=script
    )
    app = visit(a_store(tmp_path / "store.duckdb", spans=[call]), part="failures")
    assert app.metric[0].value == "100 %"
    assert {metric.value for metric in app.metric[1:4]} == {"–"}
    row = table(app, "said", "tenant").iloc[0]
    assert (row["said"], row["model"]) == (script, maths)
    assert not any(re.search(r"(?<!\\)<script>", element.value) for element in app.markdown)


ROW = {"value": "openai", "value_2": "gpt-4o"}


class TestNarrowing:
    def test_a_row_says_all_that_shows_it_alone(self) -> None:
        assert comparison.narrowing(ROW, ["provider", "model"]) == {
            "dim": "provider",
            "value": "openai",
            "model": "gpt-4o",
        }
        assert comparison.narrowing(ROW, ["tenant_id"]) == {"tenant": "openai"}

    def test_calls_without_a_value_can_be_chosen_too(self) -> None:
        nothing = {"value": None, "value_2": None}
        assert comparison.narrowing(nothing, ["service_name", "model"]) == {
            "dim": "service",
            "value": "(no service)",
            "model": "(no model named)",
        }

    def test_a_model_that_two_providers_serve_is_named_with_its_provider(self) -> None:
        names = ["provider", "model"]
        same, other = ROW | {"value": "azure"}, ROW | {"value_2": "gpt-5"}
        assert comparison.short_label(ROW, [ROW, other], names) == "gpt-4o"
        assert comparison.short_label(ROW, [ROW, same], names) == "openai · gpt-4o"


def test_what_the_address_does_not_name_leaves_the_newest_call_open() -> None:
    rows = [{"trace_id": "a", "span_id": "1"}, {"trace_id": "a", "span_id": "2"}]
    assert failures.which_is_open(rows, "a", "2") == 1
    assert failures.which_is_open(rows, "b", "2") == failures.which_is_open(rows, None, None) == 0


def test_without_any_request_shares_are_not_known() -> None:
    assert [line["share"] for line in requests.of_requests([])][:2] == ["– calls each", "– of requests"]


def test_every_class_of_failure_has_a_mark_of_its_own() -> None:
    assert set(CLASS_MARKS) == set(ERROR_CLASSES)
    assert len(set(CLASS_MARKS.values())) == len(ERROR_CLASSES)
