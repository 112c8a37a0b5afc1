"""The events of a batch of spans: what canonical columns need of them, and the little that is stored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.columns import FromAttributes, Reading
from collector.decode.attributes import Attributes, Indices, Mask
from collector.decode.envelope import parents, timestamps
from collector.decode.json_text import join_lists, quote
from collector.privacy.kept import kept_values

_EXCEPTION_TYPE = FromAttributes("exception_type", ("exception.type",), "text")


class Events:
    """The events of all spans, flattened."""

    def __init__(self, lists: pa.ListArray) -> None:
        self._lists = lists
        entries = pc.list_flatten(lists)
        self._names = entries.field("name")
        self._times = entries.field("time_unix_nano")
        self.attributes = Attributes(entries.field("attributes"))
        self.span_of: Indices = parents(lists)

    def __len__(self) -> int:
        return len(self._names)

    def occurred_at(self) -> pa.Array:
        """When each event was."""
        return timestamps(self._times)

    def seconds_to_first(self, name: str, started_ns: npt.NDArray[np.int64], among: Mask) -> pa.Array | None:
        """From each span's start to its first event of this name; None when no span has one."""
        rows = self._named(name, among)
        if not len(rows):
            return None
        nanoseconds = self._times.to_numpy(zero_copy_only=False)[rows].astype(np.int64)
        first = np.full(len(self._lists), np.iinfo(np.int64).max)
        np.minimum.at(first, self.span_of[rows], nanoseconds)
        seconds = (first - started_ns) / 1e9
        is_known = np.isin(np.arange(len(first)), self.span_of[rows]) & (first > 0) & (first >= started_ns)
        return pa.array(seconds, mask=~is_known)

    def count(self, name: str, among: Mask) -> Indices:
        """Of each span how many events it has of this name; 0 for spans that are not `among`."""
        return np.bincount(self.span_of[self._named(name, among)], minlength=len(self._lists))

    def last_said(self, name: str, key: str, reading: Reading, among: Mask) -> pa.Array | None:
        """Of each span what its last event of this name that has the attribute says; None when no event does."""
        if key not in self.attributes:
            return None
        values = self.attributes.read(key, reading)
        rows = self._named(name, among)
        return None if values is None else self._last(values, rows)

    def exception_types(self) -> pa.Array:
        """The type of each span's last exception."""
        return self._last(self.attributes.column(_EXCEPTION_TYPE), np.arange(len(self)))

    def whole_texts(self, key: str, among: Mask) -> tuple[Indices, pa.Array]:
        """(spans, what an event of theirs says under this key, whole): not to be stored as it is."""
        if key not in self.attributes:
            return np.array([], dtype=np.int64), pa.array([], pa.string())
        events, texts = self.attributes.whole_texts(key, among[self.span_of])
        return self.span_of[events], texts

    def as_json(self) -> pa.Array:
        """JSON of names, times and exception types."""
        kinds = self.attributes.column(_EXCEPTION_TYPE)
        type_json = pc.coalesce(pc.binary_join_element_wise(',"exception.type":', quote(kinds), ""), "")
        texts = pc.binary_join_element_wise(
            '{"name":',
            quote(kept_values(self._names)),
            ',"time_unix_nano":',
            self._times.cast(pa.string()),
            type_json,
            "}",
            "",
        )
        return join_lists(texts, self._lists)

    def _named(self, name: str, among: Mask) -> Indices:
        if not len(self):
            return np.array([], dtype=np.int64)
        named = pc.fill_null(pc.equal(self._names, name), fill_value=False).to_numpy(zero_copy_only=False)
        return np.flatnonzero(named & among[self.span_of])

    def _last(self, values: pa.Array, rows: Indices) -> pa.Array:
        """One value a span: of these events the last that has one."""
        last: Indices = np.full(len(self._lists), -1, dtype=np.int64)
        said = rows[values.is_valid().to_numpy(zero_copy_only=False)[rows]]
        last[self.span_of[said]] = said
        return values.take(pa.array(last, mask=last < 0))
