"""OTLP log requests to Arrow: a row per record, without a Python loop over records or attributes.

Bodies are never in the rows: a body is what somebody wrote, and goes to `contents` where the project captures
content, and nowhere else. Of the GenAI events, descriptions of a call
(`gen_ai.client.inference.operation.details`, `gen_ai.choice`, …) stay log records, joined to their span by its
ids and never counted as a call, whether the ids are there or not; evaluation results become scores; a coding
agent's request events become calls (collector/decode/agents.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.logs.v1 import logs_pb2

from collector.conventions import agents
from collector.conventions.columns import FromAttributes
from collector.conventions.dimensions import Dimensions
from collector.decode import agents as agent_calls
from collector.decode import scores
from collector.decode.attributes import Attributes
from collector.decode.contents import Bodies, Owners, captured_contents, captures_any, of_attributes
from collector.decode.envelope import first_text, timestamps, unwrap
from collector.decode.ids import span_ids, trace_ids
from collector.decode.requests import Request
from collector.decode.values import plain
from collector.decode.whose import NO_DIMENSIONS
from collector.privacy.contents import captured
from collector.privacy.kept import kept_values
from collector.privacy.policy import ContentPolicy

_RECORDS = ptars.HandlerPool([logs_pb2.DESCRIPTOR]).get_for_message(logs_pb2.LogRecord.DESCRIPTOR)

_EVENT_NAME = FromAttributes("event_name", ("event.name",), "text")
# Rust's tracing fills the field with a code location; the event's name is an attribute then.
_CODE_LOCATION = r"^event .+:\d+$"
# Claude Code's body is its event's name. Nothing else is ever read from a body.
_NAME_AS_BODY = r"^(claude_code|codex|gemini_cli)\.[a-z_.]{1,64}$"
# OpenTelemetry's ranges of severity numbers: four each from 1.
_SEVERITIES = pa.array(
    [None, *(name for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL") for _ in range(4))]
)

_MAPPING = (
    FromAttributes("tenant_id", ("tenant.id", "tenant", "organization.id"), "text"),
    FromAttributes("user_id", ("user.id", "enduser.id"), "text"),
    FromAttributes("session_id", ("gen_ai.conversation.id", "session.id", "conversation.id"), "text"),
)


@dataclass(frozen=True)
class DecodedLogs:
    """What some log requests say: every record, and those of them that are calls or scores as well.

    `calls` has columns of a decoded span (collector/decode/spans.py), without those that no agent fills.
    """

    records: pa.Table
    calls: pa.Table | None
    scores: pa.Table | None
    contents: pa.Table | None


def decode(
    requests: Sequence[Request], policy: ContentPolicy, dimensions: Dimensions = NO_DIMENSIONS
) -> DecodedLogs:
    """Every record of the requests. Raises ValueError on bytes that are not OTLP."""
    envelope = unwrap(requests, dimensions)
    batch = _RECORDS.array_to_record_batch(envelope.items)
    attributes = Attributes(batch.column("attributes"))
    around = envelope.columns
    columns = around | {
        "record": envelope.items,
        "said_at": pc.coalesce(
            timestamps(batch.column("time_unix_nano")), timestamps(batch.column("observed_time_unix_nano"))
        ),
        "trace_id": trace_ids(batch.column("trace_id")),
        "span_id": span_ids(batch.column("span_id")),
        "event_name": _event_names(batch, attributes, around["scope_name"]),
        "severity": _severities(batch),
        "attributes": attributes.as_json(),
    }
    for wanted in _MAPPING:
        keys = (*dimensions.keys_of(wanted.column), *wanted.keys)
        columns[wanted.column] = attributes.column(replace(wanted, keys=keys))
    columns["user_id"] = _users(columns, attributes)
    columns["tenant_id"] = pc.coalesce(
        around["key_tenant_id"], columns["tenant_id"], around["resource_tenant_id"]
    )
    columns["environment"] = pc.coalesce(around["key_environment"], around["environment"])
    columns["occurred_at"] = pc.coalesce(columns["said_at"], around["received_at"])
    records = pa.table(columns)
    contents = None
    if captures_any(policy, [request.project for request in requests]):
        found = [of_attributes("log", attributes), _bodies(columns, batch, policy)]
        contents = captured_contents(policy, Owners.of(columns, "occurred_at"), found)
    return DecodedLogs(
        records=records,
        calls=agent_calls.calls(records, batch.column("attributes"), dimensions),
        scores=scores.from_log_records(records, batch.column("attributes")),
        contents=contents,
    )


def _event_names(batch: pa.RecordBatch, attributes: Attributes, scope_names: pa.Array) -> pa.Array:
    """The event's name: the record's own, an agent's body, or the attribute of older SDKs, with the family's prefix."""
    named = batch.column("event_name")
    is_location = pc.match_substring_regex(named, _CODE_LOCATION)
    bodies = pc.struct_field(batch.column("body"), "string_value")
    is_name = pc.fill_null(pc.match_substring_regex(bodies, _NAME_AS_BODY), fill_value=False)
    nothing = pa.scalar(None, pa.string())
    names = first_text(
        pc.if_else(is_location, nothing, named),
        pc.if_else(is_name, bodies, nothing),
        attributes.column(_EVENT_NAME),
    )
    for scope, prefix in agents.UNPREFIXED_SCOPES.items():
        # A name with a dot has a namespace already.
        lacks = pc.and_(pc.starts_with(scope_names, scope), pc.invert(pc.match_substring(names, ".")))
        prefixed = pc.binary_join_element_wise(prefix, names, "")
        names = pc.if_else(pc.fill_null(lacks, fill_value=False), prefixed, names)
    return kept_values(names)


def _severities(batch: pa.RecordBatch) -> pa.Array:
    numbers = batch.column("severity_number")
    known = pc.and_(pc.greater(numbers, 0), pc.less_equal(numbers, 24))
    texts = kept_values(batch.column("severity_text"))
    return first_text(texts, _SEVERITIES.take(pc.if_else(known, numbers, 0)))


def _users(columns: dict[str, pa.Array], attributes: Attributes) -> pa.Array:
    """Of a coding agent the account, else the user as any telemetry names one."""
    is_agents = agent_calls.is_agents(columns["event_name"])
    people = attributes.column(agents.PERSON)
    found = pc.if_else(is_agents, pc.coalesce(people, columns["user_id"]), columns["user_id"])
    return pc.coalesce(found, columns["resource_user_id"])


def _bodies(columns: dict[str, pa.Array], batch: pa.RecordBatch, policy: ContentPolicy) -> Bodies:
    """The bodies of captured projects as text; maps and arrays are decoded one by one, and only here."""
    bodies = batch.column("body")
    texts = pc.struct_field(bodies, "string_value")
    is_wanted = pc.and_(captured(policy, columns["project"]), bodies.is_valid())
    nested = pc.indices_nonzero(pc.and_(is_wanted, texts.is_null()))
    if len(nested):
        slots = np.full(len(texts), -1, dtype=np.int64)
        slots[nested.to_numpy()] = np.arange(len(nested))
        rendered = pa.array(
            [_body_json(raw) for raw in columns["record"].take(nested).to_pylist()], pa.string()
        )
        texts = pc.coalesce(texts, rendered.take(pa.array(slots, mask=slots < 0)))
    rows = pc.indices_nonzero(pc.and_(is_wanted, texts.is_valid()))
    keys = pa.array(np.full(len(rows), "body"), pa.string())
    return Bodies("log", keys, rows.to_numpy().astype(np.int64), texts.take(rows))


def _body_json(raw: bytes) -> str | None:
    found = plain(logs_pb2.LogRecord.FromString(raw).body)
    return None if found is None else json.dumps(found, ensure_ascii=False)
