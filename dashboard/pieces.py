"""What every page is made of: cards, tables, notices and the footer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import formats, source
from dashboard.charts import Picture
from dashboard.formats import plain

# The side padding and the heights of rows have no theme option: these test ids are Streamlit's own and may
# change with it, so they are all here, and a screenshot shows when they do.
CSS = """
<style>
[data-testid="stMainBlockContainer"] { padding-left: 1.75rem; padding-right: 1.75rem; max-width: 1760px; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.75rem; }
[data-testid="stMetric"] { padding: 0; }
[data-testid="stAlertContainer"] { padding: 0.4rem 0.8rem; min-height: 0; }
[data-testid="stCaptionContainer"] p { font-size: 0.85rem; }
.st-key-toolbar h1 { padding: 0 0.75rem 0 0 !important; margin: 0; }
.st-key-toolbar [data-testid="stMarkdownContainer"] { margin-bottom: 0 !important; }
[data-testid="stMainBlockContainer"] h3 { padding: 0 !important; }
</style>
"""

VERDICTS: Mapping[str | None, tuple[str, Literal["green", "red", "orange", "gray"]]] = {
    "PASS": ("✓ PASS", "green"),
    "FAIL": ("✕ FAIL", "red"),
    "INCONCLUSIVE": ("▲ INCONCLUSIVE", "orange"),
    None: ("… NOT DECIDED", "gray"),
}


@contextmanager
def card(title: str, note: str = "", *, key: str | None = None) -> Iterator[None]:
    """A bordered box with a title, and what the figures in it are of: unit, width of a bucket, n."""
    with st.container(border=True, gap="small", key=key, height="stretch"):
        st.markdown(f"**{title}**" + (f" :gray[· {plain(note)}]" if note else ""))
        yield


def draw(picture: Picture, key: str) -> None:
    st.plotly_chart(
        picture.figure, key=key, alt=picture.alt, config={"displayModeBar": False, "responsive": True}
    )


def metric(
    label: str,
    value: str,
    *,
    change: formats.Change | None = None,
    note: str | None = None,
    trend: Sequence[float] | None = None,
    trend_type: Literal["line", "bar", "area"] = "line",
    help: str | None = None,  # noqa: A002 - Streamlit's own name for it
) -> None:
    """A key figure. `note` says what it stands on; a change is grey unless it is good or bad beyond noise."""
    colours: dict[str, Any] = {"good": "green", "bad": "red", "neither": "gray"}
    st.metric(
        label,
        value,
        delta=change.text if change else None,
        delta_color=colours[change.judgement] if change else "gray",
        # Streamlit reads the direction of the arrow from an ASCII sign only.
        delta_arrow="down" if change and change.text.startswith(formats.MINUS) else "up" if change else "off",
        delta_description=note,
        chart_data=list(trend) if trend and len(trend) > 1 else None,
        chart_type=trend_type,
        border=True,
        help=help,
        height="stretch",
    )


def badge(verdict: str | None) -> None:
    text, colour = VERDICTS.get(verdict, (f"? {plain(formats.shortened(str(verdict)))}", "gray"))
    st.badge(text, color=colour)


def table(
    rows: Sequence[Mapping[str, Any]],
    written: Mapping[str, Callable[[Any], str]],
    columns: Mapping[str, Any],
    *,
    alt: str,
    key: str,
    height: int | Literal["content", "auto"] = "content",
    unknown: str = formats.UNKNOWN,
) -> None:
    """A table of `columns`, in their order. `written` says how a column's values become text.

    The text is only what is shown: sorting and copying work on the values themselves. `unknown` stands
    where there is no value.
    """
    frame = pd.DataFrame(
        [{name: row[name] for name in columns} for row in rows], columns=list(columns), dtype=object
    )
    st.dataframe(
        frame.style.format(
            {name: _unless_unknown(write) for name, write in written.items() if name in columns}
        ),
        column_config=dict(columns),
        hide_index=True,
        row_height=29,
        height=height,
        key=key,
        alt=alt,
        placeholder=unknown,
        lazy=False,
    )


def _unless_unknown(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None else write(value)


def link(page: str, label: str, icon: str, **query: str | None) -> None:
    """A link to another page of ours, by its path, with what its URL should say."""
    # Streamlit knows a page by the hash of its path, so one made here stands for the one in the navigation.
    target = st.Page(_elsewhere, title=label, url_path=page)
    given = {name: value for name, value in query.items() if value is not None}
    st.page_link(target, label=label, icon=icon, query_params=given or None)


def _elsewhere() -> None:
    raise AssertionError("the page behind a link is drawn by the navigation")


def footer(*parts: str) -> None:
    """What the numbers above rest on; times are UTC on every page."""
    st.caption(plain(" · ".join(part for part in (*parts, "times in UTC") if part)))


def price_book(project: str, since: datetime, until: datetime) -> str:
    """Which price book the calls of the window were charged with, in words."""
    used = source.read("price_books", project, since=since, until=until)
    versions = [
        f"{row['source_version'] or 'unknown'} (checked {row['checked_on'] or 'on an unknown day'})"
        for row in used
    ]
    return "price book " + ", ".join(versions) if versions else "no call charged with a price book"


def sampled(totals: Mapping[str, Any]) -> None:
    """Say that the amounts are of what was sent, and what they stand for, when calls were sampled."""
    note = formats.sampling_note(totals["n_sampled"], totals["n_calls"], totals["estimated_cost_usd"])
    if note:
        st.warning(
            f"{plain(note)} The amounts here are of the calls that arrived.", icon=":material/filter_list:"
        )


def nothing_matches(described: str) -> None:
    st.info(
        f"No calls match {plain(described) or 'this range'}. Clear the filter above, or widen the range.",
        icon=":material/filter_alt_off:",
    )


def cannot_read(mistake: Exception) -> None:
    """The page when the store does not answer: what is wrong, where, and what to do."""
    with st.container(border=True):
        st.markdown("### :material/cloud_off: The store does not answer")
        st.markdown(plain(str(mistake)))
        st.markdown(
            f"This page reads from `{source.where().replace('`', '')}`. It tries again every 3 seconds."
        )
        st.code("steelyard up", language="bash")
    try_again()


@st.fragment(run_every=3)
def try_again() -> None:
    """Run the page again every 3 seconds; the first run, which draws the notice, does nothing."""
    if st.session_state.get("_waits_for_store"):
        st.session_state["_waits_for_store"] = False
        st.rerun()
    st.session_state["_waits_for_store"] = True
