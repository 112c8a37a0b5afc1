"""Prices as records: stored once, never changed, and what later calls are charged by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from store import price_records, prices
from store.records import KINDS, problems
from tests.spans import a_call, export
from tests.store.price_records import a_card, a_decision, record, send
from tests.stores import Store, gpt_4o_book, open_store

# 1,000 tokens of input at 2.50 and 100 of output at 10, USD per million
AT_LIST = Decimal("0.0035")
CHEAPER = {"uncached_input": "2.25", "output": "9.00"}
# 1,000 x 2.25 + 100 x 9.00, per million
AT_CHEAPER = Decimal("0.00315")
SEPTEMBER_NS = 1_788_912_000 * 10**9  # 2026-09-09T00:00:00Z
NOVEMBER_NS = 1_793_534_400 * 10**9  # 2026-11-01T12:00:00Z


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, gpt_4o_book()) as opened:
        yield opened


def a_november_call(**given: Any) -> bytes:
    return export(a_call(**{"started_ns": NOVEMBER_NS, **given}))


def costs(store: Store) -> list[Decimal | None]:
    """What the calls cost, in the order in which they arrived."""
    return [row["list_cost_usd"] for row in store.rows("select list_cost_usd from spans order by span_id")]


def a_numbered_call(number: int, **given: Any) -> bytes:
    return a_november_call(span_id=number.to_bytes(8, "big"), **given)


def test_a_price_charges_what_arrives_after_it_and_nothing_before_in_one_commit(store: Store) -> None:
    store.send(a_numbered_call(1))
    send(store, a_card(CHEAPER))
    store.send(a_numbered_call(2))
    store.commit()
    assert costs(store) == [AT_LIST, AT_CHEAPER]


def test_a_price_in_a_segment_of_its_own_charges_the_segments_behind_it(store: Store) -> None:
    for put in (a_numbered_call(1), None, a_numbered_call(2)):
        store.send(put) if put else send(store, a_card(CHEAPER))
        store.spool.seal()
    store.commit()
    assert costs(store) == [AT_LIST, AT_CHEAPER]


def test_a_restarted_store_still_charges_by_it(store: Store) -> None:
    record(store, a_card(CHEAPER))
    store.reopen()
    store.send(a_numbered_call(1))
    store.commit()
    assert costs(store) == [AT_CHEAPER]


def test_a_call_is_charged_at_the_price_of_its_day(store: Store) -> None:
    record(store, a_card(CHEAPER, valid_to="2026-11-01T00:00:00Z"))
    for number, started_ns in enumerate((SEPTEMBER_NS, NOVEMBER_NS - 86_400 * 10**9, NOVEMBER_NS), start=1):
        store.send(a_numbered_call(number, started_ns=started_ns))
    store.commit()
    assert costs(store) == [AT_LIST, AT_CHEAPER, AT_LIST]


def test_a_record_that_is_sent_twice_is_stored_once(store: Store) -> None:
    card = a_card(CHEAPER)
    rate = {
        "fx_key": "1",
        "currency": "EUR",
        "usd_per_unit": "1.08",
        "valid_from": card["valid_from"],
        "source": "ECB",
    }
    agreement = {
        "agreement_key": "1",
        "agreement": "2026-17",
        "multiplier": "0.85",
        "valid_from": card["valid_from"],
    }
    for _ in range(2):
        record(store, card, card)
        record(store, rate, kind="fx_rates")
        record(store, agreement, kind="agreements")
    assert store.value("select count(*) from rate_cards where layer = 'override'") == 1
    assert store.value("select count(*) from rates where rate_card = 'openai/gpt-4o@2026-10-01'") == 2
    assert store.rows("select currency, usd_per_unit from fx_rates") == [
        {"currency": "EUR", "usd_per_unit": Decimal("1.080000000")}
    ]
    assert store.rows("select agreement, multiplier from agreements") == [
        {"agreement": "2026-17", "multiplier": Decimal("0.850000")}
    ]


def test_a_correction_is_another_row_and_the_later_one_counts(store: Store) -> None:
    record(store, a_card({"uncached_input": "2.00", "output": "9.00"}))
    record(store, a_card(CHEAPER))
    store.send(a_numbered_call(1))
    store.commit()
    assert store.rows("select rate_card from rate_cards where layer = 'override' order by all") == [
        {"rate_card": "openai/gpt-4o@2026-10-01"},
        {"rate_card": "openai/gpt-4o@2026-10-01#2"},
    ]
    assert store.rows("select list_cost_usd, rate_card from calls") == [
        {"list_cost_usd": AT_CHEAPER, "rate_card": "openai/gpt-4o@2026-10-01#2"}
    ]


def test_the_server_gives_a_card_an_id_that_says_what_it_is_about(store: Store) -> None:
    expected = {
        "openai/gpt-4o@2026-10-01": {},
        "openai/gpt-4o+batch@2026-10-01": {"variant": "batch"},
        "openai/gpt-4o@2026-10-01~0030-1630": {"from_minute": 30, "to_minute": 990},
        "openai/gpt-4o@2026-10-01T12:30:00": {"valid_from": "2026-10-01T12:30:00Z"},
        "azure/openai/gpt-4o@2026-10-01": {"model_key": "azure/openai/gpt-4o"},
    }
    cards = {card_id: a_card(CHEAPER, **given) for card_id, given in expected.items()}
    record(store, *cards.values())
    stored = store.rows("select card_key, rate_card, held_because from rate_cards where layer = 'override'")
    assert {row["card_key"]: row["rate_card"] for row in stored} == {
        card["card_key"]: card_id for card_id, card in cards.items()
    }
    assert {row["held_because"] for row in stored} == {None}


def test_everything_of_a_card_comes_back_as_it_was_sent(store: Store) -> None:
    row = a_card(
        {},
        rates=[
            {"unit": "uncached_input", "per_million": "2.5"},
            {"unit": "uncached_input", "tier_from_tokens": 200_000, "per_million": "5"},
            {"unit": "web_searches", "per_million": "10000"},
        ],
        valid_to="2026-12-01T00:00:00Z",
        currency="EUR",
        layer="agreement",
        name_pattern="ft:gpt-4o*",
        from_minute=1380,
        to_minute=60,
        region_multipliers={"eu": "1.1"},
        estimated_because="no rate for audio",
        source="contract 2026-17",
        source_version="2",
        checked_on="2026-09-30",
        note="signed",
        recorded_by="kim",
    )
    record(store, row)
    [card] = [card for card in prices.records(store.session).cards if card.card_key == row["card_key"]]
    assert [(one.unit, one.tier_from_tokens, one.per_million) for one in card.rates] == [
        ("uncached_input", 0, Decimal("2.5")),
        ("uncached_input", 200_000, Decimal(5)),
        ("web_searches", 0, Decimal(10_000)),
    ]
    assert (card.currency, card.layer, card.name_pattern) == ("EUR", "agreement", "ft:gpt-4o*")
    assert (card.window, card.region_multipliers) == ((1380, 60), {"eu": Decimal("1.1")})
    assert (card.valid_to, card.checked_on) == (datetime(2026, 12, 1), datetime(2026, 9, 30).date())  # noqa: DTZ001
    assert (card.source, card.source_version, card.note, card.recorded_by) == (
        "contract 2026-17",
        "2",
        "signed",
        "kim",
    )


def test_a_held_card_prices_nothing_until_it_is_approved(store: Store) -> None:
    record(store, a_card({"uncached_input": "25.00", "output": "10.00"}))
    [held] = store.rows("select rate_card, held_because from rate_cards where layer = 'override'")
    assert "uncached_input would cost 25.00 USD a million after 2.50 USD" in held["held_because"]
    store.send(a_numbered_call(1))
    send(store, a_decision(approves=held["rate_card"]))
    store.send(a_numbered_call(2))
    send(store, a_decision(withdraws=held["rate_card"]))
    store.send(a_numbered_call(3))
    store.commit()
    # 1,000 x 25 + 100 x 10, per million
    assert costs(store) == [AT_LIST, Decimal("0.026"), AT_LIST]


def test_a_card_is_judged_by_those_recorded_before_it_in_the_same_request(store: Store) -> None:
    later = "2026-10-15T00:00:00Z"
    record(store, a_card(CHEAPER), a_card({"uncached_input": "22.5", "output": "9.00"}, valid_from=later))
    assert store.rows(
        "select rate_card, held_because is not null as held from rate_cards where layer = 'override' order by all"
    ) == [
        {"rate_card": "openai/gpt-4o@2026-10-01", "held": False},
        {"rate_card": "openai/gpt-4o@2026-10-15", "held": True},
    ]


def test_a_decision_about_no_such_card_is_put_among_the_rejects(store: Store) -> None:
    record(
        store,
        a_decision(approves="openai/gpt-4o@1970-01-01"),
        a_decision(approves="openai/nothing@1970-01-01"),
        a_decision(withdraws="openai/nothing@1970-01-01"),
    )
    reasons = store.rows(
        "select reason, count(*) as n from rejects where signal = 'records/rate_cards' group by 1 order by 1"
    )
    assert reasons == [
        {"reason": "rate card 'openai/gpt-4o@1970-01-01' does not wait for approval", "n": 1},
        {"reason": "there is no rate card 'openai/nothing@1970-01-01'", "n": 2},
    ]
    assert store.value("select count(*) from rate_cards where coalesce(approves, withdraws) is not null") == 0


def test_who_recorded_a_price_is_vouched_for_by_their_access_key(store: Store) -> None:
    now = datetime.now(UTC)
    vouched = a_card(CHEAPER, recorded_by="kim") | {"received_at": now, "key_id": "k3y"}
    price_records.record(store.session, "rate_cards", [vouched])
    rate = {"fx_key": "1", "currency": "EUR", "usd_per_unit": "1.08", "valid_from": "2026-10-01T00:00:00Z"}
    price_records.record(store.session, "fx_rates", [rate | {"received_at": now, "key_id": "k3y"}])
    assert store.value("select recorded_by from rate_cards where layer = 'override'") == "kim (key k3y)"
    assert store.value("select recorded_by from fx_rates") == "? (key k3y)"


@pytest.mark.parametrize(
    ("price", "fits"),
    [
        ("2.50", True),
        ("-0.000001", True),
        ("999999999999.999999", True),
        ("1000000000000", False),
        ("0.0000001", False),
        ("0.0000010", True),
        ("1e3", False),
        ("", False),
        (2.5, False),
    ],
)
def test_a_decimal_is_text_with_no_more_digits_than_are_kept(price: Any, fits: bool) -> None:
    kind = KINDS["fx_rates"]
    row = {"fx_key": "1", "currency": "EUR", "valid_from": "2026-10-01T00:00:00Z", "source": "ECB"}
    exact = kind.__class__(
        kind.table, kind.key, kind.required, {**kind.fields, "usd_per_unit": "decimal(18,6)"}
    )
    assert bool(problems(exact, [row | {"usd_per_unit": price}])) is not fits
