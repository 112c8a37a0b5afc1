"""What a commit charges: the rows of `charges`, and what of them rides on the spans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pricing.book import load_book
from tests.spans import USAGE_IN, USAGE_OUT, a_call
from tests.stores import Store, open_store

LIST_USD = Decimal("0.0035")  # gpt-4o: 1,000 × 2.50 + 100 × 10, for a million
MONEY = ("list_cost_usd", "effective_cost_usd", "saved_cost_usd", "reported_cost_usd")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def record(store: Store, kind: str, *records: dict[str, Any]) -> None:
    store.send(json.dumps(records).encode(), signal=f"records/{kind}")
    store.commit()


def a_card(key: str, layer: str, rates: dict[str, str], **columns: Any) -> dict[str, Any]:
    return {
        "card_key": key, "provider": "openai", "model": "gpt-4o", "valid_from": "2026-01-01T00:00:00Z", "layer": layer,
        "source": "test", "rates": [{"unit": unit, "tier_from_tokens": 0, "per_million": usd} for unit, usd in rates.items()],
    } | columns  # fmt: skip


def sums(store: Store, rows: str) -> dict[str, Any]:
    [row] = store.rows(f"select {', '.join(f'sum({name}) as {name}' for name in MONEY)} from {rows}")
    return row


def official(store: Store) -> dict[str, Any]:
    """Of every call the charge that nothing supersedes."""
    newest = "(from charges qualify row_number() over (partition by trace_id, span_id order by seq desc) = 1)"
    return sums(store, newest)


def test_calls_add_up_to_their_official_charges_whatever_came_late_twice_or_folded(store: Store) -> None:
    record(
        store,
        "agreements",
        {"agreement_key": "1", "agreement": "a tenth off", "provider": "openai", "multiplier": "0.9",
         "valid_from": "2026-01-01T00:00:00Z", "source": "contract"},
    )  # fmt: skip
    record(store, "tenants", {"tenant_key": "k", "tenant_id": "byok", "billed_to": "customer"})
    plain, duplicate = a_call(), a_call(gen_ai__response__id="r-1")
    grown = a_call(trace_id=plain.trace_id, span_id=plain.span_id, **{USAGE_OUT: 900})
    outer = a_call(
        trace_id=duplicate.trace_id, gen_ai__response__id="r-1", started_ns=duplicate.start_time_unix_nano - 10**6,
        duration_ms=200,
    )  # fmt: skip
    duplicate.parent_span_id = outer.span_id
    store.receive(plain, duplicate, a_call(tenant__id="byok"), a_call(steelyard__cache_hit=True))
    store.receive(
        outer,
        a_call(gen_ai__request__model="who-knows", gen_ai__response__model=None),
        a_call(gen_ai__usage__cost=0.5),
    )
    store.receive(grown, a_call(**{USAGE_IN: None, USAGE_OUT: None}))
    assert store.value("select count(*) from charges where supersedes is not null") >= 2
    of_calls = sums(store, "calls where list_cost_usd is not null")
    assert of_calls == official(store)
    assert of_calls["effective_cost_usd"] < of_calls["list_cost_usd"]
    assert store.value("select count(distinct cost_status) from calls") >= 4


def test_a_charge_says_by_which_book_in_which_currency_and_on_whose_account(store: Store) -> None:
    store.receive(a_call(steelyard__key_owner="customer"))
    [row] = store.rows("select price_book, currency, billed_to, fx_rate, pricing_run from charges")
    assert row == {
        "price_book": load_book().version, "currency": "USD", "billed_to": "customer", "fx_rate": None,
        "pricing_run": "ingest",
    }  # fmt: skip
    assert store.value("select billed_to from calls") == "customer"


def test_a_contracts_rates_decide_what_we_pay_and_leave_the_list_price_alone(store: Store) -> None:
    record(store, "rate_cards", a_card("1", "agreement", {"uncached_input": "2", "output": "8"}))
    store.receive(
        a_call(), a_call(gen_ai__request__model="gpt-4o-mini", gen_ai__response__model="gpt-4o-mini")
    )
    mini, ours = store.rows(
        "select list_cost_usd, effective_cost_usd, agreement, rate_card from calls order by list_cost_usd"
    )
    assert (ours["list_cost_usd"], ours["effective_cost_usd"]) == (LIST_USD, Decimal("0.0028"))
    assert (ours["agreement"], ours["rate_card"]) == ("openai/gpt-4o@2026-01-01", "openai/gpt-4o@1970-01-01")
    assert (mini["effective_cost_usd"], mini["agreement"]) == (mini["list_cost_usd"], None)


def test_a_price_recorded_now_charges_the_calls_that_come_after_it(store: Store) -> None:
    store.receive(a_call())
    record(store, "rate_cards", a_card("1", "override", {"uncached_input": "2.60", "output": "10"}))
    store.receive(a_call())
    rows = store.rows("select list_cost_usd from calls order by list_cost_usd")
    assert [row["list_cost_usd"] for row in rows] == [LIST_USD, Decimal("0.0036")]
    assert store.value("select count(distinct price_book) from charges") == 2
