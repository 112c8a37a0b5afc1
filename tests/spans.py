"""Factories for OTLP: a test shows only what its claim needs."""

from __future__ import annotations

import os
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

USAGE_IN = "gen_ai.usage.input_tokens"
USAGE_OUT = "gen_ai.usage.output_tokens"


def a_call(
    *,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    started_ns: int | None = None,
    duration_ms: int = 100,
    failed: bool = False,
    **attributes: Any,
) -> Span:
    """A chat call of gpt-4o with 1,000 tokens in and 100 out, unless told otherwise (`__` in a name is a dot)."""
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
        USAGE_IN: 1000,
        USAGE_OUT: 100,
        **{name.replace("__", "."): value for name, value in attributes.items()},
    }
    start = started_ns if started_ns is not None else time.time_ns()
    return Span(
        trace_id=trace_id or os.urandom(16),
        span_id=span_id or os.urandom(8),
        name="chat gpt-4o",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration_ms * 1_000_000,
        attributes=[
            KeyValue(key=key, value=any_value(value)) for key, value in given.items() if value is not None
        ],
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
    )


def export(*spans: Span, **resource: str) -> bytes:
    """One export request."""
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add()
    for key, value in (
        {"service.name": "test"} | {k.replace("__", "."): v for k, v in resource.items()}
    ).items():
        block.resource.attributes.append(KeyValue(key=key, value=any_value(value)))
    scope = block.scope_spans.add()
    scope.scope.name = "tests"
    scope.spans.extend(spans)
    return request.SerializeToString()


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP carries it."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case dict():
            nested = AnyValue()
            nested.kvlist_value.values.extend(KeyValue(key=k, value=any_value(v)) for k, v in value.items())
            return nested
        case _:
            return AnyValue(string_value=str(value))
