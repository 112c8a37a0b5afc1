"""What a call is charged by, as the store knows it: the prices, and the rules that say whose a call is."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from pricing.book import Book
from pricing.cards import PriceRecords
from pricing.prices import Prices, prices_of


@dataclass(frozen=True)
class Terms:
    """One state of knowledge; read again when a commit brought other prices, tenants or rules."""

    prices: Prices


def load(session: duckdb.DuckDBPyConnection, book: Book) -> Terms:
    """The terms by everything that is recorded. `book` is the shipped one: it knows the names of models."""
    return Terms(prices_of(book, PriceRecords()))
