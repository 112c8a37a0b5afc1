"""What each role may do: one table for access keys and for the people who sign in to the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

# `read` is what `engineer` was called before there were pages for others; keys of that role go on working.
Role = Literal["ingest", "viewer", "engineer", "read", "finance", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
# Those that a person can have; `ingest` is for programs.
PEOPLE: tuple[Role, ...] = ("viewer", "engineer", "finance", "admin")

# send: telemetry and the records of eval runs · query: named queries and explanations · contents: captured messages ·
# sql: a SELECT over every project, so only for who is bound to none · pipeline: the state of the collector and its
# metrics · save: views and queries under a name, for everybody of a project · administer: prices, tenants, erasures,
# backups, settings
Right = Literal["send", "query", "contents", "sql", "pipeline", "save", "administer"]

_ENGINEER: frozenset[Right] = frozenset({"query", "contents", "sql", "pipeline", "save"})
_RIGHTS: Mapping[str, frozenset[Right]] = {
    "ingest": frozenset({"send"}),
    "viewer": frozenset({"query", "contents"}),
    "engineer": _ENGINEER,
    "read": _ENGINEER,
    "finance": frozenset({"query", "save"}),
    "admin": frozenset(get_args(Right)),
    "owner": frozenset(get_args(Right)),
}


def rights_of(role: str) -> frozenset[Right]:
    """What the role may do; nothing when there is no such role."""
    return _RIGHTS.get(role, frozenset())


def roles_with(right: Right) -> str:
    """The roles of people and keys that have the right, in words for a message."""
    return ", ".join(role for role in ROLES if right in _RIGHTS[role])
