"""Reading files people write, key by key: a mistake names file, key, value and a valid example."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from errors import SuiteError


class Section:
    """A mapping in a suite file. Keys that nobody asked for are mistakes: call `finish` when done reading.

    `where` is the file and, inside it, the section's own name; paths resolve against the file's folder.
    """

    def __init__(self, where: str, values: object, folder: Path) -> None:
        if not isinstance(values, Mapping):
            raise SuiteError(f"{where}: is {values!r}, not a mapping. Write `key: value` lines.")
        self.where = where
        self.folder = folder
        self._values = values
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        self._asked.append(key)
        return self._values.get(key) is not None

    def text(self, key: str, example: str, default: str | None = None) -> str:
        value = self._get(key, example, default)
        if not isinstance(value, str) or not value.strip():
            raise self.mistake(key, value, "is not text", example)
        return value

    def optional_text(self, key: str, example: str) -> str | None:
        return self.text(key, example) if self.has(key) else None

    def choice(self, key: str, among: Iterable[str], example: str, default: str | None = None) -> str:
        value = self.text(key, example, default)
        if value not in (known := list(among)):
            raise self.mistake(
                key, value, f"is not one of {', '.join(known)}{did_you_mean(value, known)}", example
            )
        return value

    def number(self, key: str, example: str, low: float, high: float, default: float | None = None) -> float:
        value = self._get(key, example, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self.mistake(key, value, f"is not a number from {low:g} to {high:g}", example)
        return float(value)

    def optional_number(self, key: str, example: str, low: float, high: float) -> float | None:
        return self.number(key, example, low, high) if self.has(key) else None

    def integer(self, key: str, example: str, low: int, high: int, default: int) -> int:
        value = self._get(key, example, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.mistake(key, value, f"is not a whole number from {low} to {high}", example)
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, f"{key}: true", default)
        if not isinstance(value, bool):
            raise self.mistake(key, value, "is not true or false", f"{key}: true")
        return value

    def texts(self, key: str, example: str) -> tuple[str, ...]:
        value = self._get(key, example, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.mistake(key, value, "is not a list of texts", example)
        return tuple(value)

    def path(self, key: str, example: str) -> Path:
        return self.folder / self.text(key, example)

    def sections(self, key: str, example: str) -> list[Section]:
        value = self._get(key, example, None)
        if not isinstance(value, list) or not value:
            raise self.mistake(key, value, "is not a list with at least one entry", example)
        return [
            Section(f"{self.where}: {key} {number}", item, self.folder)
            for number, item in enumerate(value, 1)
        ]

    def section(self, key: str) -> Section:
        """A section of its own; empty when the key is absent."""
        return Section(f"{self.where}: {key}", self._get(key, "", {}), self.folder)

    def items(self) -> list[tuple[str, object]]:
        """Everything in it, for sections whose keys are somebody else's (sampling parameters)."""
        self._asked += self._values
        return [(str(key), value) for key, value in self._values.items()]

    def finish(self) -> None:
        """Refuse keys that nothing read."""
        for key in self._values:
            if key not in self._asked:
                known = ", ".join(dict.fromkeys(self._asked))
                raise SuiteError(
                    f"{self.where}: unknown key {key!r}{did_you_mean(str(key), self._asked)}. Known: {known}."
                )

    def mistake(self, key: str, value: object, problem: str, example: str) -> SuiteError:
        return SuiteError(f"{self.where}: `{key}` is {value!r}, which {problem}. Example: {example}")

    def _get(self, key: str, example: str, default: object) -> object:
        self._asked.append(key)
        value = self._values.get(key)
        if value is None and default is None:
            written = did_you_mean(key, [str(other) for other in self._values if other not in self._asked])
            hint = written.replace("did you mean", "and there is", 1).rstrip("?")
            raise SuiteError(f"{self.where}: `{key}` is missing{hint}. Example: {example}")
        return default if value is None else value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ ", did you mean …?" when one of the known words is close; else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
