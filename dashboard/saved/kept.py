"""What is saved in a project, and how it is saved: a record through the receiver, like everything that is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ulid import ULID

from dashboard import source, visitor
from dashboard.source import Row
from store.record_checks import MOST_NAME_CHARACTERS

SavedKind = Literal["view", "query"]


@dataclass(frozen=True)
class Saved:
    """One view or query, by its name."""

    kind: SavedKind
    name: str
    recorded_by: str
    received_at: datetime
    page: str = ""  # of a view
    address: Mapping[str, str] = field(default_factory=dict)  # of a view: what its URL says besides
    statement: str = ""  # of a query
    chart: Mapping[str, str] = field(default_factory=dict)  # of a query; empty = a table


def listed(project: str, kind: SavedKind) -> list[Saved]:
    """Everything of the kind that is saved in the project, by name; at most half a minute old."""
    return [_saved(row) for row in source.read_list("saved", project) if row["kind"] == kind]


def find(project: str, kind: SavedKind, name: str) -> Saved | None:
    """What is saved under this name, if anything is."""
    return next((one for one in listed(project, kind) if one.name == name), None)


def keep(
    project: str,
    kind: SavedKind,
    name: str,
    *,
    page: str | None = None,
    address: Mapping[str, str] | None = None,
    statement: str | None = None,
    chart: Mapping[str, str] | None = None,
) -> None:
    """Save it, in place of what was saved under that name. Raises ServerError when the receiver refuses."""
    given = {"page": page, "address": address, "statement": statement, "chart": chart}
    _write(project, kind, name, "set", {key: value for key, value in given.items() if value})


def remove(project: str, kind: SavedKind, name: str) -> None:
    """Take it off the list. Raises ServerError when the receiver refuses."""
    _write(project, kind, name, "removed", {})


def may_keep() -> bool:
    """Whether who looks may save, and there is a receiver that would take it."""
    return source.may("save") and source.receiver() is not None


def why_not() -> str:
    """Why nothing can be saved here, as Markdown."""
    if source.receiver() is None:
        return "These pages were started without a receiver, so nothing can be saved here (`steelyard up` has one)."
    if visitor.current().is_bound_within:
        return "What is saved is for a whole project, and you see a part of it."
    return "Saving takes one of the roles engineer, finance and admin."


def wrong_name(name: str) -> str | None:
    """What is wrong with a name to save under, in words; None when nothing is."""
    if not name.strip():
        return "Give it a name."
    if not name.isprintable() or len(name) > MOST_NAME_CHARACTERS:
        return f"A name is one line of at most {MOST_NAME_CHARACTERS} characters."
    return None


def _write(project: str, kind: SavedKind, name: str, status: str, more: Mapping[str, object]) -> None:
    record = {
        "saved_key": str(ULID()),
        "kind": kind,
        "name": name.strip(),
        "status": status,
        "recorded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "recorded_by": visitor.current().name or None,
        **more,
    }
    source.write("saved", record, project)


def _saved(row: Row) -> Saved:
    return Saved(
        kind=row["kind"],
        name=row["name"],
        recorded_by=row["recorded_by"] or "",
        received_at=row["received_at"],
        page=row["page"] or "",
        address=_texts(row["address"]),
        statement=row["statement"] or "",
        chart=_texts(row["chart"]),
    )


def _texts(document: str | None) -> dict[str, str]:
    """A JSON object of texts, as the receiver let it in; whatever else a store holds is nothing."""
    try:
        found = json.loads(document or "{}")
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}
