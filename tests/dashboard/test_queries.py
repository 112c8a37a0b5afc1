"""Every named query, against a real store: one test over the folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from store.backends import file
from store.catalog import NamedQuery, Param, bind, named_queries
from store.dimensions import BUILT_IN
from store.reader import FileReader, rows
from tests.dashboard.data import (
    A_BUDGET,
    A_RULE,
    A_SAVED_QUERY,
    A_SAVED_VIEW,
    A_TENANT,
    EVERY_CALL,
    HELD_CARD,
    NOW,
    RATE_CARD,
    RATES,
    RUN_ID,
    SPAN_ID,
    TRACE_ID,
    a_call,
    a_call_with_unpriced_audio,
    a_conflicting_call,
    a_content,
    a_correction,
    a_failed_call,
    a_log_record,
    a_metric_point,
    a_pricing_run,
    a_result,
    a_run,
    a_score,
    a_store,
    a_verdict,
    an_unpriced_call,
)

QUERIES = list(named_queries().values())
FORBIDDEN = re.compile(
    r"\b(insert|update|delete|merge|on conflict|create|drop|alter|attach|copy|pragma|install|load|set|call"
    r"|read_csv|read_parquet|read_json|read_text|read_blob|glob|getenv|duckdb_\w+|information_schema)\b",
    re.IGNORECASE,
)
EXAMPLES = {"integer": "60", "date": "2026-11-01", "time": "2026-11-21T00:00:00Z"}
OF_THIS_NAME = {
    "run_id": RUN_ID,
    "metric": "exact_match",
    "until": "2026-11-22T00:00:00Z",
    "checked_before": "2027-01-01",
    "limit": "5",
    "tenant_id": "acme",
    "top": "1",
    "metric_name": "gen_ai.client.token.usage",
    "trace_id": TRACE_ID,
    "span_id": SPAN_ID,
    "session_id": "conversation-1",
    "id": TRACE_ID,
    "min_cost_usd": "0.001",
}


# One call that can be asked for by its ids, of a conversation and of a prompt.
NAMED = {
    "trace_id": TRACE_ID,
    "span_id": int(SPAN_ID, 16),
    "session_id": "conversation-1",
    "prompt_name": "support-reply",
    "attributes": '{"gen_ai.operation.name": "chat"}',
    "events": '[{"name": "exception", "time_unix_nano": "1"}]',
}


def an_example(param: Param) -> str:
    return OF_THIS_NAME.get(param.name) or EXAMPLES[param.type]


def examples(query: NamedQuery) -> dict[str, str]:
    return {param.name: an_example(param) for param in query.params if not param.optional}


def sql_alone(query: NamedQuery) -> str:
    without_comments = re.sub(r"--.*", "", query.sql)
    return re.sub(r"'[^']*'", "''", without_comments)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    """Rows of every kind, and the same kinds in a project that nobody asks for."""
    own = [
        a_call(tenant_id="acme", reported_cost_usd=Decimal("0.0040"), **NAMED),
        a_conflicting_call(tenant_id="globex"),
        a_call_with_unpriced_audio(tenant_id="acme"),
        a_call(tenant_id="acme", started_at=NOW - timedelta(hours=3), list_cost_usd=Decimal("0.0100")),
        a_call(
            tenant_id="globex",
            cost_status="cache_hit",
            cache_hit=True,
            list_cost_usd=Decimal(0),
            saved_cost_usd=Decimal("0.004"),
        ),
        a_failed_call(tenant_id=None),
        an_unpriced_call(
            tenant_id="initech", dims={"team": "search"}, sampling_rate=0.5, doubt="ambiguous_duplicate"
        ),
    ]
    leak = {
        "project": "leak",
        "tenant_id": "leak-tenant",
        "service_name": "leak-service",
        "model_answered": "leak-model",
        "dims": {"leak_dimension": "leak-value"},
        "sampling_rate": 0.25,
        "reported_cost_usd": Decimal(9),
        "prompt_name": "leak-prompt",
        "session_id": "conversation-1",
        "attributes": '{"leak": 1}',
    }
    store = a_store(
        tmp_path_factory.mktemp("store") / "store.duckdb",
        spans=[*own, *(make(**leak) for make in EVERY_CALL)],
        rate_cards=[RATE_CARD, HELD_CARD],
        rates=RATES,
        agreements=[{"agreement_key": "01KAGREED", "agreement": "2026-17", "multiplier": Decimal("0.85")}],
        fx_rates=[{"fx_key": "01KEUR", "currency": "EUR", "usd_per_unit": Decimal("1.0832")}],
        corrections=[a_correction(), a_correction(project="leak", tenant_id="leak-tenant")],
        pricing_runs=[a_pricing_run(), a_pricing_run(project="leak", note="leak-note")],
        tenants=[A_TENANT, A_TENANT | {"project": "leak", "name": "leak-name"}],
        attribution_rules=[A_RULE, A_RULE | {"project": "leak", "note": "leak-note"}],
        budgets=[A_BUDGET, A_BUDGET | {"project": "leak", "note": "leak-note"}],
        saved=[A_SAVED_QUERY, A_SAVED_VIEW, A_SAVED_VIEW | {"project": "leak", "name": "leak-view"}],
        runs=[a_run(), a_run(project="leak", suite="leak-suite")],
        verdicts=[a_verdict(), a_verdict(project="leak", reason="leak")],
        results=[
            a_result(variant="baseline"),
            a_result(variant="candidate", score=0.0, detail="expected 4, got 5"),
            a_result(project="leak", case_id="leak-case", variant="candidate", score=0.0),
            a_result(project="leak", case_id="leak-case", variant="baseline"),
        ],
        scores=[
            a_score(),
            a_score(trace_id=TRACE_ID, span_id=int(SPAN_ID, 16)),
            a_score(project="leak", name="leak-score", trace_id=TRACE_ID),
        ],
        contents=[a_content(), a_content(project="leak", body="leak-words")],
        log_records=[a_log_record(), a_log_record(project="leak", event_name="leak-event")],
        metric_points=[a_metric_point(), a_metric_point(project="leak", service_name="leak-service")],
        rejects=[
            {
                "project": "default",
                "signal": "traces",
                "reason": "no trace id",
                "n_items": 3,
                "received_at": NOW,
            },
            {
                "project": "leak",
                "signal": "traces",
                "reason": "leak-reason",
                "n_items": 1,
                "received_at": NOW,
            },
        ],
    )
    reader = FileReader(store)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    reader = FileReader(a_store(tmp_path_factory.mktemp("store") / "store.duckdb"))
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def answer(filled: FileReader) -> Callable[[NamedQuery], pa.Table]:
    """What the filled store says to a query that is given only what it must be given: asked once for all tests."""
    return cache(lambda query: filled.query(query.name, **examples(query)))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
class TestEveryNamedQuery:
    def test_returns_exactly_the_columns_its_header_declares(
        self, query: NamedQuery, answer: Callable[[NamedQuery], pa.Table]
    ) -> None:
        assert answer(query).column_names == [column.name for column in query.columns]
        assert answer(query).num_rows > 0, "the filled store should have a row for every query"

    def test_has_the_same_columns_and_types_on_an_empty_store(
        self, query: NamedQuery, answer: Callable[[NamedQuery], pa.Table], empty: FileReader
    ) -> None:
        assert empty.query(query.name, **examples(query)).schema == answer(query).schema

    def test_shows_nothing_of_another_project(
        self, query: NamedQuery, answer: Callable[[NamedQuery], pa.Table]
    ) -> None:
        assert "$scope" in sql_alone(query)
        assert "leak" not in str(rows(answer(query)))

    def test_takes_every_optional_filter(self, query: NamedQuery, filled: FileReader) -> None:
        given = {
            param.name: "acme" if param.type == "text" else an_example(param)
            for param in query.params
            if param.optional
        }
        filled.query(query.name, **examples(query) | given)

    def test_is_one_plain_select(self, query: NamedQuery) -> None:
        assert not FORBIDDEN.findall(sql_alone(query))
        assert ";" not in sql_alone(query)

    def test_declares_the_parameters_it_uses(self, query: NamedQuery) -> None:
        used = set(re.findall(r"\$(\w+)", sql_alone(query))) - {"scope"}
        assert used == {param.name for param in query.params}

    def test_gives_portable_numbers(
        self, query: NamedQuery, answer: Callable[[NamedQuery], pa.Table]
    ) -> None:
        """Sums are BIGINT or DECIMAL: DuckDB's HUGEINT would arrive as a decimal of 39 digits or a double."""
        for field in answer(query).schema:
            unit = next(column.unit for column in query.columns if column.name == field.name)
            if unit == "usd":
                assert pa.types.is_decimal(field.type) and field.type.scale == 12, field
            elif unit in (
                "calls",
                "tokens",
                "ns",
                "cases",
                "spans",
                "items",
                "count",
                "runs",
                "cards",
                "tenants",
            ):
                assert field.type == pa.int64(), field


def test_the_totals_of_a_window_by_hand(filled: FileReader) -> None:
    (totals,) = rows(
        filled.query("window_totals", since="2026-11-21T00:00:00Z", until="2026-11-22T00:00:00Z")
    )
    assert totals["n_calls"] == 7
    assert totals["n_errors"] == 1
    assert (totals["n_priced"], totals["n_unpriced"], totals["n_no_usage"], totals["n_cache_hits"]) == (
        3,
        3,
        1,
        1,
    )
    assert totals["cost_usd"] == Decimal("0.0135")  # 0.0035 + 0.0100 + a cache hit at 0
    assert totals["saved_usd"] == Decimal("0.004")
    assert (totals["tokens"], totals["priced_tokens"]) == (6 * 1_100, 3 * 1_100)
    assert totals["n_timed"] == 5  # not the failed one, not the cache hit


def test_a_window_is_half_open(filled: FileReader) -> None:
    at = f"{NOW - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
    (ending,) = rows(filled.query("window_totals", since="2026-11-21T00:00:00Z", until=at))
    (starting,) = rows(
        filled.query("window_totals", since=at, until=f"{NOW - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}")
    )
    assert (ending["n_calls"], starting["n_calls"]) == (0, 1)


def test_a_series_has_no_gap_and_sums_to_the_totals(filled: FileReader) -> None:
    window = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-21T12:31:00Z"}
    series = rows(filled.query("window_series", bucket_minutes="60", **window))
    (totals,) = rows(filled.query("window_totals", **window))
    steps = {after["bucket_at"] - before["bucket_at"] for before, after in pairwise(series)}
    assert (len(series), steps) == (13, {timedelta(hours=1)})
    assert sum(row["n_calls"] for row in series) == totals["n_calls"]
    assert sum(row["cost_usd"] or 0 for row in series) == totals["cost_usd"]
    assert [row["cost_usd"] for row in series if not row["n_calls"]] == [None] * 11


@pytest.mark.parametrize("top", ["1", "2", "9"])
def test_top_tenants_and_the_others_sum_to_the_total(filled: FileReader, top: str) -> None:
    window = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
    tenants = rows(filled.query("top_tenants", top=top, **window))
    (totals,) = rows(filled.query("window_totals", **window))
    assert sum(row["n_calls"] for row in tenants) == totals["n_calls"]
    assert sum(row["cost_usd"] or 0 for row in tenants) == totals["cost_usd"]
    assert [row["kind"] for row in tenants].count("others") == (1 if int(top) < 4 else 0)


def test_the_rows_of_a_month_sum_to_its_total(filled: FileReader) -> None:
    tenants = rows(filled.query("spend_month", month="2026-11-01"))
    (totals,) = rows(filled.query("month_totals", month="2026-11-01"))
    for column in ("n_calls", "n_errors", "n_priced", "n_unpriced", "n_no_usage", "cost_usd", "saved_usd"):
        assert sum(row[column] or 0 for row in tenants) == (totals[column] or 0), column


def test_a_call_without_a_tenant_can_be_asked_for(filled: FileReader) -> None:
    window = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
    (totals,) = rows(filled.query("window_totals", tenant_id="", **window))
    assert (totals["n_calls"], totals["n_errors"]) == (1, 1)


def test_a_filter_lists_a_value_that_exists_whatever_its_rank(filled: FileReader) -> None:
    listed = rows(filled.query("filter_values", limit="1", tenant_id="initech"))
    assert [row["value"] for row in listed if row["dimension"] == "tenant_id"] == ["acme", "initech"]


def test_only_cases_that_changed_are_differences(tmp_path: Path) -> None:
    results = [
        a_result(case_id=case, variant=variant, score=score)
        for case, baseline, candidate in (
            ("same", 1.0, 1.0),
            ("worse", 1.0, 0.0),
            ("better", 0.0, 1.0),
            ("gone", 1.0, None),
        )
        for variant, score in (("baseline", baseline), ("candidate", candidate))
    ]
    reader = FileReader(a_store(tmp_path / "store.duckdb", runs=[a_run()], results=results))
    found = rows(reader.query("case_differences", run_id=RUN_ID, metric="exact_match", limit="10"))
    assert [(row["case_id"], row["difference"]) for row in found] == [
        ("worse", -1.0),
        ("better", 1.0),
        ("gone", None),
    ]


def test_a_run_judged_against_another_run_is_compared_with_that_runs_candidate(tmp_path: Path) -> None:
    results = [
        a_result(case_id="lost", score=0.0),
        a_result(case_id="lost", score=0.0, variant="baseline"),  # its own arm, which the verdict did not use
        a_result(case_id="lost", score=1.0, run_id="01KRELEASED"),
        a_result(case_id="new", score=1.0),
    ]
    verdicts = [a_verdict(baseline_run_id="01KRELEASED")]
    reader = FileReader(
        a_store(tmp_path / "store.duckdb", runs=[a_run()], results=results, verdicts=verdicts)
    )
    found = rows(reader.query("case_differences", run_id=RUN_ID, metric="exact_match", limit="10"))
    assert [(row["case_id"], row["baseline_score"], row["candidate_score"]) for row in found] == [
        ("lost", 1.0, 0.0)
    ]


WINDOW = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
MONTH = {"month": "2026-11-01"}


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    """Two teams and calls of none; one call of team a stands for four, one of team b for eight."""
    path = tmp_path_factory.mktemp("teams") / "store.duckdb"
    whose = {"session_id": "conversation-1", "prompt_name": "support-reply"}
    usd = {"list_cost_usd": Decimal("1.25"), **whose}
    spans = [
        a_call(dims={"team": "a", "tier": "gold"}, sampling_rate=0.25, **usd),
        a_call(dims={"team": "a"}, tenant_id="globex", **usd),
        a_call(dims={"team": "b"}, sampling_rate=0.125, **usd),
        a_call(dims={}, sampling_rate=1.0, **usd),
        an_unpriced_call(**whose),
        a_call(project="leak", dims={"leak": "x"}, sampling_rate=0.001, **usd),
    ]
    reader = FileReader(a_store(path, spans=spans))
    yield reader
    reader.close()


NARROWABLE = [
    query
    for query in QUERIES
    if {"dimension", "dimension_value"} <= {param.name for param in query.params}
    and query.name != "filter_values"
]


def n_calls_of(found: list[Any]) -> int:
    return sum(row.get("n_calls", 1) for row in found)


@pytest.mark.parametrize("query", NARROWABLE, ids=lambda query: query.name)
class TestEveryQueryWithAFilterForDimensions:
    def asked(self, query: NamedQuery) -> dict[str, str]:
        return {**examples(query), "limit": "50"} if query.name == "latest_calls" else examples(query)

    def test_a_value_of_an_own_dimension_and_calls_without_one_are_parts_of_the_whole(
        self, query: NamedQuery, teams: FileReader
    ) -> None:
        asked = self.asked(query)
        whole = n_calls_of(rows(teams.query(query.name, **asked)))
        parts = [
            n_calls_of(rows(teams.query(query.name, **asked, dimension="team", dimension_value=value)))
            for value in ("a", "b", "")
        ]
        if query.name == "unpriced_models":
            assert parts == [0, 0, 1]
        assert sum(parts) == whole

    def test_a_built_in_dimension_filters_in_the_same_way(self, query: NamedQuery, teams: FileReader) -> None:
        asked = self.asked(query) | {"dimension": "tenant_id", "dimension_value": "globex"}
        # The figures have it twice: in the window and in its bucket.
        n_globex = {"unpriced_models": 0, "overview_figures": 2}.get(query.name, 1)
        assert n_calls_of(rows(teams.query(query.name, **asked))) == n_globex

    def test_a_dimension_that_no_call_has_leaves_only_calls_without_it(
        self, query: NamedQuery, teams: FileReader
    ) -> None:
        asked = self.asked(query)
        assert n_calls_of(rows(teams.query(query.name, **asked, dimension="nope", dimension_value="x"))) == 0


@pytest.mark.parametrize("dimension", [*BUILT_IN, "team"])
def test_grouping_by_any_dimension_keeps_the_sum(teams: FileReader, dimension: str) -> None:
    (totals,) = rows(teams.query("month_totals", **MONTH))
    for name, asked in (("spend_month", MONTH), ("top_tenants", {**WINDOW, "top": "1"})):
        found = rows(teams.query(name, by=dimension, **asked))
        for column in ("n_calls", "cost_usd", "n_sampled", "estimated_calls", "estimated_cost_usd"):
            assert sum(row[column] or 0 for row in found) == totals[column], (name, column)


def test_every_built_in_dimension_is_one_that_the_queries_know(tmp_path: Path) -> None:
    """A value of its own in each: a name that the macro forgot would be looked up in `dims` and give nothing."""
    columns = {"model": "model_answered"}
    call = a_call(**{columns.get(name, name): f"the {name}" for name in BUILT_IN})
    reader = FileReader(a_store(tmp_path / "store.duckdb", spans=[call]))
    for name in BUILT_IN:
        (row,) = rows(reader.query("spend_month", by=name, **MONTH))
        assert row["value"] == f"the {name}"


def test_a_month_by_two_dimensions_has_a_row_for_each_pair(teams: FileReader) -> None:
    found = rows(teams.query("spend_month", by="team", then_by="tenant_id", **MONTH))
    assert {(row["value"], row["value_2"], row["tenant_id"], row["n_calls"]) for row in found} == {
        ("a", "acme", "acme", 1),
        ("a", "globex", "globex", 1),
        ("b", "acme", "acme", 1),
        (None, "acme", "acme", 2),
    }


def test_a_month_by_tenant_is_what_it_was(teams: FileReader) -> None:
    found = rows(teams.query("spend_month", **MONTH))
    assert [(row["tenant_id"], row["value"]) for row in found] == [("acme", "acme"), ("globex", "globex")]


def test_the_rest_of_a_ranking_stands_for_the_values_that_are_not_named(teams: FileReader) -> None:
    first, others = rows(teams.query("top_tenants", by="team", top="1", **WINDOW))
    assert (first["kind"], first["value"], first["tenant_id"]) == ("value", "a", None)
    assert (others["kind"], others["value"], others["n_tenants"], others["n_calls"]) == ("others", None, 1, 3)


def test_spend_over_time_by_an_own_dimension_names_its_values(teams: FileReader) -> None:
    found = rows(teams.query("spend_series", by="team", top="2", bucket_minutes="1440", **WINDOW))
    assert [(row["rank"], row["value"], row["model"]) for row in found] == [
        (0, None, None),
        (1, "a", None),
        (2, "", None),
    ]


@pytest.mark.parametrize(("query", "asked"), [("month_totals", MONTH), ("window_totals", WINDOW)])
def test_an_estimate_weighs_each_call_by_its_rate_and_leaves_the_amounts_alone(
    teams: FileReader, query: str, asked: dict[str, str]
) -> None:
    (totals,) = rows(teams.query(query, **asked))
    # Rates of 1/4, none, 1/8, 1 and none: 4 + 1 + 8 + 1 + 1 calls, of which the last has no price.
    assert (totals["n_calls"], totals["n_sampled"], totals["estimated_calls"]) == (5, 2, 15)
    assert totals["cost_usd"] == Decimal("5.00")
    assert totals["estimated_cost_usd"] == Decimal("17.50")


def test_an_estimate_of_nothing_priced_is_not_known(tmp_path: Path) -> None:
    reader = FileReader(a_store(tmp_path / "store.duckdb", spans=[an_unpriced_call(sampling_rate=0.5)]))
    (totals,) = rows(reader.query("month_totals", **MONTH))
    assert (totals["estimated_calls"], totals["estimated_cost_usd"]) == (2, None)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e-300, float("nan"), 2.0])
def test_a_rate_that_cannot_be_does_not_break_the_sums(tmp_path: Path, rate: float) -> None:
    spans = [a_call(sampling_rate=rate, list_cost_usd=Decimal("999999.999999999999")) for _ in range(3)]
    reader = FileReader(a_store(tmp_path / "store.duckdb", spans=spans))
    (totals,) = rows(reader.query("month_totals", **MONTH))
    assert totals["cost_usd"] == 3 * Decimal("999999.999999999999")
    assert totals["estimated_calls"] in (3, 3_000_000)


def test_the_services_that_sample_are_listed_with_their_rates(teams: FileReader) -> None:
    (service,) = rows(teams.query("sampled_services", **WINDOW))
    assert service == {
        "service_name": "api",
        "n_calls": 5,
        "n_sampled": 2,
        "lowest_rate": 0.125,
        "highest_rate": 0.25,
        "estimated_calls": 15,
    }


def test_dimensions_are_listed_with_the_number_of_their_values(teams: FileReader) -> None:
    found = {row["dimension"]: row for row in rows(teams.query("dimensions"))}
    assert [name for name in found if found[name]["kind"] == "custom"] == ["team", "tier"]
    assert (found["team"]["n_values"], found["team"]["n_calls"]) == (2, 3)
    assert (found["tenant_id"]["n_values"], found["user_id"]["n_values"]) == (2, 0)
    assert {name for name in found if found[name]["kind"] == "built_in"} == set(BUILT_IN)
    names = rows(teams.query("dimension_names"))
    assert [(row["dimension"], row["n_calls"]) for row in names] == [
        (name, row["n_calls"]) for name, row in found.items()
    ]


def test_the_values_of_a_further_dimension_are_listed_beside_tenants_and_models(teams: FileReader) -> None:
    found = rows(teams.query("filter_values", limit="1", dimension="team", dimension_value="b"))
    assert [row["value"] for row in found if row["dimension"] == "team"] == ["", "b"]
    assert {row["dimension"] for row in found} == {"tenant_id", "model", "team"}


@pytest.mark.parametrize("name", ["spend_series", "spend_month", "top_tenants"])
def test_a_query_reads_only_the_columns_of_the_dimensions_that_it_is_asked_for(
    tmp_path: Path, name: str
) -> None:
    """The name is known when the query is planned; a plan that reads every column takes fifty times as long."""
    path = a_store(tmp_path / "store.duckdb", spans=[a_call(dims={"team": "a"})])
    query = named_queries()[name]
    with closing(file.open_for_reading(path)) as connection:
        asked = bind(query, "default", examples(query) | {"by": "tenant_id"})
        plan = str(connection.execute(f"explain {query.sql}", asked).fetchall())
    assert "tenant_id" in plan
    for column in ("dims", "session_id", "user_id", "service_name"):
        assert column not in plan
