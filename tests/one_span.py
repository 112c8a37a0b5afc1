"""One span of any emitter, decoded by itself."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.configure import load_settings
from collector.decode.requests import Request
from collector.decode.spans import decode
from collector.privacy.policy import policy_of
from tests.spans import any_value

START_NS = 1_790_000_000_000_000_000
# A call of Claude as its provider counts: what was cached is not within the input.
CLAUDE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 100,
    "gen_ai.usage.cache_creation.input_tokens": 20,
}


def decoded(
    scope: str,
    name: str,
    attributes: dict[str, Any],
    *,
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_INTERNAL,
    error: str | None = None,
) -> dict[str, Any]:
    """One span of two seconds, as it is decoded by itself."""
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add().scope_spans.add()
    block.scope.name = scope
    block.spans.append(
        Span(
            trace_id=b"t" * 16,
            span_id=b"s" * 8,
            name=name,
            kind=kind,
            start_time_unix_nano=START_NS,
            end_time_unix_nano=START_NS + 2_000_000_000,
            attributes=[KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()],
            status=Status(code=Status.STATUS_CODE_ERROR, message=error) if error else Status(),
        )
    )
    body = request.SerializeToString()
    spans = decode([Request(body, "default", 1_000_000, "batch")], policy_of(load_settings())).spans
    row: dict[str, Any] = spans.to_pylist()[0]
    return row


def holds(row: dict[str, Any], **wanted: object) -> None:
    """The row has these values."""
    assert {name: row[name] for name in wanted} == wanted
