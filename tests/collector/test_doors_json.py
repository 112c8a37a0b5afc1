"""OTLP/JSON is read as its mapping says, as google.protobuf reads it, and one wrong value costs one item."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.receiver import otlp
from tests.captures import FOLDER
from tests.spans import any_value

ID_FIELDS = ("traceId", "spanId", "parentSpanId")
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def a_span(**fields: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "chat",
        "startTimeUnixNano": "1700000000000000000",
        **fields,
    }


def document(*spans: Any, **resource: Any) -> bytes:
    block = {"scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}], **resource}
    return json.dumps({"resourceSpans": [block]}).encode()


def read(body: bytes) -> otlp.Export:
    return otlp.read_export(body, otlp.JSON, otlp.TRACES)


def spans_of(export: otlp.Export) -> list[Span]:
    request = otlp.TRACES.request.FromString(export.body)
    return [span for block in request.resource_spans for scope in block.scope_spans for span in scope.spans]


def the_span(**fields: Any) -> Span:
    export = read(document(a_span(**fields)))
    assert not export.faults, export.faults.reasons()
    return spans_of(export)[0]


def value_of(value: Any) -> Any:
    return the_span(attributes=[{"key": "k", "value": value}]).attributes[0].value


def with_hex_ids(node: Any) -> Any:
    if isinstance(node, list):
        return [with_hex_ids(item) for item in node]
    if isinstance(node, dict):
        return {
            name: base64.b64decode(value).hex() if name in ID_FIELDS else with_hex_ids(value)
            for name, value in node.items()
        }
    return node


@pytest.mark.parametrize("shape", [otlp.TRACES, otlp.LOGS, otlp.METRICS], ids=lambda shape: shape.signal)
def test_every_capture_reads_the_same_from_json_as_from_protobuf(shape: otlp.Shape) -> None:
    ending = {"logs": ".logs.pb", "metrics": ".metrics.pb"}.get(shape.signal, ".pb")
    paths = [path for path in FOLDER.glob("*/*.pb") if path.name.endswith(ending)]
    if shape is otlp.TRACES:
        paths = [path for path in paths if not {".logs", ".metrics"} & set(path.suffixes)]
    assert paths
    for path in paths:
        message = shape.request.FromString(path.read_bytes())
        body = json.dumps(with_hex_ids(MessageToDict(message))).encode()
        from_json = otlp.read_export(body, otlp.JSON, shape)
        from_protobuf = otlp.read_export(path.read_bytes(), otlp.PROTOBUF, shape)
        assert from_json.n_items == from_protobuf.n_items > 0
        assert shape.request.FromString(from_json.body) == shape.request.FromString(from_protobuf.body), path


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.text(max_size=20),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.binary(max_size=9),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def odd_spans(draw: st.DrawFn) -> Span:
    span = Span(
        trace_id=draw(st.binary(min_size=16, max_size=16).filter(any)),
        span_id=draw(st.binary(min_size=8, max_size=8).filter(any)),
        parent_span_id=draw(st.binary(max_size=8)),
        name=draw(st.text(max_size=20)),
        kind=draw(st.integers(-(2**31), 2**31 - 1)),
        flags=draw(st.integers(0, 2**32 - 1)),
        start_time_unix_nano=draw(st.integers(1, 2**63 - 1)),
        end_time_unix_nano=draw(st.integers(0, 2**64 - 1)),
        dropped_events_count=draw(st.integers(0, 2**32 - 1)),
    )
    for key, value in draw(st.dictionaries(st.text(max_size=9), VALUES, max_size=4)).items():
        pair = span.attributes.add(key=key)
        pair.value.CopyFrom(any_value(value) if value is not None else Span().attributes.add().value)
    span.events.add(name=draw(st.text(max_size=9)), time_unix_nano=draw(st.integers(0, 2**64 - 1)))
    span.status.message = draw(st.text(max_size=9))
    return span


@settings(max_examples=150, deadline=None)
@given(odd_spans(), st.booleans(), st.booleans())
def test_any_span_reads_as_google_protobuf_reads_it(span: Span, snake_case: bool, enum_numbers: bool) -> None:
    request = otlp.TRACES.request()
    request.resource_spans.add().scope_spans.add().spans.append(span)
    plain = MessageToDict(
        request, preserving_proto_field_name=snake_case, use_integers_for_enums=enum_numbers
    )
    assert ParseDict(plain, otlp.TRACES.request()) == request
    text = json.dumps(plain)
    for field in ("trace_id", "span_id", "parent_span_id") if snake_case else ID_FIELDS:
        for found in _values_of(plain, field):
            text = text.replace(json.dumps(found), json.dumps(base64.b64decode(found).hex().upper()))
    export = read(text.encode())
    assert not export.faults
    assert spans_of(export) == [span]


def _values_of(node: Any, name: str) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _values_of(item, name)]
    if isinstance(node, dict):
        return [
            *([node[name]] if isinstance(node.get(name), str) and node[name] else []),
            *(found for item in node.values() for found in _values_of(item, name)),
        ]
    return []


def test_ids_are_hex_in_any_case() -> None:
    span = the_span(traceId=TRACE.upper(), spanId=SPAN)
    assert (span.trace_id, span.span_id) == (bytes.fromhex(TRACE), bytes.fromhex(SPAN))


@pytest.mark.parametrize("parent", [{}, {"parentSpanId": ""}, {"parentSpanId": None}])
def test_an_absent_parent_is_no_parent(parent: dict[str, Any]) -> None:
    assert the_span(**parent).parent_span_id == b""


@pytest.mark.parametrize("number", ["1700000000000000000", 1700000000000000000, 1.7e18, "1.7e18"])
def test_64_bit_integers_come_as_texts_and_as_numbers_of_any_look(number: Any) -> None:
    assert the_span(startTimeUnixNano=number).start_time_unix_nano == 1_700_000_000_000_000_000


@pytest.mark.parametrize("number", [5, "5", 5.0, "5.0", "5e0"])
def test_an_integer_attribute_may_look_like_a_float(number: Any) -> None:
    assert value_of({"intValue": number}).int_value == 5


def test_the_smallest_integer_stays_exact() -> None:
    assert value_of({"intValue": "-9223372036854775808"}).int_value == -(2**63)


@pytest.mark.parametrize("kind", [3, "3", "SPAN_KIND_CLIENT"])
def test_an_enum_is_a_number_or_a_name(kind: Any) -> None:
    assert the_span(kind=kind).kind == Span.SPAN_KIND_CLIENT


def test_an_enum_name_nobody_knows_is_unspecified() -> None:
    assert the_span(kind="SPAN_KIND_OF_NEXT_YEAR").kind == 0


@pytest.mark.parametrize("value", [{}, {"stringValue": None}, {"valueOfNextYear": 1}])
def test_a_value_without_a_known_member_is_null(value: Any) -> None:
    assert value_of(value).WhichOneof("value") is None


def test_doubles_may_be_texts() -> None:
    assert math.isnan(value_of({"doubleValue": "NaN"}).double_value)
    assert value_of({"doubleValue": "-Infinity"}).double_value == -math.inf
    assert value_of({"doubleValue": 3}).double_value == 3.0


@pytest.mark.parametrize("encoded", ["+/8=", "+/8", "-_8=", "-_8"])
def test_bytes_are_base64_of_either_alphabet(encoded: str) -> None:
    assert value_of({"bytesValue": encoded}).bytes_value == b"\xfb\xff"


def test_unknown_fields_are_ignored_at_every_level() -> None:
    body = json.dumps(
        {
            "x": 1,
            "resourceSpans": [
                {
                    "x": [],
                    "scopeSpans": [{"x": {}, "scope": {"x": 1}, "spans": [a_span(x="y", links=[{"x": 1}])]}],
                }
            ],
        }
    ).encode()
    assert read(body).n_items == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"resourceSpans":null}', b'{"resourceSpans":[]}', b'{"resourceSpans":[{}]}', b'{"a":1}'],
)
def test_an_empty_request_is_a_good_request(body: bytes) -> None:
    export = read(body)
    assert (export.n_items, bool(export.faults)) == (0, False)


def test_half_an_emoji_costs_one_character_and_not_the_request() -> None:
    # JavaScript cuts texts between the two halves of a character, and writes what is left as an escape.
    body = document(a_span(name="NAME")).replace(b"NAME", b"cut \\ud83d")
    assert spans_of(read(body))[0].name == "cut ?"


WRONG = [
    {"name": 5},
    {"traceId": "zz"},
    {"traceId": 5},
    {"startTimeUnixNano": "soon"},
    {"startTimeUnixNano": -1},
    {"startTimeUnixNano": str(2**64)},
    {"startTimeUnixNano": 1.5},
    {"startTimeUnixNano": True},
    {"attributes": {}},
    {"attributes": [5]},
    {"attributes": [{"key": 5}]},
    {"attributes": [{"key": "k", "value": "bare"}]},
    {"attributes": [{"key": "k", "value": {"intValue": str(2**63)}}]},
    {"attributes": [{"key": "k", "value": {"boolValue": "perhaps"}}]},
    {"attributes": [{"key": "k", "value": {"bytesValue": "*"}}]},
    {"attributes": [{"key": "k", "value": {"arrayValue": {"values": {}}}}]},
    {"events": [None]},
    {"status": []},
    {"flags": 2**32},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_wrong_value_costs_its_span_and_no_other(wrong: dict[str, Any]) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    export = read(document(a_span(), a_span(**wrong), a_span(), resource=resource))
    assert (export.n_items, export.faults.n_items) == (2, 1)
    assert "(service shop, scope s)" in export.faults.reasons()


@pytest.mark.parametrize("span", [5, "span", None, [], [a_span()]], ids=repr)
def test_what_is_no_span_is_refused_alone(span: Any) -> None:
    export = read(document(a_span(), span))
    assert (export.n_items, export.faults.n_items) == (1, 1)


def test_a_wrong_resource_costs_its_spans_and_those_are_counted() -> None:
    export = read(document(a_span(), a_span(), resource="here"))
    assert (export.n_items, export.faults.n_items) == (0, 2)
    assert "resource" in export.faults.reasons()


def test_a_wrong_point_costs_itself_and_not_its_metric() -> None:
    points = [
        {"timeUnixNano": "1", "asInt": "5"},
        {"timeUnixNano": "x"},
        {"timeUnixNano": 2, "asDouble": 1.5},
    ]
    scope = {
        "scope": {"name": "s"},
        "metrics": [{"name": "m", "sum": {"dataPoints": points, "isMonotonic": True}}],
    }
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [scope]}]}).encode()
    export = otlp.read_export(body, otlp.JSON, otlp.METRICS)
    assert (export.n_items, export.faults.n_items) == (2, 1)
    kept = otlp.METRICS.request.FromString(export.body).resource_metrics[0].scope_metrics[0].metrics[0].sum
    assert (kept.is_monotonic, [point.time_unix_nano for point in kept.data_points]) == (True, [1, 2])


@pytest.mark.parametrize(
    "body", [b"[]", b"5", b'"x"', b"null", b"{", b"\xff", b'{"resourceSpans":{}}', b'{"resourceSpans":"x"}']
)
def test_what_is_no_export_request_is_refused_whole(body: bytes) -> None:
    with pytest.raises(otlp.BadRequestError):
        read(body)


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'{"resourceSpans":[{"resource":' * 100_000,
        b'{"resourceSpans":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
    ids=["lists", "objects", "resources", "closed"],
)
def test_a_document_of_endless_depth_is_refused_whole(bomb: bytes) -> None:
    with pytest.raises(otlp.BadRequestError):
        read(bomb)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


def test_values_may_be_nested_as_deep_as_protobuf_can_carry() -> None:
    assert value_of(nested(28)).WhichOneof("value") == "array_value"
    export = read(document(a_span(), a_span(attributes=[{"key": "k", "value": nested(29)}])))
    assert (export.n_items, export.faults.n_items) == (1, 1)


def test_a_reason_never_quotes_the_value() -> None:
    secret = "sk-live-1234"
    for wrong in WRONG:
        told = {name: secret if isinstance(value, str | int) else value for name, value in wrong.items()}
        assert secret not in read(document(a_span(**told))).faults.reasons()
