"""OTLP trace requests to one Arrow table, a row per span, without a Python loop over spans or attributes.

ptars (Rust) turns the protobuf bytes into nested Arrow; the rest is vectorised. The table holds what a span says by
itself: what it is, canonical columns by the conventions and where each came from, JSON without message content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.conventions import otel_current, otel_old
from collector.conventions.dimensions import Dimensions
from collector.conventions.families import FAMILIES
from collector.decode import canonical, derive, whose
from collector.decode.attributes import Attributes
from collector.decode.canonical import Spans
from collector.decode.classify import Classified, Conditions, Names, classify
from collector.decode.columns import CANONICAL, DIMENSION, NAMED, OF_CALLS, RESOURCE_DIMENSION, WHOSE
from collector.decode.contents import (
    Bodies,
    Owners,
    captured_contents,
    captures_any,
    of_attributes,
    of_events,
)
from collector.decode.envelope import Indices, parents
from collector.decode.events import Events
from collector.decode.found import Found
from collector.decode.ids import span_ids, trace_ids
from collector.decode.json_text import as_json
from collector.decode.parse import parse
from collector.decode.requests import Request, request_columns
from collector.decode.sources import sources
from collector.decode.whose import NO_DIMENSIONS
from collector.privacy.kept import kept_values
from collector.privacy.policy import ContentPolicy

_HANDLER = ptars.HandlerPool([ExportTraceServiceRequest.DESCRIPTOR.file]).get_for_message(
    ExportTraceServiceRequest.DESCRIPTOR
)
_KINDS = pa.array(["unspecified", "internal", "server", "client", "producer", "consumer"])


@dataclass(frozen=True)
class DecodedSpans:
    """Spans, a row each, and the message bodies that came with them, where a project captures those."""

    spans: pa.Table
    contents: pa.Table | None


@dataclass(frozen=True)
class _Batch:
    """The spans of some requests as ptars read them, and for each the number of what stands around it."""

    spans: pa.StructArray
    scopes: pa.StructArray
    resources: pa.StructArray
    scope_of_span: Indices
    resource_of_span: Indices
    request_of_span: Indices


def decode(
    requests: Sequence[Request], policy: ContentPolicy, dimensions: Dimensions = NO_DIMENSIONS
) -> DecodedSpans:
    """Every span of the requests. Raises ValueError on bytes that are not OTLP."""
    batch = _read(requests)
    resource_attributes = _resource_attributes(batch.resources)
    columns = _fixed(batch) | request_columns(requests, batch.request_of_span)
    raw = _raw(batch, columns["span_kind"], columns["failed"])
    classified = classify(raw.conditions, FAMILIES)
    found = Found(len(batch.spans))
    whose.configured(found, raw.attributes, dimensions, columns)
    canonical.apply_families(classified, raw, found)
    canonical.apply(otel_current.MAPPING, raw, found)
    canonical.apply(otel_old.MAPPING, raw, found)
    whose.from_resource(found, resource_attributes, batch.resource_of_span, dimensions)
    derive.derive(found, raw, classified, columns["duration_ns"], columns["failed"])
    columns |= _canonical(found, classified, dimensions)
    # After the columns: what moved to one is not said again.
    taken = pa.array(batch.resource_of_span)
    columns |= {
        "attributes": raw.attributes.as_json(),
        "resource": resource_attributes.as_json().take(taken),
        "events": raw.events.as_json(),
        "service_name": found.get("service_name", pa.string()),
    }
    del columns["key_tenant_id"], columns["key_environment"]
    return DecodedSpans(pa.table(columns), _contents(requests, policy, batch, raw, columns))


def _read(requests: Sequence[Request]) -> _Batch:
    resources = parse(_HANDLER, [request.body for request in requests]).column(0)
    scopes = pc.list_flatten(resources).field("scope_spans")
    lists = pc.list_flatten(scopes).field("spans")
    scope_of_span = parents(lists)
    resource_of_span = parents(scopes)[scope_of_span]
    return _Batch(
        pc.list_flatten(lists),
        pc.struct_field(pc.list_flatten(scopes), "scope"),
        pc.list_flatten(resources).field("resource"),
        scope_of_span,
        resource_of_span,
        parents(resources)[resource_of_span],
    )


def _raw(batch: _Batch, kinds: pa.Array, failed: pa.Array) -> Spans:
    """What the conventions are applied to."""
    attributes = Attributes(batch.spans.field("attributes"))
    scopes = Names(pc.struct_field(batch.scopes, "name")).take(batch.scope_of_span)
    names = batch.spans.field("name")
    return Spans(
        attributes=attributes,
        events=Events(batch.spans.field("events")),
        conditions=Conditions(attributes, names, scopes, kinds, failed),
        span_names=names,
        status_messages=pc.struct_field(batch.spans.field("status"), "message"),
        trace_states=batch.spans.field("trace_state"),
        started_ns=_started_ns(batch.spans),
        dropped_events=_numbers(batch.spans.field("dropped_events_count")),
    )


def _fixed(batch: _Batch) -> dict[str, pa.Array]:
    """What the protocol itself says of a span."""
    spans, of_scope = batch.spans, pa.array(batch.scope_of_span)
    started_ns = _started_ns(spans)
    ended_ns = spans.field("end_time_unix_nano").to_numpy(zero_copy_only=False)
    # An end before the start (or none) is a clock's mistake: the duration is not known.
    duration_ns = ended_ns.astype(np.float64) - started_ns
    known = (ended_ns >= started_ns.astype(np.uint64)) & (duration_ns < 2.0**62)
    exact_ns = np.where(known, ended_ns - started_ns.astype(np.uint64), 0).astype(np.int64)
    return {
        "trace_id": trace_ids(spans.field("trace_id")),
        "span_id": span_ids(spans.field("span_id")),
        "parent_span_id": span_ids(spans.field("parent_span_id")),
        "started_at": pa.array(started_ns // 1000, pa.timestamp("us")),
        "duration_ns": pa.array(exact_ns, mask=~known),
        "span_name": kept_values(spans.field("name")),
        "span_kind": _KINDS.take(pc.min_element_wise(pc.max_element_wise(spans.field("kind"), 0), 5)),
        "scope_name": kept_values(pc.struct_field(batch.scopes, "name")).take(of_scope),
        "scope_version": kept_values(pc.struct_field(batch.scopes, "version")).take(of_scope),
        "failed": pc.fill_null(pc.equal(pc.struct_field(spans.field("status"), "code"), 2), fill_value=False),
        "links": _links(spans.field("links")),
        "dropped_attributes_count": spans.field("dropped_attributes_count").cast(pa.int64()),
    }


def _canonical(found: Found, classified: Classified, dimensions: Dimensions) -> dict[str, pa.Array]:
    """The canonical columns as settling wants them, and their sources."""
    is_about_a_call = classified.is_role("call", "carrier")
    for column in OF_CALLS:
        found.keep_only(column, is_about_a_call)
    kinds = CANONICAL | {
        f"{prefix}{name}": pa.string()
        for prefix in (DIMENSION, RESOURCE_DIMENSION)
        for name in dimensions.names
    }
    columns = {column: found.get(column, kind) for column, kind in kinds.items()}
    own = (*WHOSE, *NAMED, *OF_CALLS, *(f"{DIMENSION}{name}" for name in dimensions.names))
    return columns | {
        "role": classified.roles(),
        "emitter": classified.emitters(),
        "sources": sources(found, own, classified.ruling()),
    }


def _contents(
    requests: Sequence[Request],
    policy: ContentPolicy,
    batch: _Batch,
    raw: Spans,
    columns: dict[str, pa.Array],
) -> pa.Table | None:
    if not captures_any(policy, [request.project for request in requests]):
        return None
    found = [
        of_attributes("span", raw.attributes),
        of_events(raw.events.attributes, raw.events.span_of, raw.events.occurred_at()),
        _status_messages(raw.status_messages),
    ]
    return captured_contents(policy, Owners.of(columns, "started_at"), found)


def _started_ns(spans: pa.StructArray) -> npt.NDArray[np.int64]:
    started_ns: npt.NDArray[np.int64] = (
        spans.field("start_time_unix_nano").to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return started_ns


def _numbers(counts: pa.Array) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = counts.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _resource_attributes(resources: pa.StructArray) -> Attributes:
    return Attributes(_no_null_lists(pc.struct_field(resources, "attributes")))


def _status_messages(messages: pa.Array) -> Bodies:
    rows = np.flatnonzero(
        pc.fill_null(pc.not_equal(messages, ""), fill_value=False).to_numpy(zero_copy_only=False)
    )
    keys = pa.array(np.full(len(rows), "status.message"), pa.string())
    return Bodies("status", keys, rows, messages.take(pa.array(rows)))


def _links(lists: pa.ListArray) -> pa.Array:
    """JSON per span; links are rare, so the few that exist are written one by one."""
    texts: list[str] = ["[]"] * len(lists)
    for row in np.flatnonzero(pc.list_value_length(lists).to_numpy(zero_copy_only=False)):
        links = [(link["trace_id"].hex(), link["span_id"].hex()) for link in lists[int(row)].as_py()]
        texts[row] = (
            "[" + ",".join(f'{{"trace_id":"{trace}","span_id":"{span}"}}' for trace, span in links) + "]"
        )
    return as_json(pa.array(texts, pa.string()))


def _no_null_lists(lists: pa.ListArray) -> pa.ListArray:
    return pc.if_else(lists.is_valid(), lists, pa.scalar([], lists.type)) if lists.null_count else lists
