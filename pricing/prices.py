"""The prices that hold: names resolved, cards laid out, for whoever charges calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pricing.book import Book
from pricing.cards import Agreement, Card, FxRate, PriceRecords
from pricing.layout import Layout, lay_out


@dataclass(frozen=True)
class Prices:
    """Everything that decides what a call costs, at one state of knowledge.

    `contract_layout` is None where no price was agreed on, only multipliers of the list price, or nothing. `version` names
    the shipped books, and the last of the records that people added.
    """

    book: Book
    records: PriceRecords
    list_layout: Layout
    contract_layout: Layout | None
    version: str


def prices_of(book: Book, records: PriceRecords, known_at: datetime | None = None) -> Prices:
    """The prices by what was recorded up to `known_at` (UTC; None = by everything).

    `book` knows the names of its own models, the records those of all others.
    """
    known = PriceRecords(
        tuple(card for card in records.cards if _is_known(card, known_at)),
        tuple(one for one in records.agreements if _is_known(one, known_at)),
        tuple(rate for rate in records.fx_rates if _is_known(rate, known_at)),
    )
    agreed = any(card.layer == "agreement" for card in known.cards)
    return Prices(
        book.with_cards(known.cards),
        known,
        lay_out(known),
        lay_out(known, kind="contract") if agreed else None,
        _version(book, known),
    )


def _is_known(record: Card | Agreement | FxRate, known_at: datetime | None) -> bool:
    return known_at is None or record.recorded_at is None or record.recorded_at <= known_at


def _version(book: Book, records: PriceRecords) -> str:
    own: list[Card | Agreement | FxRate] = [
        *(card for card in records.cards if card.layer != "snapshot"),
        *records.agreements,
        *records.fx_rates,
    ]
    if not own:
        return book.version
    last = max((one.recorded_at for one in own if one.recorded_at is not None), default=None)
    until = "" if last is None else f" until {last.isoformat(timespec='seconds')}Z"
    return f"{book.version} + {len(own)} records{until}"
