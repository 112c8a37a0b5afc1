"""The canonical columns of a batch of spans, from the tables of the conventions.

Of each column first what was configured, then what the span's own family has for it, then OpenTelemetry's current
names, then the old ones; the first value counts. Everything is read whole, before privacy shortens what is stored;
what is taken out of texts passes the same rules as any other value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from collector.conventions import columns as entries
from collector.conventions.columns import Entry, Reading
from collector.decode import documents
from collector.decode.attributes import Attributes, Indices, Mask
from collector.decode.classify import Classified, Conditions
from collector.decode.columns import WHOSE
from collector.decode.events import Events
from collector.decode.found import Found
from collector.decode.readings import TYPES
from collector.privacy.kept import kept_values

# (values, one a span; the name of the place that they are from)
Readings = Iterator[tuple[pa.Array, str]]


@dataclass(frozen=True)
class TakenOut:
    """Values out of the documents under one key, and whose they are. Of many paths most have nothing: those are not there."""

    owners: Indices
    which: Indices  # the number of each owner's document; -1 for none
    n_documents: int
    # At each path the documents that have something there, and what.
    at: dict[str, tuple[list[int], list[Any]]]

    def values(self, path: str, reading: Reading) -> pa.Array:
        """One value an owner."""
        documents_with, nodes = self.at[path]
        values = _as(reading, nodes)
        # The last slot is that of owners without a document.
        slots = np.full(self.n_documents + 1, -1, dtype=np.int64)
        slots[documents_with] = np.arange(len(nodes))
        taken = slots[self.which]
        return values.take(pa.array(taken, mask=taken < 0))


@dataclass
class Spans:
    """What the tables are applied to: the spans of a batch in their raw parts, a value a span each."""

    attributes: Attributes
    events: Events
    conditions: Conditions
    span_names: pa.Array
    status_messages: pa.Array
    trace_states: pa.Array
    started_ns: npt.NDArray[np.int64]
    # How many events an SDK left out; None when nobody looked.
    dropped_events: npt.NDArray[np.int64] | None = None
    # What was taken out of documents, for the table that is being applied.
    taken_out: dict[str, TakenOut] = field(default_factory=dict)

    @property
    def everyone(self) -> Mask:
        """All spans."""
        return np.ones(len(self.started_ns), dtype=np.bool_)


def apply(table: Sequence[Entry], spans: Spans, found: Found, among: Mask | None = None) -> None:
    """Look for the columns of a table on these spans (None: all of them)."""
    spans.taken_out = _taken_out(table, spans, among)
    for entry in table:
        for values, place in READERS[type(entry)](entry, spans, among):
            new = found.fill(entry.column, values, place)
            if new is not None and isinstance(entry, entries.FromAttributes) and entry.moved:
                spans.attributes.move(place, entry.column, new)


def apply_families(classified: Classified, spans: Spans, found: Found) -> None:
    """Look for what each family has in places of its own."""
    present = classified.present()
    for family, mine in present:
        for entry in family.mapping:
            fits = spans.conditions.where(entry.when) if isinstance(entry, entries.Unsaid) else None
            if fits is not None:
                found.refuse(entry.column, fits & mine)
    is_about_a_call = classified.is_role("call", "carrier")
    for family, mine in present:
        of_calls = mine & is_about_a_call
        # Neighbours of one kind together: the order of a table is the order of precedence.
        for only_calls, table in groupby(family.mapping, _is_of_calls_only):
            among = of_calls if only_calls else mine
            apply(tuple(table), spans, found, None if among.all() else among)


def _is_of_calls_only(entry: Entry) -> bool:
    """Whether wrappers are left out: theirs is what calls said, often in large documents that quote them."""
    is_attribute = isinstance(entry, entries.FromAttributes | entries.Unsaid)
    return not is_attribute and entry.column not in WHOSE


def _from_attributes(entry: entries.FromAttributes, spans: Spans, among: Mask | None) -> Readings:
    for key in entry.keys:
        values = spans.attributes.read(key, entry.reading, among)
        if values is not None:
            yield values, key


def _from_document(entry: entries.FromDocument, spans: Spans, _among: Mask | None) -> Readings:
    taken = spans.taken_out.get(entry.key)
    if taken is None:
        return
    for path in entry.paths:
        if path in taken.at:
            values = taken.values(path, entry.reading)
            yield _spread(values, taken.owners, len(spans.started_ns)), f"{entry.key} {path}"


def _taken_out(table: Sequence[Entry], spans: Spans, among: Mask | None) -> dict[str, TakenOut]:
    """What the table wants of documents, by key. Each distinct one is read once and let go: together they are large."""
    wanted: dict[str, list[str]] = {}
    for entry in table:
        if isinstance(entry, entries.FromDocument) and entry.key in spans.attributes:
            wanted.setdefault(entry.key, []).extend(entry.paths)
    found = {}
    for key, paths in wanted.items():
        owners, texts = spans.attributes.whole_texts(key, among)
        encoded = texts.dictionary_encode()
        at: dict[str, tuple[list[int], list[Any]]] = {}
        places = documents.paths_of(tuple(paths))
        for number, text in enumerate(encoded.dictionary.to_pylist()):
            for path, node in places.values(documents.read(text)).items():
                numbers, nodes = at.setdefault(path, ([], []))
                numbers.append(number)
                nodes.append(node)
        which = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        found[key] = TakenOut(owners, which, len(encoded.dictionary), at)
    return found


def _from_pattern(entry: entries.FromPattern, spans: Spans, among: Mask | None) -> Readings:
    rows, texts = _texts_of(entry.key, spans, among)
    if not len(rows):
        return
    pattern = re2.compile(entry.pattern)
    encoded = texts.dictionary_encode()
    groups = [_first_group(pattern, text) for text in encoded.dictionary.to_pylist()]
    if any(group is not None for group in groups):
        values = _as(entry.reading, groups).take(encoded.indices)
        yield _spread(values, rows, len(spans.started_ns)), f"{entry.key}, a part of it"


def _texts_of(key: str, spans: Spans, among: Mask | None) -> tuple[Indices, pa.Array]:
    own = {entries.SPAN_NAME: spans.span_names, entries.STATUS_MESSAGE: spans.status_messages}.get(key)
    if own is None:
        if key not in spans.attributes:
            return np.array([], dtype=np.int64), pa.array([], pa.string())
        return spans.attributes.whole_texts(key, among)
    rows = np.flatnonzero(spans.everyone if among is None else among)
    return rows, own.take(pa.array(rows))


def _first_group(pattern: Any, text: str | None) -> str | None:
    matched = pattern.search(text) if text else None
    return matched.group(1) if matched else None


def _from_event(entry: entries.FromEvent, spans: Spans, among: Mask | None) -> Readings:
    values = spans.events.seconds_to_first(entry.event, spans.started_ns, _mask(spans, among))
    if values is not None:
        yield values, f"event {entry.event}"


def _from_event_attributes(entry: entries.FromEventAttributes, spans: Spans, among: Mask | None) -> Readings:
    for key in entry.keys:
        values = spans.events.last_said(entry.event, key, entry.reading, _mask(spans, among))
        if values is not None:
            yield values, f"event {entry.event}: {key}"


def _counted(entry: entries.Counted, spans: Spans, among: Mask | None) -> Readings:
    if entry.of_names:
        counts = spans.attributes.count_names(re2.compile(entry.pattern))
        is_known = (counts > 0) & _mask(spans, among)
        if is_known.any():
            yield pa.array(counts, pa.int64(), mask=~is_known), "attributes, counted"
        return
    for key in entry.keys:
        if key in spans.attributes:
            owners, texts = spans.attributes.whole_texts(key, among)
            numbers = pc.count_substring_regex(texts, entry.pattern).cast(pa.int64())
            yield _spread(numbers, owners, len(spans.started_ns)), f"{key}, counted"


def _always(entry: entries.Always, spans: Spans, among: Mask | None) -> Readings:
    fits = spans.everyone if entry.when is None else spans.conditions.where(entry.when)
    if fits is not None and (fits := fits & _mask(spans, among)).any():
        value = pa.scalar(entry.value)
        yield pc.if_else(pa.array(fits), value, pa.scalar(None, value.type)), "the emitter's way"


def _unsaid(_entry: entries.Unsaid, _spans: Spans, _among: Mask | None) -> Readings:
    """Nothing is read; what is refused was refused before anything was."""
    yield from ()


def _mask(spans: Spans, among: Mask | None) -> Mask:
    return spans.everyone if among is None else among


def _as(reading: Reading, nodes: list[Any]) -> pa.Array:
    values = pa.array([documents.AS[reading](node) for node in nodes], TYPES[reading])
    return kept_values(values) if pa.types.is_string(values.type) else values


def _spread(values: pa.Array, owners: Indices, n_owners: int) -> pa.Array:
    """The values at their owners' places, NULL elsewhere."""
    slots = np.full(n_owners, -1, dtype=np.int64)
    slots[owners] = np.arange(len(owners))
    return values.take(pa.array(slots, mask=slots < 0))


READERS: dict[type[Entry], Callable[[Any, Spans, Mask | None], Readings]] = {
    entries.FromAttributes: _from_attributes,
    entries.FromDocument: _from_document,
    entries.FromPattern: _from_pattern,
    entries.FromEvent: _from_event,
    entries.FromEventAttributes: _from_event_attributes,
    entries.Counted: _counted,
    entries.Always: _always,
    entries.Unsaid: _unsaid,
}
