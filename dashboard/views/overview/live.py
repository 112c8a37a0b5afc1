"""Live: the key figures and what needs attention, drawn anew while somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import streamlit as st

from dashboard import formats, source
from dashboard.filters import RANGES, Filters, Own, choose, window
from errors import NotSignedInError, UserError

EVERY = timedelta(seconds=10)
# Over longer ranges ten seconds change nothing that anybody could see.
_LONGEST = timedelta(hours=24)
_RANGES = [name for name, found in RANGES.items() if found.length <= _LONGEST]
LIVE = Own("live", "Live", options=("on",), visible=False)
_TOGGLE = "live-toggle"


def is_possible(filters: Filters) -> bool:
    """A custom range stands still, wherever it ends."""
    return filters.range_name in _RANGES


def is_on(filters: Filters) -> bool:
    return is_possible(filters) and filters.own[LIVE.key] == "on"


def of_now(filters: Filters) -> Filters:
    """The same filters with the window that ends now: what is drawn anew has those of when the page was drawn."""
    if filters.range_name not in RANGES:
        return filters
    return replace(filters, window=window(RANGES[filters.range_name], source.now()))


def toggle(filters: Filters) -> None:
    # The address says it, and Back may have changed what it says.
    st.session_state[_TOGGLE] = is_on(filters)
    st.toggle(
        "Live",
        key=_TOGGLE,
        disabled=not is_possible(filters),
        on_change=_turn,
        help=f"Draw the key figures and this list anew every {EVERY.seconds} s. "
        f"Needs a range of {' or '.join(_RANGES)}.",
    )


def _turn() -> None:
    choose(live="on" if st.session_state[_TOGGLE] else None)


def repeated(draw: Callable[[], None], is_live: bool) -> None:
    """Draw this part of the page, and while live every ten seconds again.

    By itself it has nothing around it that would tell a mistake, so it does that here.
    """

    def part() -> None:
        try:
            draw()
        except NotSignedInError:
            st.rerun()
        except UserError as mistake:
            st.caption(f"Not known now: {formats.plain(str(mistake))}")

    st.fragment(part, run_every=EVERY if is_live else None)()
