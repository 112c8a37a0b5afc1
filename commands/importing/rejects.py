"""Rows that were left out: counted by what is wrong, the first of each named, all of them in a file if one is wanted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from commands.importing.canonical import CANONICAL
from commands.importing.projection import BROKEN, ENDED_EARLY
from commands.importing.spans import Problem
from errors import ConfigError

_SHOWN_CHARACTERS = 40
_WHAT_TO_DO = {
    "time": "a time is ISO 8601 (without a zone: UTC) or a number since 1970, between 2000 and 2100",
    "duration": "a duration is a number that is not negative, in the unit that its name says",
    "count": "a count is a whole number that is not negative, without separators",
    "number": "a number has a point and no separators",
    "flag": "true or false",
}


LINE = "(the line)"


class Rejects:
    """Takes problems one by one. With a path, each is written as (row, column, value, problem)."""

    def __init__(self, path: Path | None, columns: Mapping[str, Sequence[str]]) -> None:
        """`columns` says of each name where the file has it."""
        self._path = path
        self._columns = columns
        self._file: TextIO | None = None
        self.by_column: Counter[str] = Counter()
        self.first: dict[str, Problem] = {}

    def __enter__(self) -> Rejects:
        if self._path:
            try:
                self._file = self._path.open("w", encoding="utf-8", newline="")
            except OSError as refused:
                raise ConfigError(f"--rejects {self._path} cannot be written: {refused.strerror}.") from None
            self._rows = csv.writer(self._file)
            self._rows.writerow(("row", "column", "value", "problem"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def tell(self, problem: Problem) -> None:
        self.by_column[problem.column] += 1
        self.first.setdefault(problem.column, problem)
        if self._file:
            column, value = self._column(problem.column), _short(problem.value)
            self._rows.writerow((problem.row, column, value, _advice(problem)))

    def tell_line(self, line: int, why: str) -> None:
        """A line of a CSV file that does not have its columns."""
        self.tell(Problem(line, LINE, why))

    def summary(self) -> list[str]:
        """One line per kind of problem, most frequent first, with the first row that has it."""
        return [
            f"{rows_of(n)} left out, {self._place(self.first[column])}: {_advice(self.first[column])}"
            for column, n in self.by_column.most_common()
        ]

    def _column(self, name: str) -> str:
        """What the file calls it."""
        name = "ended_at" if name == ENDED_EARLY else name
        return " or ".join(self._columns.get(name, (name,)))

    def _place(self, problem: Problem) -> str:
        if problem.column == LINE:
            return f"the first is line {problem.row}"
        if problem.column == BROKEN:
            return f"the first is row {problem.row}"
        if problem.value is None:
            return f"the first is row {problem.row}, which has no {self._column(problem.column)}"
        return f"the first is row {problem.row}, {self._column(problem.column)} = {_short(problem.value)!r}"


def rows_of(n: int) -> str:
    """So many rows, in words."""
    return "1 row" if n == 1 else f"{n:,} rows"


def _advice(problem: Problem) -> str:
    if problem.column == LINE:
        return f"{_short(problem.value)}; quote values that hold the delimiter"
    if problem.column == BROKEN:
        return "it is no JSON object"
    if problem.column == "started_at" and problem.value is None:
        return "a call needs the time it began"
    if problem.column == ENDED_EARLY:
        return "it ended before it started"
    return _WHAT_TO_DO[CANONICAL[problem.column].kind]


def _short(value: str | None) -> str:
    printable = "".join(char if char.isprintable() else "·" for char in value or "")
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[: _SHOWN_CHARACTERS - 1] + "…"
