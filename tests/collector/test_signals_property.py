"""Whatever logs and metrics a sender can write: as many rows as google.protobuf counts, and JSON that is JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.decode import logs, metrics
from collector.decode.requests import Request
from collector.privacy.policy import ContentPolicy
from collector.privacy.redact import Redactor
from tests.signals import key_values
from tests.spans import any_value

CAPTURE_ALL = ContentPolicy(frozenset({"*"}), Redactor(()), 1_000)
KEYS = st.sampled_from(
    (
        "model",
        "event.name",
        "session.id",
        "input_tokens",
        "cost_usd",
        "gen_ai.input.messages",
        "error",
        "",
        "ключ",
    )
)
UINT64 = st.integers(0, 2**64 - 1)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.just(None),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=5)
NAMES = st.sampled_from(
    (
        "claude_code.api_request",
        "claude_code.api_error",
        "codex.sse_event",
        "gemini_cli.api_response",
        "a.b",
        "",
    )
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def log_records(draw: st.DrawFn) -> LogRecord:
    record = LogRecord(
        time_unix_nano=draw(UINT64),
        observed_time_unix_nano=draw(UINT64),
        event_name=draw(NAMES),
        severity_number=draw(st.integers(-1, 30)),  # type: ignore[arg-type]
        trace_id=draw(st.binary(max_size=17)),
        span_id=draw(st.binary(max_size=9)),
        attributes=key_values(draw(ATTRIBUTES)),
    )
    body = draw(VALUES)
    if body is not None:
        record.body.CopyFrom(AnyValue() if body == "" else any_value(body))
    return record


@st.composite
def a_metric(draw: st.DrawFn) -> Metric:
    metric = Metric(name=draw(st.text(max_size=5)), unit=draw(st.text(max_size=2)))
    kind = draw(st.sampled_from(("gauge", "sum", "histogram", "exponential_histogram", "summary", "")))
    for _ in range(draw(st.integers(0, 3)) if kind else 0):
        point = getattr(metric, kind).data_points.add(
            time_unix_nano=draw(UINT64),
            flags=draw(st.integers(0, 3)),
            attributes=key_values(draw(ATTRIBUTES)),
        )
        _fill(point, kind, draw)
    return metric


def _fill(point: Any, kind: str, draw: st.DrawFn) -> None:
    if kind in ("gauge", "sum"):
        point.as_double = draw(st.floats())
        return
    point.count, point.sum = draw(UINT64), draw(st.floats())
    if kind == "histogram":
        point.explicit_bounds.extend(draw(st.lists(st.floats(), max_size=3)))
        point.bucket_counts.extend(draw(st.lists(UINT64, max_size=4)))
    if kind == "exponential_histogram" and draw(st.booleans()):
        point.positive.bucket_counts.extend(draw(st.lists(UINT64, max_size=3)))
    if kind == "summary":
        point.quantile_values.add(quantile=0.5, value=draw(st.floats()))


@QUICK
@given(st.lists(st.lists(log_records(), max_size=4), max_size=4))
def test_every_log_record_is_one_row(scopes: list[list[LogRecord]]) -> None:
    request = ExportLogsServiceRequest()
    for records in scopes:
        request.resource_logs.add().scope_logs.add(log_records=records)
    body = request.SerializeToString()
    decoded = logs.decode([Request(body, "default", 1, "batch"), Request(b"", "default", 1, "")], CAPTURE_ALL)
    assert decoded.records.num_rows == sum(len(records) for records in scopes)
    for attributes in decoded.records.column("attributes").to_pylist():
        json.loads(attributes)


@QUICK
@given(st.lists(st.lists(a_metric(), max_size=3), max_size=3))
def test_every_data_point_is_one_row(scopes: list[list[Metric]]) -> None:
    request = ExportMetricsServiceRequest()
    for found in scopes:
        request.resource_metrics.add().scope_metrics.add(metrics=found)
    decoded = metrics.decode([Request(request.SerializeToString(), "default", 1, "batch")])
    n_points = sum(
        len(getattr(metric, kind).data_points)
        for found in scopes
        for metric in found
        if (kind := metric.WhichOneof("data"))
    )
    assert (decoded.num_rows if decoded is not None else 0) == n_points
    for text in decoded.column("buckets").to_pylist() if decoded is not None else ():
        assert text is None or json.loads(text)
