"""Setup: is data flowing, what could not be used, and how does one's own come in?"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import pieces, source
from dashboard.filters import Filters
from dashboard.views.setup.collector import strip
from dashboard.views.setup.prices import prices
from dashboard.views.setup.sending import ways_in
from dashboard.views.setup.sources import flow, wait_for_first
from dashboard.views.setup.standing import store, who_looks
from dashboard.views.setup.unused import refused


def draw(filters: Filters) -> None:
    health = source.health() or {}
    extent = source.read_one("extent", filters.project)
    strip(filters.project)
    if extent["n_spans"]:
        _flowing(filters.project, health, extent)
    else:
        _empty(filters.project, health)
    pieces.footer(
        f"project {filters.project}",
        f"reads {source.where()}",
        data_up_to=extent["last_received_at"],
    )


def _flowing(project: str, health: Mapping[str, object], extent: source.Row) -> None:
    left, right = st.columns([1.3, 1], gap="small")
    with left:
        flow(project)
        refused(project)
        prices(project, health)
    with right:
        ways_in(project, health)
        store(project, health, extent)
        who_looks()


def _empty(project: str, health: Mapping[str, object]) -> None:
    """Nothing has arrived: the ways in take the width of the page, and what was refused stands beside them."""
    wait_for_first(project)
    left, right = st.columns([1.3, 1], gap="small")
    with left:
        ways_in(project, health)
    with right:
        refused(project)
        who_looks()


__all__ = ["draw"]
