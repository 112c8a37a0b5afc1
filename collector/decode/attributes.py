"""Attributes of a whole batch as columns: from OTLP's list of key-values to canonical values and JSON text.

Everything here works key by key on all owners at once: a key has one kind of value almost always, so its column
is one gather and one concatenation. Only nested values (arrays and maps, which arrive as opaque protobuf) are
decoded one by one, and each distinct one once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.columns import FromAttributes, Reading
from collector.decode import json_text
from collector.decode.readings import READERS, TYPES, is_one_of
from collector.decode.values import Values
from collector.privacy.content import is_content, is_numbers_only

Indices = npt.NDArray[np.int64]
# One flag an owner.
Mask = npt.NDArray[np.bool_]
# A key that fewer owners have than this share is written entry by entry instead of as a column of mostly NULL:
# flattened chats bring a thousand keys that one span has.
_DENSE_SHARE = 1 / 16
_DENSE_ENTRIES = 32


def is_kept(key: str) -> bool:
    """Whether an attribute may be stored; values of the others may be captured content (decode/contents.py)."""
    return not is_content(key)


class Attributes:
    """The attributes of `n_owners` spans (or resources, events, log records), flattened."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.n_owners = len(lists)
        entries = pc.list_flatten(lists)
        owners: Indices = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        keys = entries.field("key").dictionary_encode()
        codes: Indices = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._keys: list[str] = keys.dictionary.to_pylist()
        self._code_of = {key: code for code, key in enumerate(self._keys)}
        # By key: the column that has its values, and of which owners it does.
        self._moved: dict[str, tuple[str, Mask]] = {}
        self._values = Values(entries.field("value"))
        self._group_by_key(owners, codes)

    def _group_by_key(self, owners: Indices, codes: Indices) -> None:
        """Positions of the entries, all of one key together, in the order of their owners."""
        # Small numbers sort by radix, in a fraction of the time.
        small = codes.astype(np.uint16) if len(self._keys) < 2**16 else codes
        order = np.argsort(small, kind="stable")
        slot = codes[order] * max(self.n_owners, 1) + owners[order]
        # Keys can repeat on one owner: the last wins, as the protocol says.
        is_last = np.ones(len(slot), dtype=np.bool_)
        is_last[:-1] = slot[1:] != slot[:-1]
        self._positions = order[is_last]
        self._owners = owners[self._positions]
        self._codes = codes[self._positions]
        counts = np.bincount(self._codes, minlength=len(self._keys))
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts

    def keys(self) -> Sequence[str]:
        """Every key that occurs."""
        return self._keys

    def __contains__(self, key: str) -> bool:
        return key in self._code_of

    def column(self, wanted: FromAttributes) -> pa.Array:
        """One value per owner: the first of the wanted keys that has one, NULL where none has."""
        found: pa.Array | None = None
        for key in wanted.keys:
            values = self.read(key, wanted.reading)
            if values is not None:
                found = values if found is None else pc.coalesce(found, values)
        return found if found is not None else pa.nulls(self.n_owners, TYPES[wanted.reading])

    def read(self, key: str, reading: Reading, among: Mask | None = None) -> pa.Array | None:
        """One value per owner; None when none of the owners (of those `among`) has the key."""
        positions, owners = self._places(key, among)
        if not len(owners):
            return None
        return self._scatter(READERS[reading](self._values, positions), owners)

    def whole_texts(self, key: str, among: Mask | None = None) -> tuple[Indices, pa.Array]:
        """(owners, what each says under this key, as text and whole): not to be stored as it is."""
        positions, owners = self._places(key, among)
        return owners, self._values.as_text(positions)

    def any_of(self, keys: Sequence[str]) -> Mask:
        """Which owners have at least one of these keys."""
        present = np.zeros(self.n_owners, dtype=np.bool_)
        for key in keys:
            if key in self._code_of:
                present[self._owners[self._slice(key)]] = True
        return present

    def is_one_of(self, key: str, texts: Sequence[str]) -> Mask:
        """Of which owners the value under this key is, as text, one of these."""
        present = np.zeros(self.n_owners, dtype=np.bool_)
        positions, owners = self._places(key, None)
        if len(owners):
            found = is_one_of(self._values, positions, texts)
            present[owners] = found.to_numpy(zero_copy_only=False)
        return present

    def count_names(self, pattern: re.Pattern[str]) -> Indices:
        """How many keys each owner has that the pattern is found in."""
        chosen = np.array([pattern.search(key) is not None for key in self._keys], dtype=np.bool_)
        return np.bincount(self._owners[self._entries_of(chosen)], minlength=self.n_owners)

    def move(self, key: str, column: str, said: Mask) -> None:
        """Note that for these owners the text under the key is in a column, so that `as_json` need not say it again."""
        before = self._moved.get(key)
        if before is not None and before[0] == column:
            self._moved[key] = column, before[1] | said
        elif before is None and self._values.are_texts(self._positions[self._slice(key)]):
            self._moved[key] = column, said

    def as_json(self) -> pa.Array:
        """One JSON object per owner, of the keys that may be kept and of what may be kept of their values.

        A value that was moved to a column is named by it, "(in session_id)": read the columns first.
        """
        kept = np.array([is_kept(key) for key in self._keys], dtype=np.bool_)
        dense, sparse = self._by_density(kept)
        numbers = np.array([is_numbers_only(key) for key in self._keys], dtype=np.bool_)
        members = [self._member(key) for key in dense]
        for group, may_be_long in ((sparse & ~numbers, False), (sparse & numbers, True)):
            if group.any():
                members.append(self._sparse_members(group, may_be_long=may_be_long))
        if not members:
            return json_text.as_json(pa.array(["{}"] * self.n_owners, pa.string()))
        return json_text.as_objects(members)

    def texts(self, wanted: Callable[[str], bool]) -> tuple[pa.Array, Indices, pa.Array]:
        """(keys, owners, whole values as text) of everything under a wanted key, one by one."""
        chosen = np.array([wanted(key) for key in self._keys], dtype=np.bool_)
        entries = self._entries_of(chosen)
        keys = pa.array(self._keys, pa.string()).take(pa.array(self._codes[entries]))
        return keys, self._owners[entries], self._values.as_text(self._positions[entries])

    def _by_density(self, kept: Mask) -> tuple[list[str], Mask]:
        """(the kept keys that get a column each, the other kept ones)"""
        is_dense = kept & (self._ends - self._starts >= max(self.n_owners * _DENSE_SHARE, _DENSE_ENTRIES))
        for key in self._moved:
            is_dense[self._code_of[key]] = kept[self._code_of[key]]
        return [self._keys[code] for code in np.flatnonzero(is_dense)], kept & ~is_dense

    def _member(self, key: str) -> pa.Array:
        """`"key":value` per owner, NULL where the owner has no such key."""
        where = self._slice(key)
        name = json_text.quote_one(key)
        if key in self._moved:
            members = self._moved_members(key, name, where)
        else:
            members = self._values.as_members(name, self._positions[where], may_be_long=is_numbers_only(key))
        return self._scatter(members, self._owners[where])

    def _moved_members(self, key: str, name: str, where: slice) -> pa.Array:
        """The members of a key whose values are in a column: its name stands in their place."""
        column, of_owners = self._moved[key]
        is_moved = of_owners[self._owners[where]]
        note = pa.scalar(f'{name}:"(in {column})"')
        if is_moved.all():  # as nearly always, and then nothing is rendered
            return pa.repeat(note, len(is_moved))
        others = self._values.as_members(name, self._positions[where], may_be_long=is_numbers_only(key))
        return pc.if_else(pa.array(is_moved), note, others)

    def _sparse_members(self, chosen: Mask, *, may_be_long: bool) -> pa.Array:
        """The members of rare keys, joined per owner; NULL where the owner has none."""
        entries = self._entries_of(chosen)
        entries = entries[np.argsort(self._owners[entries], kind="stable")]
        codes = np.flatnonzero(chosen)
        quoted = pa.array([json_text.quote_one(self._keys[code]) for code in codes], pa.string())
        names = quoted.take(pa.array(np.searchsorted(codes, self._codes[entries])))
        values = self._values.as_json(self._positions[entries], may_be_long=may_be_long)
        members = pc.binary_join_element_wise(names, values, ":")
        counts = np.bincount(self._owners[entries], minlength=self.n_owners)
        joined = json_text.join_runs(members, counts)
        return pc.if_else(pa.array(counts > 0), joined, pa.scalar(None, pa.string()))

    def _entries_of(self, chosen: Mask) -> Indices:
        """The entries under these keys."""
        if not len(self._keys):
            return np.array([], dtype=np.int64)
        return np.flatnonzero(chosen[self._codes])

    def _places(self, key: str, among: Mask | None) -> tuple[Indices, Indices]:
        """(positions, owners) of the entries under a key; none when it does not occur."""
        where = self._slice(key) if key in self._code_of else slice(0, 0)
        positions, owners = self._positions[where], self._owners[where]
        if among is None:
            return positions, owners
        wanted = among[owners]
        return (positions, owners) if wanted.all() else (positions[wanted], owners[wanted])

    def _scatter(self, values: pa.Array, owners: Indices) -> pa.Array:
        """The values at their owners' places; the owners are ascending and distinct."""
        if len(owners) == self.n_owners:
            return values
        slots = np.full(self.n_owners, -1, dtype=np.int64)
        slots[owners] = np.arange(len(owners))
        return values.take(pa.array(slots, mask=slots < 0))

    def _slice(self, key: str) -> slice:
        code = self._code_of[key]
        return slice(int(self._starts[code]), int(self._ends[code]))
