"""The vectorised decoder says the same as google.protobuf, which is slower and right."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.configure import load_settings
from collector.decode.requests import Request
from collector.decode.spans import decode
from collector.privacy.content import is_content, is_numbers_only, names_credential
from collector.privacy.kept import KEPT_MAX_CHARACTERS
from collector.privacy.policy import policy_of
from collector.receiver.otlp import read_traces
from tests.captures import trace_captures
from tests.spans import a_call, any_value, export

NOTHING_CAPTURED = policy_of(load_settings())


def decoded(*bodies: bytes) -> list[dict[str, Any]]:
    requests = [Request(body, "default", 1_000_000, "batch") for body in bodies]
    rows: list[dict[str, Any]] = decode(requests, NOTHING_CAPTURED).spans.to_pylist()
    return rows


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return "(bytes)"
    return getattr(value, kind) if kind else None


def kept_attributes(attributes: RepeatedCompositeFieldContainer[Any]) -> dict[str, Any]:
    return {pair.key: kept(pair.key, plain(pair.value)) for pair in attributes if not is_content(pair.key)}


def put_back(row: dict[str, Any]) -> dict[str, Any]:
    """The attributes as they were sent: the ids that moved to a column are in their places again."""
    attributes: dict[str, Any] = json.loads(row["attributes"])
    moved = {
        f"(in {column})": row[column] for column in ("response_id", "session_id", "user_id", "tenant_id")
    }
    return {
        key: moved.get(value, value) if isinstance(value, str) else value for key, value in attributes.items()
    }


def kept(key: str, value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > KEPT_MAX_CHARACTERS and not is_numbers_only(key)
    return f"({len(value)} characters, not stored)" if is_long else value


def test_every_captured_span_decodes_to_what_google_protobuf_reads() -> None:
    bodies = [read_traces(capture.body, capture.media).body for capture in trace_captures()]
    rows = iter(decoded(*bodies))
    n_spans = 0
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    row = next(rows)
                    n_spans += 1
                    assert row["trace_id"].bytes == span.trace_id
                    assert row["span_id"] == int.from_bytes(span.span_id, "big")
                    assert row["parent_span_id"] == (int.from_bytes(span.parent_span_id, "big") or None)
                    assert row["span_name"] == span.name
                    assert row["duration_ns"] == span.end_time_unix_nano - span.start_time_unix_nano
                    assert row["failed"] == (span.status.code == 2)
                    assert row["scope_name"] == scope.scope.name
                    assert put_back(row) == kept_attributes(span.attributes)
                    assert json.loads(row["resource"]) == kept_attributes(resource.resource.attributes)
                    assert [event["name"] for event in json.loads(row["events"])] == [
                        event.name for event in span.events
                    ]
    assert next(rows, None) is None
    assert n_spans > 450


names = st.text().filter(lambda name: not names_credential(name))
scalars = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1).filter(lambda key: not is_content(key)), values, max_size=6))
def test_any_attributes_survive_as_json(attributes: dict[str, Any]) -> None:
    span = a_call()
    del span.attributes[:]
    for key, value in attributes.items():
        from_value = span.attributes.add(key=key)
        from_value.value.CopyFrom(any_value(value))
    [row] = decoded(export(span))
    assert json.loads(row["attributes"]) == attributes


def test_a_key_that_repeats_has_its_last_value() -> None:
    span = a_call(tenant__id="first")
    span.attributes.add(key="tenant.id").value.string_value = "last"
    [row] = decoded(export(span))
    assert row["tenant_id"] == "last"
    assert row["tenant_id"] == "last"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (7, 7),
        (7.0, 7),
        ("7", 7),
        ("", None),
        ("many", None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
    ],
)
def test_token_counts_come_as_int_double_or_numeric_text(sent: Any, read: int | None) -> None:
    [row] = decoded(export(a_call(**{"gen_ai.usage.input_tokens": sent})))
    assert row["input_tokens"] == read


@pytest.mark.parametrize(("sent", "read"), [(True, True), ("True", True), ("false", False), ("yes", None)])
def test_flags_come_as_bool_or_text(sent: Any, read: bool | None) -> None:
    [row] = decoded(export(a_call(gen_ai__request__stream=sent)))
    assert row["stream"] is read


@pytest.mark.parametrize(
    ("sent", "read"), [(["stop", "length"], "stop"), ([], None), ("stop", "stop"), ([""], None)]
)
def test_a_finish_reason_comes_as_array_or_text(sent: Any, read: str | None) -> None:
    [row] = decoded(export(a_call(gen_ai__response__finish_reasons=sent)))
    assert row["finish_reason"] == read


def test_an_empty_value_falls_through_to_the_next_key() -> None:
    [row] = decoded(export(a_call(gen_ai__provider__name="", gen_ai__system="openai")))
    assert row["provider"] == "openai"


def test_an_end_before_the_start_is_an_unknown_duration() -> None:
    span = a_call()
    span.end_time_unix_nano = span.start_time_unix_nano - 1
    [row] = decoded(export(span))
    assert row["duration_ns"] is None


def test_the_tenant_of_the_resource_serves_where_the_span_names_none() -> None:
    rows = decoded(export(a_call(), tenant__id="acme"))
    assert rows[0]["resource_tenant_id"] == "acme"
    assert rows[0]["tenant_id"] is None


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.input.messages",
        "gen_ai.prompt.12.content",
        "input.value",
        "my.prompt",
        "rag.question",
        "exception.message",
        "ai.prompt.messages",
    ],
)
def test_content_is_dropped_before_the_store(key: str) -> None:
    [row] = decoded(export(a_call(**{key: "a secret"})))
    assert "a secret" not in json.dumps(row, default=str)


@pytest.mark.parametrize(
    "key", ["gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.usage.input_tokens", "app.region"]
)
def test_what_only_sounds_like_content_is_kept(key: str) -> None:
    assert not is_content(key)
