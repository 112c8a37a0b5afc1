"""What the receiver refuses of records of prices, in words."""

from __future__ import annotations

from typing import Any

import pytest

from store.record_checks import CHECKS
from store.records import KINDS, problems
from tests.store.price_records import a_card, a_decision

OUTPUT = {"output": "10.00"}


def refused(kind: str, row: dict[str, Any]) -> str:
    return "; ".join(problems(KINDS[kind], [row]) or CHECKS[kind]([row], "default"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ""),
        ({"rates": [{"unit": "output", "per_million": "-1"}]}, ""),  # held when it is stored
        ({"provider": None}, "`provider` is missing"),
        ({"layer": "snapshot"}, "`layer` is 'snapshot', not one of import, override, agreement"),
        ({"model": "m" * 257}, "longer than 256 characters"),
        ({"currency": "Euro"}, "not a code such as `USD`"),
        ({"variant": "+batch"}, "not a service tier"),
        ({"name_pattern": "*"}, "such as `ft:gpt-4o*`"),
        ({"name_pattern": "a*b*"}, "such as `ft:gpt-4o*`"),
        ({"valid_to": "2026-10-01T00:00:00Z"}, "is not after `valid_from`"),
        ({"from_minute": 30}, "give both"),
        ({"from_minute": 30, "to_minute": 30}, "two different minutes"),
        ({"from_minute": 0, "to_minute": 1440}, "0 to 1439"),
        ({"rates": []}, "`rates` must be a list"),
        ({"rates": [{"unit": "tokens", "per_million": "1"}]}, "the unit 'tokens', not one of uncached_input"),
        ({"rates": [{"unit": "output", "per_million": 10.5}]}, "10.5, not a decimal in quotes"),
        ({"rates": [{"unit": "output", "per_million": "1.1234567"}]}, "at most 6 places"),
        ({"rates": [{"unit": "output", "per_million": "1000000"}]}, "below a million"),
        ({"rates": [{"unit": "output", "per_million": "1"}] * 2}, "output from 0 tokens twice"),
        (
            {"rates": [{"unit": "output", "per_million": "1", "tier_from_tokens": -1}]},
            "not a count of tokens",
        ),
        ({"rates": [{"unit": "output", "per_million": "1", "graduated": True}]}, "graduated tier of output"),
        ({"region_multipliers": {"eu": "0"}}, "above 0"),
        ({"region_multipliers": {"eu": 1.1}}, "not a decimal in quotes"),
        ({"checked_on": "2026-9-1"}, "not date"),
    ],
)
def test_a_card_that_cannot_be_charged_by_is_refused(given: dict[str, Any], told: str) -> None:
    said = refused("rate_cards", a_card(OUTPUT, **given))
    assert told in said if told else said == ""


def test_a_decision_needs_nothing_but_the_card_that_it_is_about() -> None:
    assert refused("rate_cards", a_decision(approves="a")) == ""
    assert "send two records" in refused("rate_cards", a_decision(approves="a", withdraws="b"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ""),
        ({"agreement": None}, "`agreement` is missing"),
        ({"multiplier": "-0.5"}, "cannot be negative"),
        ({"multiplier": "85"}, "0.85 means 15 % off"),
        ({"multiplier": "0.8500001"}, "not decimal(9,6)"),
        ({"agreement": None, "valid_from": None, "withdraws": "2026-17"}, ""),
    ],
)
def test_an_agreement_that_cannot_be_right_is_refused(given: dict[str, Any], told: str) -> None:
    row = {
        "agreement_key": "1",
        "agreement": "2026-17",
        "multiplier": "0.85",
        "valid_from": "2026-10-01T00:00:00Z",
    }
    said = refused("agreements", row | given)
    assert told in said if told else said == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ""),
        ({"currency": "USD"}, "which everything is converted to"),
        ({"currency": "eur"}, "not a code"),
        ({"usd_per_unit": "0.000"}, "must be above 0"),
        ({"usd_per_unit": "-1"}, "must be above 0"),
        ({"source": None}, "`source` is missing"),
    ],
)
def test_an_exchange_rate_that_cannot_be_right_is_refused(given: dict[str, Any], told: str) -> None:
    row = {
        "fx_key": "1",
        "currency": "EUR",
        "usd_per_unit": "1.08",
        "valid_from": "2026-10-01T00:00:00Z",
        "source": "ECB",
    }
    said = refused("fx_rates", row | given)
    assert told in said if told else said == ""
