"""What arrived and could not be used."""

from __future__ import annotations

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.formats import count
from dashboard.views.setup.sources import LOOKED_BACK

_TALL, _TALL_ROWS = 320, 10


def refused(project: str) -> None:
    """What was refused or could not be read, why and where from."""
    since = source.now().replace(second=0, microsecond=0) - LOOKED_BACK
    rejects = source.read("rejects_by_reason", project, since=since)
    with pieces.card("Refused or unreadable", f"last {LOOKED_BACK.days} days", height="content"):
        if not rejects:
            st.markdown(":green[✓] Nothing was refused, and all of it could be read.")
            return
        pieces.table(
            rejects,
            {"n_refusals": count, "n_items": count, "last_received_at": formats.moment},
            {
                "signal": st.column_config.TextColumn("signal", width=75),
                "reason": st.column_config.TextColumn("why, and where from", width=340),
                "n_refusals": st.column_config.NumberColumn("times", width=60),
                "n_items": st.column_config.NumberColumn(
                    "items", width=60, help="Unknown when a whole request could not be read."
                ),
                "last_received_at": st.column_config.DatetimeColumn("last", width=100),
            },
            alt="What was refused or could not be read, with the reason, the sender and how often.",
            key="rejects",
            height=_TALL if len(rejects) > _TALL_ROWS else "content",
        )
