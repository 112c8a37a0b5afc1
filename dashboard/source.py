"""Where the pages read: one place that knows the store server's address.

`STEELYARD_URL` names the server (with `STEELYARD_API_KEY` when it asks for one). `STEELYARD_STORE_FILE` names
a store file instead: a backup or a copy that no server runs on, opened read-only. What people save goes to the receiver
that `STEELYARD_OTLP_URL` names, as every record does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import streamlit as st

from collector.roles import Right
from dashboard import visitor
from errors import ServerError
from store.projects import DEFAULT_PROJECT
from store.reader import FileReader, Reader, ServerReader, rows
from store.remote import DEFAULT_API_URL, StoreClient, post_records
from store.trust import Verification, verification

Row = Mapping[str, Any]

# How old a page may be: short enough to look live, long enough that a click on one widget asks nothing twice.
FRESH_FOR = timedelta(seconds=3)
# What changes slowly and costs a scan of all time: the lists that filters offer.
LISTS_FRESH_FOR = timedelta(seconds=30)
TIMEOUT_S = 15.0
RECEIVER_VARIABLE = "STEELYARD_OTLP_URL"


def where() -> str:
    """The address of the store server, or the path of the store file."""
    return os.environ.get("STEELYARD_STORE_FILE") or os.environ.get("STEELYARD_URL") or DEFAULT_API_URL


def is_server() -> bool:
    return not os.environ.get("STEELYARD_STORE_FILE")


def now() -> datetime:
    """The time in UTC, without a zone, as the store has it."""
    return datetime.now(UTC).replace(tzinfo=None)


def read(name: str, project: str, /, **params: str | int | datetime | None) -> list[Row]:
    """The rows of a named query, at most three seconds old. Raises what a Reader raises."""
    return _read(where(), visitor.current().identity, name, project, **_texts(params))


def read_one(name: str, project: str, **params: str | int | datetime | None) -> Row:
    """The row of a named query that always has exactly one."""
    return read(name, project, **params)[0]


def for_later() -> Callable[..., pa.Table]:
    """A way to ask named queries as the visitor of now, also from another thread: for files that are made on a click."""
    if is_server():
        to_server = ServerReader(client())
        return lambda name, project, **params: to_server.query(name, project=project, **_texts(params))
    visitor.current()
    reader, one_at_a_time = _file_reader(where())

    def ask(name: str, project: str, **params: str | int | datetime | None) -> pa.Table:
        with one_at_a_time:
            return reader.query(name, project=project, **_texts(params))

    return ask


def read_list(name: str, project: str, **params: str | int | datetime | None) -> list[Row]:
    """As `read`, at most half a minute old: for what filters offer."""
    return _read_list(where(), visitor.current().identity, name, project, **_texts(params))


def select(statement: str, *, max_rows: int) -> pa.Table:
    """The rows of anybody's SELECT, never kept; `store.execute.is_truncated` says whether there were more than `max_rows`.

    Raises what a Reader raises.
    """
    return _table(where(), lambda reader: reader.sql(statement, max_rows=max_rows))


def receiver() -> str | None:
    """The address of the receiver, which takes what is written; None when nothing can be written from here."""
    return os.environ.get(RECEIVER_VARIABLE) if is_server() else None


def write(kind: str, record: Mapping[str, object], project: str) -> None:
    """Send one record as the visitor of this session, and return when it can be read.

    Raises ServerError, with what the receiver says, when it takes none of the kind from them.
    """
    visiting, address = visitor.current(), receiver()
    if address is None:
        raise ServerError(f"nothing can be written from here: {RECEIVER_VARIABLE} names no receiver.")
    post_records(
        address,
        kind,
        [record],
        project=project,
        api_key=visiting.api_key or os.environ.get("STEELYARD_API_KEY"),
        narrowed_to=visiting.narrowed_to,
        verify=_verification(address),
    )
    _read.clear()
    _read_list.clear()


def projects() -> list[str]:
    """The projects that the visitor may choose from: those that hold anything, and the default one unless another
    is theirs."""
    found = _projects(where(), visitor.current().identity)
    return found if visitor.current().project else sorted({DEFAULT_PROJECT, *found})


def may(right: Right) -> bool:
    """Whether the visitor has the right, for what a page would better leave out than see refused."""
    return visitor.current().may(right)


def health() -> Mapping[str, object] | None:
    """What the store server says of itself; None when a file is read."""
    return client().health() if is_server() else None


def pipeline(project: str) -> Mapping[str, Any] | None:
    """The state of the collector and what is set for the project; None when a file is read, or who looks may not."""
    return client().pipeline(project) if is_server() and may("pipeline") else None


def explain(project: str, trace_id: str, span_id: str) -> Mapping[str, Any] | None:
    """Why a span is counted as it is and costs what it costs (GET /api/v1/explain); None when a file is read."""
    return client().explain(span_id, trace_id=trace_id, project=project) if is_server() else None


# Visitors are shown different things, so `who` is part of every question that is kept.
@st.cache_data(ttl=FRESH_FOR, max_entries=500, show_spinner=False)
def _read(source: str, who: str, name: str, project: str, **params: str | None) -> list[Row]:
    return _answer(source, lambda reader: reader.query(name, project=project, **params))


@st.cache_data(ttl=LISTS_FRESH_FOR, max_entries=100, show_spinner=False)
def _read_list(source: str, who: str, name: str, project: str, **params: str | None) -> list[Row]:
    return _answer(source, lambda reader: reader.query(name, project=project, **params))


@st.cache_data(ttl=LISTS_FRESH_FOR, max_entries=100, show_spinner=False)
def _projects(source: str, who: str) -> list[str]:
    if is_server():
        return client().projects()
    found = _answer(
        source,
        lambda reader: reader.sql(
            "select distinct project from spans union select distinct project from runs"
        ),
    )
    return sorted(str(row["project"]) for row in found)


def client() -> StoreClient:
    """The store server, asked as the visitor of this session. Raises NotSignedInError when there should be one."""
    visiting = visitor.current()
    return _client(where()).as_caller(api_key=visiting.api_key, narrowed_to=visiting.narrowed_to)


def client_of_key(api_key: str) -> StoreClient:
    """The store server, asked with this key."""
    return _client(where()).as_caller(api_key=api_key)


def _answer(source: str, ask: Callable[[Reader], pa.Table]) -> list[Row]:
    return rows(_table(source, ask))


def _table(source: str, ask: Callable[[Reader], pa.Table]) -> pa.Table:
    if is_server():
        return ask(ServerReader(client()))
    visitor.current()
    reader, one_at_a_time = _file_reader(source)
    with one_at_a_time:
        return ask(reader)


@st.cache_resource(show_spinner=False)
def _file_reader(source: str) -> tuple[Reader, threading.Lock]:
    """The reader of a file and the lock it needs: one DuckDB session serves one thread at a time."""
    return FileReader(Path(source)), threading.Lock()


@st.cache_resource(show_spinner=False)
def _client(source: str) -> StoreClient:
    return StoreClient(
        source,
        api_key=os.environ.get("STEELYARD_API_KEY"),
        timeout_s=TIMEOUT_S,
        verify=_verification(source),
    )


def _verification(url: str) -> Verification:
    # `steelyard up` names the file of the certificate that its own server has.
    pinned = os.environ.get("STEELYARD_CERTIFICATE")
    return verification(url, certificate=Path(pinned) if pinned else None)


def _texts(params: Mapping[str, str | int | datetime | None]) -> dict[str, str | None]:
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S}Z"
        if isinstance(value, datetime)
        else None
        if value is None
        else str(value)
        for name, value in params.items()
    }
