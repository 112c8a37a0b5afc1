"""What becomes of the spans' columns: values taken from other rows, and values decided here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collector.settle.forest import Rows
from collector.settle.scene import Scene


@dataclass(frozen=True)
class Note:
    """Why a column of some rows is what it is: the rule, and of each row the row its value came from (-1: none)."""

    column: str
    rows: Rows
    sources: Rows
    rule: str


class Draft:
    """The columns of a scene while they are settled."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._columns: dict[str, pa.Array] = {}
        self.notes: list[Note] = []

    def column(self, name: str) -> pa.Array:
        """As it stands now."""
        return self._columns[name] if name in self._columns else self._scene.column(name)

    @property
    def touched(self) -> list[str]:
        """The columns that something was written to."""
        return list(self._columns)

    def take(self, name: str, rows: Rows, sources: Rows, rule: str, *, of: str | None = None) -> None:
        """Give the rows what the sources say in this column (or in column `of`); rows without a source stay."""
        known = sources >= 0
        rows, sources = rows[known], sources[known]
        if not len(rows):
            return
        self.write(name, rows, self._scene.column(of or name).take(pa.array(sources)), rule, sources)

    def write(self, name: str, rows: Rows, values: pa.Array, rule: str, sources: Rows | None = None) -> None:
        """Put the values, one a row."""
        if not len(rows):
            return
        before = self.column(name)
        places = np.arange(len(before))
        places[rows] = len(before) + np.arange(len(rows))
        self._columns[name] = pa.concat_arrays([before, values.cast(before.type)]).take(pa.array(places))
        self.notes.append(Note(name, rows, np.full(len(rows), -1) if sources is None else sources, rule))
