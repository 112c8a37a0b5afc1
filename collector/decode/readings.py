"""How a column is read out of OTLP's values, whatever kind each of them is: as text, count, number, flag, or first of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.conventions.columns import Reading
from collector.decode import documents
from collector.decode.values import ARRAY, BOOL, DOUBLE, INT, STRING, Indices, Values
from collector.privacy.kept import kept_values

# 2**53: beyond it a double no longer counts; no call has that many tokens.
_TOO_MANY = 2.0**53


def scalar_texts(values: Values, positions: Indices) -> pa.Array:
    """Each scalar as text, whole; "" is no value, neither are arrays and maps."""
    readers: dict[int, Callable[[pa.Array], pa.Array]] = {
        STRING: lambda texts: pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts),
        INT: lambda numbers: numbers.cast(pa.string()),
        DOUBLE: lambda numbers: pc.if_else(
            pc.is_finite(numbers), numbers.cast(pa.string()), pa.scalar(None, pa.string())
        ),
        BOOL: lambda flags: flags.cast(pa.string()),
    }
    return _first(values, positions, readers, pa.string())


def is_one_of(values: Values, positions: Indices, texts: Sequence[str]) -> pa.Array:
    """Whether each scalar is, as text, one of these."""
    # Nearly every condition is on strings, and those need not be made into any.
    are_texts = values.are_texts(positions)
    found = values.of_kind(STRING, positions) if are_texts else scalar_texts(values, positions)
    return pc.is_in(found, pa.array(texts, pa.string()))


def _read_text(values: Values, positions: Indices) -> pa.Array:
    return kept_values(_unquoted(scalar_texts(values, positions)))


def _read_number(values: Values, positions: Indices) -> pa.Array:
    readers: dict[int, Callable[[pa.Array], pa.Array]] = {
        DOUBLE: lambda numbers: numbers,
        INT: lambda numbers: numbers.cast(pa.float64(), safe=False),
        STRING: _number_in_text,
    }
    found = _first(values, positions, readers, pa.float64())
    return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))


def _read_count(values: Values, positions: Indices) -> pa.Array:
    kinds = values.kinds_at(positions)
    whole = values.of_kind(INT, positions)
    if kinds == [INT]:
        return _sane_counts(whole)
    rounded = pc.round(_read_number(values, positions))
    sane = pc.and_(pc.greater_equal(rounded, 0), pc.less(rounded, _TOO_MANY))
    from_number = pc.if_else(sane, rounded, pa.scalar(None, pa.float64())).cast(pa.int64())
    return pc.coalesce(_sane_counts(whole), from_number)


def _sane_counts(numbers: pa.Array) -> pa.Array:
    """NULL for what cannot be a count."""
    bounds = pc.min_max(numbers).as_py()
    if bounds["min"] is None or (bounds["min"] >= 0 and bounds["max"] < _TOO_MANY):
        return numbers
    sane = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, int(_TOO_MANY)))
    return pc.if_else(sane, numbers, pa.scalar(None, numbers.type))


def _read_flag(values: Values, positions: Indices) -> pa.Array:
    return _first(values, positions, {BOOL: lambda flags: flags, STRING: _flag_in_text}, pa.bool_())


def _read_first_text(values: Values, positions: Indices) -> pa.Array:
    if ARRAY not in values.kinds_at(positions):
        return _first_of_lists(scalar_texts(values, positions))
    elements = pc.struct_field(values.of_kind(ARRAY, positions), "values")
    first = pc.list_element(_at_least_one(elements), 0).dictionary_encode()
    texts = pa.array([_scalar_text(raw) for raw in first.dictionary.to_pylist()], pa.string())
    others = _first_of_lists(scalar_texts(values, positions))
    return pc.coalesce(kept_values(texts).take(first.indices), others)


def _first_of_lists(texts: pa.Array) -> pa.Array:
    """Of a text that is a list in JSON ('["stop"]') the first element, of another the text itself."""
    if not pc.any(pc.starts_with(texts, "[")).as_py():
        return kept_values(_unquoted(texts))
    encoded = texts.dictionary_encode()
    found = [documents.as_first_text(text) for text in encoded.dictionary.to_pylist()]
    return kept_values(pa.array(found, pa.string())).take(encoded.indices)


def _unquoted(texts: pa.Array) -> pa.Array:
    """Some emitters write every value as JSON: "\\"gpt-4o\\"" is gpt-4o."""
    quoted = pc.starts_with(texts, '"')
    if not pc.any(quoted).as_py():
        return texts
    read = [documents.unquoted(text) for text in texts.filter(quoted).to_pylist()]
    return pc.replace_with_mask(texts, pc.fill_null(quoted, fill_value=False), pa.array(read, pa.string()))


def _first(
    values: Values,
    positions: Indices,
    readers: dict[int, Callable[[pa.Array], pa.Array]],
    empty: pa.DataType,
) -> pa.Array:
    """What the reader of its kind makes of each value; NULL for kinds without a reader."""
    kinds = values.kinds_at(positions)
    columns = [read(values.of_kind(kind, positions)) for kind, read in readers.items() if kind in kinds]
    if not columns:
        return pa.nulls(len(positions), empty)
    return columns[0] if len(columns) == 1 else pc.coalesce(*columns)


def _number_in_text(texts: pa.Array) -> pa.Array:
    numeric = pc.match_substring_regex(texts, r"^[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?$")
    return pc.if_else(numeric, texts, pa.scalar(None, pa.string())).cast(pa.float64())


def _flag_in_text(texts: pa.Array) -> pa.Array:
    lowered = pc.utf8_lower(texts)
    known = pc.is_in(lowered, pa.array(["true", "false"]))
    return pc.equal(pc.if_else(known, lowered, pa.scalar(None, pa.string())), "true")


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


READERS: dict[Reading, Callable[[Values, Indices], pa.Array]] = {
    "text": _read_text,
    "count": _read_count,
    "number": _read_number,
    "flag": _read_flag,
    "first_text": _read_first_text,
}
TYPES: dict[Reading, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "first_text": pa.string(),
}
