"""Stored calls held against what the captured calls really were, emitter by emitter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.truth import (
    FIELDS,
    IDENTITY,
    TOKENS,
    calls,
    field_of,
    id_of,
    no_calls,
    span_ids,
    tokens_of,
)

Row = Mapping[str, Any]


@dataclass
class Emitter:
    """What became of one emitter's calls."""

    name: str
    n_expected: int = 0
    n_stored: int = 0
    n_missing: int = 0
    # Rows that are no calls: wrappers, duplicates, or spans that the truth does not know.
    n_extra: int = 0
    tokens: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # found, findable, sent
    identity: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    fields: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # Streams, how many are known as such, how many have a time to the first token; only of those that worked.
    n_streams: int = 0
    n_known_streams: int = 0
    n_ttft: int = 0

    @property
    def is_faultless(self) -> bool:
        """Nothing is missing, doubled or wrong but what the emitter itself says wrong."""
        bad = sum(found[verdict] for found in self.tokens.values() for verdict in ("wrong", "missing"))
        return not (self.n_missing or self.n_extra or self.n_stored != self.n_expected or bad)


def measured(rows: Iterable[Row]) -> list[Emitter]:
    """Of every emitter, by name. `rows` are those of the view `calls`, as often as they are there."""
    emitters = {name: Emitter(name) for name in sorted(set(span_ids().values()))}
    stored: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        stored[id_of(row)].append(row)
    truth = {id_of(one): one for one in calls()}
    for span, found in stored.items():
        one = emitters[span_ids()[span]]
        one.n_stored += len(found)
        one.n_extra += len(found) if span not in truth else len(found) - 1
    for span, call in truth.items():
        one = emitters[call["emitter"]]
        one.n_expected += 1
        if span in stored:
            _compare(one, call, stored[span][0])
        else:
            one.n_missing += 1
    return list(emitters.values())


def stored_as_calls(rows: Iterable[Row]) -> list[Row]:
    """The wrappers and duplicates among the rows: records of the truth."""
    stored = {id_of(row) for row in rows}
    return [one for one in no_calls() if id_of(one) in stored]


def _compare(one: Emitter, call: Row, row: Row) -> None:
    for column, named in TOKENS.items():
        one.tokens[named][tokens_of(call, column, row)] += 1
    for column, named in IDENTITY.items():
        if call.get(column):
            where = call["tenant_found_at" if column == "tenant" else f"{column}_found_at"]
            one.identity[named]["sent"] += 1
            one.identity[named]["findable"] += bool(where)
            one.identity[named]["found"] += row[named] == call[column]
            one.identity[named]["wrong"] += row[named] not in (None, call[column])
    for named in FIELDS:
        one.fields[named][field_of(call, named, row[named])] += 1
    if row["stream"] not in (None, call["stream"]):
        one.fields["stream"]["as_sent"] += 1
    if call["stream"] and call["status"] == "ok":
        one.n_streams += 1
        one.n_known_streams += row["stream"] is True
        one.n_ttft += row["ttft_ns"] is not None


def total(emitters: Sequence[Emitter]) -> Emitter:
    """All of them as one."""
    found = Emitter("all")
    for one in emitters:
        for name in (
            "n_expected",
            "n_stored",
            "n_missing",
            "n_extra",
            "n_streams",
            "n_known_streams",
            "n_ttft",
        ):
            setattr(found, name, getattr(found, name) + getattr(one, name))
        for name in ("tokens", "identity", "fields"):
            for column, counts in getattr(one, name).items():
                getattr(found, name)[column].update(counts)
    return found
