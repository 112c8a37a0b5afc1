"""What a client is told: the content types we speak, and answers in the one that the request had."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.receiver.faults import Faults
from collector.receiver.refusals import INVALID_ARGUMENT, UnsupportedError
from collector.receiver.shapes import SignalName

PROTOBUF = "application/x-protobuf"
# Not the specification's name for it, but the one that some clients send.
PROTOBUF_TOO = "application/protobuf"
JSON = "application/json"

_RESPONSES: dict[SignalName, tuple[Any, str, str]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "log records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "data points"),
}


def media_type(content_type: str) -> str:
    """The content type that the request has and the answer must have; raises UnsupportedError."""
    media = content_type.partition(";")[0].strip().lower()
    if media not in (PROTOBUF, JSON, PROTOBUF_TOO):
        raise UnsupportedError(f"content-type {media[:100]!r} is not supported; use {PROTOBUF} or {JSON}")
    return media


def export_answer(signal: SignalName, faults: Faults | None, media: str) -> bytes:
    """Export…ServiceResponse; partial_success stays unset when every item was taken, as the protocol demands."""
    if not faults:
        return b"{}" if media == JSON else b""
    response, count, items = _RESPONSES[signal]
    answer = response()
    setattr(answer.partial_success, count, faults.n_items)
    answer.partial_success.error_message = f"{faults.n_items} {items} were refused: {faults.reasons()}"
    return _render(answer, media)


def error_answer(message: str, media: str, code: int = INVALID_ARGUMENT) -> bytes:
    """google.rpc.Status, the body of every failure."""
    return _render(Status(code=code, message=message), media)


def _render(message: Message, media: str) -> bytes:
    body: bytes = (
        MessageToJson(message, indent=None).encode() if media == JSON else message.SerializeToString()
    )
    return body
