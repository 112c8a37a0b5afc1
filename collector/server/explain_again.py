"""Settle a stored span once more, with all that it was settled with, and keep what each rule did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import numpy as np
import pyarrow as pa

from collector.commit.related import Related, prepare_session, related
from collector.commit.seen import Seen
from collector.decode.columns import DIMENSION
from collector.settle.as_sent import same
from collector.settle.columns import settle_input, settled_columns
from collector.settle.draft import Note
from collector.settle.forest import DEEPEST, Rows
from collector.settle.scene import Scene
from collector.settle.settle import Settled, settle

NO_ROW = -1


@dataclass(frozen=True)
class Target:
    """The span in question. `trace_id` is hex; the time bounds the search for what is related to it."""

    day: date
    project: str
    trace_id: str
    span_id: int
    started_at: datetime
    duration_ns: int | None


@dataclass(frozen=True)
class Why:
    """What gave a span a column: a rule, and the row of the span that said the value (NO_ROW where none did)."""

    rule: str
    row: int


class Again:
    """Stored spans that were settled once more. Rows are numbers; `at` is the row of the span in question."""

    def __init__(self, known: Related, settled: Settled, at: int) -> None:
        self.stored, self.own, self.settled = known.stored, known.own, settled.spans
        self.at = at
        self._notes = settled.notes
        self._parent = Scene(known.own).forest.parent

    def why(self, column: str, row: int | None = None) -> Why | None:
        """What the last rule that wrote this column did; None where the span's own word stands."""
        row = self.at if row is None else row
        for note in reversed(self._notes):
            if note.column == column and (places := np.flatnonzero(note.rows == row)).size:
                return Why(note.rule, int(note.sources[places[-1]]))
        return None

    def given(self) -> dict[int, list[str]]:
        """The columns that each other span gave to this one."""
        found: dict[int, list[str]] = {}
        for column in dict.fromkeys(note.column for note in self._notes):
            why = self.why(column)
            if column != "duplicate_of" and why and why.row not in (NO_ROW, self.at):
                found.setdefault(why.row, []).append(column)
        return found

    def folded(self) -> list[tuple[int, str]]:
        """The spans that tell of this call again or bring its usage, with the rule that says so."""
        rows = [
            int(row)
            for note in self._notes_of("duplicate_of")
            for row in note.rows[note.sources == self.at].tolist()
        ]
        whys = {row: self.why("duplicate_of", row) for row in sorted(rows)}
        return [(row, why.rule) for row, why in whys.items() if why and why.row == self.at]

    def attempts(self) -> list[int]:
        """The attempts of its request in their order, itself among them; empty where it is the only one."""
        request = self.value("request_id", self.at)
        if request is None:
            return []
        requests = self.settled.column("request_id").to_pylist()
        rows = [row for row, one in enumerate(requests) if one == request]
        numbers = self.settled.column("attempt").fill_null(0).to_pylist()
        return sorted(rows, key=lambda row: int(numbers[row])) if len(rows) > 1 else []

    def ancestors(self) -> Iterator[int]:
        """Its parent, and so on upwards."""
        row = int(self._parent[self.at])
        for _ in range(DEEPEST):
            if row < 0:
                return
            yield row
            row = int(self._parent[row])

    def descendants(self) -> list[int]:
        """All spans below it, level by level."""
        found: list[int] = []
        level: Rows = np.array([self.at])
        while len(level) and len(found) < len(self._parent):
            level = np.setdiff1d(np.flatnonzero(np.isin(self._parent, level)), [self.at, *found])
            found.extend(level.tolist())
        return found

    def value(self, column: str, row: int) -> object:
        """What settling makes of a column now."""
        return self.settled.column(column)[row].as_py()

    def said(self, column: str, row: int) -> object:
        """What the span said of it alone; None too where nobody can tell."""
        return self.own.column(column)[row].as_py() if column in self.own.column_names else None

    def differences(self) -> list[tuple[str, object, object]]:
        """(column, what is stored, what settling says now), where the two are not the same."""
        stored, settled = (table.slice(self.at, 1) for table in (self.stored, self.settled))
        names = [name for name in settled_columns(settled.column_names) if name in stored.column_names]
        return [
            (name, stored.column(name)[0].as_py(), settled.column(name)[0].as_py())
            for name in names
            if not same(stored.column(name), settled.column(name))[0]
        ]

    def _notes_of(self, column: str) -> Iterator[Note]:
        return (note for note in self._notes if note.column == column)


def settled_again(session: duckdb.DuckDBPyConnection, target: Target) -> Again | None:
    """The span and all that is related to it, settled once more; None where it is not stored (any more)."""
    prepare_session(session)
    look_up_all = Seen()
    known = related(session, _seed(target, []), look_up_all)
    if known and (names := _dimensions(known.stored)):
        known = related(session, _seed(target, names), look_up_all)
    if not known:
        return None
    at = _row_of(known.stored, target)
    return None if at is None else Again(known, settle(known.own), at)


def _seed(target: Target, dimensions: Sequence[str]) -> pa.Table:
    """What the search for related spans begins with: a trace and a time."""
    raw = pa.array([bytes.fromhex(target.trace_id)], pa.binary(16))
    return settle_input(
        pa.table(
            {
                "project": [target.project],
                "trace_id": pa.ExtensionArray.from_storage(pa.uuid(), raw),
                # Not the span's own id: it is found with its trace, and is not there twice.
                "span_id": pa.nulls(1, pa.uint64()),
                "parent_span_id": pa.nulls(1, pa.uint64()),
                "started_at": pa.array([target.started_at], pa.timestamp("us")),
                "duration_ns": pa.array([target.duration_ns], pa.int64()),
                "failed": pa.array([False]),
            }
            | {f"{DIMENSION}{name}": pa.nulls(1, pa.string()) for name in dimensions}
        )
    )


def _dimensions(stored: pa.Table) -> list[str]:
    """The names of dimensions that any of these spans has."""
    maps = stored.column("dims").drop_null().to_pylist()
    return sorted({name for one in maps for name, _ in one})


def _row_of(stored: pa.Table, target: Target) -> int | None:
    span_ids = stored.column("span_id").to_numpy()
    for row in np.flatnonzero(span_ids == np.uint64(target.span_id)).tolist():
        trace_id, project, day = (
            stored.column(name)[row].as_py() for name in ("trace_id", "project", "stored_day")
        )
        # A span may be stored twice, when its bodies told of different days.
        if (trace_id.hex, project, day) == (target.trace_id, target.project, target.day):
            return int(row)
    return None
