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
from collector.conventions.dimensions import Dimensions
from collector.decode import derive_errors, derive_names, json_text, whose
from collector.decode.attributes import Attributes
from collector.decode.columns import CANONICAL, DIMENSION
from collector.decode.found import Found
from collector.decode.readings import TYPES
from collector.decode.sources import Ruling, sources
from collector.decode.whose import NO_DIMENSIONS

FAMILIES: tuple[AgentFamily, ...] = (CLAUDE_CODE, CODEX, GEMINI_CLI)

_PREFIXES = "^(" + "|".join(family.event_prefix.replace(".", r"\.") for family in FAMILIES) + ")"
# As the record has them, which is as a span of the same request would.
_CARRIED = (
    "project",
    "received_at",
    "batch_id",
    "scope_name",
    "scope_version",
    "service_name",
    "environment",
    "resource",
    "attributes",
)
_TEXT, _COUNT, _NUMBER = TYPES["text"], TYPES["count"], TYPES["number"]


def is_agents(event_names: pa.Array) -> pa.Array:
    """Which events are a coding agent's."""
    return pc.fill_null(pc.match_substring_regex(event_names, _PREFIXES), fill_value=False)


def calls(
    records: pa.Table, attributes: pa.ListArray, dimensions: Dimensions = NO_DIMENSIONS
) -> pa.Table | None:
    """The calls among decoded log records; None when there are none. `attributes` as the records carry them."""
    mine = pc.indices_nonzero(is_agents(records.column("event_name")))
    if not len(mine):
        return None
    records, attributes = records.take(mine).combine_chunks(), attributes.take(mine)
    read = Attributes(attributes)
    tables = [
        _calls_of(family, event, records.take(rows), Attributes(attributes.take(rows)), dimensions)
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


def _calls_of(
    family: AgentFamily, event: CallEvent, records: pa.Table, attributes: Attributes, dimensions: Dimensions
) -> pa.Table:
    n_rows = records.num_rows
    around = {name: _whole(records.column(name)) for name in records.column_names}
    found = Found(n_rows)
    whose.configured(found, attributes, dimensions, around)
    for wanted in family.mapping:
        for key in wanted.keys:
            values = attributes.read(key, wanted.reading)
            if values is not None:
                found.fill(wanted.column, values, key)
    _usage(family, found)
    _what_it_was(family, event, found)
    same = np.zeros(n_rows, dtype=np.int8)
    ruling = Ruling(same, [family.emitter], same, [f"call: event {event.name}"])
    columns = {column: found.get(column, kind) for column, kind in _kinds(dimensions).items()}
    columns |= {column: values for column, values in around.items() if column.startswith("resource_")}
    columns |= {name: around[name] for name in _CARRIED}
    columns |= _times(records, found) | _ids(family, records, found)
    columns |= {
        "span_name": around["event_name"],
        "span_kind": _every("client", n_rows),
        "failed": pa.array(np.full(n_rows, event.failed)),
        "role": _every("call", n_rows),
        "emitter": _every(family.emitter, n_rows),
        "sources": sources(found, list(_kinds(dimensions)), ruling),
        "events": json_text.as_json(_every("[]", n_rows)),
        "links": json_text.as_json(_every("[]", n_rows)),
    }
    return pa.table(columns)


def _kinds(dimensions: Dimensions) -> dict[str, pa.DataType]:
    return CANONICAL | {f"{DIMENSION}{name}": _TEXT for name in dimensions.names}


def _what_it_was(family: AgentFamily, event: CallEvent, found: Found) -> None:
    """Operation, provider, models, tier and error, in place."""
    n_rows = found.n_rows
    found.fill("operation", _every("chat", n_rows), "the agent's way")
    found.fill("provider", _every(family.provider, n_rows), "the agent's way")
    is_fast = pc.equal(found.get("speed", _TEXT), "fast")
    found.fill("service_tier", pc.if_else(is_fast, "fast", pa.scalar(None, _TEXT)), found.origins("speed"))
    derive_names.names(found, np.full(n_rows, event.failed))
    if event.failed:
        kinds = _kind_in_text(found)
        found.fill("error_type", kinds, found.origins("error_text"))
    else:
        found.fill("model_answered", found.get("model_requested", _TEXT), found.origins("model_requested"))
    derive_errors.class_errors(found, np.full(n_rows, event.failed))


def _usage(family: AgentFamily, found: Found) -> None:
    """The canonical totals, in place. NULL is not zero: a total is known when its first part is."""
    for column, parts in (("input_tokens", family.input_is), ("output_tokens", family.output_is)):
        if len(parts) > 1 and column in found:
            found.put(column, _sum(parts, found))
            is_known = found.get(column, _COUNT).is_valid().to_numpy(zero_copy_only=False)
            found.note(column, is_known, "".join(f" + {part}" for part in parts[1:]))
    if "total_tokens" in found:
        # An agent that writes 0 for what it was not told has a total of 0 then: nothing was reported.
        reported = pc.fill_null(pc.not_equal(found.get("total_tokens", _COUNT), 0), fill_value=True)
        for column in [column for column in found if column.endswith("_tokens")]:
            found.keep_only(column, reported.to_numpy(zero_copy_only=False))
    has_input = found.get("input_tokens", _COUNT).is_valid()
    has_any = pc.or_(has_input, found.get("output_tokens", _COUNT).is_valid())
    found.put("usage_source", pc.if_else(has_any, "reported", "none"))
    for column, known in (("usage_semantics", family.usage_semantics), ("usage_confidence", "rule")):
        found.put(column, pc.if_else(has_input, known, pa.scalar(None, _TEXT)))


def _sum(names: tuple[str, ...], found: Found) -> pa.Array:
    total = found.get(names[0], _COUNT)
    for name in names[1:]:
        total = pc.add(total, pc.fill_null(found.get(name, _COUNT), 0))
    return total


def _times(records: pa.Table, found: Found) -> dict[str, pa.Array]:
    """An event is written when its request is over: it started its duration earlier."""
    said = found.get("duration_ms", _NUMBER)
    sane = pc.and_(pc.greater_equal(said, 0), pc.less(said, 1e12))
    duration_ms = pc.if_else(sane, said, pa.scalar(None, _NUMBER))
    duration_us = pc.round(pc.multiply(duration_ms, 1e3)).cast(pa.int64())
    ended_us = _whole(records.column("occurred_at")).cast(pa.int64())
    return {
        "started_at": pc.subtract(ended_us, pc.fill_null(duration_us, 0)).cast(pa.timestamp("us")),
        "duration_ns": pc.multiply(duration_us, 1000),
    }


def _ids(family: AgentFamily, records: pa.Table, found: Found) -> dict[str, pa.Array]:
    """Deterministic ids. A Python step a call, and only for those: a person's agent makes a few calls a minute."""
    said = zip(records.column("record").to_pylist(), records.column("origin").to_pylist(), strict=True)
    events = [blake2b(raw + origin, digest_size=24).digest() for raw, origin in said]
    threads = [
        blake2b(f"{family.emitter}\x1f{session}\x1f{prompt}".encode(), digest_size=16).digest()
        if session or prompt
        else event[8:]
        for session, prompt, event in zip(
            found.get("session_id", _TEXT).to_pylist(),
            found.get("prompt", _TEXT).to_pylist(),
            events,
            strict=True,
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


def _kind_in_text(found: Found) -> pa.Array:
    """What the error's text is about where no status tells; never the text itself."""
    texts = found.get("error_text", _TEXT)
    kinds = pa.nulls(found.n_rows, _TEXT)
    for pattern, name in reversed(ERROR_WORDS):
        is_about = pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
        kinds = pc.if_else(is_about, name, kinds)
    return pc.if_else(found.get("http_status", _COUNT).is_null(), kinds, pa.scalar(None, _TEXT))


def _every(text: str, n_rows: int) -> pa.Array:
    return pa.array([text] * n_rows, pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _storage(column: pa.ChunkedArray) -> pa.Array:
    whole = _whole(column)
    return whole.storage if isinstance(whole, pa.ExtensionArray) else whole
