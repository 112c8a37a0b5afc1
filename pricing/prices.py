"""The prices that hold: names resolved, cards laid out, for whoever charges calls."""

from __future__ import annotations

from dataclasses import dataclass

from pricing.book import Book
from pricing.cards import PriceRecords


@dataclass(frozen=True)
class Prices:
    """Everything that decides what a call costs, at one state of knowledge."""

    book: Book
    records: PriceRecords

    @property
    def version(self) -> str:
        return self.book.version


def prices_of(book: Book, records: PriceRecords) -> Prices:
    """The prices by what is recorded; `book` knows the names."""
    return Prices(book, records)
