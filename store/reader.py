"""Reading the store: through its server when one runs, else from the file itself.

Both answer the same two questions, so a command never needs to know which it got.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from store.backends import file
from store.catalog import bind, named_query
from store.execute import MAX_ROWS, run_select
from store.remote import StoreClient


class Reader(Protocol):
    """Who can answer queries."""

    def query(self, name: str, *, project: str = "default", **params: str | None) -> pa.Table: ...

    def sql(self, statement: str, *, max_rows: int = MAX_ROWS) -> pa.Table: ...

    def close(self) -> None: ...


class FileReader:
    """Answers from the store file, read-only, when no server owns it."""

    def __init__(self, path: Path) -> None:
        self._connection = file.open_for_reading(path)

    def query(self, name: str, *, project: str = "default", **params: str | None) -> pa.Table:
        query = named_query(name)
        return run_select(self._connection, query.sql, bind(query, project, params))

    def sql(self, statement: str, *, max_rows: int = MAX_ROWS) -> pa.Table:
        return run_select(self._connection, statement, max_rows=max_rows)

    def close(self) -> None:
        self._connection.close()


class ServerReader:
    """Answers from a store server's read API."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    def query(self, name: str, *, project: str = "default", **params: str | None) -> pa.Table:
        return _table(self._client.query(name, project=project, params=params))

    def sql(self, statement: str, *, max_rows: int = MAX_ROWS) -> pa.Table:
        return _table(self._client.sql(statement, max_rows=max_rows))

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _table(stream: bytes) -> pa.Table:
    with pa.ipc.open_stream(stream) as reader:
        return reader.read_all()


def rows(table: pa.Table) -> list[Mapping[str, object]]:
    """The table as a list of dicts: for small answers only."""
    return table.to_pylist()  # type: ignore[no-any-return]
