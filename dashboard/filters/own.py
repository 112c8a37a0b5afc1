"""Fields of a page's own that its address carries: the trace that is open, the status that a search asks for.

They are drawn with the filters on every page, out of sight where they are of no use: a widget that one page draws is lost
on leaving it, and with it every step that Back would return to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from dashboard.filters.arriving import follow_link

# Longer than any id, and than what anybody searches for.
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Own:
    """A field of a page: `key` in the address, one of `options` or any text.

    What is not `visible` is never drawn in sight: the page sets it with `choose`.
    """

    key: str
    label: str
    options: tuple[str, ...] | None = None
    width: int = 140  # pixels
    placeholder: str = ""
    visible: bool = True


# The run whose evidence is open: Gates, and Prompts & evals.
RUN = Own("run", "Run", visible=False)
# The kind of failure, and the call that is open with its trace: Reliability, and Traces.
ERROR_CLASSES = (
    "server",
    "rate_limit",
    "timeout",
    "connection",
    "bad_request",
    "content_filter",
    "auth",
    "cancelled",
    "other",
)
ERROR_CLASS = Own("class", "Error class", ERROR_CLASSES, width=135, placeholder="Any error")
TRACE = Own("id", "Trace", visible=False)
SPAN = Own("span", "Span", visible=False)


def draw(fields: Iterable[Own]) -> dict[str, str | None]:
    """Draw these fields; what each says, None = nothing."""
    return {field.key: _text(field) if field.options is None else _choice(field) for field in fields}


def choose(**values: str | None) -> None:
    """Set fields and filters by their keys in the address, None = nothing; for a widget's callback."""
    # Not a link: Streamlit leaves the URL as it was when a link leads to the page it is on.
    for key, value in values.items():
        st.session_state[key] = value


def _text(field: Own) -> str | None:
    follow_link(field.key)
    written = st.text_input(
        field.label,
        value=None,
        key=field.key,
        bind="query-params",
        placeholder=field.placeholder or field.label,
        max_chars=_MOST_CHARACTERS,
        label_visibility="collapsed",
        width=field.width,
    )
    return (written or "").strip() or None


def _choice(field: Own) -> str | None:
    follow_link(field.key, field.options)
    return st.selectbox(
        field.label,
        field.options or (),
        index=None,
        placeholder=field.placeholder or field.label,
        key=field.key,
        bind="query-params",
        label_visibility="collapsed",
        width=field.width,
    )
