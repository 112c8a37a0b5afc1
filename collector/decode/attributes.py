"""Attributes of a whole batch as columns: from OTLP's list of key-values to canonical values and JSON text.

Everything here works on all attributes at once; only nested values (arrays and maps, which arrive as opaque
protobuf) are decoded one by one, and each distinct one once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.conventions.columns import FromAttributes, Reading

Indices = npt.NDArray[np.int64]
_NEEDS_ESCAPING = r'["\\\x00-\x1f]'


class Attributes:
    """The attributes of `n_owners` spans (or resources, or events), flattened."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.n_owners = len(lists)
        entries = pc.list_flatten(lists)
        self._owner: Indices = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        keys = entries.field("key").dictionary_encode()
        self._codes: Indices = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._keys: list[str] = keys.dictionary.to_pylist()
        self._code_of = {key: code for code, key in enumerate(self._keys)}
        self._drop_repeated_keys(entries.field("value"))

    def _drop_repeated_keys(self, values: pa.StructArray) -> None:
        """Keys can repeat on one span: the last wins, as the protocol says."""
        slot = self._owner * max(len(self._keys), 1) + self._codes
        _, first_of_reversed = np.unique(slot[::-1], return_index=True)
        if len(first_of_reversed) == len(slot):
            self._values = values
            return
        kept = np.sort(len(slot) - 1 - first_of_reversed)
        self._owner, self._codes = self._owner[kept], self._codes[kept]
        self._values = values.take(pa.array(kept))

    def column(self, wanted: FromAttributes) -> pa.Array:
        """One value per owner: the first of the wanted keys that has one, NULL where none has."""
        found: pa.Array | None = None
        for key in wanted.keys:
            if key in self._code_of:
                values = _READ[wanted.reading](self._values_of(key))
                found = values if found is None else pc.coalesce(found, values)
        return found if found is not None else pa.nulls(self.n_owners, _TYPES[wanted.reading])

    def any_of(self, keys: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which owners have at least one of these keys."""
        present = np.zeros(self.n_owners, dtype=np.bool_)
        for key in keys:
            if key in self._code_of:
                present[self._owner[self._codes == self._code_of[key]]] = True
        return present

    def as_json(self, keep: Callable[[str], bool]) -> pa.Array:
        """One JSON object text per owner, of the keys that may be kept, in order of arrival."""
        kept_keys = np.array([keep(key) for key in self._keys], dtype=np.bool_)
        kept = np.flatnonzero(kept_keys[self._codes]) if len(self._keys) else np.array([], dtype=np.int64)
        keys = _json_text(pa.array(self._keys, pa.string())).take(pa.array(self._codes[kept]))
        values = _json_value(self._values.take(pa.array(kept)))
        entries = pc.binary_join_element_wise(keys, values, ":")
        return _join(entries, np.bincount(self._owner[kept], minlength=self.n_owners), "{", "}")

    def _values_of(self, key: str) -> pa.StructArray:
        positions = np.flatnonzero(self._codes == self._code_of[key])
        slots = np.full(self.n_owners, -1, dtype=np.int64)
        slots[self._owner[positions]] = positions
        return self._values.take(pa.array(slots, mask=slots < 0))


def join_lists(entries: pa.Array, lists: pa.ListArray) -> pa.Array:
    """JSON array text per row, from the JSON text of each element of its list."""
    return _join(entries, pc.list_value_length(lists).to_numpy(zero_copy_only=False), "[", "]")


def json_text(values: pa.Array) -> pa.Array:
    """Strings as JSON strings."""
    return _json_text(values)


def _join(entries: pa.Array, counts: npt.NDArray[Any], opening: str, closing: str) -> pa.Array:
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), entries.cast(pa.string())), ",")
    return pc.binary_join_element_wise(opening, joined, closing, "")


def _field(values: pa.StructArray, name: str) -> pa.Array:
    """A member of the value struct, NULL where the struct itself is."""
    return pc.struct_field(values, name)


def _read_text(values: pa.StructArray) -> pa.Array:
    texts = _field(values, "string_value")
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return pc.coalesce(
        texts,
        _field(values, "int_value").cast(pa.string()),
        _field(values, "double_value").cast(pa.string()),
        _field(values, "bool_value").cast(pa.string()),
    )


def _read_number(values: pa.StructArray) -> pa.Array:
    texts = _field(values, "string_value")
    numeric = pc.match_substring_regex(texts, r"^[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?$")
    parsed = pc.if_else(numeric, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    found = pc.coalesce(
        _field(values, "double_value"), _field(values, "int_value").cast(pa.float64(), safe=False), parsed
    )
    return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))


def _read_count(values: pa.StructArray) -> pa.Array:
    rounded = pc.round(_read_number(values))
    # 2**53: beyond it a double no longer counts; no call has that many tokens.
    sane = pc.less(pc.abs(rounded), 2.0**53)
    from_number = pc.if_else(sane, rounded, pa.scalar(None, pa.float64())).cast(pa.int64())
    return pc.coalesce(_field(values, "int_value"), from_number)


def _read_flag(values: pa.StructArray) -> pa.Array:
    texts = pc.utf8_lower(_field(values, "string_value"))
    known = pc.is_in(texts, pa.array(["true", "false"]))
    parsed = pc.equal(pc.if_else(known, texts, pa.scalar(None, pa.string())), "true")
    return pc.coalesce(_field(values, "bool_value"), parsed)


def _read_first_text(values: pa.StructArray) -> pa.Array:
    elements = _field(_field(values, "array_value"), "values")
    first = pc.list_element(_at_least_one(elements), 0)
    encoded = first.dictionary_encode()
    texts = pa.array([_scalar_text(raw) for raw in encoded.dictionary.to_pylist()], pa.string())
    return pc.coalesce(texts.take(encoded.indices), _read_text(values))


def _at_least_one(lists: pa.ListArray) -> pa.ListArray:
    """The lists, NULL where empty: list_element fails on a list without that element."""
    return pc.if_else(pc.greater(pc.list_value_length(lists), 0), lists, pa.scalar(None, lists.type))


def _scalar_text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    value = AnyValue.FromString(raw)
    kind = value.WhichOneof("value")
    return (
        str(getattr(value, kind)) or None if kind in ("string_value", "int_value", "double_value") else None
    )


def _json_value(values: pa.StructArray) -> pa.Array:
    return pc.coalesce(
        _json_text(_field(values, "string_value")),
        _field(values, "int_value").cast(pa.string()),
        _json_double(_field(values, "double_value")),
        _field(values, "bool_value").cast(pa.string()),
        _json_nested(values, "array_value", _array_json),
        _json_nested(values, "kvlist_value", _kvlist_json),
        pc.if_else(pc.is_valid(_field(values, "bytes_value")), '"(bytes)"', pa.scalar(None, pa.string())),
        "null",
    )


def _json_text(texts: pa.Array) -> pa.Array:
    """JSON strings. What needs escaping is rare among kept values, so it is found in one pass and written by Python."""
    special = pc.fill_null(pc.match_substring_regex(texts, _NEEDS_ESCAPING), fill_value=False)
    if pc.any(special).as_py():
        escaped = pa.array(
            [json.dumps(text)[1:-1] for text in texts.filter(special).to_pylist()], pa.string()
        )
        texts = pc.replace_with_mask(texts, special, escaped)
    return pc.binary_join_element_wise('"', texts, '"', "")


def _json_double(numbers: pa.Array) -> pa.Array:
    texts = numbers.cast(pa.string())
    return pc.if_else(pc.is_finite(numbers), texts, pc.binary_join_element_wise('"', texts, '"', ""))


def _json_nested(values: pa.StructArray, member: str, render: Callable[[list[bytes]], str]) -> pa.Array:
    """Arrays and maps: a Python step for each distinct one."""
    lists = _field(_field(values, member), "values")
    rows = np.flatnonzero(lists.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return pa.nulls(len(lists), pa.string())
    # Elements as numbers, so that equal lists are found without making a Python object of each.
    taken = lists.take(pa.array(rows))
    elements = pc.list_flatten(taken).dictionary_encode()
    codes = elements.indices.to_numpy(zero_copy_only=False)
    raw: list[bytes] = elements.dictionary.to_pylist()
    ends = np.cumsum(pc.list_value_length(taken).to_numpy(zero_copy_only=False))
    known: dict[bytes, str] = {}
    texts: list[str] = []
    for start, end in zip(np.concatenate(([0], ends[:-1])).tolist(), ends.tolist(), strict=True):
        key = codes[start:end].tobytes()
        if key not in known:
            known[key] = render([raw[code] for code in codes[start:end]])
        texts.append(known[key])
    slots = np.full(len(lists), -1, dtype=np.int64)
    slots[rows] = np.arange(len(rows))
    return pa.array(texts, pa.string()).take(pa.array(slots, mask=slots < 0))


def _array_json(raw: list[bytes]) -> str:
    return json.dumps([_plain(AnyValue.FromString(item)) for item in raw])


def _kvlist_json(raw: list[bytes]) -> str:
    from_wire = AnyValue().kvlist_value.__class__
    pairs = [from_wire.FromString(b"\x0a" + _varint(len(item)) + item).values[0] for item in raw]
    return json.dumps({pair.key: _plain(pair.value) for pair in pairs})


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _plain(value: AnyValue) -> Any:
    """An AnyValue as JSON can hold it."""
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return "(bytes)"
        case "double_value":
            return value.double_value if math.isfinite(value.double_value) else str(value.double_value)
        case None:
            return None
        case kind:
            return getattr(value, kind)


_READ: dict[Reading, Callable[[pa.StructArray], pa.Array]] = {
    "text": _read_text,
    "count": _read_count,
    "number": _read_number,
    "flag": _read_flag,
    "first_text": _read_first_text,
}
_TYPES: dict[Reading, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "first_text": pa.string(),
}
