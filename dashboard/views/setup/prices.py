"""What calls are priced with: the book, prices that wait for an approval, models that have none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.formats import count, plain
from dashboard.views.setup.sources import LOOKED_BACK

_TALL, _TALL_ROWS = 320, 10
_GIVE_A_PRICE = """\
steelyard prices override PROVIDER MODEL --input 2.5 --output 10 --from 2026-10-01
steelyard reprice --month 2026-10 --dry-run   # what is stored, at the new price
"""


def prices(project: str, health: Mapping[str, object]) -> None:
    until = source.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    with pieces.card("Prices", f"last {LOOKED_BACK.days} days", height="content"):
        if health.get("price_book"):
            st.markdown(f"Price book **{plain(str(health['price_book']))}**")
        _held(project, until)
        _without(project, until)


def _held(project: str, until: datetime) -> None:
    rows = source.read("held_cards", project, since=until - LOOKED_BACK)
    if not rows:
        st.markdown(":green[✓] No price waits for approval.")
        return
    st.markdown(
        f":orange[▲] Held until somebody approves them (`steelyard prices approve CARD`): **{count(len(rows))}** unusual "
        f"{'price' if len(rows) == 1 else 'prices'}"
    )
    pieces.table(
        rows,
        {"n_calls": count, "valid_from": formats.moment},
        {
            "rate_card": st.column_config.TextColumn("card", width=200),
            "held_because": st.column_config.TextColumn("held because", width=260),
            "valid_from": st.column_config.DatetimeColumn("from", width=100),
            "n_calls": st.column_config.NumberColumn("calls of the model", width=110),
        },
        alt="Prices that were recorded but hold only once somebody approves them, and why.",
        key="held",
        height=_TALL if len(rows) > _TALL_ROWS else "content",
    )


def _without(project: str, until: datetime) -> None:
    """Models with usage and no price: their calls are counted, and in no sum."""
    rows = source.read("unpriced_models", project, since=until - LOOKED_BACK, until=until)
    if not rows:
        st.markdown(":green[✓] Every call with usage has a price.")
        return
    st.markdown(
        f":orange[▲] Without a price, so in no sum: **{count(sum(row['n_calls'] for row in rows))}** calls"
    )
    pieces.table(
        [
            {**row, "model": formats.model(row["model"]), "provider": row["provider"] or formats.UNKNOWN}
            for row in rows
        ],
        {"n_calls": count, "tokens": count, "last_started_at": formats.moment},
        {
            "model": st.column_config.TextColumn("model", width=190),
            "provider": st.column_config.TextColumn("provider", width=110),
            "cost_status": st.column_config.TextColumn("why", width=120),
            "n_calls": st.column_config.NumberColumn("calls", width=65),
            "tokens": st.column_config.NumberColumn("tokens", width=95),
            "last_started_at": st.column_config.DatetimeColumn("last", width=100),
        },
        alt="Models that no price was found for, with calls and tokens.",
        key="unpriced",
        height=_TALL if len(rows) > _TALL_ROWS else "content",
    )
    st.code(_GIVE_A_PRICE, language="bash")
