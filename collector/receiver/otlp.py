"""OTLP as it stands on the wire: read a request, say what in it cannot be stored, answer as the protocol asks.

Source: OpenTelemetry protocol specification. Two rules shape this module: a request is parsed before it is
acknowledged (a client must learn of bad bytes now, for it will not send them again), and JSON carries ids
as hex where protobuf's own JSON mapping expects base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_ID_FIELDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}
_NO_ID = {16: bytes(16), 8: bytes(8)}


class BadRequestError(Exception):
    """The request cannot be read; sending it again would not help."""

    status_code = 400


class UnsupportedError(BadRequestError):
    """A content type or encoding that this server does not take."""

    status_code = 415


class TooLargeError(BadRequestError):
    """Over the body limit, before or after decompression."""

    status_code = 413


@dataclass(frozen=True)
class Traces:
    """One export request, ready to store: protobuf bytes of the spans that can be."""

    body: bytes
    n_spans: int
    n_rejected: int
    reason: str


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding; the limit holds for the result as well."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise UnsupportedError(f"content-encoding {encoding!r} is not supported; use gzip or none")
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as broken:
        raise BadRequestError(f"the gzip body is damaged: {broken}") from None
    if len(plain) > limit:
        raise TooLargeError(f"the body is over {limit} bytes after decompression")
    if not stream.eof:
        raise BadRequestError("the gzip body is cut short")
    return plain


def media_type(content_type: str) -> str:
    """The content type that the request has and the answer must have; raises UnsupportedError."""
    media = content_type.split(";")[0].strip().lower()
    if media not in (PROTOBUF, JSON):
        raise UnsupportedError(f"content-type {media!r} is not supported; use {PROTOBUF} or {JSON}")
    return media


def read_traces(body: bytes, media: str) -> Traces:
    """Parse and check one trace export; spans without a valid id or start time are left out and counted."""
    request = _parse(body, media, ExportTraceServiceRequest)
    n_spans, faults = 0, []
    for spans in (scope.spans for resource in request.resource_spans for scope in resource.scope_spans):
        n_spans += len(spans)
        for index, span in enumerate(spans):
            if fault := _fault(span):
                faults.append((spans, index, fault))
    if not faults:
        return Traces(body if media == PROTOBUF else request.SerializeToString(), n_spans, 0, "")
    for spans, index, _ in reversed(faults):
        del spans[index]
    reasons = ", ".join(sorted({fault for _, _, fault in faults}))
    return Traces(request.SerializeToString(), n_spans - len(faults), len(faults), reasons)


def count_logs(body: bytes, media: str) -> int:
    """How many log records a request holds."""
    request = _parse(body, media, ExportLogsServiceRequest)
    return sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)


def count_metric_points(body: bytes, media: str) -> int:
    """How many data points a request holds."""
    request = _parse(body, media, ExportMetricsServiceRequest)
    metrics = (
        m for resource in request.resource_metrics for scope in resource.scope_metrics for m in scope.metrics
    )
    return sum(
        len(getattr(metric, kind).data_points) for metric in metrics if (kind := metric.WhichOneof("data"))
    )


def traces_answer(traces: Traces, media: str) -> bytes:
    """ExportTraceServiceResponse; partial_success stays unset when every span was taken, as the protocol demands."""
    answer = ExportTraceServiceResponse()
    if traces.n_rejected:
        answer.partial_success.rejected_spans = traces.n_rejected
        answer.partial_success.error_message = f"{traces.n_rejected} spans were refused: {traces.reason}"
    return _render(answer, media)


def logs_refused(n_records: int, media: str) -> bytes:
    """An answer that takes none of the log records, and says so."""
    answer = ExportLogsServiceResponse()
    if n_records:
        answer.partial_success.rejected_log_records = n_records
        answer.partial_success.error_message = "this version stores traces only; log records were not kept"
    return _render(answer, media)


def metrics_refused(n_points: int, media: str) -> bytes:
    """An answer that takes none of the metric points, and says so."""
    answer = ExportMetricsServiceResponse()
    if n_points:
        answer.partial_success.rejected_data_points = n_points
        answer.partial_success.error_message = "this version stores traces only; metric points were not kept"
    return _render(answer, media)


def error_answer(message: str, media: str) -> bytes:
    """google.rpc.Status, the body of every failure."""
    return _render(Status(message=message), media)


def _fault(span: Any) -> str:
    if len(span.trace_id) != 16 or span.trace_id == _NO_ID[16]:
        return "invalid trace id"
    if len(span.span_id) != 8 or span.span_id == _NO_ID[8]:
        return "invalid span id"
    if not 0 < span.start_time_unix_nano < 2**63:
        return "invalid start time"
    return ""


def _parse(body: bytes, media: str, message_type: Any) -> Any:
    if media == JSON:
        return _parse_json(body, message_type)
    try:
        return message_type.FromString(body)
    except DecodeError as broken:
        raise BadRequestError(f"the body is not a valid {message_type.__name__}: {broken}") from None


def _parse_json(body: bytes, message_type: Any) -> Any:
    try:
        document = json.loads(body)
        _hex_ids_to_base64(document)
        return ParseDict(document, message_type(), ignore_unknown_fields=True)
    except (ValueError, ParseError, binascii.Error, RecursionError) as broken:
        raise BadRequestError(f"the body is not valid OTLP/JSON: {broken}") from None


def _hex_ids_to_base64(document: Any) -> None:
    """In place; a loop of our own stack, so that deep nesting cannot exhaust Python's."""
    todo: list[Any] = [document]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in _ID_FIELDS and isinstance(value, str):
                    node[key] = base64.b64encode(bytes.fromhex(value)).decode()
                elif isinstance(value, (dict, list)):
                    todo.append(value)


def _render(message: Message, media: str) -> bytes:
    body: bytes = (
        MessageToJson(message, indent=None).encode() if media == JSON else message.SerializeToString()
    )
    return body
