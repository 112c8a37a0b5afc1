"""How long each table is kept: plain data, the `retention` setting. What acts on it is in `collector.upkeep`.

    [retention]
    contents_days = 30
    [retention.projects.demo]
    spans_days = 30

Calls and their charges are kept for ever unless somebody says otherwise: finance must not lose a month by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from store.projects import is_project

Table = Literal["spans", "charges", "scores", "contents", "log_records", "metric_points", "rejects"]
# TOML has no null, and a project must be able to keep for ever what others delete.
FOREVER = "forever"
# The ledger outlives the calls that it is about, so it has a time of its own.
_DEFAULT_DAYS: dict[Table, int | None] = {
    "spans": None,
    "charges": None,
    "scores": None,
    "contents": 30,
    "log_records": 90,
    "metric_points": 90,
    "rejects": 30,
}
# An erased row's bytes are gone when the file has been rewritten. One rewrite serves all erasures of a day.
_DEFAULT_REWRITE_HOURS = 24
_REWRITE = "erasure_rewrite_hours"


@dataclass(frozen=True)
class Retention:
    """How long rows are kept, in days after the day that they are about (UTC); None = for ever."""

    by_table: Mapping[Table, int | None] = field(default_factory=_DEFAULT_DAYS.copy)
    by_project: Mapping[str, Mapping[Table, int | None]] = field(default_factory=dict)
    erasure_rewrite_hours: int = _DEFAULT_REWRITE_HOURS

    @classmethod
    def read(cls, document: Any) -> Retention:
        """From the `retention` setting, or what `plain` gave. Raises ValueError that names the key and what it may be."""
        if isinstance(document, Retention):
            return document
        if not isinstance(document, Mapping):
            raise ValueError("is not a table of settings")
        projects = document.get("projects", {})
        if not isinstance(projects, Mapping):
            raise ValueError("projects is not a table of projects, such as [retention.projects.demo]")
        general = {name: value for name, value in document.items() if name not in ("projects", _REWRITE)}
        return cls(
            {**_DEFAULT_DAYS, **_days_by_table(general, "")},
            {name: _of_project(name, given) for name, given in projects.items()},
            _whole(_REWRITE, document.get(_REWRITE, _DEFAULT_REWRITE_HOURS), 0, 720),
        )

    def plain(self) -> dict[str, Any]:
        """As the setting it came from, with every default written out."""
        return {
            **_written(self.by_table),
            _REWRITE: self.erasure_rewrite_hours,
            "projects": {name: _written(days) for name, days in self.by_project.items()},
        }

    def days(self, table: Table, project: str) -> int | None:
        """How many days of the table this project keeps; None = all."""
        return self.by_project.get(project, {}).get(table, self.by_table[table])

    def shortest_days(self, table: Table) -> int | None:
        """What the project with the shortest keeps: where a search for what is due begins; None = nowhere."""
        kept = [self.by_table[table], *(of.get(table) for of in self.by_project.values())]
        return min((days for days in kept if days is not None), default=None)


def _of_project(name: str, given: Any) -> Mapping[Table, int | None]:
    if not is_project(name):
        raise ValueError(f"{name!r} is not a project name: 1 to 64 of a-z, 0-9, '-' and '_'")
    if not isinstance(given, Mapping):
        raise ValueError(f"projects.{name} is not a table, such as [retention.projects.{name}]")
    return _days_by_table(given, f"projects.{name}.")


def _written(days: Mapping[Table, int | None]) -> dict[str, Any]:
    return {f"{table}_days": FOREVER if kept is None else kept for table, kept in days.items()}


def _days_by_table(given: Mapping[str, Any], where: str) -> dict[Table, int | None]:
    known: dict[str, Table] = {f"{table}_days": table for table in get_args(Table)}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"there is no {where}{unknown[0]}. There are: {', '.join(known)}")
    return {known[name]: _days(f"{where}{name}", value) for name, value in given.items()}


def _days(name: str, given: Any) -> int | None:
    return None if given == FOREVER else _whole(name, given, 1, 36_500, f", nor {FOREVER!r}")


def _whole(name: str, given: Any, least: int, most: int, otherwise: str = "") -> int:
    if isinstance(given, int) and not isinstance(given, bool) and least <= given <= most:
        return given
    raise ValueError(f"{name} = {given!r} is not a number from {least} to {most}{otherwise}")
