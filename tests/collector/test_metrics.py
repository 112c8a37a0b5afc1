"""OTLP metrics: every point once, of every kind, and never added to the tokens of calls."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from store.catalog import bind, named_query
from store.execute import run_select
from tests.captures import FOLDER, trace_captures
from tests.signals import empty, export_metrics, key_values
from tests.stores import Store, gpt_4o_book, open_store

CAPTURES = sorted(FOLDER.glob("*/*.metrics*.pb"))
# 2026-11-21T12:00:00Z, and a minute before
NOON_NS = 1_795_262_400 * 10**9
START_NS = NOON_NS - 60 * 10**9
TIMES = {"time_unix_nano": NOON_NS, "start_time_unix_nano": START_NS}


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("metrics") / "data", gpt_4o_book()) as opened:
        yield opened


@pytest.fixture
def store(one_store: Store) -> Iterator[Store]:
    yield one_store
    empty(one_store)


def receive(store: Store, *metrics: Metric, **resource: str) -> None:
    store.send(export_metrics(*metrics, **resource), signal="metrics")
    store.commit()


def a_sum(
    *points: NumberDataPoint, temporality: int = AGGREGATION_TEMPORALITY_CUMULATIVE, name: str = "tokens"
) -> Metric:
    return Metric(
        name=name,
        unit="{token}",
        sum=Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=True),  # type: ignore[arg-type]
    )


def a_point(
    value: float, *, at_ns: int = NOON_NS, start_ns: int = START_NS, **attributes: str
) -> NumberDataPoint:
    return NumberDataPoint(
        time_unix_nano=at_ns,
        start_time_unix_nano=start_ns,
        as_double=value,
        attributes=key_values(attributes),
    )


def captured_points() -> list[tuple[str, str, int]]:
    """(metric, kind, time in ns) of every captured point as google.protobuf reads them."""
    return [
        (metric.name, str(metric.WhichOneof("data")), point.time_unix_nano)
        for path in CAPTURES
        for resource in ExportMetricsServiceRequest.FromString(path.read_bytes()).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    ]


def test_every_captured_point_is_stored_once_however_it_is_sent(store: Store) -> None:
    bodies = [path.read_bytes() for path in CAPTURES]
    shuffled = random.Random(8)
    for _ in range(2):
        twice = bodies * 2
        shuffled.shuffle(twice)
        store.send(*twice, signal="metrics")
        store.commit()
    stored = Counter(
        tuple(row.values())
        for row in store.rows("select metric_name, kind, epoch_us(occurred_at) as us from metric_points")
    )
    assert stored == Counter((name, kind, ns // 1000) for name, kind, ns in captured_points())
    assert stored.total() == 217
    assert store.value("select cast(sum(n_metric_points) as bigint) from batches") == 217


def test_metrics_never_add_to_the_tokens_of_calls(store: Store) -> None:
    store.send(*(one.body for one in trace_captures() if one.name.endswith(".pb")))
    store.commit()
    sums = "select count(*) as n, cast(sum(input_tokens) as bigint) as input_tokens from calls"
    before = store.rows(sums)
    store.send(*(path.read_bytes() for path in CAPTURES), signal="metrics")
    store.commit()
    assert store.rows(sums) == before
    assert before[0]["n"] > 100


def test_a_gauge_and_a_sum_have_a_value(store: Store) -> None:
    gauge = Metric(name="queue", gauge=Gauge(data_points=[NumberDataPoint(**TIMES, as_int=7)]))
    receive(store, gauge, a_sum(a_point(2.5, model="gpt-4o")))
    rows = store.rows(
        "select metric_name, unit, kind, temporality, is_monotonic, value, occurred_at, started_at, attributes "
        "from metric_points order by metric_name"
    )
    noon, start = datetime(2026, 11, 21, 12), datetime(2026, 11, 21, 11, 59)  # noqa: DTZ001
    assert [tuple(row.values()) for row in rows] == [
        ("queue", None, "gauge", None, None, 7.0, noon, start, "{}"),
        ("tokens", "{token}", "sum", "cumulative", True, 2.5, noon, start, '{"model":"gpt-4o"}'),
    ]


def test_a_histogram_keeps_its_buckets_as_sent(store: Store) -> None:
    point = HistogramDataPoint(
        **TIMES, count=3, sum=4.5, min=0.5, max=3, explicit_bounds=[1, 2.5], bucket_counts=[1, 0, 2]
    )
    data = Histogram(data_points=[point], aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA)
    receive(store, Metric(name="seconds", unit="s", histogram=data))
    [row] = store.rows("select temporality, value, count, sum, min, max, buckets from metric_points")
    assert json.loads(row.pop("buckets")) == {"bounds": [1, 2.5], "counts": [1, 0, 2]}
    assert row == {"temporality": "delta", "value": None, "count": 3, "sum": 4.5, "min": 0.5, "max": 3.0}


def test_a_histogram_without_optional_parts_has_null_there(store: Store) -> None:
    data = Histogram(data_points=[HistogramDataPoint(**TIMES, count=3)])
    receive(store, Metric(name="seconds", histogram=data))
    [row] = store.rows("select temporality, count, sum, min, max, buckets from metric_points")
    assert json.loads(row.pop("buckets")) == {"bounds": [], "counts": []}
    assert row == {"temporality": None, "count": 3, "sum": None, "min": None, "max": None}


def test_an_exponential_histogram_keeps_its_scale_and_both_sides(store: Store) -> None:
    point = ExponentialHistogramDataPoint(
        **TIMES, count=4, sum=9, scale=-1, zero_count=1, zero_threshold=0.001
    )
    point.positive.offset = -2
    point.positive.bucket_counts.extend([1, 2])
    receive(store, Metric(name="sizes", exponential_histogram=ExponentialHistogram(data_points=[point])))
    [row] = store.rows("select kind, count, sum, buckets from metric_points")
    assert json.loads(row.pop("buckets")) == {
        "scale": -1,
        "zero_count": 1,
        "zero_threshold": 0.001,
        "positive": {"offset": -2, "counts": [1, 2]},
        "negative": None,
    }
    assert row == {"kind": "exponential_histogram", "count": 4, "sum": 9.0}


def test_a_summary_keeps_its_quantiles(store: Store) -> None:
    point = SummaryDataPoint(**TIMES, count=10, sum=55)
    point.quantile_values.add(quantile=0.5, value=5)
    point.quantile_values.add(quantile=1, value=math.inf)
    receive(store, Metric(name="old", summary=Summary(data_points=[point])))
    [row] = store.rows("select kind, temporality, count, sum, buckets from metric_points")
    assert json.loads(row.pop("buckets")) == {"quantiles": [[0.5, 5], [1, "inf"]]}
    assert row == {"kind": "summary", "temporality": None, "count": 10, "sum": 55.0}


def test_a_point_that_says_it_has_no_value_has_none_and_not_zero(store: Store) -> None:
    receive(store, a_sum(NumberDataPoint(**TIMES, flags=1, as_double=0)))
    assert store.rows("select value, no_recorded_value from metric_points") == [
        {"value": None, "no_recorded_value": True}
    ]


def test_points_of_other_series_or_times_are_other_points(store: Store) -> None:
    receive(
        store,
        a_sum(a_point(1), a_point(1, model="a"), a_point(1, model="b"), a_point(1, at_ns=NOON_NS + 10**9)),
        a_sum(a_point(1), name="another"),
        a_sum(a_point(1), temporality=AGGREGATION_TEMPORALITY_DELTA),
    )
    receive(store, a_sum(a_point(1)), host__name="another host")
    assert store.value("select count(*) from metric_points") == 7


def test_a_series_is_the_same_in_whatever_order_its_attributes_come(store: Store) -> None:
    # Beside different neighbours too: the stored text of the attributes depends on them.
    receive(store, a_sum(a_point(1, model="a", kind="input")))
    receive(store, a_sum(a_point(2, zone="z", kind="output"), a_point(1, kind="input", model="a")))
    assert store.value("select count(*) from metric_points") == 2
    assert store.value("select count(distinct series_hash) from metric_points") == 2


def test_a_point_without_a_time_is_as_old_as_its_arrival_and_still_stored_once(store: Store) -> None:
    for _ in range(2):
        receive(store, a_sum(a_point(1, at_ns=0, start_ns=0)))
    assert store.rows("select occurred_at = received_at as is_arrival, started_at from metric_points") == [
        {"is_arrival": True, "started_at": None}
    ]


def test_exemplars_and_what_they_say_are_not_stored(store: Store) -> None:
    point = a_point(1)
    point.exemplars.add(as_double=1, filtered_attributes=key_values({"user": "PLANTED"}))
    receive(store, a_sum(point))
    [row] = store.rows("from metric_points")
    assert "PLANTED" not in json.dumps(row, default=str)


def test_the_series_query_says_what_came_in_between_two_points(store: Store) -> None:
    later, restarted = NOON_NS + 60 * 10**9, NOON_NS + 120 * 10**9
    receive(store, a_sum(a_point(100), a_point(130, at_ns=later)))
    # A restart: a new start, and the counter begins at nothing.
    receive(store, a_sum(a_point(7, at_ns=restarted, start_ns=later)))
    query = named_query("metric_series")
    found = run_select(
        store.session, query.sql, bind(query, "default", {"metric_name": "tokens"})
    ).to_pylist()
    assert [(row["value"], row["added"]) for row in found] == [(100.0, 100.0), (130.0, 30.0), (7.0, 7.0)]


def test_the_names_query_counts_points_and_series(store: Store) -> None:
    receive(
        store,
        a_sum(a_point(1, model="a"), a_point(1, model="b"), a_point(2, model="a", at_ns=NOON_NS + 10**9)),
    )
    query = named_query("metric_names")
    [row] = run_select(store.session, query.sql, bind(query, "default", {})).to_pylist()
    assert (row["metric_name"], row["kind"], row["n_points"], row["n_series"]) == ("tokens", "sum", 3, 2)
