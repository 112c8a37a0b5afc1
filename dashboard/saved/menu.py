"""The menu of saved views, in the head of every page: what is kept, and keeping what is on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import DEFAULT_RANGE, Filters, choose
from dashboard.filters.addresses import EVERYWHERE
from dashboard.formats import plain
from dashboard.saved.kept import Saved, keep, listed, may_keep, remove, why_not, wrong_name
from errors import UserError

if TYPE_CHECKING:
    from dashboard.places import Place

_NAME = "saved-view-name"
_SAID = "steelyard-saved-said"
# Filters that say nothing where others do not ask for them.
_ONLY_WITH: Mapping[str, tuple[str, str | None]] = {
    "from": ("range", "custom"),
    "to": ("range", "custom"),
    "value": ("dim", None),
}
# In the header, beside the pages' names, and who is signed in further left: a line of its own would push every page down.
_CSS = """
<style>
.st-key-saved-head { position: fixed; top: 0.55rem; right: 3.6rem; width: auto; z-index: 999991; }
.st-key-saved-head button { min-height: 2rem; }
body:has(.st-key-saved-head) .st-key-visitor { right: 10.5rem; }
@media (max-width: 900px) { .st-key-saved-head { position: static; } }
@media print { .st-key-saved-head { display: none; } }
</style>
"""


def menu(place: Place, chosen: Filters, places: Sequence[Place]) -> None:
    """Draw it. `places` are all pages: a saved view of one that is no more is not offered."""
    views = listed(chosen.project, "view")
    st.html(_CSS)
    with (
        st.container(key="saved-head"),
        st.popover("Saved", icon=":material/bookmark:", type="tertiary", key="saved-menu"),
        st.container(width=380, gap="small"),
    ):
        st.markdown(f"**Saved views** :gray[· project {plain(chosen.project)}]")
        known = {other.path: other for other in places}
        shown = [view for view in views if view.page in known]
        for view in shown:
            _view(view, known[view.page], place, chosen.project)
        if not shown:
            st.caption("None yet. A saved view is a page with its filters, for everybody of this project.")
        if may_keep():
            _keeping(place, chosen)
        else:
            st.markdown(why_not())
        if said := st.session_state.pop(_SAID, None):
            st.info(said, icon=":material/bookmark:")


def address_of(place: Place, state: Mapping[str, object], unset: Mapping[str, str | None]) -> dict[str, str]:
    """What the URL of the page says of the widgets that it shows, without the project and without what is so anyway."""
    keys = [key for key in address_keys(place) if state.get(key) and not _is_moot(key, state)]
    return {key: str(state[key]) for key in keys if state[key] != unset.get(key)}


def address_keys(place: Place) -> list[str]:
    """The keys that a view of this page may set."""
    shown = {*place.shows}
    shown |= {key for key, (other, _) in _ONLY_WITH.items() if other in shown}
    return [key for key in EVERYWHERE if key in shown] + [field.key for field in place.own]


def unset(place: Place, project: str) -> dict[str, str | None]:
    """What each of its keys is where nobody has chosen anything."""
    months = source.read_list("months", project) if "month" in place.shows else []
    otherwise = {"range": DEFAULT_RANGE} | (
        {"month": formats.month_name(months[0]["month"])} if months else {}
    )
    return {key: otherwise.get(key) for key in address_keys(place)}


def _is_moot(key: str, state: Mapping[str, object]) -> bool:
    if key not in _ONLY_WITH:
        return False
    other, value = _ONLY_WITH[key]
    return not state.get(other) if value is None else state.get(other) != value


def _view(view: Saved, its: Place, here: Place, project: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = plain(formats.shortened(view.name, 60))
        # Whatever else is stored, it sets filters of its page and nothing beside them.
        address = {key: value for key, value in view.address.items() if key in address_keys(its)}
        if its.path == here.path:
            # On the page itself a link would leave the URL, and with it the filters, as they are.
            st.button(
                label,
                key=f"saved-open-{view.name}",
                icon=its.icon,
                type="tertiary",
                on_click=partial(choose, **{**unset(here, project), **address}),
            )
        else:
            # An empty value clears what was chosen before.
            cleared = {key: "" for key in address_keys(its) if st.session_state.get(key)}
            pieces.link(its.path, label, its.icon, **{**cleared, **address})
        by = f" by {view.recorded_by}" if view.recorded_by else ""
        st.caption(plain(f"{its.title}, {view.received_at:%d %b}{by}"), width="stretch")
        if may_keep():
            st.button(
                "Remove",
                key=f"saved-remove-{view.name}",
                icon=":material/close:",
                type="tertiary",
                help=f"Remove {plain(view.name)} for everybody of the project",
                on_click=_remove,
                args=(project, view.name),
            )


def _keeping(place: Place, chosen: Filters) -> None:
    with st.form("saved-form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name of this view", key=_NAME, placeholder="Search team, this month", max_chars=80)
        st.form_submit_button("Save", on_click=_keep, args=(place, chosen.project))


def _keep(place: Place, project: str) -> None:
    name = str(st.session_state.get(_NAME) or "")
    if wrong := wrong_name(name):
        st.session_state[_SAID] = wrong
        return
    try:
        keep(
            project,
            "view",
            name,
            page=place.path,
            address=address_of(place, st.session_state.to_dict(), unset(place, project)),
        )
    except UserError as refused:
        st.session_state[_SAID] = plain(str(refused))
    else:
        st.session_state[_NAME] = ""
        st.session_state[_SAID] = f"Saved as **{plain(name.strip())}** for everybody of the project."


def _remove(project: str, name: str) -> None:
    try:
        remove(project, "view", name)
    except UserError as refused:
        st.session_state[_SAID] = plain(str(refused))
