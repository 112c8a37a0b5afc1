"""A CSV file of tenants, read as a whole: every mistake is told with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from commands.moments import moment
from errors import ConfigError
from store.record_checks import BILLED_TO

FIELDS = ("name", "owner", "cost_centre", "plan", "billed_to")
_COLUMNS = ("tenant_id", *FIELDS, "valid_from", "note")
_MISTAKES_SHOWN = 10


@dataclass(frozen=True)
class Described:
    """What is said of a tenant from a moment on (None = ever); fields that are not there are not said."""

    tenant_id: str
    starts: datetime | None
    note: str | None
    fields: Mapping[str, str]

    def starting(self, at: datetime) -> Described:
        return replace(self, starts=at)

    def without(self, said: Mapping[str, str | None]) -> Described:
        """Only what is not said already."""
        return replace(
            self, fields={name: text for name, text in self.fields.items() if said.get(name) != text}
        )


def read_csv(path: Path, note: str | None = None) -> list[Described]:
    """The lines of the file. Raises ConfigError that names every wrong one."""
    header, lines = _lines(path)
    if unknown := [name for name in header if name not in _COLUMNS]:
        raise ConfigError(f"{path} has a column {unknown[0]!r}. A column is one of: {', '.join(_COLUMNS)}")
    if "tenant_id" not in header or len(set(header)) < len(header):
        raise ConfigError(f"{path}: the first line must name a column tenant_id, and each column once")
    found: list[Described] = []
    wrong: list[str] = []
    for number, cells in lines:
        try:
            found.append(_described(dict(zip(header, cells, strict=True)), note))
        except ValueError as mistake:
            short = len(cells) != len(header)
            told = f"{len(cells)} cells, but {len(header)} columns" if short else str(mistake)
            wrong.append(f"line {number}: {told}")
    wrong += _twice(found)
    if wrong:
        more = f"; and {len(wrong) - _MISTAKES_SHOWN} more" if len(wrong) > _MISTAKES_SHOWN else ""
        raise ConfigError(f"{path}: nothing was recorded: {'; '.join(wrong[:_MISTAKES_SHOWN])}{more}")
    return found


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """(the names of the columns, each line that says anything with its number)"""
    try:
        reader = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as refused:
        raise ConfigError(f"{path} cannot be read: {refused.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: save it as CSV in UTF-8") from None
    except csv.Error as broken:
        raise ConfigError(f"{path}: line {reader.line_num} is not CSV: {broken}") from None
    header = [name.strip().lower() for name in lines[0][1]] if lines else []
    return header, lines[1:]


def _described(cells: Mapping[str, str], note: str | None) -> Described:
    """Raises ValueError."""
    told = {name: text.strip() for name, text in cells.items() if text.strip()}
    if "tenant_id" not in told:
        raise ValueError("tenant_id is empty: calls without a tenant have no record")
    if told.get("billed_to", "us") not in BILLED_TO:
        raise ValueError(f"billed_to is {told['billed_to']!r}, not {' or '.join(BILLED_TO)}")
    starts = moment(told["valid_from"]) if "valid_from" in told else None
    fields = {name: told[name] for name in FIELDS if name in told}
    return Described(told["tenant_id"], starts, told.get("note", note), fields)


def _twice(found: list[Described]) -> list[str]:
    """Two lines about the same tenant and moment: which of them counts would be a guess."""
    seen: set[tuple[str, datetime | None]] = set()
    wrong = []
    for one in found:
        key = (one.tenant_id, one.starts)
        if key in seen:
            wrong.append(f"tenant {one.tenant_id!r} is there more than once for the same valid_from")
        seen.add(key)
    return wrong
