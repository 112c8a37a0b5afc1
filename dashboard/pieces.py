"""What every page is made of: cards, tables, notices and the footer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import formats, source
from dashboard.charts import Picture, sparkline
from dashboard.filters import Window
from dashboard.filters.toolbar import clear
from dashboard.formats import plain

# Beside the theme: what it has no option for.
CSS = Path(__file__).parent / "pages.css"
# A figure shown as a table takes no more room than the figure.
AS_TABLE_HEIGHT, AS_TABLE_ROWS = 330, 10
# The row of a table that is open beside it; readable on white and on black.
PICKED = "background-color: rgba(86, 180, 233, 0.25)"

VERDICTS: Mapping[str | None, tuple[str, Literal["green", "red", "orange", "gray"]]] = {
    "PASS": ("✓ PASS", "green"),
    "FAIL": ("✕ FAIL", "red"),
    "INCONCLUSIVE": ("▲ INCONCLUSIVE", "orange"),
    None: ("… NOT DECIDED", "gray"),
}


@contextmanager
def card(
    title: str, note: str = "", *, key: str | None = None, height: Literal["stretch", "content"] = "stretch"
) -> Iterator[None]:
    """A bordered box with a title, and what the figures in it are of: unit, width of a bucket, n."""
    with st.container(border=True, gap="small", key=key, height=height):
        st.markdown(f"**{title}**" + (f" :gray[· {plain(note)}]" if note else ""))
        yield


def chart(
    title: str,
    picture: Picture | Mapping[str, Callable[[], Picture]],
    *,
    key: str,
    note: str = "",
    on_pick: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """A card with a figure that can be shown as a table of its values instead.

    With several figures, each is made when it is chosen by its name; the first shows at first. A click on a mark calls
    `on_pick` with what Plotly says of it (`x`, `y`, `customdata`), and draws the page anew.
    """
    # Streamlit keys figures and fragments by place; the key of ours keeps a redraw from mounting it anew.
    with st.container(border=True, gap="small", key=f"{key}-card", height="stretch"):
        _chart(title, picture, key, note, on_pick)


@st.fragment
def _chart(
    title: str,
    picture: Picture | Mapping[str, Callable[[], Picture]],
    key: str,
    note: str,
    on_pick: Callable[[Mapping[str, Any]], None] | None,
) -> None:
    if st.session_state.pop(f"{key}-picked", False):
        st.rerun()
    as_table = bool(st.session_state.get(f"{key}-as-table"))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{title}**" + (f" :gray[· {plain(note)}]" if note else ""), width="content")
        if isinstance(picture, Mapping):
            picture = picture[_choice_of_figure(list(picture), key)]()
        st.button(
            "Figure" if as_table else "Table",
            key=f"{key}-toggle",
            icon=":material/bar_chart:" if as_table else ":material/table_rows:",
            type="tertiary",
            help="Show the figure" if as_table else "Show the values of this figure as a table",
            on_click=_turn_over,
            args=(f"{key}-as-table",),
        )
    if as_table:
        _values(picture.rows)
        return
    clicks: dict[str, Any] = {}
    if on_pick:
        clicks = {"on_select": partial(_pick_mark, key, on_pick), "selection_mode": "points"}
    bare = {"displayModeBar": False, "responsive": True}
    st.plotly_chart(picture.figure, key=key, alt=picture.alt, config=bare, **clicks)


def _choice_of_figure(names: Sequence[str], key: str) -> str:
    chosen = st.segmented_control(
        "Figure",
        names,
        default=names[0],
        required=True,
        key=f"{key}-choice",
        label_visibility="collapsed",
    )
    return chosen or names[0]


def _pick_mark(key: str, on_pick: Callable[[Mapping[str, Any]], None]) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        on_pick(points[0])
        # A click redraws the card alone; what was picked is for the page.
        st.session_state[f"{key}-picked"] = True


def _turn_over(name: str) -> None:
    st.session_state[name] = not st.session_state.get(name)


def _values(rows: Sequence[Mapping[str, str]]) -> None:
    """The values of a figure, as a table of text that is read aloud, printed and copied like any other."""
    if not rows:
        st.caption("This figure has no values.")
        return
    frame = pd.DataFrame([{plain(name): plain(value) for name, value in row.items()} for row in rows])
    fits = len(rows) < AS_TABLE_ROWS
    st.table(frame, hide_index=True, border="horizontal", height="content" if fits else AS_TABLE_HEIGHT)


def metric(
    label: str,
    value: str,
    *,
    change: formats.Change | None = None,
    note: str | None = None,
    trend: Sequence[float] | None = None,
    trend_shape: Literal["line", "bars"] = "line",
    help: str | None = None,  # noqa: A002 - Streamlit's own name for it
) -> None:
    """A key figure with its course (`trend`). `note` says what it stands on; a change is grey unless good or bad beyond noise."""
    colours: dict[str, Any] = {"good": "green", "bad": "red", "neither": "gray"}
    with nullcontext() if trend is None else st.container(border=True, gap=None, height="stretch"):
        st.metric(
            label,
            value,
            delta=change.text if change else None,
            delta_color=colours[change.judgement] if change else "gray",
            # Streamlit reads the direction of the arrow from an ASCII sign only.
            delta_arrow="down"
            if change and change.text.startswith(formats.MINUS)
            else "up"
            if change
            else "off",
            delta_description=note,
            border=trend is None,
            help=help,
            height="stretch" if trend is None else "content",
        )
        # Not the course that st.metric can draw: it loads a library of figures of its own.
        if course := sparkline(trend or (), trend_shape):
            st.html(course)


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
    on_pick: Callable[[int], None] | None = None,
    picked: int | None = None,
) -> None:
    """A table of `columns`, in their order. `written` says how a column's values become text.

    The text is only what is shown: sorting and copying work on the values themselves. `unknown` stands
    where there is no value. A click on a row calls `on_pick` with its number; `picked` is the row that stands out.
    """
    frame = pd.DataFrame(
        [{name: row[name] for name in columns} for row in rows], columns=list(columns), dtype=object
    )
    styled = frame.style.format(
        {name: _unless_unknown(write) for name, write in written.items() if name in columns}
    )
    if picked is not None:
        styled = styled.apply(lambda row: [PICKED if row.name == picked else ""] * len(row), axis=1)
    clicks: dict[str, Any] = {}
    if on_pick:
        # By cell: Streamlit draws a column of checkboxes for the choice of rows.
        clicks = {"on_select": partial(_pick_row, key, on_pick), "selection_mode": "single-cell"}
    st.dataframe(
        styled,
        column_config=dict(columns),
        hide_index=True,
        row_height=29,
        height=height,
        key=key,
        alt=alt,
        placeholder=unknown,
        lazy=False,
        **clicks,
    )


def _pick_row(key: str, on_pick: Callable[[int], None]) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    # Forgotten at once: a row that was closed beside the table can be clicked again.
    st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": []}}
    if cells:
        on_pick(int(cells[0][0]))


def _unless_unknown(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None else write(value)


def link(page: str, label: str, icon: str | None, **query: str | None) -> None:
    """A link to another page of ours, by its path, with what its URL should say."""
    # Streamlit knows a page by the hash of its path, so one made here stands for the one in the navigation.
    target = st.Page(_elsewhere, title=label, url_path=page)
    given = {name: value for name, value in query.items() if value is not None}
    st.page_link(target, label=label, icon=icon, query_params=given or None)


def _elsewhere() -> None:
    raise AssertionError("the page behind a link is drawn by the navigation")


def footer(
    *parts: str, data_up_to: datetime | None = None, window: Window | None = None, left_out: str = ""
) -> None:
    """What the numbers above rest on: their window, how new the data is, what is left out; times are UTC on every page."""
    said = (
        *parts,
        f"{formats.moment_exact(window.since)} to {formats.moment_exact(window.until)}" if window else "",
        f"data up to {formats.moment_exact(data_up_to)}" if data_up_to else "",
        left_out,
        "times in UTC",
    )
    st.caption(plain(" · ".join(part for part in said if part)))


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


def cannot_narrow(mistake: Exception) -> None:
    """The page when its filters ask for what its queries cannot narrow by: it shows nothing instead of other calls."""
    with st.container(border=True):
        st.info(plain(str(mistake)), icon=":material/filter_alt_off:")
        st.button("Clear the filters", key="clear", icon=":material/filter_alt_off:", on_click=clear)


def nothing_matches(described: str) -> None:
    """No call is left: says which filter emptied the page, and offers to clear them."""
    with st.container(border=True):
        st.info(
            f"No calls match {plain(described) or 'this range'}. Clear the filter above, or widen the range.",
            icon=":material/filter_alt_off:",
        )
        st.button("Clear the filters", key="clear", icon=":material/filter_alt_off:", on_click=clear)


def cannot_read(mistake: Exception) -> None:
    """The page when the store does not answer: what is wrong, where, and what to do."""
    with st.container(border=True):
        st.markdown("## :material/cloud_off: The store does not answer")
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
