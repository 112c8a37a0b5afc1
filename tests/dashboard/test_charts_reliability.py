"""The figures of the Reliability page beyond one class and one line, with numbers worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dashboard import charts
from dashboard.charts.errors import CLASS_MARKS, FAINT, MOST_CLASSES
from dashboard.charts.parts import tick_text

T0 = datetime.fromisoformat("2026-11-20")
SECOND = 1_000_000_000


def an_outcome(error_class: str | None, n_calls: int) -> dict[str, Any]:
    return {"bucket_at": T0, "error_class": error_class, "n_calls": n_calls, "bucket_calls": 100}


def a_point(rank: int, hour: int, p95_ns: int | None, value: str | None = None) -> dict[str, Any]:
    at = T0 + timedelta(hours=hour)
    return {
        "bucket_at": at,
        "rank": rank,
        "value": value,
        "p95_ns": p95_ns,
        "n_timed": int(p95_ns is not None),
    }


def named(row: dict[str, Any]) -> str:
    return row["value"] or "all others"


class TestFailures:
    def test_the_rarest_of_too_many_classes_count_with_the_other_ones(self) -> None:
        rows = [an_outcome(name, 10 - place) for place, name in enumerate(CLASS_MARKS)]
        picture = charts.error_shares(rows)
        assert len(picture.figure.data) == MOST_CLASSES
        # 10, 9, … 2 for the nine: the other ones have 2, and take the 3 of the rarest that has a name.
        assert {trace.name: trace.y[0] for trace in picture.figure.data}["other"] == 5.0
        assert sum(trace.y[0] for trace in picture.figure.data) == 54.0

    def test_the_class_that_is_chosen_stands_out_and_stays_so_when_a_bar_is_clicked(self) -> None:
        rows = [an_outcome("server", 2), an_outcome("timeout", 3)]
        traces = {trace.name: trace for trace in charts.error_shares(rows, chosen="timeout").figure.data}
        assert {name: trace.marker.opacity for name, trace in traces.items()} == {
            "server": FAINT,
            "timeout": 1.0,
        }
        assert {name: trace.unselected.marker.opacity for name, trace in traces.items()} == {
            "server": FAINT,
            "timeout": 1.0,
        }
        assert list(traces["timeout"].customdata[0]) == [3, 100, "timeout"]

    def test_it_says_in_words_when_it_was_worst(self) -> None:
        picture = charts.error_shares([an_outcome("server", 2)], objective=0.02)
        assert (
            "server; the worst is 2.0 % at 2026-11-20 00:00 UTC; the objective is at most 2 %." in picture.alt
        )


class TestLines:
    def test_every_value_has_a_line_and_the_others_are_the_last(self) -> None:
        rows = [
            a_point(0, 0, SECOND),
            a_point(1, 0, 2 * SECOND, "openai"),
            a_point(0, 1, SECOND),
            a_point(1, 1, None, "openai"),
        ]
        picture = charts.latency_lines(rows, named)
        first, others = picture.figure.data
        assert (first.name, list(first.y), first.mode) == ("openai", [2 * SECOND, None], "lines+markers")
        assert (others.name, others.mode, others.line.dash) == ("all others", "lines", "dot")
        assert "the highest is 2.00 s, of openai at 2026-11-20 00:00 UTC" in picture.alt
        assert picture.rows[1] == {"from": "2026-11-20 01:00", "openai": "–", "all others": "1.00 s"}

    def test_values_that_are_written_alike_keep_a_line_each(self) -> None:
        rows = [a_point(1, 0, SECOND, "same <b>"), a_point(2, 0, 3 * SECOND, "same <b>")]
        picture = charts.latency_lines(rows, named)
        assert [trace.name for trace in picture.figure.data] == ["same &lt;b&gt; (1)", "same &lt;b&gt; (2)"]
        assert picture.rows == [
            {"from": "2026-11-20 00:00", "same <b> (1)": "1.00 s", "same <b> (2)": "3.00 s"}
        ]

    def test_it_can_be_drawn_from_nothing(self) -> None:
        picture = charts.latency_lines([], named)
        assert "none is known" in picture.alt and picture.rows == []


def test_ticks_between_whole_seconds_are_not_rounded() -> None:
    assert [tick_text(ns) for ns in (0, 500_000_000, 1_500_000_000, 30 * SECOND)] == [
        "0",
        "500 ms",
        "1.5 s",
        "30 s",
    ]
