"""Exports of other tools: one module each, found by its file. To add one, add a file with `PRESET` and its test.

A preset is a table: canonical name -> the columns (or paths inside documents, with dots) that have it, the first with a
value counting. What a table cannot say is SQL over the texts that the table found.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """How one tool's export is read.

    marks: groups of columns; a file is this tool's when it has one of every group · columns: the table · helpers: more
    columns of the same form, named `_…`, that only `computed` uses · documents: the same, of whole documents ·
    computed: canonical name -> SQL over the texts of the table (by their names there), which takes the place of what the
    table found · macros: SQL that `computed` uses · operations: text of `operation`, in lower case -> operation; rows of
    others are no calls · zero_is_unknown: the tool writes 0 where it does not know; a call without a single token had
    none reported.
    """

    name: str
    marks: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    helpers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    documents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    computed: Mapping[str, str] = field(default_factory=dict)
    macros: str = ""
    operations: Mapping[str, str] = field(default_factory=dict)
    zero_is_unknown: bool = True

    def fits(self, columns: Collection[str]) -> bool:
        """Whether a file with these columns is an export of this tool."""
        return all(any(column in columns for column in group) for group in self.marks)


def _presets() -> dict[str, Preset]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").PRESET for name in names}


PRESETS: dict[str, Preset] = _presets()
