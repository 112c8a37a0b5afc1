"""OTLP's JSON mapping, value by value: a JSON object becomes the keyword arguments of a protobuf message.

google.protobuf's ParseDict refuses a whole document for one wrong value, reads ids as base64 and takes tens of
microseconds a span. Here the fields' names and types come from the same descriptors, and the messages are
built, and checked once more, by google.protobuf's own constructors.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

# Hex in JSON, whatever protobuf's own mapping says of bytes.
_ID_FIELDS = {"trace_id", "span_id", "parent_span_id"}
# protobuf readers give up at 100 messages within each other, and a list within a value costs three of them.
_MAX_VALUE_DEPTH = 28

Convert = Callable[[Any], Any]
# JSON name (camel or snake case) -> protobuf name, and the way to read a value of it.
Fields = Mapping[str, tuple[str, Convert]]


class UnreadableError(ValueError):
    """A value of a type that its field cannot have. The text names the type, never the value."""


def read_fields(fields: Fields, node: Any) -> dict[str, Any]:
    """The message's keyword arguments. Unknown fields are ignored, null is absent; raises UnreadableError."""
    if type(node) is not dict:
        raise UnreadableError(f"{_kind(node)} where an object belongs")
    found = {}
    for name, value in node.items():
        field = fields.get(name)
        if field is not None and value is not None:
            found[field[0]] = field[1](value)
    return found


@cache
def fields_of(message: Descriptor, leave_out: str = "") -> Fields:
    """How to read a message of this type; not the field `leave_out`, which is read otherwise."""
    fields: dict[str, tuple[str, Convert]] = {}
    for field in message.fields:
        if field.name != leave_out:
            fields[field.json_name] = fields[field.name] = (field.name, _converter(field))
    return fields


def _converter(field: FieldDescriptor) -> Convert:
    if field.message_type is not None and field.message_type.name == "KeyValue":
        return lambda nodes: _key_values(nodes, 0)
    one = _converter_of_one(field)
    if not field.is_repeated:
        return one
    return lambda nodes: [one(node) for node in _list(nodes)]


def _converter_of_one(field: FieldDescriptor) -> Convert:
    if field.message_type is not None:
        if field.message_type.name == "AnyValue":
            return lambda node: _any_value(node, 0)
        fields = fields_of(field.message_type)
        return lambda node: read_fields(fields, node)
    if field.enum_type is not None:
        return _enum_converter(field.enum_type)
    if field.name in _ID_FIELDS:
        return _hex
    return _SCALARS[field.cpp_type] if field.type != FieldDescriptor.TYPE_BYTES else _base64


def _key_values(nodes: Any, depth: int) -> list[dict[str, Any]]:
    found = []
    for node in _list(nodes):
        if type(node) is not dict:
            raise UnreadableError(f"{_kind(node)} where an attribute belongs")
        key, value = node.get("key"), node.get("value")
        pair: dict[str, Any] = {"key": "" if key is None else _text(key)}
        if value is not None:
            pair["value"] = _any_value(value, depth)
        found.append(pair)
    return found


def _any_value(node: Any, depth: int) -> dict[str, Any]:
    """`{}` is the null value. Of several members the last counts, as in protobuf."""
    if type(node) is not dict:
        raise UnreadableError(f"{_kind(node)} where an attribute's value belongs")
    found: dict[str, Any] = {}
    for name, value in node.items():
        if value is None:
            continue
        if name in ("stringValue", "string_value"):
            found = {"string_value": _text(value)}
        elif name in ("intValue", "int_value"):
            found = {"int_value": _integer(value)}
        elif name in _VALUE_SCALARS:
            member, convert = _VALUE_SCALARS[name]
            found = {member: convert(value)}
        elif name in ("arrayValue", "array_value"):
            values = _members(value, depth)
            found = {"array_value": {"values": [_any_value(item, depth + 1) for item in _list(values)]}}
        elif name in ("kvlistValue", "kvlist_value"):
            found = {"kvlist_value": {"values": _key_values(_members(value, depth), depth + 1)}}
    return found


def _members(node: Any, depth: int) -> Any:
    if depth >= _MAX_VALUE_DEPTH:
        raise UnreadableError(f"values nested more than {_MAX_VALUE_DEPTH} deep")
    if type(node) is not dict:
        raise UnreadableError(f"{_kind(node)} where an object belongs")
    values = node.get("values")
    return [] if values is None else values


def _list(node: Any) -> list[Any]:
    if type(node) is not list:
        raise UnreadableError(f"{_kind(node)} where a list belongs")
    return node


def _text(node: Any) -> str:
    if type(node) is not str:
        raise UnreadableError(f"{_kind(node)} where a text belongs")
    return node


def _integer(node: Any) -> int:
    """64-bit integers come as strings or as numbers; numbers of JavaScript may look like 5.0 or 1e3."""
    if type(node) is int:
        return node
    try:
        if type(node) is str:
            return int(node) if node.lstrip("-").isdigit() else _whole(float(node))
        if type(node) is float:
            return _whole(node)
    except (ValueError, OverflowError):
        raise UnreadableError("something else where an integer belongs") from None
    raise UnreadableError(f"{_kind(node)} where an integer belongs")


def _whole(number: float) -> int:
    if not number.is_integer():
        raise UnreadableError("a fraction where an integer belongs")
    return int(number)


def _double(node: Any) -> float:
    """Also the texts "NaN", "Infinity" and "-Infinity"."""
    if type(node) in (float, int, str):
        try:
            return float(node)
        except (ValueError, OverflowError):
            raise UnreadableError("something else where a number belongs") from None
    raise UnreadableError(f"{_kind(node)} where a number belongs")


def _boolean(node: Any) -> bool:
    if type(node) is bool:
        return node
    if node in ("true", "false"):
        return bool(node == "true")
    raise UnreadableError(f"{_kind(node)} where true or false belongs")


def _hex(node: Any) -> bytes:
    try:
        return bytes.fromhex(_text(node))
    except ValueError:
        raise UnreadableError("an id that is not hex") from None


def _base64(node: Any) -> bytes:
    """Either alphabet, with or without padding, as protobuf's JSON mapping has it."""
    text = _text(node).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise UnreadableError("bytes that are not base64") from None


def _enum_converter(enum: EnumDescriptor) -> Convert:
    """Integers by the specification, names by leniency; an unknown name is the unspecified value, 0."""
    numbers = {value.name: value.number for value in enum.values}

    def convert(node: Any) -> int:
        named = type(node) is str and not node.lstrip("-").isdigit()
        return int(numbers.get(node, 0)) if named else _integer(node)

    return convert


def _kind(node: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(node), "a number")


_SCALARS: dict[int, Convert] = {
    FieldDescriptor.CPPTYPE_STRING: _text,
    FieldDescriptor.CPPTYPE_INT32: _integer,
    FieldDescriptor.CPPTYPE_INT64: _integer,
    FieldDescriptor.CPPTYPE_UINT32: _integer,
    FieldDescriptor.CPPTYPE_UINT64: _integer,
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_FLOAT: _double,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
}
_VALUE_SCALARS: dict[str, tuple[str, Convert]] = {
    "boolValue": ("bool_value", _boolean),
    "bool_value": ("bool_value", _boolean),
    "doubleValue": ("double_value", _double),
    "double_value": ("double_value", _double),
    "bytesValue": ("bytes_value", _base64),
    "bytes_value": ("bytes_value", _base64),
}
