"""What the last run answered: a table, a figure of it, and the rows to take away."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import charts, pieces
from dashboard.charts import MOST_MARKS, answer_text
from dashboard.formats import count
from dashboard.report.downloads import as_csv, as_parquet
from dashboard.views.sql import state
from dashboard.views.sql.state import KINDS, Answer

# What a person looks through, and a browser tab keeps; `steelyard sql` and the read API give a million.
MOST_ROWS = 10_000
ROWS_A_PAGE = 100


def answer() -> None:
    """Draw the answer that is kept, if there is one."""
    kept = state.kept()
    if kept is None:
        st.caption("Run the query to see its rows.")
    elif kept.table is None:
        _refused(kept)
    else:
        _answered(kept, kept.table)


def _refused(kept: Answer) -> None:
    with st.container(border=True, gap="small", key="sql-refused"):
        st.markdown(":red[**✕ The query was not answered**]")
        # As it was written: DuckDB points at the place with a caret.
        st.code(kept.problem, language=None, wrap_lines=True)


@st.fragment
def _answered(kept: Answer, table: pa.Table) -> None:
    note = f"{count(table.num_rows)} rows in {kept.took_s:.2f} s" + (", cut" if kept.is_truncated else "")
    if kept.is_truncated:
        st.warning(
            f"There are more rows: these are the first {count(table.num_rows)}. Add them up in SQL, or add a LIMIT and an "
            "ORDER BY.",
            icon=":material/content_cut:",
        )
    if st.session_state.get(state.TEXT) != kept.statement:
        note += ", of the text before it was changed"
    kind, x, y = _choice(table)
    if kind != "table" and x and y:
        part = table.slice(0, MOST_MARKS).select(list(dict.fromkeys((x, y)))).to_pylist()
        marks = (
            f"the first {MOST_MARKS} of {count(table.num_rows)} rows" if table.num_rows > MOST_MARKS else note
        )
        pieces.chart("Figure", charts.answer_figure(kind, part, x, y), key="sql-figure", note=marks)
    with pieces.card("Rows", note, key="sql-rows"):
        _rows(table)
        _downloads(table)


def _choice(table: pa.Table) -> tuple[str, str | None, str | None]:
    """The figure that is chosen: its kind, and its columns when there are some to draw."""
    numbers = [field.name for field in table.schema if _is_number(field.type)]
    if not numbers or not table.num_rows:
        return "table", None, None
    for key, offered in ((state.X, table.column_names), (state.Y, numbers)):
        if st.session_state.get(key) not in offered:
            st.session_state[key] = offered[0] if key == state.X else offered[-1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state.setdefault(state.KIND, "table")
        kind = st.segmented_control(
            "Show as",
            list(KINDS),
            format_func=KINDS.__getitem__,
            required=True,
            key=state.KIND,
            label_visibility="collapsed",
        )
        x = st.selectbox("Along x", table.column_names, key=state.X, width=220, label_visibility="collapsed")
        y = st.selectbox("Along y", numbers, key=state.Y, width=220, label_visibility="collapsed")
    return kind or "table", x, y


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _rows(table: pa.Table) -> None:
    if not table.num_rows:
        st.caption("No rows.")
        return
    n_pages = -(-table.num_rows // ROWS_A_PAGE)
    page = st.pagination(n_pages, key="sql-page") if n_pages > 1 else 1
    shown = table.slice((page - 1) * ROWS_A_PAGE, ROWS_A_PAGE)
    # By place: what a SELECT calls a column may be anything, Markdown too.
    names = {str(place): name for place, name in enumerate(shown.column_names)}
    rows = [dict(zip(names, row.values(), strict=True)) for row in shown.to_pylist(maps_as_pydicts="lossy")]
    pieces.table(
        [{place: _cell(value) for place, value in row.items()} for row in rows],
        dict.fromkeys(names, answer_text),
        {place: st.column_config.Column(name) for place, name in names.items()},
        alt=f"{count(shown.num_rows)} of {count(table.num_rows)} rows of the answer.",
        key="sql-table",
        height=420 if shown.num_rows > 13 else "content",
    )


def _cell(value: Any) -> Any:
    """Numbers and times sort as such; whatever else is text of one line."""
    return value if value is None or charts.as_number(value) is not None else answer_text(value)


def _downloads(table: pa.Table) -> None:
    with st.container(horizontal=True, gap="small"):
        for label, mime, made in (
            ("CSV", "text/csv", as_csv),
            ("Parquet", "application/vnd.apache.parquet", as_parquet),
        ):
            st.download_button(
                label,
                partial(made, table),
                file_name=f"steelyard-query.{label.lower()}",
                mime=mime,
                icon=":material/download:",
                key=f"sql-{label.lower()}",
                on_click="ignore",
            )
