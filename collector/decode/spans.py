"""OTLP trace requests to one Arrow table, a row per span, without a Python loop over spans or attributes.

ptars (Rust) turns the protobuf bytes into nested Arrow; the rest is vectorised. The table holds what the
commit needs to settle and price: canonical columns by the conventions, JSON without message content, and of the
status message (which quotes prompts) the HTTP status that it names.
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

from collector.conventions import otel_current
from collector.conventions.columns import FromAttributes
from collector.decode.attributes import Attributes
from collector.decode.contents import (
    Bodies,
    Owners,
    captured_contents,
    captures_any,
    of_attributes,
    of_events,
)
from collector.decode.envelope import Indices, parents, timestamps
from collector.decode.ids import span_ids, trace_ids
from collector.decode.json_text import as_json, join_lists, quote
from collector.decode.parse import parse
from collector.decode.requests import Request, request_columns
from collector.privacy.kept import kept_status, kept_values
from collector.privacy.policy import ContentPolicy

_HANDLER = ptars.HandlerPool([ExportTraceServiceRequest.DESCRIPTOR.file]).get_for_message(
    ExportTraceServiceRequest.DESCRIPTOR
)
_KINDS = pa.array(["unspecified", "internal", "server", "client", "producer", "consumer"])
_EXCEPTION_TYPE = FromAttributes("exception_type", ("exception.type",), "text")


@dataclass(frozen=True)
class DecodedSpans:
    """Spans, a row each, and the message bodies that came with them, where a project captures those."""

    spans: pa.Table
    contents: pa.Table | None


def decode(requests: Sequence[Request], policy: ContentPolicy) -> DecodedSpans:
    """Every span of the requests. Raises ValueError on bytes that are not OTLP."""
    batch = parse(_HANDLER, [request.body for request in requests])
    resources = batch.column(0)
    scopes = pc.list_flatten(resources).field("scope_spans")
    lists = pc.list_flatten(scopes).field("spans")
    scope_of_span = parents(lists)
    resource_of_span = parents(scopes)[scope_of_span]
    request_of_span = parents(resources)[resource_of_span]
    spans = pc.list_flatten(lists)
    attributes = Attributes(spans.field("attributes"))
    events = pc.list_flatten(spans.field("events"))
    event_attributes = Attributes(events.field("attributes"))
    columns = _columns(spans, attributes) | _events(spans.field("events"), event_attributes)
    columns |= _scope_columns(pc.list_flatten(scopes), scope_of_span)
    columns |= _resource_columns(pc.list_flatten(resources), resource_of_span)
    columns |= request_columns(requests, request_of_span)
    contents = None
    if captures_any(policy, [request.project for request in requests]):
        found = [
            of_attributes("span", attributes),
            of_events(
                event_attributes, parents(spans.field("events")), timestamps(events.field("time_unix_nano"))
            ),
            _status_messages(spans),
        ]
        contents = captured_contents(policy, Owners.of(columns, "started_at"), found)
    return DecodedSpans(pa.table(columns), contents)


def _columns(spans: pa.StructArray, attributes: Attributes) -> dict[str, pa.Array]:
    started_ns = spans.field("start_time_unix_nano").to_numpy(zero_copy_only=False).astype(np.int64)
    ended_ns = spans.field("end_time_unix_nano").to_numpy(zero_copy_only=False)
    # An end before the start (or none) is a clock's mistake: the duration is not known.
    duration_ns = ended_ns.astype(np.float64) - started_ns
    known = (ended_ns >= started_ns.astype(np.uint64)) & (duration_ns < 2.0**62)
    exact_ns = np.where(known, ended_ns - started_ns.astype(np.uint64), 0).astype(np.int64)
    status = spans.field("status")
    # Before the JSON, which does not say again what moved to a column.
    canonical = {wanted.column: attributes.column(wanted) for wanted in otel_current.MAPPING}
    columns = {
        "trace_id": trace_ids(spans.field("trace_id")),
        "span_id": span_ids(spans.field("span_id")),
        "parent_span_id": span_ids(spans.field("parent_span_id")),
        "started_at": pa.array(started_ns // 1000, pa.timestamp("us")),
        "duration_ns": pa.array(exact_ns, mask=~known),
        "span_name": kept_values(spans.field("name")),
        "span_kind": _KINDS.take(pc.min_element_wise(pc.max_element_wise(spans.field("kind"), 0), 5)),
        "failed": pc.fill_null(pc.equal(pc.struct_field(status, "code"), 2), fill_value=False),
        "status_message": kept_status(pc.struct_field(status, "message")),
        "attributes": attributes.as_json(),
        "links": _links(spans.field("links")),
        "dropped_attributes_count": spans.field("dropped_attributes_count").cast(pa.int64()),
    }
    return columns | canonical | {"is_call": _is_call(canonical["operation"], attributes)}


def _is_call(operation: pa.Array, attributes: Attributes) -> pa.BooleanArray:
    is_foreign = attributes.any_of(otel_current.FOREIGN_MARKERS)
    names_a_call = pc.is_in(operation, pa.array(otel_current.CALL_OPERATIONS))
    return pc.and_(names_a_call, pa.array(~is_foreign))


def _scope_columns(scopes: pa.StructArray, scope_of_span: Indices) -> dict[str, pa.Array]:
    taken = pa.array(scope_of_span)
    scope = scopes.field("scope")
    return {
        "scope_name": kept_values(pc.struct_field(scope, "name")).take(taken),
        "scope_version": kept_values(pc.struct_field(scope, "version")).take(taken),
    }


def _resource_columns(resources: pa.StructArray, resource_of_span: Indices) -> dict[str, pa.Array]:
    taken = pa.array(resource_of_span)
    attributes = Attributes(_no_null_lists(pc.struct_field(resources.field("resource"), "attributes")))
    columns = {
        wanted.column: attributes.column(wanted).take(taken) for wanted in otel_current.RESOURCE_MAPPING
    }
    return columns | {"resource": attributes.as_json().take(taken)}


def _events(lists: pa.ListArray, attributes: Attributes) -> dict[str, pa.Array]:
    """JSON of names, times and exception types; the last exception's type."""
    entries = pc.list_flatten(lists)
    kinds = attributes.column(_EXCEPTION_TYPE)
    type_json = pc.coalesce(pc.binary_join_element_wise(',"exception.type":', quote(kinds), ""), "")
    texts = pc.binary_join_element_wise(
        '{"name":',
        quote(kept_values(entries.field("name"))),
        ',"time_unix_nano":',
        entries.field("time_unix_nano").cast(pa.string()),
        type_json,
        "}",
        "",
    )
    last: npt.NDArray[np.int64] = np.full(len(lists), -1, dtype=np.int64)
    with_type = np.flatnonzero(kinds.is_valid().to_numpy(zero_copy_only=False))
    last[parents(lists)[with_type]] = with_type
    return {
        "events": join_lists(texts, lists),
        "exception_type": kinds.take(pa.array(last, mask=last < 0)),
    }


def _status_messages(spans: pa.StructArray) -> Bodies:
    messages = pc.struct_field(spans.field("status"), "message")
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
