"""The page from top to bottom: key figures, the way to the end of the month, budgets, every row, and what is open."""

from __future__ import annotations

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters
from dashboard.report import words
from dashboard.report.month import Asked, gather
from dashboard.views.spend import amounts, budgets, figures, panel, table

# Grouped by the first of these that the page is not narrowed by.
BY_ITSELF = ("tenant_id", "model", "prompt_name")
# What is read from left to right, and what explains it beside.
_WIDTHS = (2, 1)


def draw(chosen: Filters) -> None:
    month = gather(source.read, asked(chosen), source.now())
    if not month.totals["n_calls"]:
        _nothing(chosen)
        return
    figures.draw(month)
    pieces.sampled(month.totals)
    left, right = st.columns(_WIDTHS, gap="small")
    with left:
        figures.course(month)
    with right:
        budgets.draw(chosen, month)
    left, right = st.columns(_WIDTHS, gap="small")
    with left:
        table.draw(chosen, month)
    with right:
        panel.draw(chosen, month)
        amounts.draw(chosen, month)
    pieces.footer(*words.reconciled(month), data_up_to=month.totals["last_started_at"])


def asked(chosen: Filters) -> Asked:
    """What the page is of, by what is chosen above it."""
    left = [name for name in BY_ITSELF if name not in chosen.narrowing]
    by = chosen.by or next(iter(left), BY_ITSELF[0])
    return Asked(chosen.project, chosen.month, by, chosen.narrowing, chosen.of)


def _nothing(chosen: Filters) -> None:
    if chosen.described:
        pieces.nothing_matches(f"{chosen.described} in {formats.month_name(chosen.month)}")
        return
    st.info(f"No calls in {formats.month_name(chosen.month)}.", icon=":material/event_busy:")
    pieces.link("setup", "Open Setup: is data flowing?", ":material/cable:", project=chosen.project)
