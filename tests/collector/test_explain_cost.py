"""Why a call cost what it cost: each step to the last digit, on whose word, and what would make it another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.server.explain import asked_for, explain
from collector.server.scopes import Scope, narrow
from commands.explained import as_text
from store.backends import file
from tests.collector.sending import Sent, otel, request
from tests.stores import Store, open_store

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
RATES = {"uncached_input": "2", "output": "10"}


def a_card(key: str, model: str, rates: dict[str, str], **fields: Any) -> dict[str, Any]:
    base = [{"unit": unit, "tier_from_tokens": 0, "per_million": rate} for unit, rate in rates.items()]
    return {
        "card_key": key,
        "provider": "my-host",
        "model": model,
        "rates": base,
        "valid_from": "2026-10-01T00:00:00Z",
        "layer": "import",
        "recorded_by": "anna",
        **fields,
    }


EURO = {
    "fx_key": "fx1",
    "currency": "EUR",
    "usd_per_unit": "1.08",
    "valid_from": "2026-11-01T00:00:00Z",
    "source": "ECB",
}
AGREEMENT = {
    "agreement_key": "a1",
    "agreement": "volume-2026",
    "provider": "my-host",
    "tenant_id": "acme",
    "multiplier": "0.85",
    "valid_from": "2026-01-01T00:00:00Z",
    "source": "contract 17",
    "recorded_by": "bo",
}
RULE = {
    "rule_id": "r1",
    "tenant_id": "hooli",
    "dimension": "feature",
    "dimension_value": "billing",
    "valid_from": "2026-11-01T00:00:00Z",
    "recorded_by": "anna",
}
RECORDS: dict[str, list[dict[str, Any]]] = {
    "rate_cards": [
        a_card("plain", "plain", RATES, source="https://my-host.example/prices"),
        a_card("later", "plain", {**RATES, "output": "12"}, valid_from="2026-12-01T00:00:00Z"),
        a_card("euro", "euro", RATES, currency="EUR", region_multipliers={"eu": "1.1"}),
        a_card("list", "agreed", RATES),
        a_card("ours", "agreed", {"uncached_input": "1.5", "output": "8"}, layer="agreement"),
        a_card("old", "corrected", RATES),
        a_card("calm", "jumpy", RATES),
    ],
    "fx_rates": [EURO],
    "agreements": [AGREEMENT],
    "attribution_rules": [RULE],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("data")) as store:
        record(store, RECORDS)
        # Beside one that is in force: five times its rate is held.
        record(
            store, {"rate_cards": [a_card("jump", "jumpy", {**RATES, "output": "1000"}, layer="override")]}
        )
        yield store


def record(store: Store, records: dict[str, list[dict[str, Any]]]) -> None:
    for kind, rows in records.items():
        store.send(json.dumps(rows).encode(), signal=f"records/{kind}")
    store.commit()


def call(store: Store, provider: str, model: str, **attributes: Any) -> dict[str, Any]:
    """The explanation of a call that has just been stored."""
    return explained(store, sent(store, provider, model, **attributes))


def sent(store: Store, provider: str, model: str, **attributes: Any) -> Sent:
    one = Sent("tests", otel(provider, model, **attributes), at=NOON)
    store.send(request(one))
    store.commit()
    return one


def explained(store: Store, one: Sent, scope: Scope | None = None) -> dict[str, Any]:
    asked = asked_for("default", one.span_id.hex(), None)
    with file.cursor(store.session) as seen, file.cursor(store.session) as whole:
        if scope:
            narrow(seen, scope)
        return explain(seen, whole, asked, store.committer.terms)


def text(found: dict[str, Any]) -> str:
    whole = as_text(found)
    return whole[whole.index("\ncost\n") : whole.index("\n\ncheck")]


def says(found: dict[str, Any], about: str) -> list[str]:
    return [one["says"] for one in found["cost"]["would_change"] if one["about"] == about]


def commands(found: dict[str, Any], about: str) -> list[str]:
    return [
        word for one in found["cost"]["would_change"] if one["about"] == about for word in one["commands"]
    ]


def test_each_kind_of_token_is_worked_out_to_the_last_digit(store: Store) -> None:
    found = call(store, "openai", "gpt-4o", input=10_000, cached=8_000, output=1_000, reasoning=600)
    told = found["cost"]
    assert {one["unit"]: one["arithmetic"] for one in told["arithmetic"]["lines"]} == {
        "uncached_input": "2,000 × 2.5 / 1,000,000 = 0.005",
        "cached_input": "8,000 × 1.25 / 1,000,000 = 0.01",
        "output": "400 × 10 / 1,000,000 = 0.004",
        "reasoning": "600 × 10 / 1,000,000 = 0.006",
    }
    assert told["arithmetic"]["sum"] == "0.005 + 0.01 + 0.004 + 0.006 = 0.025"
    assert told["arithmetic"]["is_exact"]
    assert (told["list_cost_usd"], told["effective_cost_usd"]) == ("0.025000000000", "0.025000000000")
    assert "reasoning       600 × 10 / 1,000,000 = 0.006 (at the rate of output)" in text(found)


def test_a_card_says_from_when_to_when_it_holds_and_on_whose_word(store: Store) -> None:
    found = call(store, "my-host", "plain", input=1_000, output=100)
    card = found["cost"]["card"]
    assert (card["holds_from"], card["holds_to"]) == ("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert (card["layer"], card["recorded_by"]) == ("import", "anna")
    assert card["source"] == "https://my-host.example/prices"
    assert "from 2026-10-01 up to 2026-12-01, UTC" in text(found)
    assert says(found, "later") == ["a call from 2026-12-01 00:00 UTC on is priced by another card"]


def test_region_currency_and_agreement_are_steps_of_their_own(store: Store) -> None:
    where = {"tenant__id": "acme", "steelyard__region": "eu"}
    found = call(store, "my-host", "euro", input=1_000, output=100, **where)
    told = found["cost"]
    assert {one["unit"]: one["arithmetic"] for one in told["arithmetic"]["lines"]} == {
        "uncached_input": "1,000 × 2 × 1.1 / 1,000,000 = 0.0022 EUR × 1.08 = 0.002376",
        "output": "100 × 10 × 1.1 / 1,000,000 = 0.0011 EUR × 1.08 = 0.001188",
    }
    assert told["arithmetic"]["effective"]["arithmetic"] == "0.003564 × 0.85 = 0.0030294"
    assert (told["list_cost_usd"], told["effective_cost_usd"]) == ("0.003564000000", "0.003029400000")
    assert told["arithmetic"]["is_exact"]
    said = text(found)
    assert "agreement volume-2026: from 2026-01-01 up to further notice, contract 17, recorded by bo" in said
    assert "exchange rate 1.08: ECB" in said


def test_a_tenants_key_is_not_told_what_was_agreed_with_the_provider(store: Store) -> None:
    one = sent(store, "my-host", "plain", input=1_000, output=100, tenant__id="acme")
    assert "contract 17" in json.dumps(explained(store, one))
    told = explained(store, one, Scope("default", tenant="acme"))
    assert "contract 17" not in json.dumps(told) and "0.85" not in json.dumps(told)
    by = told["cost"]["arithmetic"]["effective"]["because"]
    assert by == "by an agreement that this access key does not see"


def test_rates_of_an_agreement_have_their_own_arithmetic(store: Store) -> None:
    told = call(store, "my-host", "agreed", input=1_000, output=100)["cost"]
    assert (told["list_cost_usd"], told["effective_cost_usd"]) == ("0.003000000000", "0.002300000000")
    assert told["arithmetic"]["effective"]["arithmetic"] == "0.0015 + 0.0008 = 0.0023"
    assert told["arithmetic"]["is_exact"]


def test_a_customers_own_account_costs_us_nothing_and_the_list_price_stays(store: Store) -> None:
    found = call(store, "openai", "gpt-4o", input=1_000, output=100, steelyard__key_owner="customer")
    told = found["cost"]
    assert (told["list_cost_usd"], told["effective_cost_usd"]) == ("0.003500000000", "0.000000000000")
    assert told["arithmetic"]["effective"]["because"] == "the provider bills the customer's own account"
    assert "billed to   the customer's own account: it costs us nothing" in text(found)


def test_the_tier_says_what_moved_the_call_and_what_would(store: Store) -> None:
    above = call(store, "google", "gemini-2.5-pro", input=250_000, cached=100_000, output=3_000)
    assert above["cost"]["arithmetic"]["sum"] == "0.375 + 0.025 + 0.045 = 0.445"
    assert "tier      above 200,000 input tokens; the call has 250,000, cached ones included" in text(above)
    assert says(above, "tier") == ["up to 200,000 input tokens it would be in a lower tier; it has 250,000"]
    below = call(store, "google", "gemini-2.5-pro", input=150_000, output=3_000)
    assert says(below, "tier") == [
        "above 200,000 input tokens all of a call costs more (uncached_input 2.5 a million, in place of 1.25); this one "
        "has 150,000"
    ]


def test_a_price_that_came_later_says_what_a_repricing_would_make_of_the_call(store: Store) -> None:
    one = sent(store, "my-host", "corrected", input=1_000, output=100)
    assert says(explained(store, one), "reprice") == ["charged again now it would cost the same"]
    newer = a_card("new", "corrected", {**RATES, "uncached_input": "3"}, layer="override")
    record(store, {"rate_cards": [newer]})
    store.session.execute(
        "insert into periods (project, period_key, month, status, recorded_at) "
        "values ('default', 'p1', '2026-11-01', 'closed', '2026-12-03')"
    )
    found = explained(store, one)
    store.session.execute("delete from periods")
    [said] = says(found, "reprice")
    assert said.startswith("charged again now it would be 0.004 USD, priced by my-host/corrected@2026-10-01")
    assert "instead of 0.003 USD, priced by my-host/corrected@2026-10-01" in said
    assert said.endswith("closed on 2026-12-03, so a repricing books the difference in an open month")
    assert commands(found, "reprice") == ["steelyard reprice --month 2026-11 --model corrected --dry-run"]
    # What it was charged by is still told, as it was known then.
    assert found["cost"]["arithmetic"]["sum"] == "0.002 + 0.001 = 0.003"
    assert found["cost"]["arithmetic"]["is_exact"]


def test_a_model_without_a_price_is_given_one_by_a_command_that_is_safe_to_paste(store: Store) -> None:
    found = call(store, "my-host", "it's $(new)", input=1_000, output=100)
    assert commands(found, "price") == [
        "steelyard prices override my-host 'it'\"'\"'s $(new)' --input RATE --output RATE --from 2026-11-10",
        "steelyard reprice --month 2026-11 --model 'it'\"'\"'s $(new)'",
    ]
    assert says(found, "reprice") == ["charged again now it would still have no cost"]
    assert found["cost"]["arithmetic"] is None


def test_a_unit_without_a_rate_is_named_beside_those_that_have_one(store: Store) -> None:
    found = call(store, "my-host", "plain", input=1_000, output=100, steelyard__web_searches=3)
    assert found["cost"]["status"] == "unpriced_unit"
    assert says(found, "price") == ["my-host/plain@2026-10-01 has no rate for web_searches (3 used)"]
    assert commands(found, "price")[0] == (
        "steelyard prices override my-host plain --web-searches RATE --from 2026-11-10"
    )


def test_a_service_tier_without_a_card_is_named(store: Store) -> None:
    found = call(store, "my-host", "plain", input=1_000, output=100, tier="batch")
    assert says(found, "price") == ["the model has prices, but none for service tier batch"]
    assert "--variant batch" in commands(found, "price")[0]


def test_counts_that_contradict_each_other_are_put_into_a_sentence(store: Store) -> None:
    found = call(store, "openai", "gpt-4o", input=100, output=50, gen_ai__usage__audio__input_tokens=180)
    assert found["cost"]["contradiction"] == "the parts exceed their total: uncached_input would be -80"
    assert "docs/usage.md" in says(found, "usage")[0]


def test_a_held_card_is_shown_with_the_command_that_puts_it_in_force(store: Store) -> None:
    found = call(store, "my-host", "jumpy", input=1_000, output=100)
    assert found["cost"]["list_cost_usd"] == "0.003000000000"
    assert commands(found, "held") == ["steelyard prices approve 'my-host/jumpy@2026-10-01#2'"]


def test_a_tenant_by_a_rule_names_the_rule_and_what_telemetry_said(store: Store) -> None:
    found = call(store, "openai", "gpt-4o", input=10, output=1, steelyard__feature="billing")
    columns = {one["column"]: one for one in found["columns"]}
    assert (columns["tenant_id"]["value"], columns["tenant_id"]["from"]) == ("hooli", "rule r1, see cost")
    by_rule = (
        "hooli, by rule r1 (feature = billing, from 2026-11-01 on, recorded by anna); telemetry said none"
    )
    assert by_rule in text(found)


def test_an_estimate_says_why_it_is_one(store: Store) -> None:
    found = call(store, "openai", "gpt-4o", input=1_000)
    assert says(found, "estimate") == ["it is an estimate because the output was not reported"]
