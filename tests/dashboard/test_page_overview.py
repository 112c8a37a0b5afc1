"""The Overview, run by Streamlit itself on a real store file; numbers worked by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import streamlit as st
from streamlit.proto.Metric_pb2 import Metric
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import source
from dashboard.filters import RANGES, Filters, window
from dashboard.views.overview import live, tops
from store.reader import FileReader, rows
from tests.dashboard.data import (
    A_BUDGET,
    HOSTILE,
    NOW,
    RATE_CARD,
    a_call,
    a_failed_call,
    a_run,
    a_store,
    a_verdict,
    an_unpriced_call,
)

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
A_WEEK_AGO = NOW - timedelta(days=9)
Visit = Callable[..., AppTest]
USD = Decimal

# This week five calls of default: three priced, one failed without a tenant, one unpriced; of the week before, twenty-five, of
# which five failed. The other project has one tenant more than a list names, and one call without a prompt.
CALLS = (
    a_call(list_cost_usd=USD("1000.50"), dims={"team": "search"}),
    a_call(list_cost_usd=USD("758.242"), duration_ns=950_000_000, cached_input_tokens=400),
    a_call(tenant_id="globex", list_cost_usd=USD("0.0000031"), started_at=NOW - timedelta(days=3)),
    a_failed_call(tenant_id=None),
    an_unpriced_call(tenant_id="initech"),
    *(a_call(started_at=A_WEEK_AGO, list_cost_usd=USD(1)) for _ in range(20)),
    *(a_failed_call(started_at=A_WEEK_AGO) for _ in range(5)),
    *(
        a_call(project="many", tenant_id=f"tenant {n}", prompt_name="reply", list_cost_usd=USD(n))
        for n in range(1, 7)
    ),
    a_call(
        project="many",
        tenant_id=None,
        cache_hit=True,
        cost_status="cache_hit",
        list_cost_usd=USD(0),
        saved_cost_usd=USD("0.25"),
    ),
    *(a_call(project="hostile", tenant_id=text, model_answered=text, prompt_name=text) for text in HOSTILE),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_store(
        tmp_path_factory.mktemp("overview") / "store.duckdb",
        spans=CALLS,
        rate_cards=[RATE_CARD],
        runs=[a_run()],
        verdicts=[a_verdict(reason="fell by **7** points <b>")],
        budgets=[
            A_BUDGET,
            A_BUDGET | {"budget_key": "2", "dimension": "tenant_id", "dimension_value": "globex"},
            *(
                A_BUDGET | {"budget_key": f"many-{n}", "project": "many", "dimension": "tenant_id"}
                | {"dimension_value": f"tenant {n}", "monthly_usd": USD("0.5")}
                for n in range(1, 7)
            ),
            A_BUDGET | {"budget_key": "h", "project": "hostile", "dimension": "tenant_id", "dimension_value": HOSTILE[0],
                        "monthly_usd": USD("0.01")},
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def visit(store: Path) -> Iterator[Visit]:
    """Open a page, once for all tests that ask for the same."""
    opened: dict[tuple[Any, ...], AppTest] = {}

    with pytest.MonkeyPatch.context() as patched:

        def open_page(on: Path = store, page: str = "", **query: str | Sequence[str]) -> AppTest:
            asked = (on, page, *sorted(query.items()))
            if asked not in opened:
                patched.setenv("STEELYARD_STORE_FILE", str(on))
                opened[asked] = _opened(page, query)
            return opened[asked]

        patched.setattr(source, "now", lambda: NOW)
        _forget()
        yield open_page
        _forget()


def _opened(page: str, query: Mapping[str, str | Sequence[str]]) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app._page_hash = calc_hash(page)
    app.query_params.update(query)
    app.run()
    assert not app.exception, app.exception
    return app


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.info, *app.warning)
    return "\n".join(element.value for element in shown).replace("\\", "")


def links(app: AppTest) -> list[tuple[str, str, dict[str, str]]]:
    """(page, label, address) of every link."""
    found = [link.proto for link in app.get("page_link")]
    return [
        (one.page, one.label.replace("\\", ""), dict(parse_qsl(one.query_string, keep_blank_values=True)))
        for one in found
    ]


def rows_of_lists(app: AppTest) -> list[tuple[str, str, dict[str, str]]]:
    return [link for link in links(app) if not link[1].startswith(":")]


def findings(app: AppTest) -> list[tuple[str, str, dict[str, str]]]:
    """Their severity stands before them in colour."""
    return [link for link in links(app) if link[1].startswith(":")]


def test_shows_the_numbers_of_the_store_and_what_they_stand_on(visit: Visit) -> None:
    app = visit()
    assert metrics(app) == {
        "Spend": "$1,758.74",
        "Requests": "5",
        "Error rate": "20.0 %",
        "p95 latency": "935 ms",  # 0.85 × 2 and 0.95: nine tenths of the last step and 0.85 of three
        "Tokens": "4,400",
        "Unpriced": "20.0 %",
    }
    shown = {metric.label: metric.proto.delta_description for metric in app.metric}
    assert shown["Spend"] == "vs prev 7d"
    assert shown["Error rate"] == "✕ over 2 %"
    assert shown["p95 latency"] == "p50 850 ms"
    assert shown["Unpriced"] == "1 calls in no amount"
    said = words(app)
    assert "latency of 4 calls that succeeded" in said
    assert "price book genai-prices 0.2.3 (checked 2026-11-12)" in said
    assert "data up to 2026-11-21 11:30 UTC" in said
    assert "1 unpriced and 1 without usage are not in spend" in said


def test_compares_with_the_window_of_the_same_length_before_and_takes_chance_for_what_it_is(
    visit: Visit,
) -> None:
    moved = {metric.label: (metric.delta, Metric.MetricColor.Name(metric.color)) for metric in visit().metric}
    # 1 of 5 against 5 of 25.
    assert moved["Error rate"] == ("0.0%", "GRAY")
    assert moved["Requests"] == ("−80.0%", "GRAY")
    assert moved["p95 latency"] == ("+10.0%", "RED")
    assert moved["Unpriced"] == ("", "GRAY")  # none before: nothing to compare with


def test_the_narrowed_page_is_of_the_calls_that_match_also_under_its_own_name(visit: Visit) -> None:
    app = visit(page="overview", tenant="globex")
    assert metrics(app)["Requests"] == "1" and metrics(app)["Spend"] == "$0.0000031"


def test_what_a_link_says_counts_over_what_the_address_had_and_nothing_clears_it(visit: Visit) -> None:
    """`?tenant=acme&tenant=globex` is what Streamlit makes of a link to globex on a page of acme."""
    app = visit(tenant=("acme", "globex"), model=("acme-finetune", ""))
    assert metrics(app)["Requests"] == "1" and metrics(app)["Spend"] == "$0.0000031"
    assert app.selectbox(key="tenant").value == "globex" and app.selectbox(key="model").value is None


def test_the_key_figures_equal_the_totals_and_the_series_of_the_same_windows(store: Path) -> None:
    since, until = NOW - timedelta(days=7), NOW
    with closing(FileReader(store)) as reader:

        def ask(name: str, since: datetime, until: datetime, **more: Any) -> list[Mapping[str, Any]]:
            asked = {"since": since, "until": until, **more}
            return rows(reader.query(name, **{key: str(value) for key, value in asked.items()}))

        for narrowed in ({}, {"tenant_id": "acme"}, {"dimension": "team", "dimension_value": "search"}):
            found = ask(
                "overview_figures",
                since,
                until,
                before=since - (until - since),
                bucket_minutes=180,
                **narrowed,
            )
            of_kind = {
                kind: [row for row in found if row["kind"] == kind] for kind in ("window", "before", "bucket")
            }
            assert_agree(of_kind["window"], ask("window_totals", since, until, **narrowed))
            assert_agree(of_kind["before"], ask("window_totals", since - (until - since), since, **narrowed))
            assert_agree(
                of_kind["bucket"], ask("window_series", since, until, bucket_minutes=180, **narrowed)
            )


def assert_agree(found: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> None:
    shared = found[0].keys() & others[0].keys()
    assert len(shared) > 8
    assert [{name: row[name] for name in shared} for row in found] == [
        {name: row[name] for name in shared} for row in others
    ]


def test_a_row_of_a_list_leads_to_its_spend_narrowed_as_the_page_is(visit: Visit) -> None:
    app = visit(model="gpt-4o-2024-08-06")
    narrowed = {"project": "default", "month": "2026-11", "model": "gpt-4o-2024-08-06"}
    tenants = rows_of_lists(app)[:2]
    assert tenants == [
        ("spend", "acme", narrowed | {"tenant": "acme"}),
        ("spend", "globex", narrowed | {"tenant": "globex"}),
    ]


def test_rows_and_the_rest_sum_to_the_total_and_the_rest_leads_to_every_one(visit: Visit) -> None:
    app = visit(project="many")
    assert metrics(app)["Spend"] == "$21.00"  # 1 + … + 6
    listed = [label for _, label, _ in rows_of_lists(app)][:6]
    assert listed == ["tenant 6", "tenant 5", "tenant 4", "tenant 3", "tenant 2", "other"]
    written = next(html.proto.body for html in app.get("html") if "Tenants by spend" in html.proto.body)
    amounts = [USD(text) for text in re.findall(r"<td>\$([\d.]+)</td><td><img", written)]
    assert sum(amounts) == USD("21.00") and amounts[-1] == USD("1.00")
    assert ("spend", "other", {"project": "many", "month": "2026-11", "by": "tenant"}) in links(app)


def test_calls_without_a_value_are_linked_by_the_words_their_filter_has(visit: Visit) -> None:
    words_of_link = [query for _, label, query in links(visit(project="many")) if label == "no prompt"]
    assert words_of_link == [{"project": "many", "month": "2026-11", "prompt": "(no prompt)"}]
    assert metrics(visit(project="many", prompt="(no prompt)"))["Requests"] == "1"


def test_what_a_cache_saved_stands_beside_the_tokens(visit: Visit) -> None:
    tokens = next(metric for metric in visit(project="many").metric if metric.label == "Tokens")
    assert tokens.proto.delta_description == "cache saved $0.25"


def test_what_needs_attention_is_listed_the_worst_first_with_its_evidence(visit: Visit) -> None:
    app = visit(tenant="acme")
    found = findings(app)
    assert [label for _, label, _ in found] == [
        ":red[**Critical**] Budget of the whole project: exceeded",  # $1,778.74 of $100
        ":orange[**Warning**] Gate blocked: support-reply bbbbbbb",
        ":orange[**Warning**] 1 model without a price",
    ]
    # Findings are of the whole project: what narrows this page would hide their evidence.
    assert found[0][0] == "spend"
    assert found[0][2] == {"project": "default", "month": "2026-11", "tenant": ""}
    assert found[1][0] == "gates" and found[1][2]["run"] == a_run()["run_id"]
    assert "fell by **7** points <b>" in words(app)


def test_the_worst_four_are_in_sight_and_the_others_one_click_away(visit: Visit) -> None:
    app = visit(project="many")
    assert [box.label for box in app.expander] == ["2 more"]
    assert len(findings(app)) == 6


def test_without_findings_it_says_what_was_looked_at(visit: Visit, tmp_path: Path) -> None:
    app = visit(a_store(tmp_path / "store.duckdb", spans=[a_call()]))
    assert "Nothing needs attention" in words(app)
    assert "Looked at spend, failures, latency and volume of the last 7 days" in words(app)
    assert "newest call 1 h ago" in words(app)


def test_live_is_in_the_address_and_off_beyond_a_day(visit: Visit) -> None:
    app = visit(range="24h", live="on")
    assert app.toggle(key="live-toggle").value
    assert metrics(app)["Requests"] == "4"
    app.toggle(key="live-toggle").set_value(False).run()
    assert app.selectbox(key="live").value is None
    app.segmented_control(key="range").set_value("7d").run()
    assert app.toggle(key="live-toggle").disabled and not app.toggle(key="live-toggle").value


def test_what_is_drawn_anew_ends_now_and_a_custom_range_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "now", lambda: NOW + timedelta(minutes=5))
    day = Filters(
        project="default",
        window=window(RANGES["24h"], NOW),
        range_name="24h",
        **dict.fromkeys(
            ("environment", "tenant_id", "model", "prompt_name", "dimension", "dimension_value", "by")
        ),
        month=date(2026, 11, 1),
        models_in_order=(),
        own={},
    )
    assert live.of_now(day).window.until == NOW + timedelta(minutes=6)  # with the minute that is under way
    custom = replace(day, range_name="custom")
    assert live.of_now(custom) == custom and not live.is_possible(custom)


def test_on_an_empty_store_leads_to_setup(visit: Visit, tmp_path: Path) -> None:
    app = visit(a_store(tmp_path / "store.duckdb"))
    assert "No calls yet" in words(app)
    assert not app.metric
    assert links(app)[0][0] == "setup"


def test_names_the_filter_that_emptied_the_page_and_still_says_what_is_wrong(visit: Visit) -> None:
    app = visit(tenant="globex", model="acme-finetune")
    assert "No calls match tenant globex, model acme-finetune" in words(app)
    assert app.button(key="clear")
    assert "Budget of the whole project: exceeded" in findings(app)[0][1]


def test_hostile_names_are_shown_as_text(visit: Visit) -> None:
    app = visit(project="hostile")
    rendered = "\n".join(
        [
            *(element.value for element in (*app.markdown, *app.caption)),
            *(link.proto.label for link in app.get("page_link")),
        ]
    )
    for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
        assert markup not in rendered
    assert not any("<script>" in html.proto.body for html in app.get("html"))


def test_a_list_of_amounts_has_its_course_also_where_a_bucket_had_none() -> None:
    first, second = NOW, NOW + timedelta(hours=3)
    cost = {"rank": 1, "value": "acme", "n_priced": 2}
    [top] = tops.tops([cost | {"bucket_at": second, "cost_usd": USD(3)}], [first, second])
    assert top == tops.Top("acme", USD(3), 2, [USD(0), USD(3)])
    assert tops.tops([], [first]) == []
