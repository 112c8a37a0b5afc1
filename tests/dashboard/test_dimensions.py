"""Filtering and grouping by any dimension, and what the pages say of sampled calls: run by Streamlit, without a browser."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.report.downloads import as_csv, named
from store.reader import FileReader
from tests.dashboard.data import NOW, a_call, a_store
from tests.dashboard.test_pages import Visit, metrics, table, visit, words

__all__ = ["visit"]  # the fixture


@pytest.fixture
def teams(tmp_path: Path) -> Path:
    """Three calls of two teams for $7, one of no team for $1; two of the four in the feature `chat`."""
    return a_store(
        tmp_path / "store.duckdb",
        spans=[
            a_call(dims={"team": "search"}, feature="chat", list_cost_usd=Decimal(4)),
            a_call(dims={"team": "search"}, tenant_id="globex", list_cost_usd=Decimal(2)),
            a_call(dims={"team": "ads", "cost_centre": "7"}, feature="chat", list_cost_usd=Decimal(1)),
            a_call(list_cost_usd=Decimal(1)),
        ],
    )


class TestFilter:
    def test_a_link_to_a_value_of_an_own_dimension_shows_only_its_calls(
        self, visit: Visit, teams: Path
    ) -> None:
        app = visit(teams, dim="team", value="search")
        assert metrics(app)["Requests"] == "2"
        assert metrics(app)["Spend"] == "$6.00"

    def test_it_holds_on_the_spend_page_as_well(self, visit: Visit, teams: Path) -> None:
        app = visit(teams, "spend", dim="team", value="ads")
        assert metrics(app)["Month to date"] == "$1.00"
        assert list(table(app, "per_thousand")["name"]) == ["acme", "Total"]

    def test_calls_without_a_value_can_be_asked_for(self, visit: Visit, teams: Path) -> None:
        assert metrics(visit(teams, dim="team", value="(no team)"))["Spend"] == "$1.00"

    def test_a_built_in_dimension_is_filtered_in_the_same_way(self, visit: Visit, teams: Path) -> None:
        assert metrics(visit(teams, dim="feature", value="chat"))["Spend"] == "$5.00"

    def test_a_dimension_without_a_value_narrows_nothing(self, visit: Visit, teams: Path) -> None:
        assert metrics(visit(teams, dim="team"))["Requests"] == "4"

    def test_another_dimension_begins_without_a_value(self, visit: Visit, teams: Path) -> None:
        app = visit(teams, dim="team", value="ads")
        assert metrics(app)["Requests"] == "1"
        app.selectbox(key="dim").set_value("feature").run()
        assert app.selectbox(key="value").value is None
        assert metrics(app)["Requests"] == "4"

    def test_only_dimensions_that_calls_have_are_offered(self, visit: Visit, teams: Path) -> None:
        offered = visit(teams).selectbox(key="dim").options
        assert offered == ["emitter", "feature", "provider", "service", "cost_centre", "team"]

    def test_a_link_to_a_dimension_that_only_older_calls_have_still_works(
        self, visit: Visit, tmp_path: Path
    ) -> None:
        old = a_call(dims={"team": "search"}, started_at=NOW - timedelta(days=20))
        store = a_store(tmp_path / "store.duckdb", spans=[old, a_call()])
        assert metrics(visit(store, range="30d", dim="team", value="search"))["Requests"] == "1"

    @pytest.mark.parametrize(("key", "value"), [("dim", "tem"), ("value", "nobody"), ("by", "tem")])
    def test_what_a_link_asks_for_and_nothing_has_is_said_aloud(
        self, visit: Visit, teams: Path, key: str, value: str
    ) -> None:
        app = visit(teams, **({"dim": "team"} | {key: value}))
        assert f"The link asks for {key} **{value}**, which is not known here" in words(app)
        assert metrics(app)["Requests"] == "4"

    def test_a_filter_that_empties_the_page_is_named(self, visit: Visit, teams: Path) -> None:
        app = visit(teams, tenant="globex", dim="team", value="ads")
        assert "No calls match tenant globex, team ads" in words(app)


class TestGrouping:
    def test_the_overview_ranks_the_values_of_the_chosen_dimension(self, visit: Visit, teams: Path) -> None:
        app = visit(teams, by="team")
        linked = [link.proto.label for link in app.get("page_link")]
        assert linked[:3] == ["search", "no team", "ads"]
        assert "**Spend by team**" in words(app) and "**Top teams**" in words(app)

    def test_the_months_rows_are_of_the_chosen_dimension_and_sum_to_the_total(
        self, visit: Visit, teams: Path
    ) -> None:
        rows = table(visit(teams, "spend", by="team"), "per_thousand")
        assert list(rows["name"]) == ["search", "ads", "(no team)", "Total"]
        assert list(rows["cost_usd"]) == [Decimal(6), Decimal(1), Decimal(1), Decimal(8)]

    def test_the_csv_has_the_dimension_under_its_own_name(self, teams: Path) -> None:
        found = FileReader(teams).query("spend_month", month="2026-11-01", by="team")
        written = as_csv(named(found, "team")).decode().splitlines()
        assert written[0].startswith("team,n_calls,") and "tenant_id" not in written[0]
        assert written[1].startswith("search,2,")


class TestSampling:
    @pytest.fixture
    def sampled(self, tmp_path: Path) -> Path:
        """One call in ten of the batch service is sent; the API sends all."""
        batch = {"service_name": "batch", "sampling_rate": 0.1, "list_cost_usd": Decimal("1.5")}
        spans = [a_call(**batch), a_call(**batch), a_call(list_cost_usd=Decimal(4))]
        return a_store(tmp_path / "store.duckdb", spans=spans)

    @pytest.mark.parametrize("page", ["", "spend"])
    def test_amounts_over_sampled_calls_are_marked_with_the_estimate(
        self, visit: Visit, sampled: Path, page: str
    ) -> None:
        app = visit(sampled, page)
        # 10 × $1.50, twice, and $4.
        assert "2 of 3 calls were sampled; real spend is about $34.00 (estimate)." in words(app)
        assert "$7.00" in metrics(app).values()

    @pytest.mark.parametrize("page", ["", "spend", "setup"])
    def test_without_sampling_nothing_is_said_of_it(self, visit: Visit, teams: Path, page: str) -> None:
        assert "ampled" not in words(visit(teams, page))
