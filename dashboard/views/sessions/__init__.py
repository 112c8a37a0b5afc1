"""Sessions: what happened in one conversation, and which conversations went wrong?"""

from __future__ import annotations

import streamlit as st

from dashboard import formats, pieces
from dashboard.filters import Filters, Own
from dashboard.formats import plain
from dashboard.views.sessions.conversation import conversation
from dashboard.views.sessions.listing import ORDERS, listing
from dashboard.views.sessions.search import Meant, meaning

OWN = (
    Own(
        "who", "User, conversation, response or request id", width=230, placeholder="User, session or call id"
    ),
    Own("order", "Order", tuple(ORDERS), width=130, placeholder="Newest first"),
    # The conversation that is open, and how many of the list are left out before its first row.
    Own("session", "Conversation", visible=False),
    Own("from_row", "First row", visible=False),
)


def draw(filters: Filters) -> None:
    asked = filters.own["who"]
    meant = meaning(filters.project, asked) if asked else Meant()
    if asked:
        _say(meant, asked, filters.project)
    chosen = filters.own["session"] or meant.session_id
    if chosen is None:
        listing(filters, user_id=meant.user_id)
        return
    left, right = st.columns([4, 8], gap="small")
    with right:
        conversation(filters.project, chosen, models=filters.models_in_order)
    with left:
        listing(filters, user_id=meant.user_id, opened=chosen)


def _say(meant: Meant, asked: str, project: str) -> None:
    """What the id in the search field is, where the page does not show it by itself."""
    named = f"**{plain(formats.shortened(asked))}**"
    if not meant.kind:
        st.info(
            f"No user, conversation, response, request, trace or span is called {named} in project {plain(project)}. "
            "An id is looked for whole, in all of time.",
            icon=":material/search_off:",
        )
    elif meant.is_of_no_session:
        st.info(
            f"The {meant.kind} {named} is known, but its calls name no conversation.", icon=":material/info:"
        )
        pieces.link("traces", "Open its trace", ":material/account_tree:", id=meant.trace_id)
    elif meant.kind != "conversation":
        st.caption(f"{meant.described(named)}")


__all__ = ["OWN", "draw"]
