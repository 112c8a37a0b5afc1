"""What this machine can do at best, measured in the same run: the numbers beside which ours must be read."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ingest.spans import fresh, templates

_FSYNC_BYTES = 4096


@dataclass(frozen=True)
class Floor:
    """`parse_spans_per_s`: google.protobuf (C) reading the same bytes on one core, and nothing else."""

    parse_spans_per_s: float
    fsyncs_per_s: float


def measure(spans_per_request: int, content_bytes: int, disk: Path, seconds: float = 1.0) -> Floor:
    """Both floors, about `seconds` each; `disk` is a folder on the disk in question."""
    return Floor(_parse(spans_per_request, content_bytes, seconds), _fsyncs(disk, seconds))


def _parse(spans_per_request: int, content_bytes: int, seconds: float) -> float:
    requests = fresh(templates(4, spans_per_request, content_bytes=content_bytes))
    bodies = [next(requests)[0] for _ in range(8)]
    n_spans, started = 0, time.process_time()
    while (took := time.process_time() - started) < seconds:
        for body in bodies:
            ExportTraceServiceRequest.FromString(body)
            n_spans += spans_per_request
    return n_spans / took


def _fsyncs(disk: Path, seconds: float) -> float:
    """Appends of one page, each on disk before the next: what a server that did not gather requests could ack."""
    block, n = bytes(_FSYNC_BYTES), 0
    with tempfile.NamedTemporaryFile(dir=disk) as probe:
        started = time.monotonic()
        while (took := time.monotonic() - started) < seconds:
            os.write(probe.fileno(), block)
            os.fsync(probe.fileno())
            n += 1
    return n / took
