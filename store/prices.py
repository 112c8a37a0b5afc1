"""The price book's rows in the store: cards are added when they are new, and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from pricing.book import Book
from store.backends import file


def add_new(connection: duckdb.DuckDBPyConnection, book: Book) -> None:
    """Add the cards that the store does not have, with their rates, and remember the book's version."""
    now = datetime.now(UTC).replace(tzinfo=None)
    cards = book.card_rows(recorded_at=now, recorded_by=f"book {book.version}")
    session = file.cursor(connection)
    session.execute("begin transaction")
    try:
        known = {row[0] for row in session.execute("select rate_card from rate_cards").fetchall()}
        _append(session, "rate_cards", [card for card in cards if card["rate_card"] not in known])
        _append(session, "rates", [rate for rate in book.rate_rows() if rate["rate_card"] not in known])
        session.execute("delete from meta where key = 'price_book'")
        session.execute("insert into meta values ('price_book', ?)", [book.version])
        session.execute("commit")
    except BaseException:
        session.execute("rollback")
        raise
    finally:
        session.close()


def _append(session: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.register("new_rows", pa.Table.from_pylist(list(rows)))
        session.execute(f"insert into {table} by name select * from new_rows")
        session.unregister("new_rows")
