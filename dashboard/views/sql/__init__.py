"""SQL: what the other pages do not answer, for who may see every project."""

from __future__ import annotations

import streamlit as st

from dashboard import formats, pieces, saved, source
from dashboard.filters import Filters, Own
from dashboard.formats import plain
from dashboard.saved import Saved
from dashboard.views.sql.answer import MOST_ROWS, answer
from dashboard.views.sql.editor import editor
from dashboard.views.sql.schema import browser
from store.execute import TIMEOUT_S

OWN = (Own("saved", "Saved query", visible=False),)


def draw(filters: Filters) -> None:
    if not source.may("sql"):
        st.info(
            "SQL sees every project, so it is for engineers and admins who are bound to none.",
            icon=":material/lock:",
        )
        return
    opened = _opened(filters.project, filters.own["saved"])
    left, right = st.columns([2.4, 1], gap="small")
    with left:
        editor(filters, opened)
        answer()
    with right:
        browser(filters)
    pieces.footer(
        "read-only: one SELECT",
        f"at most {formats.count(MOST_ROWS)} rows and {TIMEOUT_S:g} s",
        "every project; `calls` has one row a call",
    )


def _opened(project: str, name: str | None) -> Saved | None:
    """The saved query that the address names."""
    if name is None:
        return None
    found = saved.find(project, "query", name)
    if found is None:
        st.info(
            f"There is no saved query **{plain(formats.shortened(name))}** in project {plain(project)}.",
            icon=":material/link_off:",
        )
    return found


__all__ = ["OWN", "draw"]
