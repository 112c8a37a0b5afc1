"""What the Reliability page asks, with numbers worked by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from store.reader import FileReader, rows
from tests.dashboard.data import NOW, a_call, a_failed_call, a_store

DAY = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
HOURLY = {"since": "2026-11-21T08:00:00Z", "until": "2026-11-21T12:00:00Z", "bucket_minutes": "60"}
AT_8, AT_9, AT_11 = (NOW.replace(hour=hour, minute=10) for hour in (8, 9, 11))
RETRIED = {"request_id": "request-1", "trace_id": "0" * 31 + "1", "started_at": AT_9, "tenant_id": "globex"}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    """Six requests: three calls at 8 h, a retried request at 9 h that another provider saves, a lost one, a cache hit at 11 h."""
    spans = [
        # 100 ms, 200 ms and 1 s; the last streams: 101 tokens, the first after 200 ms.
        a_call(started_at=AT_8, duration_ns=100_000_000, output_tokens=100),
        a_call(started_at=AT_8, duration_ns=200_000_000, output_tokens=50, finish_reason="length"),
        a_call(
            started_at=AT_8,
            duration_ns=1_000_000_000,
            output_tokens=101,
            ttft_ns=200_000_000,
            cached_input_tokens=400,
        ),
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
        a_failed_call(started_at=AT_11, error_class=None, duration_ns=9_000_000_000),
        a_call(
            started_at=AT_11, cache_hit=True, cost_status="cache_hit", duration_ns=1, list_cost_usd=Decimal(0)
        ),
    ]
    path = tmp_path_factory.mktemp("reliability") / "store.duckdb"
    reader = FileReader(a_store(path, spans=spans))
    yield reader
    reader.close()


def test_failures_are_shares_of_the_calls_of_their_bucket(calls: FileReader) -> None:
    found = rows(calls.query("error_series", **HOURLY))
    assert [
        (row["bucket_at"].hour, row["error_class"], row["n_calls"], row["bucket_calls"]) for row in found
    ] == [
        (8, None, 3, 3),
        (9, None, 1, 3),
        (9, "rate_limit", 1, 3),
        (9, "timeout", 1, 3),
        (10, None, 0, 0),
        (11, None, 1, 2),
        (11, "other", 1, 2),  # a failure of no known class is not left out
    ]


def test_durations_fall_in_steps_of_a_quarter_of_a_doubling(calls: FileReader) -> None:
    found = rows(calls.query("latency_histogram", **DAY, bucket_minutes="1440"))
    # log2 of 100 ms in ns is 26.58, so its step begins at 2^26.5 ns; 1 s is 2^29.90, whose step begins at 2^29.75.
    assert [(row["from_ns"], row["n_calls"]) for row in found] == [
        (94_906_266, 1),
        (189_812_531, 1),
        (379_625_062, 1),
        (902_905_651, 1),
    ]
    assert {row["bucket_calls"] for row in found} == {4}
    assert all(row["from_ns"] < row["to_ns"] for row in found)


def test_percentiles_and_speed_rest_on_calls_that_succeeded_and_no_cache_answered(calls: FileReader) -> None:
    (totals,) = rows(calls.query("reliability_totals", **DAY))
    # 100, 200, 400 and 1,000 ms: the median is between the middle ones, p95 at 0.95 x 3 = 2.85 steps: 400 + 0.85 x 600.
    assert (totals["n_timed"], totals["p50_ns"], totals["p95_ns"]) == (4, 300_000_000, 910_000_000)
    assert (totals["n_ttft"], totals["ttft_p50_ns"]) == (1, 200_000_000)
    assert totals["tokens_per_s"] == pytest.approx((100 + 50 + 101 + 40) / 1.7)
    assert totals["stream_tokens_per_s"] == pytest.approx(100 / 0.8)
    assert (totals["n_calls"], totals["n_errors"], totals["n_retries"], totals["n_cache_hits"]) == (
        8,
        3,
        2,
        1,
    )
    assert (totals["n_truncated"], totals["cached_input_tokens"]) == (1, 400)
    # Four calls at 0.0035 and a hit at 0, all of them successful.
    assert (totals["cost_usd"], totals["cost_per_success_usd"]) == (Decimal("0.0140"), Decimal("0.0028"))


def test_what_is_not_known_of_speed_and_cost_is_not_zero(calls: FileReader) -> None:
    (none,) = rows(calls.query("reliability_totals", **DAY, tenant_id="nobody"))
    assert none["n_calls"] == 0
    for column in (
        "p50_ns",
        "ttft_p50_ns",
        "tokens_per_s",
        "cost_usd",
        "cost_per_success_usd",
        "input_tokens",
    ):
        assert none[column] is None, column


def test_a_line_for_each_provider_has_every_bucket_and_the_rest_is_one_line(calls: FileReader) -> None:
    found = rows(calls.query("latency_series", **HOURLY, by="provider", top="1"))
    assert [(row["rank"], row["value"]) for row in found[:2]] == [(0, None), (1, "openai")]
    assert Counter(row["rank"] for row in found) == {0: 4, 1: 4}
    (others_at_9,) = [row for row in found if row["rank"] == 0 and row["n_calls"]]
    assert (others_at_9["bucket_at"].hour, others_at_9["p50_ns"], others_at_9["n_errors"]) == (
        9,
        400_000_000,
        0,
    )


def test_one_line_of_all_calls_sums_to_the_totals(calls: FileReader) -> None:
    found = rows(calls.query("latency_series", **HOURLY))
    assert [(row["n_calls"], row["n_errors"], row["p50_ns"]) for row in found] == [
        (3, 0, 200_000_000),
        (3, 2, 400_000_000),
        (0, 0, None),
        (2, 1, None),
    ]


def test_providers_side_by_side_with_their_failures_by_class(calls: FileReader) -> None:
    first, second = rows(calls.query("reliability_by", **DAY))
    assert (first["value"], first["n_calls"], first["n_errors"], first["n_retries"]) == ("openai", 7, 3, 1)
    assert json.loads(str(first["error_classes"])) == {"rate_limit": 1, "timeout": 1, "other": 1}
    # 3 x 0.0035 and a hit at 0, by four calls with a known cost.
    assert (first["n_priced"], first["cost_per_1k_usd"]) == (4, Decimal("2.625"))
    assert (second["value"], second["error_classes"], second["p99_ns"]) == ("anthropic", None, 400_000_000)


def test_a_request_of_three_attempts_counts_once_and_where_it_began(calls: FileReader) -> None:
    found = rows(calls.query("request_series", **HOURLY))
    at = {row["bucket_at"].hour: row for row in found}
    assert [at[hour]["n_requests"] for hour in (8, 9, 10, 11)] == [3, 1, 0, 2]
    assert [at[hour]["n_failed"] for hour in (8, 9, 10, 11)] == [0, 0, 0, 1]
    assert {
        name: at[9][name] for name in ("n_calls", "n_retried", "n_recovered", "n_failed_over", "n_attempts")
    } == {
        "n_calls": 3,
        "n_retried": 1,
        "n_recovered": 1,
        "n_failed_over": 1,
        "n_attempts": 3,
    }
    assert at[11]["n_cache_hits"] == 1


def test_the_attempts_of_one_request_in_order_with_the_waits_between(calls: FileReader) -> None:
    asked = {"trace_id": RETRIED["trace_id"], "span_id": f"{2:016X}"}
    found = rows(calls.query("request_attempts", **asked))
    assert [(row["attempt"], row["is_asked"], row["provider"], row["error_class"]) for row in found] == [
        (1, False, "openai", "rate_limit"),
        (2, True, "openai", "timeout"),
        (3, False, "anthropic", None),
    ]
    # Starts at 0, 2 and 3 s; each failed one took half a second.
    assert [(row["offset_ns"], row["waited_ns"]) for row in found] == [
        (0, None),
        (2_000_000_000, 1_500_000_000),
        (3_000_000_000, 500_000_000),
    ]


@pytest.mark.parametrize(
    "asked", [{"trace_id": "not an id", "span_id": "'"}, {"trace_id": "", "span_id": ""}]
)
def test_an_id_that_cannot_be_finds_nothing(calls: FileReader, asked: dict[str, str]) -> None:
    for name in ("request_attempts", "span_attributes", "span_events", "span_contents"):
        assert rows(calls.query(name, **asked)) == []


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("error_series", {"bucket_minutes": "60"}),
        ("latency_histogram", {"bucket_minutes": "60"}),
        ("latency_series", {"bucket_minutes": "60"}),
        ("request_series", {"bucket_minutes": "60"}),
        ("reliability_totals", {}),
        ("reliability_by", {}),
    ],
)
def test_every_filter_of_the_page_narrows_every_query(
    calls: FileReader, name: str, more: dict[str, str]
) -> None:
    def n_calls(**filters: str) -> Any:
        return sum(row["n_calls"] for row in rows(calls.query(name, **DAY, **more, **filters)))

    assert n_calls(tenant_id="globex") == (1 if name == "latency_histogram" else 3)
    assert n_calls(model="claude") == 1
    assert n_calls(environment="prod") == n_calls(prompt_name="greet") == 0
    assert n_calls(environment="") == n_calls(prompt_name="") == n_calls()
    assert n_calls(dimension="provider", dimension_value="anthropic") == 1
