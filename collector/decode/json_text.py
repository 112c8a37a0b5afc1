"""JSON text in bulk: strings quoted, members joined, without a Python step per value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Bytes that JSON cannot hold as they are: controls, the quote and the backslash.
_SPECIAL = np.zeros(256, dtype=np.bool_)
_SPECIAL[:0x20] = True
_SPECIAL[[0x22, 0x5C]] = True


def as_json(texts: pa.Array) -> pa.Array:
    """Marked as JSON, so that the database takes the texts as they are: parsing them again costs more than the insert."""
    return pa.ExtensionArray.from_storage(pa.json_(pa.string()), texts)


def quote(texts: pa.StringArray) -> pa.Array:
    """Strings as JSON strings, NULL stays NULL. What needs escaping is rare: it is found in one pass over the bytes."""
    special = _with_special_bytes(texts)
    if special is not None:
        escaped = pa.array(
            [json.dumps(text)[1:-1] for text in texts.filter(special).to_pylist()], pa.string()
        )
        texts = pc.replace_with_mask(texts, special, escaped)
    return pc.binary_join_element_wise('"', texts, '"', "")


def quote_one(text: str) -> str:
    """One string as a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def as_objects(members: Sequence[pa.Array]) -> pa.Array:
    """A JSON object per row, of the members that the row has (`"key":value`, NULL where it has none)."""
    first = next((member for member in members if member.null_count == 0), None)
    if first is None:
        # A row without any member must stay a row: null_handling="skip" alone leaves it out (Arrow 26.0).
        first = pa.array([""] * len(members[0]), pa.string())
        joined = pc.binary_join_element_wise(first, *members, ",", null_handling="skip")
        return as_json(pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 1), "}", ""))
    others = [member for member in members if member is not first]
    joined = pc.binary_join_element_wise(first, *others, ",", null_handling="skip")
    return as_json(pc.binary_join_element_wise("{", joined, "}", ""))


def join_lists(entries: pa.Array, lists: pa.ListArray) -> pa.Array:
    """A JSON array per row, from the JSON text of each element of its list."""
    joined = join_runs(entries, pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    return as_json(pc.binary_join_element_wise("[", joined, "]", ""))


def join_runs(entries: pa.Array, counts: npt.NDArray[Any]) -> pa.Array:
    """The entries comma-separated, `counts` of them a row."""
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), entries.cast(pa.string())), ",")


def _with_special_bytes(texts: pa.StringArray) -> pa.BooleanArray | None:
    """Which texts hold a byte that must be escaped; None when none does."""
    _, offset_bytes, data = texts.buffers()
    if data is None or not len(texts):
        return None
    offsets = np.frombuffer(offset_bytes, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    at = np.flatnonzero(_SPECIAL[content])
    if not len(at):
        return None
    rows = np.searchsorted(offsets, at + offsets[0], side="right") - 1
    special = np.zeros(len(texts), dtype=np.bool_)
    special[rows] = True
    return pa.array(special) if texts.null_count == 0 else pc.and_(pa.array(special), texts.is_valid())
