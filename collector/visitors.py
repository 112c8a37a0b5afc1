"""Who may look at the pages: how they sign in, and what each may see.

The pages ask the read API for each visitor as that visitor (`collector.narrowing`), so what is said here holds for
whatever a page does. Handed to the dashboard's process through its environment, which others cannot list.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from collector.narrowing import Narrowing, UnreadableError
from collector.roles import PEOPLE

Method = Literal["none", "key", "oidc", "proxy"]
METHODS: tuple[Method, ...] = get_args(Method)
# In place of a user's name: everybody who signs in and is not named.
ANYBODY = "*"
SIGN_IN_VARIABLE = "STEELYARD_SIGN_IN"
# Under which name the pages find what the proxy's header says.
PROXY_USER = "name_from_proxy"

_USER_FIELDS = ("role", "project", "tenant", "environment")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


@dataclass(frozen=True)
class SignIn:
    """How people come to the pages. The default lets programs and people of this machine in, and nobody else."""

    method: Method = "none"
    users: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    user_header: str = "X-Forwarded-User"
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    oidc_file: str = ""

    def whom(self, name: str) -> Narrowing | None:
        """What the person of this name may see; None when nobody of that name may look at all."""
        known = {user.casefold(): fields for user, fields in self.users.items()}
        fields = known.get(name.casefold(), known.get(ANYBODY)) if name != ANYBODY else None
        return None if fields is None else Narrowing(**fields)

    def handed_down(self) -> str:
        return json.dumps(vars(self), default=dict)

    @classmethod
    def taken_up(cls, text: str | None) -> SignIn:
        """What `handed_down` gave; nothing is no sign-in."""
        if not text:
            return cls()
        found = json.loads(text)
        return cls(**{**found, "proxies": tuple(found["proxies"])})


def check_users(users: Mapping[str, Mapping[str, str]]) -> None:
    """Raises ValueError that names the first user that is wrong."""
    seen: set[str] = set()
    for name, fields in users.items():
        if not name or not name.isprintable():
            raise ValueError(f"{name!r} is not a user's name")
        if name.casefold() in seen:
            raise ValueError(f"{name} is there twice (upper and lower case are the same)")
        seen.add(name.casefold())
        try:
            _check_fields(fields)
        except (UnreadableError, ValueError) as wrong:
            raise ValueError(f"{name}: {wrong}") from None


def _check_fields(fields: Mapping[str, str]) -> None:
    if unknown := [field for field in fields if field not in _USER_FIELDS]:
        raise ValueError(f"there is no {unknown[0]!r}; there are {', '.join(_USER_FIELDS)}")
    if fields.get("role") not in PEOPLE:
        raise ValueError(f"role is {fields.get('role')!r}, not one of {', '.join(PEOPLE)}")
    if empty := [field for field, value in fields.items() if not value]:
        raise ValueError(f"{empty[0]} is empty; leave it out")
    Narrowing.read(Narrowing(**fields).header())


def check_proxies(proxies: tuple[str, ...]) -> None:
    """Raises ValueError for what is neither an address nor a network."""
    for proxy in proxies:
        ipaddress.ip_network(proxy)


def check_header_name(name: str) -> None:
    """Raises ValueError for what cannot be the name of an HTTP header."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is not the name of a header")
