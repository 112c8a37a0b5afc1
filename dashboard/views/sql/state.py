"""What the SQL page keeps in its session: the text that is written, the figure that is chosen, the answer to the last run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from dashboard import source, visitor
from errors import QueryError
from store.execute import is_truncated

TEXT, KIND, X, Y = "sql-text", "sql-kind", "sql-x", "sql-y"
KINDS: Mapping[str, str] = {"table": "Table", "bar": "Bars", "line": "Line"}
_ANSWER, _LOADED = "steelyard-sql-answer", "steelyard-sql-loaded"


@dataclass(frozen=True)
class Answer:
    """What came of a statement: rows, or what is wrong with it."""

    statement: str
    asked_by: str  # the identity of the visitor: another of the same session sees nothing of it
    table: pa.Table | None = None
    problem: str = ""
    took_s: float = 0.0

    @property
    def is_truncated(self) -> bool:
        return self.table is not None and is_truncated(self.table)


def run(statement: str, max_rows: int) -> None:
    """Ask the read API once, and keep what it says for the reruns that follow."""
    asked_by, began_at = visitor.current().identity, time.monotonic()
    try:
        table = source.select(statement, max_rows=max_rows)
    except QueryError as wrong:
        st.session_state[_ANSWER] = Answer(statement, asked_by, problem=str(wrong))
    else:
        st.session_state[_ANSWER] = Answer(
            statement, asked_by, _named_apart(table), took_s=time.monotonic() - began_at
        )


def kept() -> Answer | None:
    """The answer to the last run of who looks."""
    found = st.session_state.get(_ANSWER)
    return found if isinstance(found, Answer) and found.asked_by == visitor.current().identity else None


def is_new(name: str | None) -> bool:
    """Whether another saved query is asked for than the one that is loaded, and from now on is."""
    before = st.session_state.get(_LOADED)
    st.session_state[_LOADED] = name
    return name is not None and name != before


def put(text: str, chart: Mapping[str, str] | None = None) -> None:
    """Set the text of the editor and the figure of its answer, before either is drawn."""
    st.session_state[TEXT] = text
    chosen = chart or {}
    st.session_state[KIND] = chosen.get("kind") if chosen.get("kind") in KINDS else "table"
    st.session_state[X], st.session_state[Y] = chosen.get("x"), chosen.get("y")


def chart() -> dict[str, str]:
    """The figure that is chosen, as it is saved; nothing for a table."""
    kind = st.session_state.get(KIND)
    if kind in (None, "table"):
        return {}
    chosen = {"kind": kind, "x": st.session_state.get(X), "y": st.session_state.get(Y)}
    return {key: str(value) for key, value in chosen.items() if value}


def _named_apart(table: pa.Table) -> pa.Table:
    """A SELECT may give two columns one name; here they are told apart by their place."""
    names = table.column_names
    apart = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
    return table if apart == names else table.rename_columns(apart)
