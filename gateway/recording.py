"""Every physical attempt becomes one OpenTelemetry span, named by the GenAI conventions, sent like anyone's.

No prompt or answer text is ever recorded. Spans that cannot be delivered are kept in a file beside the run,
so the record of what was paid for outlives a receiver that was down.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, format_span_id, format_trace_id
from opentelemetry.util.types import AttributeValue
from ulid import ULID

from gateway.call import CallError, Completion, Request

SERVICE_NAME = "steelyard-eval"
# 512 spans a request is where the receiver's cost per span levels off.
SPANS_PER_EXPORT = 512
# How long one export may try before the file takes over; the exporter retries inside it.
EXPORT_TIMEOUT_S = 5.0


class Recording:
    """The spans of one run.

    `receiver_url` is the OTLP/HTTP base address, or None to keep spans in `unsent` for later. `most_spans`
    bounds the queue: it holds every attempt the run may make, so none is dropped however slow the receiver.
    """

    def __init__(
        self,
        receiver_url: str | None,
        unsent: Path,
        *,
        most_spans: int,
        headers: dict[str, str] | None = None,
    ) -> None:
        # The exporter logs each failure; here a failure is an outcome, reported once by `close`.
        logging.getLogger("opentelemetry").propagate = False
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        self._exporter = _Delivery(receiver_url, unsent, headers or {})
        # OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win; a sampler from the environment does not,
        # because evidence for a gate is not sampled.
        resource = Resource({"service.name": SERVICE_NAME}).merge(OTELResourceDetector().detect())
        self._spans = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        self._spans.add_span_processor(
            BatchSpanProcessor(
                self._exporter,
                max_queue_size=max(most_spans, SPANS_PER_EXPORT),
                max_export_batch_size=SPANS_PER_EXPORT,
                schedule_delay_millis=1000,
            )
        )
        self._tracer = self._spans.get_tracer("steelyard.gateway")

    def call(self, request: Request, provider: str) -> Call:
        """Start recording one logical request."""
        return Call(self._tracer, request, provider)

    def close(self) -> int:
        """Deliver what is left; returns how many spans went to the file instead of the receiver."""
        self._spans.force_flush()
        self._spans.shutdown()
        return self._exporter.kept


class Call:
    """One logical request; its attempts share `steelyard.request_id`."""

    def __init__(self, tracer: Tracer, request: Request, provider: str) -> None:
        self._tracer = tracer
        self._name = f"chat {request.model}"
        self._attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": request.model,
            "gen_ai.prompt.name": request.labels.prompt_name,
            "gen_ai.prompt.version": request.labels.prompt_version,
            "steelyard.run_id": request.labels.run_id,
            "steelyard.case_id": request.labels.case_id,
            "steelyard.request_id": str(ULID()),
        }

    def attempt(self, number: int) -> Attempt:
        """Start the span of one physical attempt; `number` counts from 1."""
        return Attempt(self._tracer, self._name, {**self._attributes, "steelyard.attempt": number})


class Attempt:
    """One physical attempt; leaving the `with` ends its span, in error when an exception passes through."""

    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, AttributeValue]) -> None:
        self._span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        ids = self._span.get_span_context()
        self.trace_id = format_trace_id(ids.trace_id)
        self.span_id = format_span_id(ids.span_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, CallError):
            self._failed(error.error_class, error.http_status)
            if error.completion:
                self.answered(error.completion)
        elif isinstance(error, asyncio.CancelledError):
            self._failed("cancelled")
        elif error is not None:
            self._failed("other")
        self._span.end()

    def answered(self, completion: Completion) -> Completion:
        """Record an answer's facts, only those the provider reported: an unknown count is absent, not 0."""
        usage = completion.usage
        known: dict[str, AttributeValue | None] = {
            "gen_ai.response.model": completion.model_answered,
            "gen_ai.response.id": completion.response_id,
            "gen_ai.response.finish_reasons": [completion.finish_reason]
            if completion.finish_reason
            else None,
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
            "http.response.status_code": completion.http_status,
        }
        self._span.set_attributes({key: value for key, value in known.items() if value is not None})
        return completion

    def _failed(self, error_class: str, http_status: int | None = None) -> None:
        self._span.set_status(Status(StatusCode.ERROR, error_class))
        self._span.set_attribute("error.type", error_class)
        if http_status is not None:
            self._span.set_attribute("http.response.status_code", http_status)


class _Delivery(SpanExporter):
    """The standard OTLP exporter with a file behind it: a line is one export request, base64 of protobuf.

    After one failure everything goes to the file: a receiver that is gone must not cost a time-out per batch.
    """

    def __init__(self, receiver_url: str | None, unsent: Path, headers: dict[str, str]) -> None:
        self.kept = 0
        self._unsent = unsent
        self._otlp: OTLPSpanExporter | None = None
        if receiver_url:
            endpoint = f"{receiver_url.rstrip('/')}/v1/traces"
            self._otlp = OTLPSpanExporter(
                endpoint=endpoint,
                headers=headers,
                timeout=EXPORT_TIMEOUT_S,
                # Like every other command; without it OTEL_EXPORTER_OTLP_CERTIFICATE counts.
                certificate_file=os.environ.get("STEELYARD_TLS_CA"),
            )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._otlp and self._otlp.export(spans) is SpanExportResult.SUCCESS:
            return SpanExportResult.SUCCESS
        self.shutdown()
        with self._unsent.open("ab") as file:
            file.write(base64.b64encode(encode_spans(spans).SerializeToString()) + b"\n")
        self.kept += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        if self._otlp:
            self._otlp.shutdown()  # type: ignore[no-untyped-call]  # the exporter's own signature
            self._otlp = None
