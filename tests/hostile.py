"""OTLP that is valid and that no sane emitter sends: strategies for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.conventions import otel_current, otel_old
from collector.conventions.columns import Entry, Family, FromEvent, FromEventAttributes
from collector.conventions.families import FAMILIES
from tests.spans import any_value

INT64 = st.integers(-(2**63), 2**63 - 1)


def _keys_of(entry: Entry) -> list[str]:
    return [*getattr(entry, "keys", ()), *([entry.key] if hasattr(entry, "key") else [])]


def _marks_of(family: Family) -> list[str]:
    conditions = (*family.marks, *(condition for condition, _ in family.roles))
    return [key for one in conditions for key in (*one.has, *([one.value[0]] if one.value else []))]


_TABLES = (otel_current.MAPPING, otel_old.MAPPING, *(family.mapping for family in FAMILIES))
# What a column is read from or a family known by, so that odd values reach the columns and not only the JSON.
_KNOWN_KEYS = sorted(
    {key for table in _TABLES for entry in table for key in _keys_of(entry)}
    | {key for family in FAMILIES for key in _marks_of(family)}
)
_KNOWN_EVENTS = sorted(
    {"exception"}
    | {
        entry.event
        for table in _TABLES
        for entry in table
        if isinstance(entry, FromEvent | FromEventAttributes)
    }
)
_EDGES = st.sampled_from([0, 1, -1, 2**31, 2**53, 2**62, 2**63 - 1, -(2**63), 10**18])
_TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "chat",
            "openai",
            "gpt-4o",
            "\x00",
            "a\x00b",
            '"',
            "\\",
            "\ud7ff",
            "\U0010ffff",
            "NaN",
            "null",
            "{",
            "1e99",
            "LLM",
            "generation",
            "[" * 3000,
            '["stop"]',
            '"\\"quoted\\""',
            "{'prompt_tokens': 7, 'a': (1, None)}",
            "'\\ud800'",
            '{"id": {"id": [1]}, "usage": "x", "input": -1, "total": 1e999}',
            "2026-11-21T12:00:00Z",
            "ot=th:8",
            "ot=th:zz,ot=p:70",
        ]
    ),
    st.text(max_size=12),
    st.builds(lambda char, n: char * n, st.characters(exclude_categories=["Cs"]), st.integers(500, 5000)),
)
_SCALARS = st.one_of(
    _TEXTS,
    st.booleans(),
    INT64,
    _EDGES,
    st.floats(),
    st.binary(max_size=20),
    st.sampled_from([1e308, -0.0, 5e-324]),
)


def _deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


# protobuf itself refuses a message nested deeper than 100; a list in a value costs two levels.
_VALUES = st.one_of(
    _SCALARS,
    st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
        max_leaves=8,
    ),
    st.integers(1, 30).map(_deep),
)
_TIMES_NS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 1, 999, 2**63 - 1, 2**63, 2**64 - 1, 7_258_118_400 * 10**9]),
    st.integers(1_700_000_000, 1_800_000_000).map(lambda s: s * 10**9),
)


def _key_value(key: str, value: Any) -> KeyValue:
    return KeyValue(key=key, value=any_value(value))


_COUNTS = st.one_of(_EDGES, INT64, st.floats(), st.sampled_from(["1e300", "-5", "0x10", ""]))
# The counts of a call together: they are added to one another.
_USAGE = st.builds(
    lambda counts: [_key_value(key, value) for key, value in counts.items()],
    st.fixed_dictionaries(
        {"gen_ai.operation.name": st.just("chat"), "gen_ai.usage.input_tokens": _COUNTS},
        optional={
            "gen_ai.usage.output_tokens": _COUNTS,
            "gen_ai.usage.cache_read.input_tokens": _COUNTS,
            "gen_ai.usage.cache_creation.input_tokens": _COUNTS,
            "gen_ai.usage.reasoning.output_tokens": _COUNTS,
            "gen_ai.response.time_to_first_chunk": _COUNTS,
            "gen_ai.request.model": st.just("gpt-4o"),
            "gen_ai.provider.name": st.just("openai"),
            "http.response.status_code": _COUNTS,
        },
    ),
)
_ATTRIBUTES = st.lists(
    st.builds(_key_value, st.sampled_from(_KNOWN_KEYS) | st.just("") | _TEXTS, _VALUES)
    | st.builds(KeyValue, key=_TEXTS),  # a key without a value
    max_size=12,
)
_EVENTS = st.lists(
    st.builds(
        Span.Event,
        name=st.sampled_from(_KNOWN_EVENTS) | _TEXTS,
        time_unix_nano=st.integers(0, 2**64 - 1),
        attributes=_ATTRIBUTES,
    ),
    max_size=3,
)
_LINKS = st.lists(
    st.builds(
        Span.Link, trace_id=st.binary(max_size=20), span_id=st.binary(max_size=10), attributes=_ATTRIBUTES
    ),
    max_size=2,
)


def spans() -> st.SearchStrategy[Span]:
    """A span that protobuf can carry; ids and start are such that the receiver takes it."""
    return st.builds(
        Span,
        trace_id=st.binary(min_size=16, max_size=16).filter(any),
        span_id=st.binary(min_size=8, max_size=8).filter(any),
        parent_span_id=st.binary(max_size=12),
        trace_state=_TEXTS,
        name=_TEXTS,
        kind=st.integers(-(2**31), 2**31 - 1),
        start_time_unix_nano=_TIMES_NS.filter(lambda at: 0 < at < 2**63),
        end_time_unix_nano=_TIMES_NS,
        attributes=st.one_of(_ATTRIBUTES, _USAGE, st.builds(lambda a, b: a + b, _USAGE, _ATTRIBUTES)),
        events=_EVENTS,
        links=_LINKS,
        dropped_attributes_count=st.integers(0, 2**32 - 1),
        status=st.builds(Status, code=st.integers(0, 5), message=_TEXTS),
        flags=st.integers(0, 2**32 - 1),
    )
