"""OTLP as it stands on the wire, in one place: what the doors, and whoever reads requests like them, need of it."""

from __future__ import annotations

from collector.receiver.answers import JSON, PROTOBUF, error_answer, export_answer, media_type
from collector.receiver.bodies import decompress
from collector.receiver.refusals import (
    BadRequestError,
    ForbiddenError,
    TooLargeError,
    UnauthenticatedError,
    UnsupportedError,
)
from collector.receiver.requests import Export, read_export
from collector.receiver.shapes import LOGS, METRICS, SHAPES, TRACES, Shape, SignalName

__all__ = [
    "JSON",
    "LOGS",
    "METRICS",
    "PROTOBUF",
    "SHAPES",
    "TRACES",
    "BadRequestError",
    "Export",
    "ForbiddenError",
    "Shape",
    "SignalName",
    "TooLargeError",
    "UnauthenticatedError",
    "UnsupportedError",
    "decompress",
    "error_answer",
    "export_answer",
    "media_type",
    "read_export",
    "read_traces",
]


def read_traces(body: bytes, media: str) -> Export:
    """One trace export, ready to store; raises BadRequestError."""
    return read_export(body, media, TRACES)
