"""The editor: a text, Run, and the queries that are saved under a name."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import formats, saved
from dashboard.filters import Filters, choose
from dashboard.formats import plain
from dashboard.saved import Saved
from dashboard.views.sql import state
from dashboard.views.sql.answer import MOST_ROWS
from errors import UserError

_NAME, _SAID = "sql-name", "steelyard-sql-said"
_PICKED = "sql-saved"
_CSS = """
<style>.st-key-sql-text textarea { font-family: monospace; font-size: 0.9rem; line-height: 1.45; }
/* The name of the shortcut is fainter than it may be. */
.st-key-sql-run kbd { color: inherit !important; opacity: 1 !important; }</style>
"""
_FIRST = """\
select model_answered, count(*) as n_calls, sum(effective_cost_usd) as cost_usd
from calls
where project = '{project}'
    and started_at >= '{since:%Y-%m-%d %H:%M}' and started_at < '{until:%Y-%m-%d %H:%M}'
group by model_answered
order by cost_usd desc nulls last"""


def editor(filters: Filters, opened: Saved | None) -> None:
    """Draw it, and run what is asked for: by the button, or by an address that names a saved query."""
    asked = state.is_new(opened.name if opened else None) and opened is not None
    if opened is not None and asked:
        state.put(opened.statement, opened.chart)
    elif not st.session_state.get(state.TEXT):
        since, until = filters.window.since, filters.window.until
        st.session_state[state.TEXT] = _FIRST.format(project=filters.project, since=since, until=until)
    st.html(_CSS)
    with st.container(border=True, gap="small", key="sql-editor"):
        _head(filters.project, opened)
        st.text_area("SQL", key=state.TEXT, height=190, label_visibility="collapsed")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            asked |= st.button("Run", icon=":material/play_arrow:", key="sql-run", shortcut="Ctrl+Enter")
            _saving(filters.project, opened)
        if said := st.session_state.pop(_SAID, None):
            st.info(said, icon=":material/bookmark:")
    if asked:
        with st.spinner("The store is asked …"):
            state.run(st.session_state[state.TEXT], MOST_ROWS)


def _head(project: str, opened: Saved | None) -> None:
    queries = [query.name for query in saved.listed(project, "query")]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(opened.name) if opened else 'Query'}**", width="content")
        st.caption(plain(_about(opened)), width="stretch")
        if queries:
            st.session_state[_PICKED] = opened.name if opened else None
            st.selectbox(
                "Saved queries",
                queries,
                index=None,
                placeholder=f"Saved queries ({len(queries)})",
                key=_PICKED,
                label_visibility="collapsed",
                width=260,
                on_change=_open,
            )


def _about(opened: Saved | None) -> str:
    if opened is None:
        return ""
    by = f" by {formats.shortened(opened.recorded_by)}" if opened.recorded_by else ""
    return f"saved {formats.moment(opened.received_at)}{by}"


def _open() -> None:
    choose(saved=st.session_state[_PICKED])


def _saving(project: str, opened: Saved | None) -> None:
    if not saved.may_keep():
        st.markdown(saved.why_not())
        return
    with st.popover("Save", icon=":material/bookmark_add:", key="sql-save"):
        st.text_input("Name of this query", key=_NAME, value=opened.name if opened else "", max_chars=80)
        st.caption("The text and the figure, for everybody of the project; a name that is taken is replaced.")
        st.button("Save", key="sql-keep", on_click=partial(_keep, project))
    if opened is not None:
        st.button(
            "Remove",
            key="sql-remove",
            icon=":material/delete:",
            type="tertiary",
            help="Take it off the list for everybody of the project; the text stays here",
            on_click=partial(_remove, project, opened.name),
        )


def _keep(project: str) -> None:
    name = str(st.session_state[_NAME] or "").strip()
    if wrong := saved.wrong_name(name):
        st.session_state[_SAID] = wrong
        return
    try:
        saved.keep(project, "query", name, statement=st.session_state[state.TEXT], chart=state.chart())
    except UserError as refused:
        st.session_state[_SAID] = plain(str(refused))
        return
    # It is on screen already; the address says so from now on, without asking the store again.
    state.is_new(name)
    choose(saved=name)
    st.session_state[_SAID] = f"Saved as **{plain(name)}**. The address of this page opens it."


def _remove(project: str, name: str) -> None:
    try:
        saved.remove(project, "query", name)
    except UserError as refused:
        st.session_state[_SAID] = plain(str(refused))
        return
    choose(saved=None)
