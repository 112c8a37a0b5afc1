"""OTLP requests without content, item by item: what a segment in quarantine may keep.

The store's own way drops content while it decodes to columns (`collector/decode`). A segment that it could not decode
goes this way instead, with google.protobuf: slow, and indifferent to what broke the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.privacy.content import is_content, names_credential
from collector.privacy.kept import kept_values
from collector.privacy.policy import ContentPolicy
from collector.privacy.records import scrub_record
from collector.privacy.redact import scrub_secrets
from collector.spool.segments import Record

_REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def cleaner(policy: ContentPolicy) -> Callable[[Record], Record | None]:
    """A function that gives a record as it may be kept, or None when it cannot be read and so not be cleaned."""

    def clean(record: Record) -> Record | None:
        try:
            return replace(record, body=_clean_body(record, policy))
        except (DecodeError, ValueError, RecursionError):
            return None

    return clean


def _clean_body(record: Record, policy: ContentPolicy) -> bytes:
    if record.signal not in _REQUESTS:
        json.loads(record.body)  # what is no JSON cannot be told from prose
        return scrub_record(record.body)
    message = _REQUESTS[record.signal].FromString(record.body)
    # What this version of the protocol has no name for may be anything.
    message.DiscardUnknownFields()
    if policy.captures(record.project):
        _drop(message, names_credential)
        _rewrite(list(_texts(message)), scrub_secrets)
    else:
        _drop(message, is_content)
        _drop_texts(message)
        _rewrite(list(_texts(message)), kept_values)
    body: bytes = message.SerializeToString()
    return body


def _drop(message: Message, unwanted: Callable[[str], bool]) -> None:
    """In place: every attribute of an unwanted name, wherever attributes stand."""
    for node in _messages(message):
        for field, value in node.ListFields():
            if (
                field.is_repeated
                and field.type == field.TYPE_MESSAGE
                and field.message_type.name == "KeyValue"
            ):
                for index in reversed(range(len(value))):
                    if unwanted(value[index].key):
                        del value[index]


def _drop_texts(message: Message) -> None:
    """In place: content that is no attribute."""
    for node in _messages(message):
        kind = node.DESCRIPTOR.name
        if kind == "Status":
            node.ClearField("message")
        elif kind == "LogRecord":
            node.ClearField("body")
        elif kind == "AnyValue" and node.WhichOneof("value") == "bytes_value":
            node.bytes_value = b""


def _rewrite(places: list[tuple[Any, str]], change: Callable[[pa.Array], pa.Array]) -> None:
    """All texts of a message changed in one go."""
    texts = [getattr(node, name) for node, name in places]
    for (node, name), old, new in zip(
        places, texts, change(pa.array(texts, pa.string())).to_pylist(), strict=True
    ):
        if new != old:
            setattr(node, name, new)


def _texts(message: Message) -> Iterator[tuple[Any, str]]:
    """(message, field) of every text in it, keys of attributes too."""
    for node in _messages(message):
        for field, value in node.ListFields():
            if isinstance(value, str):
                yield node, field.name


def _messages(message: Message) -> Iterator[Any]:
    """The message and all within, in a loop of our own: nesting is the sender's choice."""
    todo = [message]
    while todo:
        node = todo.pop()
        yield node
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                todo.extend(value if field.is_repeated else (value,))
