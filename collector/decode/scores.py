"""`gen_ai.evaluation.result`: scores, whether they come as log records or as events on a span.

Source: OpenTelemetry GenAI semantic conventions, events, status Development, read November 2026: the event's
parent is the evaluated span where there is one, else the response id joins it. The explanation is what a judge
wrote about a prompt: content.
"""

from __future__ import annotations

from collections.abc import Sequence

import ptars
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.conventions.columns import FromAttributes
from collector.decode.attributes import Attributes
from collector.decode.envelope import parents, timestamps
from collector.decode.ids import span_ids, trace_ids
from collector.decode.requests import Request
from collector.privacy.kept import kept_values

EVENT = "gen_ai.evaluation.result"
_MAPPING = (
    FromAttributes("name", ("gen_ai.evaluation.name",), "text"),
    FromAttributes("value", ("gen_ai.evaluation.score.value",), "number"),
    FromAttributes("label", ("gen_ai.evaluation.score.label",), "text"),
    FromAttributes("response_id", ("gen_ai.response.id",), "text"),
    FromAttributes("error_type", ("error.type",), "text"),
    FromAttributes("run_id", ("steelyard.run_id",), "text"),
    FromAttributes("case_id", ("steelyard.case_id",), "text"),
)
_CARRIED = ("project", "trace_id", "span_id", "said_at", "occurred_at", "received_at", "batch_id")
_TRACES = ptars.HandlerPool([ExportTraceServiceRequest.DESCRIPTOR.file]).get_for_message(
    ExportTraceServiceRequest.DESCRIPTOR
)


def from_log_records(records: pa.Table, attributes: pa.ListArray) -> pa.Table | None:
    """The scores among decoded log records; None when there are none."""
    mine = pc.indices_nonzero(pc.fill_null(pc.equal(records.column("event_name"), EVENT), fill_value=False))
    if not len(mine):
        return None
    carried = records.select([*_CARRIED, "scope_name"]).take(mine).combine_chunks()
    columns = {name: carried.column(name).combine_chunks() for name in carried.column_names}
    return _scores(columns, attributes.take(mine))


def from_span_events(requests: Sequence[Request]) -> pa.Table | None:
    """The scores among the events of these requests' spans; None when there are none.

    A search for the event's name in the bytes comes first: requests without one, nearly all, cost nothing more.
    """
    telling = [request for request in requests if EVENT.encode() in request.body]
    if not telling:
        return None
    batch = _TRACES.array_to_record_batch(pa.array([request.body for request in telling], pa.binary()))
    resources = batch.column(0)
    scopes = pc.list_flatten(resources).field("scope_spans")
    spans = pc.list_flatten(scopes).field("spans")
    every_span = pc.list_flatten(spans)
    events = every_span.field("events")
    every_event = pc.list_flatten(events)
    mine = pc.indices_nonzero(pc.equal(every_event.field("name"), EVENT))
    if not len(mine):
        return None
    span = parents(events)[mine.to_numpy()]
    scope = parents(spans)[span]
    request = pa.array(parents(resources)[parents(scopes)[scope]])
    received = pa.array([one.received_at_us for one in telling], pa.int64()).cast(pa.timestamp("us"))
    said_at = timestamps(every_event.field("time_unix_nano").take(mine))
    carried = {
        "project": pa.array([one.project for one in telling], pa.string()).take(request),
        "trace_id": trace_ids(every_span.field("trace_id").take(pa.array(span))),
        "span_id": span_ids(every_span.field("span_id").take(pa.array(span))),
        "said_at": said_at,
        "occurred_at": pc.coalesce(said_at, received.take(request)),
        "received_at": received.take(request),
        "batch_id": pa.array([one.batch_id for one in telling], pa.string()).take(request),
        "scope_name": pc.struct_field(pc.list_flatten(scopes).field("scope"), "name").take(pa.array(scope)),
    }
    return _scores(carried, every_event.field("attributes").take(mine))


def _scores(carried: dict[str, pa.Array], lists: pa.ListArray) -> pa.Table:
    attributes = Attributes(lists)
    evaluator = carried.pop("scope_name")
    found = {wanted.column: attributes.column(wanted) for wanted in _MAPPING}
    # A label is a word; a judge that writes a text there wrote about a prompt.
    kept = {name: kept_values(found[name]) for name in ("name", "label", "error_type")}
    return pa.table(carried | found | kept | {"evaluator": kept_values(evaluator)})
