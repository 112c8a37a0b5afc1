"""The card "Needs attention": what was found, the worst first, each with a link to its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import streamlit as st

from dashboard import formats, pieces, source, visitor
from dashboard.filters import Filters
from dashboard.filters.addresses import between
from dashboard.formats import plain
from dashboard.insight.attention import Item, Severity, address_of
from dashboard.insight.gathered import LOOKED_AT, gather
from dashboard.views.overview import key_figures, live

# Nothing that is looked for is news sooner.
FRESH_FOR = timedelta(minutes=1)
SHOWN = 4
_MARKS: Mapping[Severity, tuple[str, str]] = {
    "critical": (":material/error:", ":red[**Critical**]"),
    "warning": (":material/warning:", ":orange[**Warning**]"),
    "notice": (":material/info:", ":gray[**Notice**]"),
}


def draw(filters: Filters, is_live: bool) -> None:
    with st.container(border=True, gap="small", height="stretch", key="attention"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(
                "**Needs attention** :gray[· whole project]",
                width="content",
                help=f"Looked at: {LOOKED_AT}.",
            )
            live.toggle(filters)
        live.repeated(partial(_list, filters), is_live)


def _list(filters: Filters) -> None:
    found, looked_at = _gathered(source.where(), visitor.current().identity, filters.project)
    now = source.now()
    newest = key_figures.read(live.of_now(filters)).window["last_started_at"]
    with st.container(gap=None, key="attention-items"):
        if not found:
            st.markdown(":green[✓ **Nothing needs attention.**]")
            st.caption(f"Looked at {LOOKED_AT}.")
        _items(found[:SHOWN], filters)
        if len(found) > SHOWN:
            with st.expander(f"{len(found) - SHOWN} more"):
                _items(found[SHOWN:], filters)
    st.caption(f"Looked {formats.age(looked_at, now)}, newest call {formats.age(newest, now)}")


# Visitors are shown different things, so `who` is part of what is kept.
@st.cache_data(ttl=FRESH_FOR, max_entries=100, show_spinner=False)
def _gathered(where: str, who: str, project: str) -> tuple[list[Item], datetime]:
    now = source.now()
    return gather(source.read, project, now, source.pipeline(project)), now


def _items(items: Sequence[Item], filters: Filters) -> None:
    for item in items:
        icon, word = _MARKS[item.severity]
        said = f"{word} {plain(item.title)}"
        if item.link.page == "setup" and not source.may("pipeline"):
            st.markdown(f"{icon} {said}")
        else:
            pieces.link(item.link.page, said, icon, **address(item, filters))
        st.caption(plain(item.detail))


def address(item: Item, filters: Filters) -> dict[str, str]:
    """What the address of the evidence says; what else narrows this page is cleared: findings are of the whole project."""
    cleared = {key: "" for name, value in filters.narrowing.items() for key in address_of(name, value)}
    window = between(*item.link.window) if item.link.window else {}
    return {"project": filters.project, **cleared, **item.link.params, **window}
