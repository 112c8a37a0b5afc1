"""How data comes in: from one's own program, generated for a look, or from a file."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import pieces, source
from dashboard.snippets import DEMO, IMPORT, snippets
from store.remote import DEFAULT_RECEIVER_URL

DEFAULT_GRPC_URL = "http://127.0.0.1:4317"
MAKE_KEY = "steelyard keys add --role ingest --project {project}"


def ways_in(project: str, health: Mapping[str, object]) -> None:
    """Three tabs, each with what to copy."""
    with pieces.card("Send data", height="content"):
        own, demo, from_file = st.tabs(["From your program", "Demo data", "From a file"])
        with own:
            _own(project, str(health.get("receiver_url") or DEFAULT_RECEIVER_URL))
        with demo:
            st.markdown("A page worth looking at in half a minute, kept apart from what is yours.")
            st.code(DEMO, language="bash")
        with from_file:
            st.markdown(
                "CSV, JSON lines or Parquet: calls of your own log, or an export of Langfuse, LiteLLM or Helicone. "
                "Importing a file again adds nothing."
            )
            st.code(IMPORT, language="bash")


@st.fragment
def _own(project: str, receiver_url: str) -> None:
    state = source.pipeline(project)
    endpoints = state["endpoints"] if state else {"http": receiver_url, "grpc": DEFAULT_GRPC_URL}
    needs_key = bool(state and state["access"]["keys_required"])
    known = snippets(endpoints["http"], endpoints["grpc"], needs_key=needs_key)
    first = next(iter(known))
    chosen = st.segmented_control(
        "Sent by", list(known), default=first, required=True, key="sent-by", label_visibility="collapsed"
    )
    text, language = known[chosen or first]
    st.code(text, language=language)
    if needs_key:
        st.caption(f"A key is made on the collector's machine: `{MAKE_KEY.format(project=project)}`")
