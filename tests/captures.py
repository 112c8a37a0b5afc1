"""The captured OTLP payloads of real SDKs, in `tests/fixtures/otlp/` (see its README)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.receiver.otlp import JSON, PROTOBUF

FOLDER = Path(__file__).parent / "fixtures" / "otlp"


@dataclass(frozen=True)
class Capture:
    """One trace request as an SDK sent it."""

    name: str  # emitter/case.pb
    body: bytes
    media: str


def trace_captures() -> list[Capture]:
    """Every trace capture, protobuf and JSON."""
    paths = [
        path for path in sorted(FOLDER.glob("*/*")) if path.suffix in (".pb", ".json") and _is_traces(path)
    ]
    return [
        Capture(str(path.relative_to(FOLDER)), path.read_bytes(), PROTOBUF if path.suffix == ".pb" else JSON)
        for path in paths
    ]


def capture(name: str) -> Capture:
    """One capture by its name."""
    return next(one for one in trace_captures() if one.name == name)


def split_spans(body: bytes) -> list[bytes]:
    """Each span of a protobuf request as a request of its own."""
    found = []
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                one = ExportTraceServiceRequest()
                block = one.resource_spans.add(
                    resource=of_resource.resource, schema_url=of_resource.schema_url
                )
                block.scope_spans.add(scope=of_scope.scope, schema_url=of_scope.schema_url, spans=[span])
                found.append(one.SerializeToString())
    return found


def expected() -> list[dict[str, Any]]:
    """The ground truth, one record per call or span."""
    return [json.loads(line) for line in (FOLDER / "expected.jsonl").read_text("utf-8").splitlines()]


def _is_traces(path: Path) -> bool:
    return not {".logs", ".metrics"} & set(path.suffixes)
