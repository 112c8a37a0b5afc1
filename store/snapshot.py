"""The shipped price book in the store: what a newer one says otherwise is added, and nothing it once said is changed.

Most prices of a book are undated: right on the day the book was checked, and nobody knows since when. So an undated
price that differs from the stored one, in a book from a newer source, holds from that day on and leaves the days
before as they were. From the very same source it is a correction of how the source was read, and holds as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Protocol, TypeAlias

import duckdb

from pricing.cards import Card
from pricing.holding import rank
from pricing.plausible import why_held
from store import prices
from store.backends import file

UNDATED = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as the store has it
# The note of an undated price that begins when something became known: its beginning is not the source's.
DATED_HERE = "the source does not say since when it holds: it begins here with the day it was seen first"


class Shipped(Protocol):
    """A price book (pricing.book.Book), as far as it is stored."""

    @property
    def version(self) -> str: ...

    @property
    def cards(self) -> tuple[Card, ...]: ...


# Model, variant, window: what a succession of prices is about.
_Line: TypeAlias = tuple[str, str, tuple[int, int] | None]


def add_new(connection: duckdb.DuckDBPyConnection, book: Shipped) -> None:
    """Add what the store does not know of the book, and remember the book's version."""
    session = file.cursor(connection)
    session.execute("begin transaction")
    try:
        if not _is_stored(session, book):
            prices.append(session, _news(book, prices.records(session).cards))
            session.execute("delete from meta where key = 'price_book'")
            session.execute("insert into meta values ('price_book', ?)", [book.version])
        session.execute("commit")
    except BaseException:
        session.execute("rollback")
        raise
    finally:
        session.close()


def _is_stored(session: duckdb.DuckDBPyConnection, book: Shipped) -> bool:
    """Whether this very book was stored before: the usual start, which need not compare a thousand cards."""
    found = session.execute("select value from meta where key = 'price_book'").fetchall()
    return found == [(book.version,)]


def _news(book: Shipped, stored: Sequence[Card]) -> list[Card]:
    """The rows to add, in a state to be stored."""
    known = _Known.of(stored)
    numbers = prices.Numbers(card.rate_card for card in stored)
    now = datetime.now(UTC).replace(tzinfo=None)

    def recorded(card: Card) -> Card:
        return numbers.named(replace(card, recorded_at=now, recorded_by=f"book {book.version}"))

    withdrawn = {card.withdraws for card in stored}
    misread = known.misread(book.cards)
    new = [recorded(card) for card in known.without(misread).new_of(book.cards)]
    gone = [recorded(prices.withdrawal(card)) for card in misread if card.rate_card not in withdrawn]
    return [replace(card, held_because=known.why_held(card)) for card in new] + gone


@dataclass(frozen=True)
class _Known:
    """What earlier books said, in the order in which it was stored."""

    snapshots: dict[_Line, list[Card]] = field(default_factory=dict)
    all_of: dict[tuple[str, str], list[Card]] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Iterable[Card]) -> _Known:
        known = cls()
        for card in stored:
            known.all_of.setdefault((card.model_key, card.variant), []).append(card)
            if card.layer == "snapshot" and card.withdraws is None and card.approves is None:
                known.snapshots.setdefault(_line(card), []).append(card)
        return known

    def without(self, gone: Iterable[Card]) -> _Known:
        """As if these had never been said."""
        ids = {card.rate_card for card in gone}
        kept = {
            line: [card for card in cards if card.rate_card not in ids]
            for line, cards in self.snapshots.items()
        }
        return _Known(kept, self.all_of)

    def new_of(self, shipped: Sequence[Card]) -> Iterator[Card]:
        """The cards of a book that say something new, from when they hold."""
        starts: dict[_Line, list[datetime]] = {}
        for card in shipped:
            starts.setdefault(_line(card), []).append(card.valid_from)
        for card in shipped:
            later = [start for start in starts[_line(card)] if start > card.valid_from]
            if (new := self._new(card, min(later, default=None))) is not None:
                yield new

    def _new(self, card: Card, until: datetime | None) -> Card | None:
        if card.valid_from == UNDATED:
            return self._undated(card, until)
        same = [one for one in self.snapshots.get(_line(card), ()) if one.valid_from == card.valid_from]
        return None if same and _says_the_same(same[-1], card) else card

    def _undated(self, card: Card, until: datetime | None) -> Card | None:
        """`until`: when the book's next price of this line begins."""
        checked = datetime.combine(card.checked_on, time()) if card.checked_on else UNDATED
        just_before = checked if until is None else min(until - timedelta(microseconds=1), checked)
        in_force = _last_begun(self.snapshots.get(_line(card), ()), just_before)
        if in_force is None:
            return card
        if _says_the_same(in_force, card):
            return None
        is_over = until is not None and until <= checked
        if is_over or in_force.source_version == card.source_version or _only_completes(in_force, card):
            return _beginning(card, in_force.valid_from)
        return _beginning(card, max(checked, in_force.valid_from))

    def misread(self, shipped: Sequence[Card]) -> list[Card]:
        """Cards of the same sources that the book no longer has, though it has others of the model and variant."""
        there = {(_line(card), card.valid_from) for card in shipped}
        sources = {(card.model_key, card.variant): card.source_version for card in shipped}
        return [
            card
            for line, cards in self.snapshots.items()
            for card in cards
            if sources.get(line[:2]) == card.source_version
            and (line, card.valid_from) not in there
            and card.note != DATED_HERE
        ]

    def why_held(self, card: Card) -> str | None:
        """The first book that knows a model, or its price at a time of day, is believed; news are compared with it."""
        known = self.all_of.get((card.model_key, card.variant), ())
        return why_held(card, [one for one in known if one.window == card.window])


def _line(card: Card) -> _Line:
    return card.model_key, card.variant, card.window


def _beginning(card: Card, at: datetime) -> Card:
    return card if at == card.valid_from else replace(card, valid_from=at, note=DATED_HERE)


def _last_begun(cards: Iterable[Card], at: datetime) -> Card | None:
    """Of the cards that begin until then the last, and of two that begin together the one stored last."""
    begun = [card for card in cards if card.valid_from <= at]
    return max(begun, key=rank, default=None)


def _says_the_same(stored: Card, card: Card) -> bool:
    """The same price; that it was seen again on another day is no news."""
    return (
        set(stored.rates) == set(card.rates)
        and stored.currency == card.currency
        and dict(stored.region_multipliers) == dict(card.region_multipliers)
        and stored.estimated_because == card.estimated_because
    )


def _only_completes(stored: Card, card: Card) -> bool:
    """Nothing that both price has changed: the newer knows units, tiers or regions that the older did not."""
    before = {(rate.unit, rate.tier_from_tokens): rate.per_million for rate in stored.rates}
    now = {(rate.unit, rate.tier_from_tokens): rate.per_million for rate in card.rates}
    return all(now.get(place) == per_million for place, per_million in before.items()) and all(
        card.region_multipliers.get(region) == factor for region, factor in stored.region_multipliers.items()
    )
