"""A real store with its spool and its committer, in the process of the test."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.commit.committer import Committer
from collector.configure import load_settings
from collector.decode.rules import rules_of
from collector.spool.segments import QUARANTINE, Record, SpoolWriter, encode
from pricing.book import Book, load_book
from store import snapshot
from store.backends import file
from tests.spans import export


@cache
def shipped_book() -> Book:
    """The shipped one: read once, for a hundred milliseconds."""
    return load_book()


@cache
def gpt_4o_book() -> Book:
    """Of the shipped one that model alone, which `a_call` is of.

    A store that starts, or learns a price, reads every price it has, for another hundred milliseconds each time.
    """
    whole = shipped_book()
    openai = whole.providers["openai"]
    only = replace(openai, models=tuple(model for model in openai.models if model.name == "gpt-4o"))
    aliases = {alias: name for alias, name in whole.aliases.items() if name == "openai"}
    version = f"{whole.version}, gpt-4o alone"
    return replace(whole, version=version, providers={"openai": only}, aliases=aliases, _resolved={})


_new_files: dict[str, bytes] = {}


def a_new_file(book: Book) -> bytes:
    """The file that a first start leaves behind: tables, views and prices, made once and copied from then on."""
    if book.version not in _new_files:
        with tempfile.TemporaryDirectory() as room:
            path = Path(room) / "store.duckdb"
            connection = file.open_for_writing(path)
            snapshot.add_new(connection, book)
            connection.close()
            _new_files[book.version] = path.read_bytes()
    return _new_files[book.version]


class Store:
    """What a store server does, step by step, for tests that need no process."""

    def __init__(self, data: Path, book: Book | None = None) -> None:
        self.spool_dir = data / "spool"
        self.spool_dir.mkdir(parents=True, exist_ok=True)
        self.spool = SpoolWriter(self.spool_dir, segment_max_bytes=10**9)
        self._data = data
        self._book = book or shipped_book()
        self._open()

    def _open(self) -> None:
        path = self._data / "store.duckdb"
        if not path.exists():
            path.write_bytes(a_new_file(self._book))
        self._connection = file.open_for_writing(path)
        snapshot.add_new(self._connection, self._book)
        self.session = file.cursor(self._connection)
        self.committer = Committer(
            self.session, self.spool_dir, self._book, rules_of(load_settings({"data": self._data}))
        )

    def send(self, *bodies: bytes, project: str = "default", signal: str = "traces") -> None:
        """Put the bodies on disk in the open segment."""
        self.spool.append([encode(Record(time.time_ns() // 1000, signal, project, body)) for body in bodies])

    def segment(self, *bodies: bytes) -> Path:
        """The bodies as a sealed segment of their own."""
        self.spool.seal()
        before = set(self.spool_dir.glob("*.seg"))
        self.send(*bodies)
        self.spool.seal()
        [made] = set(self.spool_dir.glob("*.seg")) - before
        return made

    def commit(self) -> None:
        """Store everything that waits."""
        self.spool.seal()
        while self.committer.commit_waiting():
            pass

    def receive(self, *spans: Span) -> None:
        """Store these spans, sent in one request."""
        self.send(export(*spans))
        self.commit()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT."""
        found: list[dict[str, Any]] = self.session.sql(sql).to_arrow_table().to_pylist()
        return found

    def value(self, sql: str) -> Any:
        """The one value of a SELECT."""
        return next(iter(self.rows(sql)[0].values()))

    def quarantined(self) -> list[str]:
        """Names of the segments that were set aside."""
        return sorted(path.name for path in (self.spool_dir / QUARANTINE).glob("*"))

    def reopen(self) -> None:
        """As after a restart of the process."""
        self.close()
        self._open()

    def close(self) -> None:
        self.session.close()
        self._connection.close()


@contextmanager
def open_store(data: Path, book: Book | None = None) -> Iterator[Store]:
    """A store on this data directory, closed at the end; with the shipped prices unless it is given others."""
    store = Store(data, book)
    try:
        yield store
    finally:
        store.close()
