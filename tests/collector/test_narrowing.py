"""Whom a request is for: a narrowing only ever takes away, and one that cannot be read is refused."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import keys
from collector.keyring import ForbiddenError, Keyring, NotAProjectError
from collector.keys import EVERY_PROJECT, Caller
from collector.narrowing import BeyondError, Narrowing, UnreadableError, narrowed
from collector.roles import ROLES, Right

NAMES = st.sampled_from(["", "acme", "hooli"])
PROJECTS = st.sampled_from(["", "search", "billing"])
CALLERS = st.builds(
    lambda role, project, tenant, environment: Caller(
        project or "default", "k", tenant, environment, role, every_project=not project
    ),
    st.sampled_from([*ROLES, "owner"]),
    PROJECTS,
    NAMES,
    NAMES,
)
NARROWINGS = st.builds(Narrowing, st.sampled_from(ROLES), PROJECTS, NAMES, NAMES)


@given(CALLERS, NARROWINGS)
def test_it_only_takes_away(caller: Caller, to: Narrowing) -> None:
    try:
        found = narrowed(caller, to)
    except BeyondError:
        return
    for right in get_args(Right):
        assert not found.may(right) or caller.may(right)
    assert caller.every_project or (found.project == caller.project and not found.every_project)
    for bound in ("tenant", "environment"):
        assert getattr(found, bound) == getattr(caller, bound) or not getattr(caller, bound)
        assert getattr(found, bound) == getattr(to, bound) or not getattr(to, bound)
    assert found.every_project is (caller.every_project and not to.project)


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_any_name_survives_the_header(tenant: str, environment: str) -> None:
    to = Narrowing("viewer", "search", tenant, environment)
    try:
        header = to.header()
    except UnicodeEncodeError:  # half of a pair, which no telemetry holds
        return
    assert header.isascii()
    assert Narrowing.read(header) == to


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "no role"),
        ("viewer", "not form encoded"),
        ("project=search", "no role"),
        ("role=root", "'root', not one of"),
        ("role=owner", "'owner', not one of"),
        ("role=viewer&role=admin", "one twice"),
        ("role=viewer&project=search&tenant=", "an empty one"),
        ("role=viewer&tenant=hooli", "name that too"),
        ("role=viewer&project=A%20B", "not a project name"),
        ("role=viewer&user=ana", "other fields"),
        ("role=viewer&project=search&tenant=%ff", "not form encoded"),
        ("role=admin&project=search&tenant=hooli", "a project only"),
        ("role=viewer&project=search&tenant=" + "x" * 2_000, "over 2000 characters"),
    ],
)
def test_one_that_cannot_be_read_is_never_left_out(header: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=why):
        Narrowing.read(header)
    ring = Keyring(tmp_path, host="127.0.0.1", is_public=False, require_keys=False)
    with pytest.raises(NotAProjectError, match="x-steelyard-as"):
        ring.caller({"x-steelyard-as": header})


def test_a_key_for_one_project_cannot_be_narrowed_to_another(tmp_path: Path) -> None:
    _, token = keys.add_key(tmp_path, role="engineer", project="search", tenant="acme")
    ring = Keyring(tmp_path, host="127.0.0.1", is_public=False, require_keys=True)

    def ask(as_whom: str, **more: str) -> Caller:
        return ring.caller({"x-api-key": token, "x-steelyard-as": as_whom, **more})

    for beyond in ("role=viewer&project=billing", "role=viewer&project=search&tenant=hooli"):
        with pytest.raises(ForbiddenError, match="the key is bound to"):
            ask(beyond)
    found = ask("role=admin&project=search")
    assert (found.tenant, found.may("administer"), found.may("sql")) == ("acme", False, True)


def test_the_two_headers_that_name_a_project_must_agree(tmp_path: Path) -> None:
    _, token = keys.add_key(tmp_path, role="admin", project=EVERY_PROJECT)
    ring = Keyring(tmp_path, host="127.0.0.1", is_public=False, require_keys=True)
    both = {"x-api-key": token, "x-steelyard-as": "role=viewer&project=search"}
    assert ring.caller({**both, "x-steelyard-project": "search"}).project == "search"
    with pytest.raises(ForbiddenError, match="send the same"):
        ring.caller({**both, "x-steelyard-project": "billing"})
