"""protobuf's wire format, as far as it takes to walk a message without parsing it.

Source: protobuf.dev, "Encoding". Groups, which no OTLP message has, count as damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

# Parsers take tags and lengths of 32 bits, and no longer way to write them.
_TAG_BYTES = 5
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class NotProtobufError(ValueError):
    """The bytes are no protobuf message."""


class Field(NamedTuple):
    """One field: its tag starts at `start`, its value at `value` (a bytes value after its length), both end at `end`."""

    number: int
    is_bytes: bool
    start: int
    value: int
    end: int


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[start:end], in order; raises NotProtobufError."""
    at = start
    while at < end:
        begin = at
        tag, at = _varint(data, at, end, _TAG_BYTES)
        kind = tag & 7
        if kind == _BYTES:
            size, at = _varint(data, at, end, _TAG_BYTES)
            stop = at + size
        elif kind == _VARINT:
            _, stop = _varint(data, at, end)
        elif kind == _FIXED64:
            stop = at + 8
        elif kind == _FIXED32:
            stop = at + 4
        else:
            raise NotProtobufError("a field of an unknown kind")
        if not 8 <= tag < 1 << 32:
            raise NotProtobufError("a field without a number")
        if stop > end:
            raise NotProtobufError("a field that reaches beyond its message")
        yield Field(tag >> 3, kind == _BYTES, begin, at, stop)
        at = stop


def holds_more_messages(data: bytes, start: int, end: int, message: Descriptor, limit: int) -> bool:
    """Whether the message in data[start:end] holds more than `limit` others, at any depth. Raises NotProtobufError."""
    n_messages = 0
    todo = [(start, end, message)]
    while todo:
        begin, stop, kind = todo.pop()
        below = _messages_in(kind)
        for field in fields(data, begin, stop):
            if field.is_bytes and field.number in below:
                todo.append((field.value, field.end, below[field.number]))
                n_messages += 1
                if n_messages > limit:
                    return True
    return False


def bytes_field(number: int, value: bytes) -> bytes:
    """A bytes or message field as it stands on the wire."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value


@cache
def _messages_in(message: Descriptor) -> dict[int, Descriptor]:
    return {field.number: field.message_type for field in message.fields if field.message_type is not None}


def _varint(data: bytes, at: int, end: int, most_bytes: int = 10) -> tuple[int, int]:
    """(the number, where it ends)"""
    if at < end and data[at] < 0x80:  # nearly all of them
        return data[at], at + 1
    number = shift = 0
    while at < end and shift < 7 * most_bytes:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise NotProtobufError("a number that does not end")


def _encoded(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
