"""The one shape that the three export requests share: resources, in them scopes, in them items.

    Export…ServiceRequest { repeated block = 1 }
    block                 { resource = 1, repeated scope block = 2, schema_url = 3 }
    scope block           { scope = 1,    repeated item = 2,        schema_url = 3 }

An item is a span, a log record or a metric; a metric holds data points, which are what is counted there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from collector.receiver import faults

SignalName = Literal["traces", "logs", "metrics"]


@dataclass(frozen=True)
class Shape:
    """One signal's messages and field names. Messages are google.protobuf classes, which have no types of use here."""

    signal: SignalName
    request: Any
    block: Any
    scope_block: Any
    item: Any
    blocks: str  # field names, from the outside in
    scope_blocks: str
    items: str
    # Takes what cannot be stored out of a scope block, and says how many items it held and why some are gone.
    prune: Callable[[Any], faults.Pruned]


TRACES = Shape(
    "traces",
    ExportTraceServiceRequest,
    ResourceSpans,
    ScopeSpans,
    Span,
    "resource_spans",
    "scope_spans",
    "spans",
    faults.prune_spans,
)
LOGS = Shape(
    "logs",
    ExportLogsServiceRequest,
    ResourceLogs,
    ScopeLogs,
    LogRecord,
    "resource_logs",
    "scope_logs",
    "log_records",
    faults.prune_logs,
)
METRICS = Shape(
    "metrics",
    ExportMetricsServiceRequest,
    ResourceMetrics,
    ScopeMetrics,
    Metric,
    "resource_metrics",
    "scope_metrics",
    "metrics",
    faults.prune_metrics,
)
SHAPES: dict[SignalName, Shape] = {shape.signal: shape for shape in (TRACES, LOGS, METRICS)}
