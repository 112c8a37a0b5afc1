"""Where the pages read: one place that knows the store server's address.

`STEELYARD_URL` names the server (with `STEELYARD_API_KEY` when it asks for one). `STEELYARD_STORE_FILE` names
a store file instead: a backup or a copy that no server runs on, opened read-only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import streamlit as st

from errors import QueryError
from store.reader import FileReader, Reader, ServerReader, rows
from store.remote import DEFAULT_API_URL, StoreClient
from store.trust import verification

Row = Mapping[str, Any]

# How old a page may be: short enough to look live, long enough that a click on one widget asks nothing twice.
FRESH_FOR = timedelta(seconds=3)
# What changes slowly and costs a scan of all time: the lists that filters offer.
LISTS_FRESH_FOR = timedelta(seconds=30)
TIMEOUT_S = 15.0


def where() -> str:
    """The address of the store server, or the path of the store file."""
    return os.environ.get("STEELYARD_STORE_FILE") or os.environ.get("STEELYARD_URL") or DEFAULT_API_URL


def is_server() -> bool:
    return not os.environ.get("STEELYARD_STORE_FILE")


def now() -> datetime:
    """The time in UTC, without a zone, as the store has it."""
    return datetime.now(UTC).replace(tzinfo=None)


def read(name: str, project: str, **params: str | int | datetime | None) -> list[Row]:
    """The rows of a named query, at most three seconds old. Raises what a Reader raises."""
    return _read(where(), name, project, **_texts(params))


def read_one(name: str, project: str, **params: str | int | datetime | None) -> Row:
    """The row of a named query that always has exactly one."""
    return read(name, project, **params)[0]


def read_list(name: str, project: str, **params: str | int | datetime | None) -> list[Row]:
    """As `read`, at most half a minute old: for what filters offer."""
    return _read_list(where(), name, project, **_texts(params))


@st.cache_data(ttl=LISTS_FRESH_FOR, show_spinner=False)
def _projects(source: str) -> list[str]:
    # The one question that is not about a single project, so not a named query: those are all scoped.
    # A key that may see one project only is refused here, and then that project is all there is.
    try:
        found = _answer(
            source,
            lambda reader: reader.sql(
                "select distinct project from spans union select distinct project from runs"
            ),
        )
    except QueryError:
        return []
    return sorted(str(row["project"]) for row in found)


def projects() -> list[str]:
    """The projects that hold anything."""
    return _projects(where())


def health() -> Mapping[str, object] | None:
    """What the store server says of itself; None when a file is read."""
    return _client(where()).health() if is_server() else None


def pipeline(project: str) -> Mapping[str, Any] | None:
    """The state of the collector and what is set for the project; None when a file is read."""
    return _client(where()).pipeline(project) if is_server() else None


@st.cache_data(ttl=FRESH_FOR, max_entries=500, show_spinner=False)
def _read(source: str, name: str, project: str, **params: str | None) -> list[Row]:
    return _answer(source, lambda reader: reader.query(name, project=project, **params))


@st.cache_data(ttl=LISTS_FRESH_FOR, max_entries=100, show_spinner=False)
def _read_list(source: str, name: str, project: str, **params: str | None) -> list[Row]:
    return _answer(source, lambda reader: reader.query(name, project=project, **params))


def _answer(source: str, ask: Any) -> list[Row]:
    reader, one_at_a_time = _reader(source)
    if one_at_a_time is None:
        return rows(ask(reader))
    with one_at_a_time:
        return rows(ask(reader))


@st.cache_resource(show_spinner=False)
def _reader(source: str) -> tuple[Reader, threading.Lock | None]:
    """The reader, and for a file the lock it needs: one DuckDB session serves one thread at a time."""
    if is_server():
        return ServerReader(_client(source)), None
    return FileReader(Path(source)), threading.Lock()


@st.cache_resource(show_spinner=False)
def _client(source: str) -> StoreClient:
    # `steelyard up` names the file of the certificate that its own server has.
    pinned = os.environ.get("STEELYARD_CERTIFICATE")
    verify = verification(source, certificate=Path(pinned) if pinned else None)
    return StoreClient(
        source, api_key=os.environ.get("STEELYARD_API_KEY"), timeout_s=TIMEOUT_S, verify=verify
    )


def _texts(params: Mapping[str, str | int | datetime | None]) -> dict[str, str | None]:
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S}Z"
        if isinstance(value, datetime)
        else None
        if value is None
        else str(value)
        for name, value in params.items()
    }
