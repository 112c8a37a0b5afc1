"""OTLP's AnyValue in bulk: the values at some positions, read as a column or written as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.decode import json_text
from collector.privacy.kept import KEPT_MAX_CHARACTERS, kept_values, shorten_unknown
from collector.privacy.records import scrub_record
from collector.privacy.redact import scrub_secrets

Indices = npt.NDArray[np.int64]
# What becomes of texts on their way to the store.
Rule = Callable[[pa.Array], pa.Array]

KINDS = (
    "string_value",
    "int_value",
    "double_value",
    "bool_value",
    "array_value",
    "kvlist_value",
    "bytes_value",
)
STRING, INT, DOUBLE, BOOL, ARRAY, KVLIST, BYTES, EMPTY = range(8)
# Beyond this a nested value is not rendered: no emitter nests so deep, and Python's own stack is finite.
_DEEPEST = 64
# A text that occurs so often on average is worth finding out.
_REPEATS = 4


class Values:
    """All values of a batch; every method takes the positions that it is about."""

    def __init__(self, values: pa.StructArray) -> None:
        self._children = [values.field(name) for name in KINDS]
        self._kinds: npt.NDArray[np.int8] = np.full(len(values), EMPTY, dtype=np.int8)
        for kind, child in enumerate(self._children):
            if child.null_count < len(child):
                self._kinds[child.is_valid().to_numpy(zero_copy_only=False)] = kind

    def of_kind(self, kind: int, positions: Indices) -> pa.Array:
        """The members of that kind at these positions, NULL where the value is of another."""
        return self._children[kind].take(pa.array(positions))

    def kinds_at(self, positions: Indices) -> list[int]:
        """Which kinds occur at these positions."""
        return [int(kind) for kind in np.flatnonzero(np.bincount(self._kinds[positions], minlength=8))]

    def are_texts(self, positions: Indices) -> bool:
        """Whether all values at these positions are strings."""
        return self.kinds_at(positions) == [STRING]

    def as_json(self, positions: Indices, *, may_be_long: bool) -> pa.Array:
        """JSON text of each value as it may be stored: without credentials and, unless it may be long, without free text."""

        def nested(texts: pa.Array) -> pa.Array:
            return _kept_documents(texts, may_be_long=may_be_long)

        def plain_texts(texts: pa.Array) -> pa.Array:
            return json_text.quote(_kept(texts, may_be_long=may_be_long))

        return self._render(positions, plain_texts, nested)

    def as_members(self, name: str, positions: Indices, *, may_be_long: bool) -> pa.Array:
        """`name:value` as JSON text of each value, `name` being JSON already."""
        if self.are_texts(positions):
            encoded = self.of_kind(STRING, positions).dictionary_encode()
            # Models, services and settings repeat: what is done to a text is done once for each of them.
            if len(encoded.dictionary) * _REPEATS < len(encoded):
                distinct = self._as_members(
                    name, json_text.quote(_kept(encoded.dictionary, may_be_long=may_be_long))
                )
                return distinct.take(encoded.indices)
        return self._as_members(name, self.as_json(positions, may_be_long=may_be_long))

    def _as_members(self, name: str, values: pa.Array) -> pa.Array:
        return pc.binary_join_element_wise(f"{name}:", values, "")

    def as_text(self, positions: Indices) -> pa.Array:
        """The whole of each value: strings as they are, everything else as JSON text; NULL where there is none."""
        return self._render(positions, lambda texts: texts, lambda texts: texts)

    def _render(self, positions: Indices, string: Rule, nested: Rule) -> pa.Array:
        writers: dict[int, Callable[[pa.Array], pa.Array]] = {
            STRING: string,
            INT: lambda numbers: numbers.cast(pa.string()),
            DOUBLE: _double_json,
            BOOL: lambda flags: flags.cast(pa.string()),
            ARRAY: lambda lists: _nested_json(lists, _array_json, nested),
            KVLIST: lambda lists: _nested_json(lists, _kvlist_json, nested),
            BYTES: lambda raw: pc.if_else(raw.is_valid(), '"(bytes)"', pa.scalar(None, pa.string())),
            EMPTY: lambda _: pa.array(["null"] * len(positions), pa.string()),
        }
        kinds = self.kinds_at(positions)
        # `EMPTY` comes last: its text fills what no other kind wrote.
        columns = [writers[kind](self._member(kind, positions)) for kind in kinds]
        if not columns:
            return pa.nulls(len(positions), pa.string())
        return columns[0] if len(columns) == 1 else pc.coalesce(*columns)

    def _member(self, kind: int, positions: Indices) -> pa.Array:
        return pa.nulls(len(positions)) if kind == EMPTY else self.of_kind(kind, positions)


def _kept(texts: pa.Array, *, may_be_long: bool) -> pa.Array:
    return scrub_secrets(texts) if may_be_long else kept_values(texts)


def _kept_documents(texts: pa.Array, *, may_be_long: bool) -> pa.Array:
    """JSON documents as they may be stored: without credentials and, unless they may be long, without long texts."""
    return pa.array(
        [_kept_document(text, may_be_long=may_be_long) for text in texts.to_pylist()], pa.string()
    )


def _kept_document(text: str, *, may_be_long: bool) -> str:
    if len(text) > KEPT_MAX_CHARACTERS and not may_be_long:
        text = json.dumps(_without_long_texts(json.loads(text)))
    # Member by member: a name can give a credential away, and a match across members would break the JSON.
    return scrub_record(text.encode()).decode() if "{" in text or '"' in text else text


def _without_long_texts(node: Any) -> Any:
    if isinstance(node, str):
        return shorten_unknown(pa.array([node], pa.string()))[0].as_py()
    if isinstance(node, list):
        return [_without_long_texts(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_long_texts(value) for key, value in node.items()}
    return node


def _double_json(numbers: pa.Array) -> pa.Array:
    texts = numbers.cast(pa.string())
    finite = pc.is_finite(numbers)
    if pc.all(finite).as_py() in (True, None):
        return texts
    return pc.if_else(finite, texts, pc.binary_join_element_wise('"', texts, '"', ""))


def _nested_json(structs: pa.Array, render: Callable[[list[bytes]], str], rule: Rule) -> pa.Array:
    """Arrays and maps: a Python step for each distinct one."""
    lists = pc.struct_field(structs, "values")
    rows = np.flatnonzero(lists.is_valid().to_numpy(zero_copy_only=False))
    # Elements as numbers, so that equal lists are found without making a Python object of each.
    taken = lists.take(pa.array(rows))
    elements = pc.list_flatten(taken).dictionary_encode()
    raw: list[bytes] = elements.dictionary.to_pylist()
    codes = elements.indices.to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(taken).to_numpy(zero_copy_only=False)
    distinct, which = _distinct_runs(codes, lengths)
    texts = rule(pa.array([render([raw[code] for code in run]) for run in distinct], pa.string()))
    slots = np.full(len(lists), -1, dtype=np.int64)
    slots[rows] = which
    return texts.take(pa.array(slots, mask=slots < 0))


def _distinct_runs(
    codes: npt.NDArray[Any], lengths: npt.NDArray[Any]
) -> tuple[list[list[int]], npt.NDArray[Any]]:
    """(the distinct runs, which of them each run is); runs of one element, as most are, need no Python step."""
    if len(lengths) == len(codes) and (lengths == 1).all():
        found, which = np.unique(codes, return_inverse=True)
        return [[int(code)] for code in found], which
    known: dict[bytes, int] = {}
    ends = np.cumsum(lengths)
    starts = (ends - lengths).tolist()
    each = [
        known.setdefault(codes[start:end].tobytes(), len(known))
        for start, end in zip(starts, ends.tolist(), strict=True)
    ]
    return [np.frombuffer(run, codes.dtype).tolist() for run in known], np.array(each, dtype=np.int64)


def _array_json(raw: list[bytes]) -> str:
    return json.dumps([plain(AnyValue.FromString(item)) for item in raw])


def _kvlist_json(raw: list[bytes]) -> str:
    pairs = [KeyValue.FromString(item) for item in raw]
    return json.dumps({pair.key: plain(pair.value) for pair in pairs})


def plain(value: AnyValue, depth: int = 0) -> Any:
    """An AnyValue as JSON can hold it."""
    if depth > _DEEPEST:
        return "(nested too deep)"
    match value.WhichOneof("value"):
        case "array_value":
            return [plain(item, depth + 1) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value, depth + 1) for pair in value.kvlist_value.values}
        case "bytes_value":
            return "(bytes)"
        case "double_value":
            return value.double_value if math.isfinite(value.double_value) else str(value.double_value)
        case None:
            return None
        case kind:
            return getattr(value, kind)
