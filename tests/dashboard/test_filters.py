"""What the filters above a page mean: ranges, addresses, and what they ask of queries."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboard.filters import RANGES, CannotNarrowError, Filters, custom_window, window
from dashboard.filters.addresses import EVERYWHERE, between, moment_in, unknown_keys, what_is_unknown
from dashboard.filters.choices import bucket_for
from dashboard.places import PLACES
from tests.dashboard.data import NOW, a_call, a_store
from tests.dashboard.test_pages import Visit, metrics, visit, words

__all__ = ["visit"]  # the fixture

LATEST = NOW + timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def filters(**given: Any) -> Filters:
    """Nothing is narrowed."""
    nothing = dict.fromkeys(
        ("environment", "tenant_id", "model", "prompt_name", "dimension", "dimension_value", "by")
    )
    shown = {"window": window(RANGES["7d"], NOW), "range_name": "7d", "month": date(2026, 11, 1)}
    return Filters(project="default", models_in_order=(), own={}, **{**nothing, **shown, **given})


def test_no_two_fields_of_pages_and_no_filter_have_the_same_key() -> None:
    # Two pages may share one, and only one of them have it in sight.
    fields = {replace(field, visible=True) for place in PLACES for field in place.own}
    keys = [field.key for field in fields]
    assert len(keys) == len({*keys})
    assert not {*keys} & {*EVERYWHERE}


class TestWindow:
    @pytest.mark.parametrize("name", RANGES)
    def test_a_range_is_covered_and_begins_on_a_buckets_edge(self, name: str) -> None:
        found = window(RANGES[name], NOW)
        assert RANGES[name].length <= found.until - found.since < RANGES[name].length + RANGES[name].bucket
        assert (found.since.hour * 60 + found.since.minute) % found.bucket_minutes == 0
        assert found.before.until == found.since
        assert found.before.until - found.before.since == found.until - found.since

    def test_a_custom_range_is_what_was_asked_for_in_buckets_that_read_well(self) -> None:
        found, said = custom_window(at("2026-11-18T13:07"), at("2026-11-18T16:30"), NOW)
        # 203 minutes in at most 90 buckets: of 5 minutes, from the edge before.
        assert (found.since, found.until, found.bucket_minutes) == (
            at("2026-11-18T13:05"),
            at("2026-11-18T16:30"),
            5,
        )
        assert said == ""

    def test_without_an_end_it_goes_up_to_now_and_never_beyond(self) -> None:
        for until in (None, NOW + timedelta(days=9)):
            assert custom_window(NOW - timedelta(hours=1), until, NOW)[0].until == LATEST
        assert custom_window(None, None, NOW)[0].since <= NOW - timedelta(days=7) + timedelta(minutes=1)

    def test_one_that_cannot_be_is_shortened_and_said(self) -> None:
        found, said = custom_window(at("2026-11-18"), at("2026-11-17"), NOW)
        assert (found.since, found.until) == (at("2026-11-16"), at("2026-11-17"))
        assert "not before its end" in said
        found, said = custom_window(at("1970-01-01"), at("2026-11-17"), NOW)
        assert (found.until - found.since, "longer than 400 days" in said) == (timedelta(days=400), True)

    @pytest.mark.parametrize("hours", [1, 3, 24, 24 * 7, 24 * 60, 24 * 400])
    def test_the_width_of_a_bucket_divides_a_day(self, hours: int) -> None:
        assert 24 * 60 % bucket_for(timedelta(hours=hours)) == 0


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-18T13:00", "2026-11-18T13:00"),
            ("2026-11-18 13:00", "2026-11-18T13:00"),
            ("2026-11-18", "2026-11-18"),
            ("2026-11-18T13:00:59Z", "2026-11-18T13:00"),
            ("2026-11-18T13:00+02:00", "2026-11-18T11:00"),
        ],
    )
    def test_a_time_is_read_as_people_and_programs_write_it(self, text: str, moment: str) -> None:
        assert moment_in(text) == at(moment)

    def test_what_is_no_time_is_none_and_said(self) -> None:
        assert moment_in("yesterday") is None
        (said,) = what_is_unknown({"to": "yesterday"}, {}, ())
        assert said.startswith("The link asks for to **yesterday**, which is not known here")

    def test_a_link_to_a_window_reads_back_as_that_window(self) -> None:
        link = between(at("2026-11-18T13:00"), at("2026-11-18T16:30"))
        assert link["range"] == "custom"
        assert (moment_in(link["from"]), moment_in(link["to"])) == (
            at("2026-11-18T13:00"),
            at("2026-11-18T16:30"),
        )

    def test_a_mistyped_key_is_said_and_one_of_the_page_is_not(self) -> None:
        asked = {"tennant": "a", "status": "errors", "tenant": "a", "embed": "true"}
        assert unknown_keys(asked, ("status",)) == ["tennant"]
        assert what_is_unknown({"t*": "a"}, {}, ()) == [
            "The link has **t\\***, which this page does not read. Shown without it."
        ]


class TestNarrowing:
    def test_what_is_not_chosen_is_no_parameter_and_empty_means_calls_without_one(self) -> None:
        assert filters().of("window_totals") == {}
        assert filters(tenant_id="").of("window_totals") == {"tenant_id": ""}
        assert filters(tenant_id="", model="m").described == "tenant no tenant, model m"

    def test_what_a_query_has_no_parameter_for_becomes_its_dimension(self) -> None:
        found = filters(dimension="team", dimension_value="ads", model="m").of("window_totals")
        assert found == {"model": "m", "dimension": "team", "dimension_value": "ads"}

    def test_more_than_a_query_can_leave_out_is_refused_and_not_ignored(self) -> None:
        chosen = filters(tenant_id="acme", model="m")
        with pytest.raises(CannotNarrowError, match="cannot be narrowed by tenant and model at once"):
            chosen.of("extent")

    @pytest.mark.parametrize(
        ("name", "since", "told"),
        [("7d", 7, "prev 7d"), ("custom", 3, "prev 3d"), ("custom", 0.125, "prev 3h")],
    )
    def test_a_change_says_what_it_is_against(self, name: str, since: float, told: str) -> None:
        shown, _ = custom_window(LATEST - timedelta(days=since), LATEST, NOW)
        assert filters(range_name=name, window=shown).compared_with == told


class TestOnAPage:
    @pytest.fixture
    def mixed(self, tmp_path: Path) -> Path:
        """Three calls of an hour ago, one of three days ago, in two environments and of two prompts."""
        own = {"environment": "prod", "prompt_name": "reply", "list_cost_usd": Decimal(1)}
        return a_store(
            tmp_path / "store.duckdb",
            spans=[
                a_call(**own),
                a_call(**own | {"environment": "dev"}),
                a_call(**own | {"prompt_name": None}),
                a_call(**own, started_at=NOW - timedelta(days=3)),
            ],
        )

    @pytest.mark.parametrize(
        ("query", "requests"),
        [
            ({}, "4"),
            ({"range": "1h"}, "3"),
            ({"env": "prod"}, "3"),
            ({"prompt": "reply"}, "3"),
            ({"prompt": "(no prompt)"}, "1"),
            ({"range": "custom", "from": "2026-11-18T00:00", "to": "2026-11-19T00:00"}, "1"),
            ({"from": "2026-11-18T00:00", "to": "2026-11-19T00:00"}, "1"),
        ],
    )
    def test_a_link_shows_what_it_names(
        self, visit: Visit, mixed: Path, query: dict[str, str], requests: str
    ) -> None:
        app = visit(mixed, **query)
        assert metrics(app)["Requests"] == requests
        assert not app.info

    def test_a_button_clears_the_filters_that_emptied_the_page(self, visit: Visit, mixed: Path) -> None:
        app = visit(
            mixed, env="dev", range="custom", **{"from": "2026-11-18T00:00", "to": "2026-11-19T00:00"}
        )
        assert "No calls match environment dev" in words(app)
        app.button(key="clear").click().run()
        assert metrics(app)["Requests"] == "4"

    def test_a_figure_is_shown_as_a_table_of_its_values_and_back(self, visit: Visit, mixed: Path) -> None:
        app = visit(mixed, range="7d")
        app.button(key="spend-over-time-toggle").click().run()
        (shown,) = app.table
        assert list(shown.value.columns) == ["from", "gpt\\-4o\\-2024\\-08\\-06"]
        assert shown.value.iloc[-1].tolist() == ["2026\\-11\\-21 12\\:00", "–"]
        assert "\\$3\\.00" in set(shown.value.iloc[:, 1])
        app.button(key="spend-over-time-toggle").click().run()
        assert not app.table
