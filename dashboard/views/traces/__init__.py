"""Traces: what happened in this request? A search over calls, and beside it the trace that is open."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import streamlit as st

from dashboard import pieces, source
from dashboard.filters import RANGES, Filters, Window, window
from dashboard.formats import plain
from dashboard.views.traces import calls, opened
from dashboard.views.traces.asked import OWN, Search, leaf_of, search_of

__all__ = ["OWN", "draw"]

LIVE_EVERY_S = 8
# Over a longer range the newest calls are no news, and asking for them again and again is work for nothing.
LIVE_UP_TO = timedelta(hours=24)
_SWITCH = "traces-live"


def draw(chosen: Filters) -> None:
    search = search_of(chosen)
    for sentence in search.ignored:
        st.info(plain(sentence), icon=":material/link_off:")
    if chosen.own["id"]:
        left, right = st.columns([1.28, 1], gap="small")
        with left:
            _list(chosen, search, beside=True)
        with right:
            opened.draw(chosen)
    else:
        _list(chosen, search, beside=False)
    pieces.footer(
        "amounts are what is paid, in US dollars; ≈ = estimated, – = not known",
        pieces.price_book(chosen.project, chosen.window.since, chosen.window.until),
        window=chosen.window,
    )


def _list(chosen: Filters, search: Search, *, beside: bool) -> None:
    """The list: by now, again and again, where the switch is on and can be."""
    if _can_be_live(chosen, search) and st.session_state.get(_SWITCH):
        _live(chosen, search, beside)
    else:
        _once(chosen, chosen.window, search, beside)


def _once(chosen: Filters, shown: Window, search: Search, beside: bool) -> None:
    calls.draw(chosen, shown, search, partial(_switch, _can_be_live(chosen, search)), beside=beside)


@st.fragment(run_every=LIVE_EVERY_S)
def _live(chosen: Filters, search: Search, beside: bool) -> None:
    """A click here draws this part alone: what it opens or switches is beside it, so the page follows."""
    if not st.session_state.get(_SWITCH) or any(
        _says(key) != chosen.own[key] for key in ("id", "span", "after")
    ):
        st.rerun()
    _once(chosen, window(RANGES[chosen.range_name], source.now()), search, beside)


def _says(key: str) -> str | None:
    """What a field says by now, as `Filters.own` has it."""
    return (st.session_state.get(key) or "").strip() or None


def _can_be_live(chosen: Filters, search: Search) -> bool:
    """The newest calls of a short range that ends now."""
    is_short = chosen.range_name in RANGES and RANGES[chosen.range_name].length <= LIVE_UP_TO
    return is_short and search.order == "newest" and leaf_of(chosen.own["after"], search).number == 1


def _switch(can_be: bool) -> None:
    if can_be and st.session_state.get(_SWITCH):
        st.caption(f"as of {source.now():%H:%M:%S}", width="content")
    st.toggle(
        "Live",
        key=_SWITCH,
        disabled=not can_be,
        help=f"The newest calls every {LIVE_EVERY_S} s"
        if can_be
        else "Follows the newest calls of a range of up to 24 h, on the first page",
    )
