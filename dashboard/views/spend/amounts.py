"""What the amounts of the month are, what one thing costs, and what is in none of them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import formats, pieces
from dashboard.filters import Filters
from dashboard.filters.addresses import between
from dashboard.report import words
from dashboard.report.month import Month, bounds
from dashboard.report.words import Line


def draw(chosen: Filters, month: Month) -> None:
    with pieces.card("What it is made of", "US dollars", key="spend-amounts"):
        _lines("amount", words.amounts(month))
        _lines("unit cost", words.unit_costs(month))
        _lines("in no amount", words.not_in_them(month))
        if month.totals["n_unpriced"]:
            _to_unpriced(chosen, month)


def _lines(of: str, lines: Iterable[Line]) -> None:
    frame = pd.DataFrame(
        [
            {
                of: formats.plain(line.name),
                "value": formats.plain(line.value),
                "what it is": formats.plain(line.note),
            }
            for line in lines
        ]
    )
    st.table(frame, hide_index=True, border="horizontal")


def _to_unpriced(chosen: Filters, month: Month) -> None:
    since, until = bounds(month.first)
    pieces.link(
        "traces",
        "Calls without a price",
        ":material/manage_search:",
        project=chosen.project,
        cost="unpriced",
        **between(since, until),
    )
