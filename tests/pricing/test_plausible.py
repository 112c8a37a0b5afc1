"""What is held for approval: negative, absurd, or a jump from the price that holds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from pricing.cards import Card, FxRate, Rate
from pricing.plausible import why_held

JUNE, JULY, AUGUST = (datetime(2026, month, 1) for month in (6, 7, 8))  # noqa: DTZ001 - UTC, as the store has it


def a_card(output: str, **given: Any) -> Card:
    """An imported price of model m."""
    known = {
        "rate_card": "v/m@2026-06-01",
        "model_key": "v/m",
        "provider": "v",
        "model": "m",
        "layer": "import",
    }
    rates = (Rate("output", 0, Decimal(output)),)
    return Card(**{**known, "valid_from": JUNE, "rates": rates, **given})


AT_TEN = a_card("10")


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("10", None),
        ("49.999999", None),
        (
            "50",
            "output would cost 50.00 USD a million after 10.00 USD by v/m@2026-06-01, a factor of 5 or more",
        ),
        ("2.000001", None),
        ("2", "output would cost 2.00 USD a million after 10.00"),
        ("0", "output would be free, and cost 10.00"),
        ("-1", "output is negative: -1.00"),
    ],
)
def test_a_price_is_compared_with_the_one_that_holds(output: str, told: str | None) -> None:
    why = why_held(a_card(output, valid_from=JULY), [AT_TEN])
    assert why is None if told is None else told in str(why)


def test_zero_by_hand_is_free_and_not_a_mistake() -> None:
    assert why_held(a_card("0", valid_from=JULY, layer="override"), [AT_TEN]) is None


def test_a_free_model_may_get_a_price() -> None:
    assert why_held(a_card("3", valid_from=JULY), [a_card("0")]) is None


@pytest.mark.parametrize(
    ("unit", "per_million", "is_held"),
    [
        ("output", "10000", False),
        ("output", "10000.01", True),
        ("request", "90000", False),
        ("request", "110000", True),
    ],
)
def test_without_anything_to_compare_with_only_the_absurd_is_held(
    unit: str, per_million: str, is_held: bool
) -> None:
    card = a_card("1", rates=(Rate(unit, 0, Decimal(per_million)),))
    assert (why_held(card, []) is not None) is is_held


def test_it_is_compared_with_what_holds_when_it_begins_not_with_what_holds_now() -> None:
    dear = a_card("60", rate_card="v/m@2026-08-01", valid_from=AUGUST)
    assert why_held(a_card("12", valid_from=JULY), [AT_TEN, dear]) is None
    assert "60.00" in str(why_held(a_card("12", valid_from=AUGUST), [AT_TEN, dear]))


def test_a_price_before_the_first_is_compared_with_the_first() -> None:
    assert "10.00" in str(why_held(a_card("60", valid_from=datetime(2026, 5, 1)), [AT_TEN]))  # noqa: DTZ001


def test_what_is_held_or_withdrawn_is_nothing_to_compare_with() -> None:
    held = a_card("60", rate_card="v/m@2026-06-15", held_because="a jump", valid_from=datetime(2026, 6, 15))  # noqa: DTZ001
    mark = a_card("0", rate_card="v/m@2026-06-01#2", withdraws="v/m@2026-06-01", rates=())
    assert "10.00" in str(why_held(a_card("60", valid_from=JULY), [AT_TEN, held]))
    assert why_held(a_card("60", valid_from=JULY), [AT_TEN, mark]) is None


def test_a_variant_without_a_price_is_compared_with_the_standard_one() -> None:
    assert why_held(a_card("5", variant="batch"), [AT_TEN]) is None
    assert "10.00" in str(why_held(a_card("50", variant="batch"), [AT_TEN]))
    of_batch = a_card("45", rate_card="v/m+batch@2026-06-01", variant="batch")
    assert why_held(a_card("50", variant="batch", valid_from=JULY), [AT_TEN, of_batch]) is None


def test_a_window_is_compared_with_its_own_price_of_before() -> None:
    at_night = a_card("2", rate_card="v/m@2026-06-01~0030-0600", window=(30, 360))
    assert why_held(a_card("0.5", window=(30, 360), valid_from=JULY), [AT_TEN, at_night]) is None


def test_a_tier_is_compared_with_the_same_tier_else_with_the_base() -> None:
    tiered = a_card("10", rates=(Rate("output", 0, Decimal(10)), Rate("output", 200_000, Decimal(60))))
    news = a_card(
        "10", rates=(Rate("output", 0, Decimal(10)), Rate("output", 200_000, Decimal(70))), valid_from=JULY
    )
    assert why_held(news, [tiered]) is None
    assert "output above 200,000 tokens" in str(why_held(news, [AT_TEN]))


def test_prices_in_two_currencies_are_compared_by_the_rate_of_the_day() -> None:
    yen = [FxRate("JPY", Decimal("0.0065"), JUNE)]
    assert why_held(a_card("1500", currency="JPY", valid_from=JULY), [AT_TEN], yen) is None  # 9.75 USD
    assert "JPY" in str(why_held(a_card("150", currency="JPY", valid_from=JULY), [AT_TEN], yen))  # 0.975 USD
    assert why_held(a_card("150", currency="JPY", valid_from=JULY), [AT_TEN]) is None  # nobody knows
