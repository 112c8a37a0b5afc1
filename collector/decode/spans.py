"""OTLP trace requests to one Arrow table, a row per span, without a Python loop over spans or attributes.

ptars (Rust) turns the protobuf bytes into nested Arrow; the rest is vectorised. The table holds what the
commit needs to settle and price: canonical columns by the conventions, JSON without message content, and
`status_message`, from which the commit reads an HTTP status and which is never stored (it quotes prompts).
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
from collector.decode.attributes import Attributes, join_lists, json_text
from collector.privacy.content import is_content

_HANDLER = ptars.HandlerPool([ExportTraceServiceRequest.DESCRIPTOR.file]).get_for_message(
    ExportTraceServiceRequest.DESCRIPTOR
)
_KINDS = pa.array(["unspecified", "internal", "server", "client", "producer", "consumer"])
_EXCEPTION_TYPE = FromAttributes("exception_type", ("exception.type",), "text")


@dataclass(frozen=True)
class TraceRequest:
    """One accepted request, as the spool kept it."""

    body: bytes
    project: str
    received_at_us: int
    batch_id: str


def decode(requests: Sequence[TraceRequest]) -> pa.Table:
    """Every span of the requests; see `_columns` for the shape. Raises ValueError on bytes that are not OTLP."""
    batch = _HANDLER.array_to_record_batch(pa.array([request.body for request in requests], pa.binary()))
    resources = batch.column(0)
    scopes = pc.list_flatten(resources).field("scope_spans")
    spans = pc.list_flatten(scopes).field("spans")
    scope_of_span = _parents(spans)
    resource_of_span = _parents(scopes)[scope_of_span]
    request_of_span = _parents(resources)[resource_of_span]
    columns = _columns(pc.list_flatten(spans))
    columns |= _scope_columns(pc.list_flatten(scopes), scope_of_span)
    columns |= _resource_columns(pc.list_flatten(resources), resource_of_span)
    columns |= _request_columns(requests, request_of_span)
    return pa.table(columns)


def _columns(spans: pa.StructArray) -> dict[str, pa.Array]:
    attributes = Attributes(spans.field("attributes"))
    started_ns = spans.field("start_time_unix_nano").to_numpy(zero_copy_only=False).astype(np.int64)
    ended_ns = spans.field("end_time_unix_nano").to_numpy(zero_copy_only=False)
    # An end before the start (or none) is a clock's mistake: the duration is not known.
    duration_ns = ended_ns.astype(np.float64) - started_ns
    known = (ended_ns >= started_ns.astype(np.uint64)) & (duration_ns < 2.0**62)
    exact_ns = np.where(known, ended_ns - started_ns.astype(np.uint64), 0).astype(np.int64)
    status = spans.field("status")
    events, exception_type = _events(spans.field("events"))
    columns = {
        "trace_id": pa.ExtensionArray.from_storage(pa.uuid(), spans.field("trace_id").cast(pa.binary(16))),
        "span_id": _id64(spans.field("span_id")),
        "parent_span_id": _id64(spans.field("parent_span_id")),
        "started_at": pa.array(started_ns // 1000, pa.timestamp("us")),
        "duration_ns": pa.array(exact_ns, mask=~known),
        "span_name": spans.field("name"),
        "span_kind": _KINDS.take(pc.min_element_wise(pc.max_element_wise(spans.field("kind"), 0), 5)),
        "failed": pc.fill_null(pc.equal(pc.struct_field(status, "code"), 2), fill_value=False),
        "status_message": pc.struct_field(status, "message"),
        "attributes": attributes.as_json(lambda key: not is_content(key)),
        "events": events,
        "exception_type": exception_type,
        "links": _links(spans.field("links")),
        "dropped_attributes_count": spans.field("dropped_attributes_count").cast(pa.int64()),
        "foreign": pa.array(attributes.any_of(otel_current.FOREIGN_MARKERS)),
    }
    return columns | {wanted.column: attributes.column(wanted) for wanted in otel_current.MAPPING}


def _scope_columns(scopes: pa.StructArray, scope_of_span: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    taken = pa.array(scope_of_span)
    scope = scopes.field("scope")
    return {
        "scope_name": pc.struct_field(scope, "name").take(taken),
        "scope_version": pc.struct_field(scope, "version").take(taken),
    }


def _resource_columns(
    resources: pa.StructArray, resource_of_span: npt.NDArray[np.int64]
) -> dict[str, pa.Array]:
    taken = pa.array(resource_of_span)
    attributes = Attributes(_no_null_lists(pc.struct_field(resources.field("resource"), "attributes")))
    columns = {
        wanted.column: attributes.column(wanted).take(taken) for wanted in otel_current.RESOURCE_MAPPING
    }
    return columns | {"resource": attributes.as_json(lambda key: not is_content(key)).take(taken)}


def _request_columns(
    requests: Sequence[TraceRequest], request_of_span: npt.NDArray[np.int64]
) -> dict[str, pa.Array]:
    taken = pa.array(request_of_span)
    received = pa.array([request.received_at_us for request in requests], pa.int64()).cast(pa.timestamp("us"))
    return {
        "project": pa.array([request.project for request in requests], pa.string()).take(taken),
        "received_at": received.take(taken),
        "batch_id": pa.array([request.batch_id for request in requests], pa.string()).take(taken),
    }


def _events(lists: pa.ListArray) -> tuple[pa.Array, pa.Array]:
    """(JSON of names, times and exception types; the last exception's type) per span."""
    entries = pc.list_flatten(lists)
    kinds = Attributes(entries.field("attributes")).column(_EXCEPTION_TYPE)
    type_json = pc.coalesce(pc.binary_join_element_wise(',"exception.type":', json_text(kinds), ""), "")
    texts = pc.binary_join_element_wise(
        '{"name":',
        json_text(entries.field("name")),
        ',"time_unix_nano":',
        entries.field("time_unix_nano").cast(pa.string()),
        type_json,
        "}",
        "",
    )
    last: npt.NDArray[np.int64] = np.full(len(lists), -1, dtype=np.int64)
    with_type = np.flatnonzero(kinds.is_valid().to_numpy(zero_copy_only=False))
    last[_parents(lists)[with_type]] = with_type
    return join_lists(texts, lists), kinds.take(pa.array(last, mask=last < 0))


def _links(lists: pa.ListArray) -> pa.Array:
    """JSON per span; links are rare, so the few that exist are written one by one."""
    texts: list[str] = ["[]"] * len(lists)
    for row in np.flatnonzero(pc.list_value_length(lists).to_numpy(zero_copy_only=False)):
        links = [(link["trace_id"].hex(), link["span_id"].hex()) for link in lists[int(row)].as_py()]
        texts[row] = (
            "[" + ",".join(f'{{"trace_id":"{trace}","span_id":"{span}"}}' for trace, span in links) + "]"
        )
    return pa.array(texts, pa.string())


def _parents(lists: pa.ListArray) -> npt.NDArray[np.int64]:
    indices: npt.NDArray[np.int64] = (
        pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return indices


def _id64(ids: pa.BinaryArray) -> pa.Array:
    """Eight big-endian bytes as UBIGINT; NULL for anything else (a root has no parent)."""
    whole = pc.equal(pc.binary_length(ids), 8)
    fixed = pc.if_else(whole, ids, pa.scalar(bytes(8), pa.binary())).cast(pa.binary(8))
    numbers = np.frombuffer(fixed.buffers()[1], dtype=">u8", count=len(ids), offset=fixed.offset * 8).astype(
        np.uint64
    )
    return pa.array(numbers, mask=(numbers == 0) | ~whole.to_numpy(zero_copy_only=False))


def _no_null_lists(lists: pa.ListArray) -> pa.ListArray:
    return pc.if_else(lists.is_valid(), lists, pa.scalar([], lists.type)) if lists.null_count else lists
