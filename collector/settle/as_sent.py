"""What a span alone said, kept beside what was made of it: so that it can be settled again, and explained.

One JSON object a span, of the columns that other spans changed; NULL where none did, as for most.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.decode import json_text
from collector.decode.columns import RESOURCE_DIMENSION
from collector.settle.columns import FROM_RESOURCE, ONLY_READ, settled_columns
from collector.settle.forest import Flags

# Read when settling, and stored nowhere else.
_ONLY_HERE: dict[str, pa.DataType] = ONLY_READ | dict.fromkeys(FROM_RESOURCE.values(), pa.string())


def as_sent(own: pa.Table, settled: pa.Table, touched: Sequence[str]) -> pa.Array:
    """The JSON of each row. `touched` are the columns in which the two may differ."""
    members = [
        _member(name, own.column(name), ~same(own.column(name), settled.column(name))) for name in touched
    ]
    for name in own.column_names:
        if name in _ONLY_HERE or name.startswith(RESOURCE_DIMENSION):
            values = own.column(name)
            if values.null_count < len(values):
                members.append(_member(name, values, values.is_valid().to_numpy()))
    members = [member for member in members if member.null_count < len(member)]
    if not members:
        return json_text.as_json(pa.nulls(own.num_rows, pa.string()))
    objects = json_text.as_objects(members).storage
    return json_text.as_json(pc.if_else(pc.equal(objects, "{}"), pa.scalar(None, pa.string()), objects))


def restored(stored: pa.Table) -> pa.Table:
    """Stored spans as they said it themselves, and the columns that are stored in `as_sent` only."""
    texts = stored.column("as_sent").cast(pa.string())
    rows = np.flatnonzero(texts.is_valid().to_numpy())
    said = [json.loads(text) for text in texts.take(pa.array(rows)).to_pylist()]
    known = settled_columns(stored.column_names) | _ONLY_HERE
    names = {name for one in said for name in one}
    for name in sorted(names | _ONLY_HERE.keys()):
        kind = known.get(name, pa.string())
        before = (
            _whole(stored.column(name)) if name in stored.column_names else pa.nulls(stored.num_rows, kind)
        )
        mine = [place for place, one in enumerate(said) if name in one]
        values = pa.array([_value(said[place][name], kind) for place in mine], kind)
        places = np.arange(stored.num_rows)
        places[rows[mine]] = stored.num_rows + np.arange(len(mine))
        after = pa.concat_arrays([before.cast(kind), values]).take(pa.array(places))
        at = stored.schema.get_field_index(name)
        stored = stored.append_column(name, after) if at < 0 else stored.set_column(at, name, after)
    return stored


def differing(stored: pa.Table, settled: pa.Table) -> Flags:
    """Which rows of these two tables are not the same, in the columns that settling writes."""
    differs = np.zeros(stored.num_rows, dtype=np.bool_)
    for name in settled_columns(settled.column_names):
        if name in settled.column_names:
            differs |= ~same(stored.column(name), settled.column(name))
    return differs


def same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Flags:
    """Which rows of two columns say the same, where not known is the same as not known."""
    left, right = _whole(one), _whole(other)
    equal = pc.fill_null(pc.equal(left, right.cast(left.type)), fill_value=False)
    both_unknown = pc.and_(left.is_null(), right.is_null())
    found: Flags = pc.or_(equal, both_unknown).to_numpy(zero_copy_only=False)
    return found


def _member(name: str, values: pa.ChunkedArray, wanted: Flags) -> pa.Array:
    """`"name":value` of the wanted rows, NULL of the others."""
    rows = np.flatnonzero(wanted)
    texts = _as_json(_whole(values).take(pa.array(rows)))
    members = pc.binary_join_element_wise(f"{json_text.quote_one(name)}:", texts, "")
    places = np.full(len(values), -1, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    return members.take(pa.array(places, mask=places < 0))


def _as_json(values: pa.Array) -> pa.Array:
    texts = json_text.quote(values) if pa.types.is_string(values.type) else values.cast(pa.string())
    return pc.coalesce(texts, "null")


def _value(said: Any, kind: pa.DataType) -> Any:
    return float(said) if said is not None and pa.types.is_floating(kind) else said


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
