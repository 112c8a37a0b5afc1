"""Every page, run by Streamlit itself on a real store file, without a browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.proto.Metric_pb2 import Metric
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import source
from dashboard.filters import RANGES, window
from dashboard.views import gates, spend
from tests.dashboard.data import (
    HOSTILE,
    NOW,
    RATE_CARD,
    RUN_ID,
    a_call,
    a_correction,
    a_failed_call,
    a_result,
    a_run,
    a_store,
    a_verdict,
    an_unpriced_call,
)

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("", "spend", "gates", "setup")
Visit = Callable[..., AppTest]


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open a page on a store file: `visit(store, "spend", month="2026-11")`; no exception may show."""

    def open_page(store: Path, page: str = "", **query: str) -> AppTest:
        monkeypatch.setenv("STEELYARD_STORE_FILE", str(store))
        app = AppTest.from_file(str(APP), default_timeout=60)
        # AppTest switches between page files only; ours are functions, known by the hash of their path.
        app._page_hash = calc_hash(page)
        app.query_params.update(query)
        app.run()
        assert not app.exception, app.exception
        return app

    monkeypatch.setattr(source, "now", lambda: NOW)
    _forget()
    yield open_page
    _forget()


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def table(app: AppTest, *columns: str) -> Any:
    """The first table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.code)
    return "\n".join(element.value for element in shown).replace("\\", "")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Five calls of November: three priced, one failed without a tenant, one unpriced."""
    return a_store(
        tmp_path / "store.duckdb",
        spans=[
            a_call(list_cost_usd=Decimal("1000.50")),
            a_call(list_cost_usd=Decimal("758.242"), duration_ns=950_000_000),
            a_call(tenant_id="globex", list_cost_usd=Decimal("0.0000031")),
            a_failed_call(tenant_id=None),
            an_unpriced_call(tenant_id="initech"),
        ],
        rate_cards=[RATE_CARD],
    )


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A passing run, and a newer failing one of another prompt with its evidence."""
    passed = "01KAMRAGANSWER000000000001"
    return a_store(
        tmp_path / "store.duckdb",
        runs=[a_run(), a_run(run_id=passed, suite="rag.yaml", prompt_name="a-rag-answer", started_at=NOW)],
        verdicts=[
            a_verdict(),
            a_verdict(run_id=passed, verdict="PASS", difference=0.02, interval_low=-0.01, interval_high=0.05),
        ],
        results=[
            a_result(case_id=case, variant=variant, score=score)
            for case, baseline, candidate in (("kept", 1.0, 1.0), ("lost", 1.0, 0.0))
            for variant, score in (("baseline", baseline), ("candidate", candidate))
        ],
    )


class TestOverview:
    def test_shows_the_numbers_of_the_store(self, visit: Visit, mixed: Path) -> None:
        assert metrics(visit(mixed)) == {
            "Spend": "$1,758.74",
            "Requests": "5",
            "Error rate": "20.0 %",
            "p50 latency": "850 ms",
            "p95 latency": "935 ms",  # 0.85 × 3 and 0.95: 0.85 s + 0.85 of the last step
            "Tokens": "4,400",
        }

    def test_says_how_much_of_it_could_be_priced(self, visit: Visit, mixed: Path) -> None:
        app = visit(mixed)
        assert "1 unpriced and 1 without usage are not in spend" in words(app)
        assert "price book genai-prices 0.2.3 (checked 2026-11-12)" in words(app)

    def test_a_call_without_a_cost_shows_a_word_and_not_zero(self, visit: Visit, mixed: Path) -> None:
        latest = table(visit(mixed), "cost", "trace_id")
        assert set(latest["cost"]) == {"$1,000.50", "$758.24", "$0.0000031", "no usage", "unpriced"}

    def test_of_one_tenant_shows_only_that_tenant(self, visit: Visit, mixed: Path) -> None:
        app = visit(mixed, tenant="globex")
        assert metrics(app)["Requests"] == "1"
        assert metrics(app)["Spend"] == "$0.0000031"
        assert set(table(app, "cost", "trace_id")["tenant"]) == {"globex"}

    def test_of_a_shorter_range_shows_less(self, visit: Visit, tmp_path: Path) -> None:
        store = a_store(
            tmp_path / "store.duckdb", spans=[a_call(), a_call(started_at=NOW - timedelta(days=3))]
        )
        assert metrics(visit(store, range="7d"))["Requests"] == "2"
        assert metrics(visit(store, range="24h"))["Requests"] == "1"

    def test_compares_with_the_window_of_the_same_length_before(self, visit: Visit, tmp_path: Path) -> None:
        before = [a_call(started_at=NOW - timedelta(days=9)) for _ in range(4)]
        before.append(a_failed_call(started_at=NOW - timedelta(days=9)))
        store = a_store(tmp_path / "store.duckdb", spans=[a_call(), a_failed_call(), *before])
        deltas = {
            metric.label: (metric.delta, Metric.MetricColor.Name(metric.color))
            for metric in visit(store).metric
        }
        assert deltas["Error rate"] == ("+150.0%", "RED")  # 1 of 2 against 1 of 5
        assert deltas["Requests"] == ("−60.0%", "GRAY")

    def test_on_an_empty_store_leads_to_setup(self, visit: Visit, tmp_path: Path) -> None:
        app = visit(a_store(tmp_path / "store.duckdb"))
        assert "No calls yet" in words(app)
        assert not app.metric

    def test_names_the_filter_that_emptied_the_page(self, visit: Visit, tmp_path: Path) -> None:
        store = a_store(
            tmp_path / "store.duckdb", spans=[a_call(tenant_id="acme", started_at=NOW - timedelta(days=60))]
        )
        assert "No calls match tenant acme" in words(visit(store, tenant="acme"))

    def test_also_answers_at_its_own_name(self, visit: Visit, mixed: Path) -> None:
        assert metrics(visit(mixed, "overview"))["Requests"] == "5"


class TestSpend:
    def test_totals_equal_the_sum_of_the_rows(self, visit: Visit, mixed: Path) -> None:
        app = visit(mixed, "spend")
        rows = table(app, "per_thousand")
        total, tenants = rows[rows["name"] == "Total"].iloc[0], rows[rows["name"] != "Total"]
        assert metrics(app)["Cost of the month"] == "$1,758.74"
        assert sum(cost for cost in tenants["cost_usd"] if cost is not None) == total["cost_usd"]
        assert tenants["n_calls"].sum() == total["n_calls"] == 5
        assert "rows sum to $1,758.74 · 5 calls · UTC month 2026-11-01 00:00 to 2026-12-01 00:00" in words(
            app
        )

    def test_calls_without_a_tenant_or_a_price_have_their_own_lines(self, visit: Visit, mixed: Path) -> None:
        app = visit(mixed, "spend")
        assert "(no tenant)" in set(table(app, "per_thousand")["name"])
        assert metrics(app)["Unpriced calls"] == "1"
        assert "acme-finetune" in words(app)

    def test_the_list_price_stands_beside_what_is_paid_where_the_two_differ(
        self, visit: Visit, tmp_path: Path, mixed: Path
    ) -> None:
        own_key = {"list_cost_usd": Decimal(3), "effective_cost_usd": Decimal(0), "billed_to": "customer"}
        spans = [a_call(list_cost_usd=Decimal(5)), a_call(**own_key)]
        closed = {"month": date(2026, 11, 1), "status": "closed", "recorded_at": NOW}
        store = a_store(
            tmp_path / "other.duckdb",
            spans=spans,
            corrections=[a_correction()],
            periods=[{"project": "default", **closed}],
        )
        app = visit(store, "spend")
        assert metrics(app)["Cost of the month"] == "$5.00"
        assert list(table(app, "list_cost_usd")["list_cost_usd"]) == [Decimal(8), Decimal(8)]
        assert "$8.00 at list prices, $3.00 of that on customers' own accounts (1 calls)" in words(app)
        assert "closed on 2026-11-21 12:30 UTC" in words(app)
        assert "$0.20 of corrections of closed months" in words(app)
        assert "at list prices" not in words(visit(mixed, "spend"))

    def test_shows_the_month_of_the_link(self, visit: Visit, tmp_path: Path) -> None:
        october = a_call(started_at=datetime.fromisoformat("2026-10-31T23:59:59"), list_cost_usd=Decimal(7))
        november = a_call(started_at=datetime.fromisoformat("2026-11-01"), list_cost_usd=Decimal(5))
        store = a_store(tmp_path / "store.duckdb", spans=[october, november])
        assert metrics(visit(store, "spend", month="2026-10"))["Cost of the month"] == "$7.00"
        assert metrics(visit(store, "spend"))["Cost of the month"] == "$5.00"

    def test_the_csv_has_the_same_rows_with_exact_decimals(self, visit: Visit, mixed: Path) -> None:
        visit(mixed, "spend")
        rows = source.read("spend_month", "default", month="2026-11-01")
        written = list(csv.DictReader(io.StringIO(spend.as_csv(rows).decode())))
        assert [row["tenant_id"] for row in written] == ["acme", "globex", "initech", ""]
        assert [row["cost_usd"] for row in written] == ["1758.742000000000", "0.000003100000", "", ""]

    def test_a_formula_in_a_tenants_name_stays_text_in_a_spreadsheet(self) -> None:
        assert b"'=cmd()" in spend.as_csv([{"tenant_id": "=cmd()", "cost_usd": Decimal("-1")}])
        assert b",-1" in spend.as_csv([{"tenant_id": "a", "cost_usd": Decimal("-1")}])

    @pytest.mark.parametrize(
        ("month", "until"), [(date(2026, 2, 1), "2026-03-01"), (date(2026, 12, 1), "2027-01-01")]
    )
    def test_a_month_ends_where_the_next_begins(self, month: date, until: str) -> None:
        assert f"{spend.bounds(month)[1]:%Y-%m-%d}" == until


class TestGates:
    def test_what_is_blocked_comes_first(self, visit: Visit, judged: Path) -> None:
        app = visit(judged, "gates")
        text = words(app)
        assert "1 blocked · 1 passed" in text
        assert text.index("support-reply") < text.index("a-rag-answer")

    def test_a_card_shows_the_difference_with_its_interval_margin_and_n(
        self, visit: Visit, judged: Path
    ) -> None:
        text = words(visit(judged, "gates"))
        assert "**−50.0** points [−80.0, −20.0]" in text
        assert "margin 3.0 · n 4 · support.yaml" in text

    def test_a_link_to_a_run_opens_its_evidence(self, visit: Visit, judged: Path) -> None:
        app = visit(judged, "gates", run=RUN_ID)
        assert "exact_match fell by 50.0 points" in words(app)
        assert list(table(app, "threshold")["check"]) == ["not worse"]
        assert list(table(app, "change")["case_id"]) == ["lost"]
        assert f"steelyard gate {RUN_ID}" in words(app)

    def test_the_button_of_a_card_opens_and_closes_the_evidence(self, visit: Visit, judged: Path) -> None:
        app = visit(judged, "gates")
        app.button(key=f"evidence-{RUN_ID}").click().run()
        assert "Checks of the gate" in words(app)
        app.button(key="close").click().run()
        assert "Checks of the gate" not in words(app)

    def test_a_run_that_is_not_there_is_said_aloud(self, visit: Visit, judged: Path) -> None:
        assert "There is no run **01KNOBODY**" in words(visit(judged, "gates", run="01KNOBODY"))

    def test_a_run_without_a_verdict_is_not_decided(self, visit: Visit, tmp_path: Path) -> None:
        app = visit(a_store(tmp_path / "store.duckdb", runs=[a_run()]), "gates", run=RUN_ID)
        assert "1 not decided yet" in words(app)
        assert "This run has no verdict yet." in words(app)

    def test_without_runs_says_how_to_make_one(self, visit: Visit, tmp_path: Path) -> None:
        assert "steelyard eval run" in words(visit(a_store(tmp_path / "store.duckdb"), "gates"))

    @pytest.mark.parametrize(
        ("checks", "shown"),
        [
            (None, []),
            ("not json", []),
            ('[{"name": "a", "verdict": "PASS", "extra": {"deep": 1}}]', ["✓ PASS", "a", "–", "–", "–", "–"]),
            (
                '[{"observed": [0.1, 0.25], "threshold": null, "verdict": "ODD", "n": 7}, 5]',
                ["? ODD", "–", "–", "[0.1, 0.25]", "7", "–"],
            ),
        ],
    )
    def test_checks_are_read_whatever_they_leave_out_or_add(
        self, checks: str | None, shown: list[str]
    ) -> None:
        found = gates.checks_of({"checks": checks})
        assert [list(check.values()) for check in found] == ([shown] if shown else [])


class TestSetup:
    def test_waits_for_the_first_span(self, visit: Visit, tmp_path: Path) -> None:
        app = visit(a_store(tmp_path / "store.duckdb"), "setup")
        assert "Waiting for the first span" in words(app)
        assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in words(app)
        assert "steelyard demo" in words(app)

    def test_shows_who_sends_and_when_last(self, visit: Visit, mixed: Path) -> None:
        services = table(visit(mixed, "setup"), "service")
        assert services.iloc[0][["service", "last", "n_spans_recent"]].tolist() == ["api", "1 h ago", 5]

    def test_shows_what_was_refused_and_what_has_no_price(self, visit: Visit, tmp_path: Path) -> None:
        reject = {
            "project": "default",
            "signal": "traces",
            "reason": "no trace id",
            "n_items": 3,
            "received_at": NOW,
        }
        app = visit(a_store(tmp_path / "store.duckdb", spans=[an_unpriced_call()], rejects=[reject]), "setup")
        assert table(app, "reason").iloc[0][["reason", "n_items"]].tolist() == ["no trace id", 3]
        assert table(app, "cost_status").iloc[0]["model"] == "acme-finetune"


class TestEveryPage:
    @pytest.mark.parametrize("page", PAGES)
    def test_works_with_one_row(self, visit: Visit, tmp_path: Path, page: str) -> None:
        visit(
            a_store(tmp_path / "store.duckdb", spans=[a_call()], runs=[a_run()], verdicts=[a_verdict()]), page
        )

    @pytest.mark.parametrize("page", PAGES)
    def test_works_when_almost_nothing_is_known(self, visit: Visit, tmp_path: Path, page: str) -> None:
        bare = dict.fromkeys(
            (
                "tenant_id",
                "provider",
                "model_requested",
                "model_answered",
                "service_name",
                "duration_ns",
                "rate_card",
                "emitter",
                "input_tokens",
                "output_tokens",
                "list_cost_usd",
            )
        ) | {"cost_status": "no_usage"}
        run = {"project": "default", "run_id": RUN_ID, "suite": "s", "started_at": NOW}
        visit(a_store(tmp_path / "store.duckdb", spans=[a_call(**bare)], runs=[run]), page, run=RUN_ID)

    @pytest.mark.parametrize("page", PAGES)
    def test_shows_hostile_text_as_text(self, visit: Visit, tmp_path: Path, page: str) -> None:
        calls = [
            a_call(tenant_id=text, model_answered=text, service_name=text, prompt_name=text)
            for text in HOSTILE
        ]
        calls += [an_unpriced_call(tenant_id=text, model_answered=text, provider=text) for text in HOSTILE]
        runs = [
            a_run(run_id=f"{RUN_ID}{n}", prompt_name=text, suite=text, golden_set=text, commit_sha=text)
            for n, text in enumerate(HOSTILE)
        ]
        verdicts = [
            a_verdict(
                run_id=f"{RUN_ID}{n}",
                reason=text,
                metric=text,
                method=text,
                checks=[{"name": text, "observed": text}],
            )
            for n, text in enumerate(HOSTILE)
        ]
        store = a_store(tmp_path / "store.duckdb", spans=calls, runs=runs, verdicts=verdicts)
        for n, text in enumerate(HOSTILE):
            app = visit(store, page, tenant=text, run=f"{RUN_ID}{n}")
            rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
            for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
                assert markup not in rendered, f"{markup} reaches Markdown on /{page}"

    @pytest.mark.parametrize("page", PAGES)
    def test_says_which_values_of_the_link_are_unknown(self, visit: Visit, mixed: Path, page: str) -> None:
        app = visit(
            mixed, page, range="5h", tenant="nobody", model="<b>", month="1999-01", project="elsewhere"
        )
        said = words(app)
        for name, value in (
            ("range", "5h"),
            ("tenant", "nobody"),
            ("model", "<b>"),
            ("month", "1999-01"),
            ("project", "elsewhere"),
        ):
            assert f"The link asks for {name} **{value}**, which is not known here" in said

    @pytest.mark.parametrize("page", PAGES)
    def test_marks_demo_data(self, visit: Visit, tmp_path: Path, page: str) -> None:
        store = a_store(tmp_path / "store.duckdb", spans=[a_call(project="demo"), a_call()])
        banner = "Demo data – generated, not measured. Remove it with `steelyard demo --remove`"
        assert [warning.value for warning in visit(store, page, project="demo").warning] == [banner]
        assert not visit(store, page).warning

    @pytest.mark.parametrize("page", PAGES)
    def test_without_a_store_says_where_it_looked_and_what_to_do(
        self, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
    ) -> None:
        monkeypatch.setenv("STEELYARD_URL", "http://127.0.0.1:1")
        monkeypatch.setattr(source, "is_server", lambda: True)
        monkeypatch.setattr(source, "where", lambda: "http://127.0.0.1:1")
        app = visit(tmp_path / "none", page)
        assert "The store does not answer" in words(app)
        assert "http://127.0.0.1:1" in words(app)
        assert "steelyard up" in words(app)


@pytest.mark.parametrize("name", RANGES)
def test_a_window_covers_its_range_and_begins_on_a_buckets_edge(name: str) -> None:
    found = window(RANGES[name], NOW)
    assert RANGES[name].length <= found.until - found.since < RANGES[name].length + RANGES[name].bucket
    assert (found.since.hour * 60 + found.since.minute) % found.bucket_minutes == 0
    assert found.before.until == found.since
    assert found.before.until - found.before.since == found.until - found.since


def test_no_module_of_the_dashboard_hides_a_package_of_ours() -> None:
    """Streamlit puts `dashboard/` first on the path: `import store` would find a `dashboard/store.py`."""
    root = APP.parents[1]
    ours = {path.name for path in root.iterdir() if (path / "__init__.py").exists()} | {"errors", "steelyard"}
    assert not ours & {path.stem for path in APP.parent.iterdir()}
