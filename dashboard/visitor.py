"""Who looks at the pages in this session, and as whom the read API is asked for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import streamlit as st

from collector.narrowing import Narrowing
from collector.roles import Right, rights_of
from collector.visitors import SIGN_IN_VARIABLE, SignIn
from errors import NotSignedInError

_KEPT = "steelyard-visitor"


@dataclass(frozen=True)
class Visitor:
    """One person. Without a key and a narrowing it is whoever sits at this machine, who may do everything."""

    name: str = ""
    role: str = "owner"
    rights: frozenset[str] = rights_of("owner")
    project: str | None = None  # None = every project
    tenant: str | None = None  # None = every tenant
    is_bound_within: bool = False  # to a tenant or an environment of their project
    api_key: str | None = field(default=None, repr=False)
    narrowed_to: str | None = None

    def may(self, right: Right) -> bool:
        # As the servers have it: SQL sees every project, and what is saved is for everybody of one.
        beyond = (right == "sql" and self.project) or (right == "save" and self.is_bound_within)
        return right in self.rights and not beyond

    @property
    def identity(self) -> str:
        """Tells apart what different visitors are shown, without holding a key."""
        text = f"{self.api_key or ''} {self.narrowed_to or ''}"
        return hashlib.sha256(text.encode()).hexdigest() if text.strip() else ""

    @property
    def described(self) -> str:
        """In words: what they may see."""
        bound = [
            f"{what} {value}" for what, value in (("project", self.project), ("tenant", self.tenant)) if value
        ]
        return ", ".join([self.role, *bound])


@cache
def sign_in() -> SignIn:
    """How people sign in to this dashboard."""
    return SignIn.taken_up(os.environ.get(SIGN_IN_VARIABLE))


def current() -> Visitor:
    """The visitor of this session. Raises NotSignedInError when there should be one and is not.

    A page that is drawn by mistake before somebody signed in must show nothing, not everything.
    """
    if sign_in().method == "none":
        return Visitor()
    found = st.session_state.get(_KEPT)
    if isinstance(found, Visitor):
        return found
    raise NotSignedInError("nobody is signed in here. Open the page again.")


def keep(visitor: Visitor | None) -> None:
    """Remember the visitor in this session, or forget."""
    if visitor is None:
        st.session_state.pop(_KEPT, None)
    else:
        st.session_state[_KEPT] = visitor


def of_key(api_key: str, known: Mapping[str, Any]) -> Visitor:
    """Who typed in an access key, of which the server said this (GET /api/v1/whoami)."""
    return Visitor(
        name=f"key {known['key']}",
        role=known["role"],
        rights=frozenset(known["rights"]),
        project=known["project"],
        tenant=known["tenant"],
        is_bound_within=bool(known["tenant"] or known["environment"]),
        api_key=api_key,
    )


def of_name(name: str, may_see: Narrowing) -> Visitor:
    """Somebody whose name comes from an identity provider or a proxy."""
    return Visitor(
        name=name,
        role=may_see.role,
        rights=rights_of(may_see.role),
        project=may_see.project or None,
        tenant=may_see.tenant or None,
        is_bound_within=bool(may_see.tenant or may_see.environment),
        narrowed_to=may_see.header(),
    )
