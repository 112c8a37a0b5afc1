"""Facts in words, as a small table that is read aloud and copied like any other."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import formats
from dashboard.formats import plain

Fact = tuple[str, str]


def facts_table(facts: Sequence[Fact], alt: str, *, key: str, across: int = 1) -> None:
    """Names with what is known by them, `across` of them in a line; what says nothing is left out."""
    known = [
        (f":gray[{plain(name)}]", plain(value)) for name, value in facts if value and value != formats.UNKNOWN
    ]
    if not known:
        return
    lines = [known[place : place + across] for place in range(0, len(known), across)]
    cells = [[cell for fact in line for cell in fact] for line in lines]
    width = 2 * across
    frame = pd.DataFrame(
        [line + [""] * (width - len(line)) for line in cells], columns=list(map(str, range(width)))
    )
    with st.container(key=f"facts-{key}"):
        st.table(frame, hide_index=True, hide_header=True, border="horizontal", alt=alt)
