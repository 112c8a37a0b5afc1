from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from dashboard import charts

T0 = datetime.fromisoformat("2026-11-20")
BUCKETS = [T0 + timedelta(hours=3 * step) for step in range(4)]


def spent(bucket: int, model: str | None, rank: int, usd: str) -> dict[str, Any]:
    return {
        "bucket_at": BUCKETS[bucket],
        "value": model,
        "rank": rank,
        "n_calls": 1,
        "cost_usd": Decimal(usd),
    }


def a_judged_run(
    name: str, difference: float, low: float, high: float, verdict: str = "PASS"
) -> dict[str, Any]:
    return {
        "prompt_name": name,
        "difference": difference,
        "interval_low": low,
        "interval_high": high,
        "margin": 0.03,
        "n_paired": 40,
        "verdict": verdict,
        "started_at": T0,
    }


def test_spend_is_stacked_costliest_first_with_the_rest_on_top() -> None:
    rows = [spent(0, "b", 2, "1"), spent(0, "a", 1, "2"), spent(1, None, 0, "0.5"), spent(3, "a", 1, "4")]
    figure = charts.spend_over_time(rows, BUCKETS, ["a", "b"]).figure
    assert [trace.name for trace in figure.data] == ["a", "b", "other"]
    assert list(figure.data[0].y) == [2.0, 0.0, 0.0, 4.0]
    assert figure.data[2].marker.color == charts.GREY
    assert sum(sum(trace.y) for trace in figure.data) == 7.5


def test_hover_shows_the_exact_amount_and_not_a_float() -> None:
    figure = charts.spend_over_time([spent(0, "a", 1, "0.000042")], BUCKETS, ["a"]).figure
    assert figure.data[0].customdata[0] == "$0.000042"


def test_a_model_keeps_its_colour_whatever_else_is_shown() -> None:
    in_order = [f"model-{n}" for n in range(30)]
    few = charts.colours(["model-3", "model-20"], in_order)
    many = charts.colours(in_order, in_order)
    assert few == {name: many[name] for name in few}
    assert len({many[name] for name in in_order[:8]}) == 8


def test_no_model_gets_a_colour_that_judges() -> None:
    assert not {charts.GREEN, charts.VERMILLION, charts.GREY} & set(charts.ENTITY_COLOURS)


def test_a_bucket_without_requests_has_no_share_of_failures() -> None:
    rows = [
        {"bucket_at": BUCKETS[0], "n_calls": 4, "n_errors": 1},
        {"bucket_at": BUCKETS[1], "n_calls": 0, "n_errors": 0},
    ]
    picture = charts.requests_and_errors(rows)
    assert list(picture.figure.data[1].y) == [25.0, None]
    assert "the worst share is 25.0 %" in picture.alt


def test_an_interval_that_covers_zero_is_grey() -> None:
    runs = [
        a_judged_run("a", -0.05, -0.08, -0.02),
        a_judged_run("b", 0.01, -0.01, 0.03),
        a_judged_run("c", 0.05, 0.02, 0.08),
    ]
    figure = charts.forest(runs, lambda run: run["prompt_name"]).figure
    colours = {trace.name: trace.marker.color for trace in figure.data if trace.name != "margin"}
    assert colours == {"covers zero": charts.GREY, "better": charts.GREEN, "worse": charts.VERMILLION}


def test_the_forest_is_in_points_and_marks_each_margin() -> None:
    figure = charts.forest([a_judged_run("a", -0.05, -0.08, -0.02)], lambda run: run["prompt_name"]).figure
    margin, interval = figure.data
    assert list(margin.x) == [-3.0]
    assert [interval.x[0], interval.error_x.array[0], interval.error_x.arrayminus[0]] == pytest.approx(
        [-5.0, 3.0, 3.0]
    )
    assert list(figure.layout.yaxis.ticktext) == ["a"]


def test_an_interval_that_ends_at_zero_is_drawn_to_zero() -> None:
    figure = charts.forest([a_judged_run("a", -0.05, -0.1, 0.0)], lambda run: run["prompt_name"]).figure
    assert figure.data[1].error_x.array[0] == pytest.approx(5.0)


def test_the_shape_of_a_mark_carries_the_verdict() -> None:
    runs = [a_judged_run("a", 0, 0, 0, verdict) for verdict in ("PASS", "FAIL", "INCONCLUSIVE")]
    runs.append(a_judged_run("a", 0, 0, 0) | {"verdict": None})
    figure = charts.verdict_history(runs, lambda run: run["prompt_name"]).figure
    assert [trace.marker.symbol for trace in figure.data] == ["circle", "x", "triangle-up", "circle-open"]


def test_two_tenants_whose_names_shorten_alike_stay_two_bars() -> None:
    rows = [{"tenant_id": "same", "n_calls": 1, "cost_usd": Decimal(n)} for n in (3, 2)]
    figure = charts.spend_bars(rows, lambda row: row["tenant_id"], "tenant").figure
    assert list(figure.data[0].x) == [3.0, 2.0]
    assert list(figure.layout.yaxis.ticktext) == ["same", "same"]


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    rows = [{"tenant_id": "<b>x</b>", "n_calls": 1, "cost_usd": Decimal(1)}]
    figure = charts.spend_bars(rows, lambda row: row["tenant_id"], "tenant").figure
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"


def test_every_figure_can_be_drawn_from_nothing() -> None:
    assert charts.spend_over_time([], [], []).alt
    assert charts.requests_and_errors([]).alt
    assert charts.spend_bars([], str, "tenant").alt
    assert charts.forest([], str).alt
    assert charts.verdict_history([], str).alt


class TestSparkline:
    @pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0, 0.0]])
    def test_without_a_course_there_is_none(self, values: list[float]) -> None:
        assert charts.sparkline(values) == ""

    def test_it_goes_from_zero_to_the_highest_value(self) -> None:
        drawn = unquote(charts.sparkline([Decimal(0), Decimal("0.5"), Decimal(1)]))
        assert 'points="0,20 1,10 2,0"' in drawn
        assert "M1 20v-10h.8v10zM2 20v-20h.8v20z" in unquote(charts.sparkline([0, 0.5, 1], "bars"))
