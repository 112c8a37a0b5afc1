"""Coding agents' log events as calls: rows with columns of a decoded span, settled and priced as spans are.

A call from an event has no span of its own. Its span id is made from the event's bytes, so that a resent event
is the same row; its trace is the record's, else one made from the session and prompt, so that what one prompt
set off stands together; its parent is the span that the record was written in, if any.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.agents import ERROR_WORDS, AgentFamily, CallEvent
from collector.conventions.agents_claude_code import FAMILY as CLAUDE_CODE
from collector.conventions.agents_codex import FAMILY as CODEX
from collector.conventions.agents_gemini_cli import FAMILY as GEMINI_CLI
from collector.conventions.columns import FromAttributes
from collector.decode import json_text
from collector.decode.attributes import Attributes
from collector.decode.values import TYPES

FAMILIES: tuple[AgentFamily, ...] = (CLAUDE_CODE, CODEX, GEMINI_CLI)

_PREFIXES = "^(" + "|".join(family.event_prefix.replace(".", r"\.") for family in FAMILIES) + ")"
_CARRIED = (
    "project",
    "received_at",
    "batch_id",
    "scope_name",
    "scope_version",
    "service_name",
    "environment",
    "key_environment",
    "key_tenant_id",
    "resource",
    "resource_tenant_id",
    "resource_user_id",
    "attributes",
)
# Columns that a mapping may leave out, and the work below reads.
_DEFAULTS: dict[str, pa.DataType] = dict.fromkeys(
    ("model_requested", "error_type", "error_text", "speed", "session_id", "prompt", "tenant_id"),
    TYPES["text"],
) | {"duration_ms": TYPES["number"], "http_status": TYPES["count"], "reported_cost_usd": TYPES["number"]}
# What calls of events say and spans may lack: settling reads them of both.
COLUMNS_OF_CALLS: dict[str, pa.DataType] = {
    "emitter": pa.string(),
    "usage_semantics": pa.string(),
    "reported_cost_usd": pa.float64(),
}
_NOT_OF_A_SPAN = ("duration_ms", "error_text", "speed", "prompt", "total_tokens", "tool_input_tokens")


def is_agents(event_names: pa.Array) -> pa.Array:
    """Which events are a coding agent's."""
    return pc.fill_null(pc.match_substring_regex(event_names, _PREFIXES), fill_value=False)


def calls(records: pa.Table, attributes: pa.ListArray) -> pa.Table | None:
    """The calls among decoded log records; None when there are none. `attributes` as the records carry them."""
    mine = pc.indices_nonzero(is_agents(records.column("event_name")))
    if not len(mine):
        return None
    records, attributes = records.take(mine).combine_chunks(), attributes.take(mine)
    read = Attributes(attributes)
    tables = [
        _calls_of(family, records.take(rows), attributes.take(rows), event.failed)
        for family in FAMILIES
        for event in family.calls
        if len(rows := _rows_of(event, records, read))
    ]
    return pa.concat_tables(tables, promote_options="default") if tables else None


def _rows_of(event: CallEvent, records: pa.Table, attributes: Attributes) -> pa.Array:
    """Which records are this event."""
    matches = pc.fill_null(pc.equal(records.column("event_name"), event.name), fill_value=False)
    for key, allowed in event.where:
        found = attributes.column(FromAttributes(key, (key,), "text"))
        matches = pc.and_(matches, pc.is_in(found, pa.array(allowed, pa.string())))
    if event.requires:
        matches = pc.and_(matches, pa.array(attributes.any_of((event.requires,))))
    return pc.indices_nonzero(matches)


def _calls_of(family: AgentFamily, records: pa.Table, lists: pa.ListArray, failed: bool) -> pa.Table:
    attributes = Attributes(lists)
    found = {name: pa.nulls(len(lists), kind) for name, kind in _DEFAULTS.items()}
    found |= {wanted.column: attributes.column(wanted) for wanted in family.mapping}
    columns = {name: _whole(records.column(name)) for name in _CARRIED}
    columns |= found | _usage(family, found) | _times(records, found) | _ids(family, records, found)
    columns |= {
        "span_name": _whole(records.column("event_name")),
        "span_kind": _every("client", len(lists)),
        "operation": _every("chat", len(lists)),
        "provider": _every(family.provider, len(lists)),
        "emitter": _every(family.emitter, len(lists)),
        "failed": pa.array(np.full(len(lists), failed)),
        "is_call": pa.array(np.full(len(lists), fill_value=True)),
        "model_answered": found["model_requested"] if not failed else pa.nulls(len(lists), pa.string()),
        "service_tier": pc.if_else(pc.equal(found["speed"], "fast"), "fast", pa.scalar(None, pa.string())),
        "error_type": _error_type(found) if failed else pa.nulls(len(lists), pa.string()),
        "events": json_text.as_json(_every("[]", len(lists))),
        "links": json_text.as_json(_every("[]", len(lists))),
    }
    return pa.table({name: values for name, values in columns.items() if name not in _NOT_OF_A_SPAN})


def _usage(family: AgentFamily, found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The canonical totals. NULL is not zero: a total is known when its first part is."""
    total_input, total_output = _sum(family.input_is, found), _sum(family.output_is, found)
    columns = {"input_tokens": total_input, "output_tokens": total_output}
    if "total_tokens" in found:
        # An agent that writes 0 for what it was not told has a total of 0 then: nothing was reported.
        reported = pc.not_equal(found["total_tokens"], 0)
        counts = {name: values for name, values in found.items() if name.endswith("_tokens")} | columns
        columns = {
            name: pc.if_else(reported, values, pa.scalar(None, pa.int64())) for name, values in counts.items()
        }
    nothing = pa.scalar(None, pa.string())
    semantics = pc.if_else(columns["input_tokens"].is_valid(), family.usage_semantics, nothing)
    return columns | {"usage_semantics": semantics}


def _sum(names: tuple[str, ...], found: dict[str, pa.Array]) -> pa.Array:
    total = found[names[0]]
    for name in names[1:]:
        total = pc.add(total, pc.fill_null(found[name], 0))
    return total


def _times(records: pa.Table, found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """An event is written when its request is over: it started its duration earlier."""
    sane = pc.and_(pc.greater_equal(found["duration_ms"], 0), pc.less(found["duration_ms"], 1e12))
    duration_ms = pc.if_else(sane, found["duration_ms"], pa.scalar(None, pa.float64()))
    duration_us = pc.round(pc.multiply(duration_ms, 1e3)).cast(pa.int64())
    ended_us = _whole(records.column("occurred_at")).cast(pa.int64())
    return {
        "started_at": pc.subtract(ended_us, pc.fill_null(duration_us, 0)).cast(pa.timestamp("us")),
        "duration_ns": pc.multiply(duration_us, 1000),
    }


def _ids(family: AgentFamily, records: pa.Table, found: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Deterministic ids. A Python step a call, and only for those: a person's agent makes a few calls a minute."""
    said = zip(records.column("record").to_pylist(), records.column("origin").to_pylist(), strict=True)
    events = [blake2b(raw + origin, digest_size=24).digest() for raw, origin in said]
    threads = [
        blake2b(f"{family.emitter}\x1f{session}\x1f{prompt}".encode(), digest_size=16).digest()
        if session or prompt
        else event[8:]
        for session, prompt, event in zip(
            found["session_id"].to_pylist(), found["prompt"].to_pylist(), events, strict=True
        )
    ]
    made = pa.array(threads, pa.binary(16))
    given = _storage(records.column("trace_id"))
    return {
        "trace_id": pa.ExtensionArray.from_storage(pa.uuid(), pc.if_else(given.is_valid(), given, made)),
        "span_id": pa.array([int.from_bytes(event[:8], "big") or 1 for event in events], pa.uint64()),
        "parent_span_id": pc.if_else(
            given.is_valid(), _whole(records.column("span_id")), pa.scalar(None, pa.uint64())
        ),
    }


def _error_type(found: dict[str, pa.Array]) -> pa.Array:
    """What the agent calls the error, else what its text is about where no status tells; never the text itself."""
    from_text = pa.nulls(len(found["error_text"]), pa.string())
    for pattern, name in reversed(ERROR_WORDS):
        is_about = pc.fill_null(pc.match_substring_regex(found["error_text"], pattern), fill_value=False)
        from_text = pc.if_else(is_about, name, from_text)
    without_status = pc.if_else(found["http_status"].is_null(), from_text, pa.scalar(None, pa.string()))
    return pc.coalesce(found["error_type"], without_status)


def _every(text: str, n_rows: int) -> pa.Array:
    return pa.array([text] * n_rows, pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _storage(column: pa.ChunkedArray) -> pa.Array:
    whole = _whole(column)
    return whole.storage if isinstance(whole, pa.ExtensionArray) else whole
