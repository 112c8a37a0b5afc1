"""The shipped book in the store: a newer one adds what is news, and what was stored stays as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pricing.book import load_book
from pricing.cards import Card, Rate
from pricing.layout import lay_out
from store import price_records, prices, snapshot
from store.backends import file
from tests.store.price_records import a_card

UNDATED = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as the store has it
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1) for month in (10, 11, 12))  # noqa: DTZ001 - UTC


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a price."""
    path = tmp_path_factory.mktemp("empty") / "store.duckdb"
    file.open_for_writing(path).close()
    return path


@pytest.fixture
def store(tmp_path: Path, empty: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = file.open_for_writing(shutil.copy(empty, tmp_path / "store.duckdb"))
    yield connection
    connection.close()


@dataclass(frozen=True)
class Shipped:
    """A book of one model."""

    version: str
    cards: tuple[Card, ...]


def dated(
    output: str,
    starts: datetime = UNDATED,
    *,
    window: tuple[int, int] | None = None,
    searches: str | None = None,
) -> Card:
    rates = [Rate("output", 0, Decimal(output))]
    rates += [Rate("web_searches", 0, Decimal(searches))] if searches else []
    return Card("", "vendor/m", "vendor", "m", starts, rates=tuple(rates), window=window)


def a_book(*cards: Card, source: str = "list 1", checked_on: date = date(2026, 10, 1)) -> Shipped:
    read = [replace(card, source_version=source, checked_on=checked_on) for card in cards]
    return Shipped(f"{source} ({hash(tuple(map(str, read)))})", tuple(read))


def stored(store: duckdb.DuckDBPyConnection) -> list[str]:
    """The ids of the cards in the order in which they came."""
    return [card.rate_card for card in prices.records(store).cards]


def price(store: duckdb.DuckDBPyConnection, at: datetime) -> tuple[str, Decimal]:
    """The card that holds, and what a million tokens of output cost by it."""
    segment = lay_out(prices.records(store)).find("vendor/m", "standard", at)
    assert segment is not None
    return segment.card.rate_card, segment.sheets[0].rates["output"]


def test_every_shipped_card_is_stored_under_its_own_id_in_force_and_once(
    store: duckdb.DuckDBPyConnection,
) -> None:
    book = load_book()
    for _ in range(2):
        snapshot.add_new(store, book)
    cards = prices.records(store).cards
    assert {card.rate_card for card in cards} == {card.rate_card for card in book.cards}
    assert len(cards) == len(book.cards)
    assert [card.rate_card for card in cards if card.held_because] == []
    assert {card.recorded_by for card in cards} == {f"book {book.version}"}
    assert store.execute("select value from meta where key = 'price_book'").fetchone() == (book.version,)


def test_an_undated_price_of_a_newer_source_holds_from_the_day_it_was_checked(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    newer = a_book(dated("8"), source="list 2", checked_on=date(2026, 11, 1))
    for _ in range(2):
        snapshot.add_new(store, newer)
    assert stored(store) == ["vendor/m@1970-01-01", "vendor/m@2026-11-01"]
    assert price(store, OCTOBER) == ("vendor/m@1970-01-01", Decimal(10))
    assert price(store, NOVEMBER) == ("vendor/m@2026-11-01", Decimal(8))


def test_a_price_that_goes_back_is_news_again(store: duckdb.DuckDBPyConnection) -> None:
    for number, output in enumerate(("10", "8", "10"), start=1):
        checked_on = date(2026, 9 + number, 1)
        snapshot.add_new(store, a_book(dated(output), source=f"list {number}", checked_on=checked_on))
    assert [price(store, at)[1] for at in (OCTOBER, NOVEMBER, DECEMBER)] == [10, 8, 10]


def test_a_newer_source_that_learns_when_a_price_began_keeps_what_was_there(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    learned = (dated("10"), dated("8", datetime(2026, 10, 20)))  # noqa: DTZ001
    snapshot.add_new(store, a_book(*learned, source="list 2", checked_on=date(2026, 11, 1)))
    assert stored(store) == ["vendor/m@1970-01-01", "vendor/m@2026-10-20"]
    assert price(store, OCTOBER) == ("vendor/m@1970-01-01", Decimal(10))


def test_another_reading_of_the_same_source_corrects_all_of_its_time(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    snapshot.add_new(store, a_book(dated("12")))
    assert stored(store) == ["vendor/m@1970-01-01", "vendor/m@1970-01-01#2"]
    assert price(store, OCTOBER) == ("vendor/m@1970-01-01#2", Decimal(12))


def test_so_does_another_reading_of_a_newer_source(store: duckdb.DuckDBPyConnection) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    for output in ("8", "9", "9"):
        snapshot.add_new(store, a_book(dated(output), source="list 2", checked_on=date(2026, 11, 1)))
    assert stored(store) == ["vendor/m@1970-01-01", "vendor/m@2026-11-01", "vendor/m@2026-11-01#2"]
    assert price(store, OCTOBER)[1] == 10
    assert price(store, NOVEMBER)[1] == 9


def test_a_unit_that_was_not_priced_before_is_priced_for_all_of_its_time(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    more = a_book(dated("10", searches="10000"), source="list 2", checked_on=date(2026, 11, 1))
    snapshot.add_new(store, more)
    assert stored(store) == ["vendor/m@1970-01-01", "vendor/m@1970-01-01#2"]


def test_a_card_that_the_same_source_does_not_say_after_all_is_withdrawn(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10"), dated("8", OCTOBER)))
    right = a_book(dated("10"), dated("8", NOVEMBER))
    for _ in range(2):
        snapshot.add_new(store, right)
    assert price(store, OCTOBER) == ("vendor/m@1970-01-01", Decimal(10))
    assert price(store, NOVEMBER) == ("vendor/m@2026-11-01", Decimal(8))
    assert len(stored(store)) == 4  # three cards and the record that withdraws one


def test_a_newer_source_that_forgot_a_model_or_its_history_takes_nothing_away(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10"), dated("8", OCTOBER)))
    before = stored(store)
    snapshot.add_new(store, a_book(dated("8"), source="list 2", checked_on=date(2026, 11, 1)))
    snapshot.add_new(store, a_book(source="list 3", checked_on=date(2026, 12, 1)))
    assert stored(store) == before


def test_a_newer_price_far_from_the_stored_one_waits_for_approval(
    store: duckdb.DuckDBPyConnection,
) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    absurd = a_book(dated("0.1"), source="list 2", checked_on=date(2026, 11, 1))
    for _ in range(2):
        snapshot.add_new(store, absurd)
    [held] = [card for card in prices.records(store).cards if card.held_because]
    assert held.rate_card == "vendor/m@2026-11-01"
    assert price(store, DECEMBER) == ("vendor/m@1970-01-01", Decimal(10))


def test_a_book_that_first_knows_a_model_is_believed_its_history(store: duckdb.DuckDBPyConnection) -> None:
    snapshot.add_new(store, a_book(dated("60"), dated("2", NOVEMBER)))
    assert price(store, OCTOBER)[1] == 60
    assert price(store, NOVEMBER)[1] == 2


def test_windows_of_a_day_are_cards_of_their_own(store: duckdb.DuckDBPyConnection) -> None:
    snapshot.add_new(store, a_book(dated("10"), dated("5", window=(30, 990))))
    assert price(store, OCTOBER.replace(hour=1)) == ("vendor/m@1970-01-01~0030-1630", Decimal(5))
    assert price(store, OCTOBER.replace(hour=20)) == ("vendor/m@1970-01-01", Decimal(10))


def test_a_newer_book_leaves_an_override_in_force(store: duckdb.DuckDBPyConnection) -> None:
    snapshot.add_new(store, a_book(dated("10")))
    own = a_card({"output": "9"}, provider="vendor", model="m", received_at=OCTOBER)
    price_records.record(store, "rate_cards", [own])
    snapshot.add_new(store, a_book(dated("8"), source="list 2", checked_on=date(2026, 11, 1)))
    assert price(store, DECEMBER) == ("vendor/m@2026-10-01", Decimal(9))
