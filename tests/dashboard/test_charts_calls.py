"""The figures of errors, latency, comparisons and traces, with numbers worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard import charts
from dashboard.charts.comparing import pareto_front

T0 = datetime.fromisoformat("2026-11-20")
BUCKETS = [T0 + timedelta(hours=3 * step) for step in range(2)]
SECOND = 1_000_000_000


def named(row: dict[str, Any]) -> str:
    return str(row["n"])


def an_outcome(bucket: int, error_class: str | None, n_calls: int, of: int) -> dict[str, Any]:
    return {"bucket_at": BUCKETS[bucket], "error_class": error_class, "n_calls": n_calls, "bucket_calls": of}


class TestErrors:
    def test_a_class_is_a_share_of_all_requests_of_its_bucket(self) -> None:
        rows = [
            an_outcome(0, None, 90, 100),
            an_outcome(0, "timeout", 4, 100),
            an_outcome(0, "server", 6, 100),
            an_outcome(1, None, 0, 0),
        ]
        picture = charts.error_shares(rows, objective=0.05)
        assert {trace.name: list(trace.y) for trace in picture.figure.data} == {
            "server": [6.0, 0.0],
            "timeout": [4.0, 0.0],
        }
        assert picture.rows[0] == {
            "from": "2026-11-20 00:00",
            "requests": "100",
            "server": "6",
            "timeout": "4",
        }
        assert [shape.y0 for shape in picture.figure.layout.shapes] == [5.0]

    def test_a_class_that_is_not_known_here_is_drawn_too(self) -> None:
        figure = charts.error_shares([an_outcome(0, "odd <b>", 1, 4)]).figure
        assert [(trace.name, list(trace.y)) for trace in figure.data] == [("odd &lt;b&gt;", [25.0])]

    def test_the_objective_is_a_line_below_the_requests(self) -> None:
        row = {"bucket_at": T0, "n_calls": 4, "n_errors": 1}
        picture = charts.requests_and_errors([row], objective=0.02)
        assert [(shape.y0, shape.yref) for shape in picture.figure.layout.shapes] == [(2.0, "y2")]
        assert picture.rows[0]["share failed"] == "25.0 %"


class TestLatency:
    SERIES = (
        {"bucket_at": BUCKETS[0], "p50_ns": 3 * SECOND, "p95_ns": 10 * SECOND, "n_timed": 4},
        {"bucket_at": BUCKETS[1], "p50_ns": None, "p95_ns": None, "n_timed": 0},
    )

    def test_a_cell_is_a_share_of_its_bucket_and_a_bucket_without_calls_is_empty(self) -> None:
        cells = [
            {"bucket_at": BUCKETS[0], "from_ns": low, "to_ns": high, "n_calls": n, "bucket_calls": 4}
            for low, high, n in ((SECOND, 4 * SECOND, 3), (4 * SECOND, 16 * SECOND, 1))
        ]
        picture = charts.latency_heatmap(cells, self.SERIES)
        heat, p50, p95 = picture.figure.data
        assert [list(line) for line in heat.z] == [[75.0, None], [25.0, None]]
        # The middle of 1 s to 4 s on a logarithmic axis.
        assert heat.y[0] == 2 * SECOND
        assert (list(p50.y), p50.line.dash, p95.line.dash) == ([3 * SECOND, None], "solid", "dash")
        assert [row["p95"] for row in picture.rows] == ["10.00 s", "–"]

    def test_ticks_are_written_out(self) -> None:
        rows = [{"n": "x", "p50_ns": 100_000_000, "p95_ns": 3 * SECOND, "p99_ns": 30 * SECOND}]
        axis = charts.latency_spread(rows, named).figure.layout.xaxis
        assert list(axis.ticktext) == ["100 ms", "300 ms", "1 s", "3 s", "10 s", "30 s"]
        assert axis.type == "log"

    def test_the_shape_of_a_mark_says_which_percentile_it_is(self) -> None:
        rows = [{"n": "x", "p50_ns": 1, "p95_ns": 2, "p99_ns": None}, {"n": "silent", "p50_ns": None}]
        line, *marks = charts.latency_spread(rows, named).figure.data
        assert list(line.x) == [1, 2, None]
        assert [mark.marker.symbol for mark in marks] == ["circle", "diamond", "triangle-up"]


class TestComparisons:
    def test_cases_are_sorted_worst_first_and_grey_within_noise(self) -> None:
        rows = [{"case_id": str(d), "difference": d} for d in (0.5, -0.25, 0.01, None)]
        picture = charts.sorted_deltas(rows, noise=0.02)
        (bars,) = picture.figure.data
        assert list(bars.y) == [-25.0, 1.0, 50.0]
        assert bars.marker.color[1] == charts.GREY
        assert "1 worse, 1 better, 1 the same, 1 not known" in picture.alt

    def test_the_front_is_what_nothing_cheaper_beats(self) -> None:
        rows = [
            {"n": name, "mean_score": score, "usd_per_thousand": Decimal(usd), "p95_ns": SECOND}
            for name, score, usd in (
                ("dear", 0.9, "5"),
                ("cheap", 0.7, "1"),
                ("beaten", 0.6, "2"),
                ("free", 0.5, "0"),
            )
        ]
        assert [named(row) for row in pareto_front(rows[:3])] == ["cheap", "dear"]
        picture = charts.quality_against_cost(rows, named)
        assert list(picture.figure.layout.xaxis.ticktext) == ["$1", "$2", "$5"]
        # What costs nothing has no place on a logarithmic axis, and is not left out in silence.
        assert "Not placed: 1." in picture.alt
        assert len(picture.rows) == 4

    def test_every_one_of_a_few_points_is_named_and_of_many_only_the_front(self) -> None:
        few = [
            {"n": str(n), "mean_score": 1 - n / 10, "usd_per_thousand": Decimal(1 + n), "p95_ns": None}
            for n in range(3)
        ]
        assert list(charts.quality_against_cost(few, named).figure.data[1].text) == ["0", "1", "2"]
        many = [row | {"n": f"{n}{row['n']}"} for row in few for n in "ab"]
        assert [text for text in charts.quality_against_cost(many, named).figure.data[1].text if text] == [
            "a0"
        ]

    def test_amounts_between_two_round_ones_are_told_themselves(self) -> None:
        rows = [
            {"n": usd, "mean_score": 0.5, "usd_per_thousand": Decimal(usd), "p95_ns": None}
            for usd in ("2.23", "2.31")
        ]
        assert list(charts.quality_against_cost(rows, named).figure.layout.xaxis.ticktext) == [
            "$2.23",
            "$2.31",
        ]

    def test_the_words_of_a_figure_of_losses_alone_have_room_above_its_bars(self) -> None:
        figure = charts.sorted_deltas([{"case_id": "a", "difference": -1.0}]).figure
        assert list(figure.layout.yaxis.range) == pytest.approx([-114.0, 14.0])

    def test_a_verdict_of_a_kind_that_is_not_known_is_drawn_too(self) -> None:
        row = {"n": "a", "verdict": "ERROR", "started_at": T0, "difference": None}
        figure = charts.verdict_history([row | {"interval_low": None, "interval_high": None}], named).figure
        assert [(trace.name, trace.marker.symbol) for trace in figure.data] == [("error", "diamond")]


class TestWaterfall:
    ROWS = (
        {
            "n": "request",
            "depth": 0,
            "offset_ns": 0,
            "duration_ns": 10 * SECOND,
            "role": "context",
            "status": "ok",
        },
        {
            "n": "call",
            "depth": 1,
            "offset_ns": SECOND,
            "duration_ns": 2 * SECOND,
            "role": "call",
            "status": "error",
        },
        {"n": "log", "depth": 2, "offset_ns": 4 * SECOND, "duration_ns": None, "role": None, "status": "ok"},
    )

    def test_a_bar_begins_at_its_offset_and_says_its_duration(self) -> None:
        picture = charts.waterfall(self.ROWS, named)
        (bars,) = picture.figure.data
        assert (list(bars.base), list(bars.x[:2])) == ([0, SECOND, 4 * SECOND], [10 * SECOND, 2 * SECOND])
        assert list(bars.text) == ["10.00 s", "✕ 2.00 s", "–"]
        assert bars.x[2] > 0  # a span without a known end is seen
        assert list(picture.figure.layout.xaxis.ticktext) == ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]
        assert picture.alt == "3 spans over 10.00 s, 1 of them failed."

    def test_a_child_stands_further_in_than_its_parent(self) -> None:
        shifts = [note.xshift for note in charts.waterfall(self.ROWS, named).figure.layout.annotations]
        assert shifts == sorted(set(shifts))

    ATTEMPTS = tuple(
        {
            "n": f"try {attempt}",
            "span_id": f"{attempt:016x}",
            "request_id": "req-1",
            "depth": 0,
            "offset_ns": began * SECOND,
            "duration_ns": 2 * SECOND,
            "ttft_ns": ttft_ns,
            "role": "call",
            "status": status,
        }
        # The third begins before the second has ended: nobody waited for it.
        for attempt, began, ttft_ns, status in (
            (1, 0, None, "error"),
            (2, 5, SECOND, "ok"),
            (3, 6, None, "ok"),
        )
    )

    def test_a_wait_between_attempts_is_dotted_and_the_time_to_the_first_token_is_lighter(self) -> None:
        picture = charts.waterfall(self.ATTEMPTS, named)
        bars, first_tokens, wait = picture.figure.data
        assert (list(first_tokens.y), list(first_tokens.base), list(first_tokens.x)) == (
            [1],
            [5 * SECOND],
            [SECOND],
        )
        assert (list(wait.x), list(wait.y), wait.line.dash) == ([2 * SECOND, 5 * SECOND], [1, 1], "dot")
        assert [data[0] for data in bars.customdata] == [row["span_id"] for row in self.ATTEMPTS]
        assert "3.00 s of it waiting between attempts" in picture.alt

    def test_the_chosen_span_stands_out(self) -> None:
        figure = charts.waterfall(self.ATTEMPTS, named, chosen=f"{2:016x}").figure
        assert [(shape.y0, shape.y1) for shape in figure.layout.shapes] == [(0.5, 1.5)]
        assert [note.text for note in figure.layout.annotations] == ["try 1", "<b>try 2</b>", "try 3"]


def test_every_figure_of_calls_can_be_drawn_from_nothing() -> None:
    for picture in (
        charts.error_shares([], 0.02),
        charts.latency_heatmap([], []),
        charts.latency_spread([], named),
        charts.sorted_deltas([]),
        charts.quality_against_cost([], named),
        charts.waterfall([], named),
        charts.spend_to_date({}, budget_usd=Decimal(5)),
        charts.budget_positions([], named),
    ):
        assert picture.alt and picture.rows == []
