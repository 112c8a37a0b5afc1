"""Calls as real SDKs send them, for tests that follow a number from the wire to `calls`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.spans import any_value

# Past every start of validity that the shipped books know, and the same on every day the tests run.
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """One span on its way: what the SDK named, and ids of its own unless it shares a trace."""

    scope: str
    attributes: Mapping[str, Any]
    name: str = "chat"
    at: datetime = NOON
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_CLIENT
    error: str | None = None
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    duration_ms: int = 1_000
    trace_id: bytes = field(default_factory=lambda: os.urandom(16))
    span_id: bytes = field(default_factory=lambda: os.urandom(8))
    parent: Sent | None = None

    @property
    def span(self) -> Span:
        start = int(self.at.timestamp()) * 1_000_000_000 + self.at.microsecond * 1_000
        return Span(
            trace_id=self.trace_id,
            span_id=self.span_id,
            parent_span_id=self.parent.span_id if self.parent else b"",
            name=self.name,
            kind=self.kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + self.duration_ms * 1_000_000,
            attributes=_key_values(self.attributes),
            events=[
                Span.Event(
                    name=name, time_unix_nano=start + 1_000_000 * at, attributes=_key_values(attributes)
                )
                for at, (name, attributes) in enumerate(self.events, start=1)
            ],
            status=Status(code=Status.STATUS_CODE_ERROR, message=self.error) if self.error else Status(),
        )


def request(*spans: Sent, **resource: str) -> bytes:
    """The spans as one export request, a scope each."""
    made = ExportTraceServiceRequest()
    block = made.resource_spans.add()
    block.resource.attributes.extend(_key_values({"service.name": "shop"} | resource))
    for sent in spans:
        of_scope = block.scope_spans.add(spans=[sent.span])
        of_scope.scope.name = sent.scope
    return made.SerializeToString()


def otel(provider: str, model: str, **more: Any) -> dict[str, Any]:
    """Attributes by OpenTelemetry's current names; `input=5` is `gen_ai.usage.input_tokens`, `__` in a name a dot."""
    short = {
        "answered": "gen_ai.response.model",
        "input": "gen_ai.usage.input_tokens",
        "output": "gen_ai.usage.output_tokens",
        "cached": "gen_ai.usage.cache_read.input_tokens",
        "written": "gen_ai.usage.cache_creation.input_tokens",
        "reasoning": "gen_ai.usage.reasoning.output_tokens",
        "tier": "openai.response.service_tier",
        "operation": "gen_ai.operation.name",
    }
    named = {short.get(name, name.replace("__", ".")): value for name, value in more.items()}
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        **({} if "answered" in more else {"gen_ai.response.model": model}),
        **named,
    }


def _key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=any_value(value)) for key, value in attributes.items() if value is not None
    ]
