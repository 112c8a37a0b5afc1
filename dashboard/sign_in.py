"""Who may look: nobody is asked on one's own machine; elsewhere an access key, an identity provider or a proxy says.

What somebody may see is not decided here: every question to the read API carries who asks (`dashboard.visitor`), and
the read API answers as that person may. Here is only how a person becomes one.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

from collector.keys import TOKEN_PREFIX
from collector.visitors import PROXY_USER
from dashboard import source, visitor
from dashboard.formats import plain
from dashboard.visitor import Visitor
from errors import ConfigError, NotSignedInError, UserError

_WHY = "steelyard-why-signed-out"
# In the header, beside the pages' names: a line of its own would push every page down.
_CSS = """
<style>
.st-key-visitor { position: fixed; top: 0.35rem; right: 3.6rem; width: auto; z-index: 999991; }
@media (max-width: 900px) { .st-key-visitor { position: static; } }
@media print { .st-key-visitor { display: none; } }
</style>
"""
_MAKE_KEY = "steelyard keys add --role viewer --project default"


def find() -> Visitor | None:
    """The visitor of this session, if somebody is signed in who may look."""
    method = visitor.sign_in().method
    if method in ("oidc", "proxy"):
        # Each time anew: whoever is signed in elsewhere now is meant, not who was when the session began.
        visitor.keep(_named(method))
    try:
        return visitor.current()
    except NotSignedInError:
        return None


def draw() -> None:
    """The page in place of every page, for who is not signed in."""
    with st.container(horizontal_alignment="center"), st.container(width=460, key="sign-in"):
        st.markdown("# Steelyard")
        match visitor.sign_in().method:
            case "key":
                _ask_for_key()
            case "oidc":
                _ask_provider()
            case _:
                _refuse_proxied()


def draw_visitor() -> None:
    """Who is signed in, and the way out; nothing where nobody signs in."""
    method = visitor.sign_in().method
    if method == "none":
        return
    visiting = visitor.current()
    st.html(_CSS)
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="visitor"
    ):
        st.caption(f"{plain(visiting.name)} · {plain(visiting.described)}", width="content")
        if method == "key":
            st.button("Sign out", key="sign-out", on_click=visitor.keep, args=(None,), type="tertiary")
        elif method == "oidc":
            st.button("Sign out", key="sign-out", on_click=st.logout, type="tertiary")


def ask_again() -> None:
    """When the read API refuses the key of this session: ask for another. Does nothing when nobody typed one in."""
    if visitor.sign_in().method == "key":
        visitor.keep(None)
        st.session_state[_WHY] = "Signed out: the access key is not taken any more. It may have been revoked."
        st.rerun()


def _named(method: Literal["oidc", "proxy"]) -> Visitor | None:
    name = _name(method)
    may_see = visitor.sign_in().whom(name) if name else None
    return visitor.of_name(name, may_see) if name and may_see else None


def _name(method: Literal["oidc", "proxy"]) -> str | None:
    """What the proxy or the provider calls who looks; None when nobody is signed in."""
    user = st.user.to_dict()
    if method == "proxy":
        return str(user.get(PROXY_USER) or "") or None
    # An address that the provider has not verified may be anybody's.
    if not user.get("is_logged_in") or user.get("email_verified") is False:
        return None
    name = user.get("email") or user.get("sub")
    return str(name) if name else None


def _ask_for_key() -> None:
    if why := st.session_state.pop(_WHY, None):
        st.warning(why, icon=":material/key_off:")
    with st.form("key-form", clear_on_submit=True):
        key = st.text_input(
            "Access key", type="password", autocomplete="current-password", placeholder="sy_…"
        )
        if st.form_submit_button("Sign in", type="primary"):
            try:
                visitor.keep(_visitor_of(key.strip()))
            except UserError as refused:
                st.error(plain(str(refused)), icon=":material/key_off:")
            else:
                st.rerun()
    st.markdown(
        f"The key stays in this session and is asked for again after a reload. Whoever runs this collector makes one "
        f"with `{_MAKE_KEY}`."
    )


def _visitor_of(key: str) -> Visitor:
    # Without this a collector without keys would take any text for a program of its own machine.
    if not key.startswith(TOKEN_PREFIX):
        raise NotSignedInError(f"That is not an access key: those begin with {TOKEN_PREFIX}.")
    try:
        known = source.client_of_key(key).whoami()
    except NotSignedInError:
        raise NotSignedInError("This access key is not known here, or it was revoked.") from None
    except ConfigError:
        raise NotSignedInError("That is not an access key: it holds characters that no key has.") from None
    found = visitor.of_key(key, known)
    if not known["key"] or not found.may("query"):
        raise NotSignedInError(f"A key of the role {found.role} reads nothing. Use one of another role.")
    return found


def _ask_provider() -> None:
    user = st.user.to_dict()
    if not user.get("is_logged_in"):
        st.markdown("Sign in to see spend, reliability and releases.")
        st.button("Sign in", type="primary", on_click=st.login)
        return
    if user.get("email_verified") is False:
        _say_unknown(str(user.get("email")), "Its address is not verified at the identity provider.")
    else:
        _say_unknown(str(user.get("email") or user.get("sub")), _not_listed())
    st.button("Sign in as somebody else", on_click=st.logout)


def _refuse_proxied() -> None:
    name = _name("proxy")
    if name:
        _say_unknown(name, _not_listed())
    else:
        header = visitor.sign_in().user_header
        st.error(
            f"The proxy in front of this page does not say who you are (header `{plain(header)}`).",
            icon=":material/person_off:",
        )


def _not_listed() -> str:
    return "Whoever runs this collector can add the name to `dashboard_users`."


def _say_unknown(name: str, why: str) -> None:
    st.error(f"**{plain(name)}** may not look at this collector. {why}", icon=":material/person_off:")
