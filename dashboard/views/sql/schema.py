"""What there is to ask: the relations with their columns, and the named queries with their text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import streamlit as st

from dashboard import pieces, source, visitor
from dashboard.filters import Filters, choose
from dashboard.formats import count, plain
from dashboard.views.sql import state
from store.catalog import NamedQuery, Param, named_queries

# One row a call, with everything that is known of it: what a question begins with.
FIRST = "calls"
_COLUMNS = """
select table_name, column_name, data_type
from duckdb_columns()
where schema_name = 'main' and not internal
order by table_name, column_index
"""
_MOST_COLUMNS = 5_000
# A store learns new columns with a new version only.
_FRESH_FOR = timedelta(minutes=10)


def browser(filters: Filters) -> None:
    """Two lists, side by side with the editor."""
    tables, queries = st.tabs(["Tables", "Named queries"])
    with tables:
        _relations()
    with queries:
        _queries(filters)


@st.fragment
def _relations() -> None:
    known = _columns(source.where(), visitor.current().identity)
    names = sorted(known, key=lambda name: (name != FIRST, name))
    chosen = st.selectbox("Table", names, key="sql-relation", label_visibility="collapsed") if names else None
    if chosen is None:
        st.caption("The store has no table.")
        return
    pieces.table(
        [{"column": column, "type": kind.lower()} for column, kind in known[chosen]],
        {},
        {
            "column": st.column_config.TextColumn("column", width=190),
            "type": st.column_config.TextColumn("type", width=110),
        },
        alt=f"Columns of {chosen} with their types.",
        key="sql-columns",
        height=520,
    )
    st.caption(f"{count(len(known[chosen]))} columns" + (": one row a call" if chosen == FIRST else ""))


@st.cache_data(ttl=_FRESH_FOR, max_entries=20, show_spinner=False)
def _columns(address: str, who: str) -> dict[str, list[tuple[str, str]]]:
    """Every relation with its columns and their types."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in source.select(_COLUMNS, max_rows=_MOST_COLUMNS).to_pylist():
        found.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
    return found


@st.fragment
def _queries(filters: Filters) -> None:
    known = named_queries()
    name = st.selectbox("Named query", list(known), key="sql-named", label_visibility="collapsed")
    query = known[name or next(iter(known))]
    st.markdown(plain(query.purpose))
    pieces.table(
        [{"column": column.name, "meaning": column.meaning} for column in query.columns],
        {},
        {
            "column": st.column_config.TextColumn("column", width=130),
            "meaning": st.column_config.TextColumn("meaning", width=280),
        },
        alt=f"Columns of the named query {query.name} with what they mean.",
        key="sql-named-columns",
        height=380,
    )
    st.button(
        "Put into the editor",
        key="sql-insert",
        icon=":material/arrow_back:",
        help="Its text, with the project and the range above in place of its parameters",
        on_click=partial(_insert, query, filters),
    )
    if st.session_state.pop(_INSERTED, False):
        st.rerun()


_INSERTED = "steelyard-sql-inserted"


def _insert(query: NamedQuery, filters: Filters) -> None:
    state.put(as_statement(query, values_of(query.params, filters)))
    choose(saved=None)
    # A click here redraws this list alone; the editor is beside it.
    st.session_state[_INSERTED] = True


def values_of(params: Sequence[Param], filters: Filters) -> dict[str, str]:
    """For each parameter a SQL literal: the project and the window of the page, NULL for what may be left out."""
    of_page = {
        "since": _time(filters.window.since),
        "until": _time(filters.window.until),
        "month": f"date '{filters.month.isoformat()}'",
        "bucket_minutes": str(filters.window.bucket_minutes),
    }
    examples = {"integer": "100", "date": of_page["month"], "time": of_page["since"], "text": "''"}
    given = {
        param.name: "null" if param.optional else of_page.get(param.name, examples[param.type])
        for param in params
    }
    return {"scope": f"'{filters.project}'", **given}


def as_statement(query: NamedQuery, literals: Mapping[str, str]) -> str:
    """The text of a named query without its header, with these literals in place of its parameters."""
    text = re.sub(r"\A(--.*\n)+", f"-- {query.purpose}\n", query.sql)
    return re.sub(r"\$(\w+)", lambda found: literals.get(found[1], found[0]), text).strip()


def _time(at: object) -> str:
    return f"timestamp '{at:%Y-%m-%d %H:%M:%S}'"
