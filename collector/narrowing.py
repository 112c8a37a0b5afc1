"""`x-steelyard-as`: a request made for somebody who may do less than the key that it comes with.

The dashboard has one key and many visitors. Each of its requests says whom it is for, and is answered as that visitor
may: `x-steelyard-as: role=viewer&project=search&tenant=hooli` (form encoding, so that any name fits). It can only take
away, so nothing is gained by sending it, and any key may: rights are those that both have, a binding that the key has
stays, and another one beside it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from collector.keys import Caller
from collector.roles import ROLES
from store.projects import is_project

MOST_CHARACTERS = 2_000
_FIELDS = ("role", "project", "tenant", "environment")


class UnreadableError(Exception):
    """The header is not what it should be; the text says why."""


class BeyondError(Exception):
    """It asks for what the key does not have."""


@dataclass(frozen=True)
class Narrowing:
    """What a request is narrowed to; "" where it is not."""

    role: str
    project: str = ""
    tenant: str = ""
    environment: str = ""

    def header(self) -> str:
        """As the header's value."""
        return urlencode({name: value for name, value in vars(self).items() if value})

    @classmethod
    def read(cls, text: str) -> Narrowing:
        """What `header` gave. Raises UnreadableError: a narrowing that is not understood is never left out."""
        fields = _fields(text)
        found = cls(**fields)
        if found.role not in ROLES:
            raise UnreadableError(f"role is {found.role[:50]!r}, not one of {', '.join(ROLES)}")
        if found.project and not is_project(found.project):
            raise UnreadableError(f"project {found.project[:100]!r} is not a project name")
        if (found.tenant or found.environment) and not found.project:
            raise UnreadableError("a tenant or an environment is bound within a project; name that too")
        if found.role == "admin" and (found.tenant or found.environment):
            raise UnreadableError("an admin is bound to a project only")
        return found


def _fields(text: str) -> Mapping[str, str]:
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"it is over {MOST_CHARACTERS} characters")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise UnreadableError("it is not form encoded, as in role=viewer&project=search") from None
    fields = dict(pairs)
    # An empty tenant must not mean every tenant: who sends one meant somebody.
    if len(fields) < len(pairs) or not fields.keys() <= {*_FIELDS} or not all(fields.values()):
        raise UnreadableError(f"it has other fields than {', '.join(_FIELDS)}, one twice, or an empty one")
    if "role" not in fields:
        raise UnreadableError("it names no role")
    return fields


def narrowed(caller: Caller, to: Narrowing) -> Caller:
    """The caller with what both may. Raises BeyondError when the two are bound to different things."""
    for name in ("project", "tenant", "environment"):
        is_bound = name != "project" or not caller.every_project
        has, asked = getattr(caller, name), getattr(to, name)
        if is_bound and has and asked and has != asked:
            raise BeyondError(f"it asks for {name} {asked[:100]!r}, and the key is bound to {has!r}")
    return replace(
        caller,
        project=to.project or caller.project,
        tenant=to.tenant or caller.tenant,
        environment=to.environment or caller.environment,
        acting_as=to.role,
        every_project=caller.every_project and not to.project,
    )
