"""Arriving on a page: what a link says goes before what was chosen on the page that it was on."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

_PAGE, _ARRIVED = "steelyard-page", "steelyard-arrived"


def arrive(page: str) -> None:
    """Remember on which page this run is, and whether the one before was on another: then the address is right, not the
    fields. On the same page it may be behind what was just chosen.
    """
    before = st.session_state.get(_PAGE)
    st.session_state[_PAGE], st.session_state[_ARRIVED] = page, before not in (None, page)


def follow_link(key: str, options: Collection[str] | None = None, otherwise: str | None = None) -> None:
    """Let a link that led here say what the field of this key is; before the field is drawn.

    Streamlit puts what a link says behind what the address has already (`?tenant=acme&tenant=hooli`), and a field that
    was drawn before keeps its value. The last one is the link's; an empty one clears the field.
    """
    said = st.query_params.get_all(key)
    # A key that the address did not have before comes once, and after a step back not at all: on the first run of another
    # page the address is right.
    if len(said) < 2 and not st.session_state.get(_ARRIVED):
        return
    latest = said[-1] if said else ""
    is_known = latest and (options is None or latest in options)
    wanted = latest if is_known else otherwise
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted
    if said:
        # What is so anyway is not in the address.
        _keep_address(key, None if wanted == otherwise else wanted)


def _keep_address(key: str, value: str | None) -> None:
    """Tell Streamlit that the address says this by now.

    It would correct the address by itself, as one more step for Back to return to, from which it would be corrected
    again: nobody would ever get back. There is no public way to say so; a browser test holds it.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as params:
        if value is None:
            params.discard_param_no_forward_msg(key)
        else:
            # As the widget itself would write it: a choice among buttons is a list there.
            params.set_with_no_forward_msg(key, [value] if key == "range" else value)
        params.set_initial_query_params_from_current()
