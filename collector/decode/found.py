"""What has been found of a batch of spans so far: a column of values for each name, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.decode.attributes import Mask

# Number of a place, 0 for a value that is not there.
Origins = npt.NDArray[np.int16]


def true(flags: pa.Array) -> Mask:
    """Arrow's flags as numpy's, false for NULL."""
    filled = pc.fill_null(flags, fill_value=False) if flags.null_count else flags
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask


class Found:
    """Columns of `n_rows` values each, and of every value its place: an attribute's key, or words.

    What is found first stays: looking into another place only fills what is still NULL.
    """

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self._values: dict[str, pa.Array] = {}
        self._origins: dict[str, Origins] = {}
        self._places: list[str] = [""]
        self._number_of: dict[str, int] = {"": 0}
        self._unsaid: dict[str, Mask] = {}

    def __contains__(self, column: str) -> bool:
        return column in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, column: str, kind: pa.DataType) -> pa.Array:
        """The values so far, NULL everywhere when nobody looked."""
        return self._values.get(column, pa.nulls(self.n_rows, kind))

    def origins(self, column: str) -> Origins:
        """The place of each value."""
        return self._origins.get(column, np.zeros(self.n_rows, dtype=np.int16))

    def place_names(self) -> list[str]:
        """The names of the places, by their number."""
        return self._places

    def place(self, name: str) -> int:
        """The number of a place."""
        number = self._number_of.setdefault(name, len(self._places))
        if number == len(self._places):
            self._places.append(name)
        return number

    def fill(self, column: str, values: pa.Array, place: str | Origins) -> Mask | None:
        """Take the values where there is none yet; of which rows they were taken, None for none."""
        if column in self._unsaid:
            values = pc.if_else(pa.array(~self._unsaid[column]), values, pa.scalar(None, values.type))
        said = true(values.is_valid())
        numbers = np.int16(self.place(place)) if isinstance(place, str) else place
        before = self._values.get(column)
        if before is None:
            self._values[column] = values
            self._origins[column] = np.where(said, numbers, np.int16(0))
            return said
        new: Mask = said & true(before.is_null())
        if not new.any():
            return None
        self._values[column] = pc.coalesce(before, values)
        self._origins[column] = np.where(new, numbers, self._origins[column])
        return new

    def refuse(self, column: str, where: Mask) -> None:
        """Take no values for these rows from now on."""
        self._unsaid[column] = self._unsaid[column] | where if column in self._unsaid else where

    def put(self, column: str, values: pa.Array, origins: Origins | None = None) -> None:
        """Set the values, and where they came from unless that stays as it is."""
        self._values[column] = values
        if origins is not None:
            self._origins[column] = origins
        elif column not in self._origins:
            self._origins[column] = np.zeros(self.n_rows, dtype=np.int16)

    def note(self, column: str, where: Mask, words: str) -> None:
        """Say of these rows what was done to the value: words behind the name of its place."""
        origins = self.origins(column).copy()
        for number in np.unique(origins[where]):
            origins[where & (origins == number)] = self.place(f"{self._places[number]}{words}")
        self._origins[column] = origins

    def keep_only(self, column: str, where: Mask) -> None:
        """NULL where the rows have no such thing."""
        values = self._values.get(column)
        if values is not None and not where.all():
            self._values[column] = pc.if_else(pa.array(where), values, pa.scalar(None, values.type))
            self._origins[column] = np.where(where, self._origins[column], np.int16(0))
