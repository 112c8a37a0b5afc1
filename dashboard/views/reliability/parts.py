"""Below the figures, one part at a time: each asks only when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.filters import Filters, Own, choose
from dashboard.source import Row
from dashboard.views.reliability import comparison, failures, requests

COMPARED, REQUESTS, FAILURES = "compared", "requests", "failures"
PART = Own("part", "Part", options=(COMPARED, REQUESTS, FAILURES), visible=False)
_NAMES: Mapping[str, str] = {
    COMPARED: "Side by side",
    REQUESTS: "Retries, failover and cache",
    FAILURES: "Failed calls",
}
_DRAW: Mapping[str, Callable[[Filters, Row], None]] = {
    COMPARED: comparison.draw,
    REQUESTS: requests.draw,
    FAILURES: failures.draw,
}
_KEY = "reliability-part"


def draw(filters: Filters, totals: Row) -> None:
    # The address decides: a choice of a class in a figure opens the failed calls.
    st.session_state[_KEY] = _NAMES[filters.own["part"] or COMPARED]
    chosen = st.segmented_control(
        "Part", list(_NAMES.values()), required=True, key=_KEY, label_visibility="collapsed", on_change=_open
    )
    part = next((part for part, name in _NAMES.items() if name == chosen), COMPARED)
    _DRAW[part](filters, totals)


def _open() -> None:
    chosen = st.session_state[_KEY]
    part = next(part for part, name in _NAMES.items() if name == chosen)
    choose(part=None if part == COMPARED else part)
