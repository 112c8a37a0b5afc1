"""A segment that is known to be good: when it cannot be stored either, the fault is ours and not a segment's."""

from __future__ import annotations

from pathlib import Path

import duckdb
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.commit.transaction import try_groups
from collector.commit.unpack import SpoolFile, groups
from collector.decode.rules import Rules
from collector.spool.segments import Record, Segment
from store.terms import Terms


def fails(session: duckdb.DuckDBPyConnection, terms: Terms, rules: Rules) -> Exception | None:
    """Why one plain call cannot be stored now, or None when it can. Nothing of it stays."""
    segment = Segment("canary", [Record(0, "traces", "default", _one_call())], torn_bytes=0)
    try:
        try_groups(session, groups([SpoolFile(Path("canary"), segment)], rules), terms)
    except Exception as failed:  # noqa: BLE001 - whatever it is, it is not a segment's fault
        return failed
    return None


def _one_call() -> bytes:
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            trace_id=b"canary--canary--",
            span_id=b"canary--",
            name="chat",
            start_time_unix_nano=1,
            end_time_unix_nano=2,
        )
    )
    for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o")):
        span.attributes.add(key=key).value.string_value = value
    body: bytes = request.SerializeToString()
    return body
