"""The state of the collector: a strip of figures from the door to the disk, and what needs a person."""

from __future__ import annotations

import streamlit as st

from dashboard import pieces, pipeline, source
from dashboard.formats import plain
from errors import UserError

_TOLD = {"error": (st.error, ":material/error:"), "warning": (st.warning, ":material/warning:")}


@st.fragment(run_every=5)
def strip(project: str) -> None:
    """Looked at every 5 seconds; nothing when a store file is read, or when who looks may not see it."""
    try:
        state = source.pipeline(project)
    except UserError as mistake:
        st.error(plain(str(mistake)), icon=":material/cloud_off:")
        return
    if state is None:
        return
    shown = pipeline.figures(state, source.now())
    for column, figure in zip(st.columns(len(shown), gap="small"), shown, strict=True):
        with column:
            pieces.metric(figure.label, figure.value, note=figure.note)
    for trouble in pipeline.troubles(state):
        tell, icon = _TOLD[trouble.level]
        tell(f"{plain(trouble.what)} {plain(trouble.advice)}", icon=icon)
