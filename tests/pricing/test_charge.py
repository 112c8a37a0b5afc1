"""What a call costs. The amounts are worked by hand in the comments, in USD."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.cards import Agreement, FxRate
from pricing.layout import lay_out
from pricing.units import COUNTS
from tests.pricing.charging import (
    LEAVES,
    PRICEABLE,
    a_call,
    a_card,
    charge,
    charge_by,
    charge_one,
    charge_relation,
    prices,
    utc,
)

OPENAI = a_card({"uncached_input": "2.50", "cached_input": "1.25", "output": "10"})
ANTHROPIC_RATES = {
    "uncached_input": "3",
    "cached_input": "0.30",
    "cache_write": "3.75",
    "cache_write_1h": "6",
    "output": "15",
}
ANTHROPIC = a_card(ANTHROPIC_RATES)
GEMINI = a_card(
    {"uncached_input": "1.25", "cached_input": "0.125", "output": "10"},
    above={200_000: {"uncached_input": "2.50", "cached_input": "0.25", "output": "15"}},
)
ANTHROPIC_USAGE = {
    "input_tokens": 23_500,
    "cached_input_tokens": 20_000,
    "cache_write_tokens": 3_000,
    "cache_write_1h_tokens": 1_000,
    "output_tokens": 400,
}


def test_golden_a_cached_and_reasoning_tokens_are_part_of_their_totals() -> None:
    row = charge_one(
        OPENAI, input_tokens=10_000, cached_input_tokens=8_000, output_tokens=1_000, reasoning_tokens=600
    )
    assert row["cost_status"] == "priced"
    assert row["list_cost_usd"] == Decimal("0.025")
    assert row["uncached_input_usd"] == Decimal("0.005")  # 2,000 × 2.50
    assert row["cached_input_usd"] == Decimal("0.010")  # 8,000 × 1.25
    assert row["output_usd"] == Decimal("0.004")  # 400 × 10
    assert row["reasoning_usd"] == Decimal("0.006")  # 600 × 10


def test_golden_b_writes_kept_for_an_hour_have_their_own_price() -> None:
    row = charge_one(ANTHROPIC, **ANTHROPIC_USAGE)
    assert row["list_cost_usd"] == row["effective_cost_usd"] == Decimal("0.027")
    assert row["cache_write_usd"] == Decimal("0.0075")  # 2,000 × 3.75
    assert row["cache_write_1h_usd"] == Decimal("0.006")  # 1,000 × 6


def test_golden_c_the_context_tier_is_decided_by_the_whole_prompt() -> None:
    row = charge_one(
        GEMINI, input_tokens=250_000, cached_input_tokens=100_000, output_tokens=3_000, reasoning_tokens=2_000
    )
    assert row["list_cost_usd"] == Decimal("0.445")  # 150,000 × 2.50 + 100,000 × 0.25 + 3,000 × 15


def test_golden_d_batch_halves_every_leaf() -> None:
    batch = {unit: str(Decimal(usd) / 2) for unit, usd in ANTHROPIC_RATES.items()}
    row = charge_one(ANTHROPIC, a_card(batch, variant="batch"), service_tier="batch", **ANTHROPIC_USAGE)
    assert row["list_cost_usd"] == Decimal("0.0135")
    assert row["rate_card"] == "acme/m+batch@1970-01-01"


@pytest.mark.parametrize(
    ("input_tokens", "usd"),
    # at the threshold still the base price; one more token moves the whole request: 200,001 × 2.50
    [(200_000, "0.25"), (200_001, "0.5000025")],
)
def test_a_context_tier_is_a_cliff(input_tokens: int, usd: str) -> None:
    assert charge_one(GEMINI, input_tokens=input_tokens, output_tokens=0)["list_cost_usd"] == Decimal(usd)


def test_a_unit_without_a_tier_keeps_its_base_rate_above_it() -> None:
    card = a_card({"uncached_input": "1", "output": "5"}, above={1_000: {"uncached_input": "2"}})
    row = charge_one(card, input_tokens=2_000, output_tokens=1_000)
    assert (row["uncached_input_usd"], row["output_usd"]) == (Decimal("0.004"), Decimal("0.005"))


def test_an_old_span_is_priced_at_the_price_of_its_day() -> None:
    change = utc("2026-06-01")
    cards = (
        a_card({"uncached_input": "10"}, valid_to=change),
        a_card({"uncached_input": "2"}, valid_from=change),
    )
    before = charge_one(*cards, input_tokens=1_000, started_at=utc("2026-05-31T23:59:59.999999"))
    since = charge_one(*cards, input_tokens=1_000, started_at=change)
    assert (before["list_cost_usd"], since["list_cost_usd"]) == (Decimal("0.010"), Decimal("0.002"))


@pytest.mark.parametrize("started_at", [utc("2026-05-31T23:00"), utc("2026-07-01")])
def test_a_span_outside_every_card_has_no_price(started_at: datetime) -> None:
    card = a_card({"uncached_input": "10"}, valid_from=utc("2026-06-01"), valid_to=utc("2026-07-01"))
    row = charge_one(card, input_tokens=1_000, started_at=started_at)
    assert (row["cost_status"], row["list_cost_usd"], row["rate_card"]) == ("unpriced_model", None, None)


def test_a_card_recorded_twice_bills_once() -> None:
    assert charge_one(OPENAI, OPENAI, input_tokens=1_000, output_tokens=0)["list_cost_usd"] == Decimal(
        "0.0025"
    )


@pytest.mark.parametrize("model_key", [None, "acme/unheard-of"])
def test_an_unknown_model_costs_null_not_zero(model_key: str | None) -> None:
    row = charge_one(OPENAI, model_key=model_key, input_tokens=10, output_tokens=10)
    assert row["cost_status"] == "unpriced_model"
    assert all(
        row[amount] is None for amount in (*LEAVES, "list_cost_usd", "effective_cost_usd", "saved_cost_usd")
    )


@pytest.mark.parametrize("status", ["ok", "error"])
def test_a_call_that_reports_no_usage_costs_null_not_zero(status: str) -> None:
    row = charge_one(OPENAI, status=status)
    assert (row["cost_status"], row["list_cost_usd"]) == ("no_usage", None)


def test_a_failed_call_that_counts_zero_tokens_has_no_usage() -> None:
    assert charge_one(OPENAI, status="error", input_tokens=0, output_tokens=0)["cost_status"] == "no_usage"


def test_a_failed_call_with_usage_is_billed() -> None:
    row = charge_one(OPENAI, status="error", input_tokens=1_000, output_tokens=0)
    assert (row["cost_status"], row["list_cost_usd"]) == ("priced", Decimal("0.0025"))


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 500, "cached_input_tokens": 20_000, "output_tokens": 1},  # an exclusive emitter
        {"input_tokens": 500, "cache_write_tokens": 100, "cache_write_1h_tokens": 200, "output_tokens": 1},
        {"input_tokens": 500, "output_tokens": 100, "reasoning_tokens": 600},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 2**62, "output_tokens": 1},  # a broken counter must not fail the batch either
        {"input_tokens": -(2**63), "cached_input_tokens": 2**63 - 1, "output_tokens": 2**63 - 1},
    ],
)
def test_counts_that_contradict_each_other_are_a_conflict_not_clamped(usage: dict[str, int]) -> None:
    row = charge_one(ANTHROPIC, **usage)
    assert (row["cost_status"], row["list_cost_usd"]) == ("conflict", None)


@pytest.mark.parametrize(
    ("card", "usage"),
    [
        (a_card({"uncached_input": "1"}), {"input_tokens": 5, "output_tokens": 1}),
        (OPENAI, {"input_tokens": 50, "audio_input_tokens": 5, "output_tokens": 1}),
        (OPENAI, {"input_tokens": 50, "output_tokens": 10, "audio_output_tokens": 5}),
        (a_card({}), {"input_tokens": 50, "output_tokens": 10}),  # billed by the hour or the page
        (  # hour-long writes are dearer than short ones: the short price would be too low
            a_card({"uncached_input": "3", "cache_write": "3.75", "output": "15"}),
            {"input_tokens": 50, "cache_write_tokens": 5, "cache_write_1h_tokens": 5, "output_tokens": 1},
        ),
    ],
)
def test_tokens_of_a_kind_without_a_rate_leave_the_whole_call_unpriced(
    card: Any, usage: dict[str, int]
) -> None:
    row = charge_one(card, **usage)
    assert (row["cost_status"], row["list_cost_usd"]) == ("unpriced_unit", None)
    assert row["uncached_input_usd"] is None


def test_a_vendor_without_a_cache_discount_bills_cached_tokens_as_input() -> None:
    row = charge_one(
        a_card({"uncached_input": "5", "output": "15"}), input_tokens=1_000, cached_input_tokens=400
    )
    assert row["list_cost_usd"] == Decimal("0.005")


def test_reasoning_with_its_own_rate_is_not_billed_as_output() -> None:
    card = a_card({"uncached_input": "2", "output": "8", "reasoning": "3"})
    row = charge_one(card, input_tokens=0, output_tokens=3_000, reasoning_tokens=2_000)
    assert row["list_cost_usd"] == Decimal("0.014")  # 1,000 × 8 + 2,000 × 3


def test_audio_is_priced_apart_from_text() -> None:
    card = a_card({"uncached_input": "1", "output": "2", "audio_input": "40", "audio_output": "80"})
    row = charge_one(
        card, input_tokens=1_000, audio_input_tokens=900, output_tokens=500, audio_output_tokens=500
    )
    assert row["list_cost_usd"] == Decimal("0.0761")  # 100 × 1 + 900 × 40 + 500 × 80


def test_a_fee_per_request_is_added_once() -> None:
    card = a_card({"uncached_input": "1", "output": "1", "request": "5000"})
    row = charge_one(card, input_tokens=1_000, output_tokens=0)
    assert (row["request_usd"], row["list_cost_usd"]) == (Decimal("0.005"), Decimal("0.006"))


def test_an_explicit_zero_price_is_free() -> None:
    row = charge_one(a_card({"uncached_input": "0", "output": "0"}), input_tokens=1_000, output_tokens=10)
    assert (row["cost_status"], row["list_cost_usd"]) == ("free", Decimal(0))


def test_a_gateway_cache_hit_costs_nothing_and_says_what_it_saved() -> None:
    row = charge_one(OPENAI, cache_hit=True, input_tokens=1_000, output_tokens=100)
    assert (row["cost_status"], row["list_cost_usd"]) == ("cache_hit", Decimal(0))
    assert row["saved_cost_usd"] == Decimal("0.0035")


def test_a_cache_hit_on_an_unknown_model_costs_nothing_and_saved_who_knows() -> None:
    row = charge_one(OPENAI, cache_hit=True, model_key=None, input_tokens=1_000, output_tokens=100)
    assert (row["cost_status"], row["list_cost_usd"], row["saved_cost_usd"]) == (
        "cache_hit",
        Decimal(0),
        None,
    )


@pytest.mark.parametrize("tier", [None, "", "default", "auto", "Standard", "on_demand", "ON_DEMAND"])
def test_the_standard_tier_has_many_names(tier: str | None) -> None:
    assert charge_one(OPENAI, service_tier=tier, input_tokens=1, output_tokens=1)["cost_status"] == "priced"


@pytest.mark.parametrize("tier", ["batch", "flex", "priority", "scale", "a tier of tomorrow"])
def test_another_service_tier_is_never_priced_as_standard(tier: str) -> None:
    row = charge_one(OPENAI, service_tier=tier, input_tokens=1, output_tokens=1)
    assert (row["cost_status"], row["list_cost_usd"]) == ("unpriced_unit", None)


@pytest.mark.parametrize(
    ("card", "usage", "estimated"),
    [
        (OPENAI, {"input_tokens": 10, "output_tokens": 10}, False),
        (OPENAI, {"input_tokens": 10}, True),  # the answer was not counted
        (OPENAI, {"output_tokens": 10}, True),
        (a_card({"uncached_input": "1"}), {"input_tokens": 10}, False),  # an embedding has no output
        (a_card({"uncached_input": "1"}, estimated_because="peak hours"), {"input_tokens": 10}, True),
    ],
)
def test_a_cost_that_rests_on_an_assumption_says_so(
    card: Any, usage: dict[str, int], estimated: bool
) -> None:
    row = charge_one(card, **usage)
    assert (row["cost_status"], row["cost_estimated"]) == ("priced", estimated)


def test_every_amount_is_a_decimal_of_twelve_places() -> None:
    calls = pa.Table.from_pylist(
        [a_call(input_tokens=1, trace_id=str(UUID(int=1)), span_id=1)], schema=PRICEABLE
    )
    with duckdb.connect() as connection:
        charged = charge_relation(connection, lay_out(prices(OPENAI)), calls)
        types = dict(zip(charged.columns, map(str, charged.types), strict=True))
    amounts = {name: kind for name, kind in types.items() if name.endswith("_usd")}
    assert set(amounts) == {
        *LEAVES, "list_cost_usd", "effective_cost_usd", "saved_cost_usd", "reported_cost_usd"
    }  # fmt: skip
    assert set(amounts.values()) == {"DECIMAL(18,12)"}
    assert types["cost_estimated"] == "BOOLEAN"


FREE = a_card({"uncached_input": "0", "output": "0"}, model_key="acme/free")
PROPERTY_PRICES = lay_out(prices(ANTHROPIC, FREE))


@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.builds(
            a_call,
            model_key=st.sampled_from([None, "acme/m", "acme/free"]),
            service_tier=st.sampled_from([None, "batch"]),
            cache_hit=st.booleans(),
            status=st.sampled_from(["ok", "error"]),
            **{name: st.none() | st.integers(0, 3_000) | st.integers(-(2**63), 2**63 - 1) for name in COUNTS},
        ),
        min_size=1,
        max_size=60,
    )
)
def test_amounts_add_up_and_a_cost_is_known_exactly_when_the_status_says_so(
    calls: list[dict[str, Any]],
) -> None:
    for row in charge(PROPERTY_PRICES, calls):
        known = row["cost_status"] in ("priced", "free", "cache_hit")
        leaves = [row[leaf] for leaf in LEAVES if row[leaf] is not None]
        assert (row["list_cost_usd"] is not None) == known == bool(leaves)
        assert all(leaf >= 0 for leaf in leaves)
        assert sum(leaves) == (row["list_cost_usd"] or 0)
        assert row["effective_cost_usd"] == row["list_cost_usd"]
        assert row["saved_cost_usd"] is None or row["cost_status"] == "cache_hit"


# Beyond tokens of text


def test_what_is_both_cached_and_audio_is_priced_once() -> None:
    card = a_card(
        {"uncached_input": "1", "cached_input": "0.5", "audio_input": "40", "cached_audio_input": "2.5"}
    )
    row = charge_one(
        card, input_tokens=1_000, cached_input_tokens=600, audio_input_tokens=300, cached_audio_input_tokens=200,
        output_tokens=0,
    )  # fmt: skip
    assert row["uncached_input_usd"] == Decimal("0.0003")  # 1,000 - 600 - 300 + 200 = 300 × 1
    assert row["cached_input_usd"] == Decimal("0.0002")  # 400 × 0.50
    assert row["audio_input_usd"] == Decimal("0.004")  # 100 × 40
    assert row["cached_audio_input_usd"] == Decimal("0.0005")  # 200 × 2.50
    assert (row["list_cost_usd"], row["cost_estimated"]) == (Decimal("0.005"), False)


def test_more_cached_audio_than_was_cached_is_a_conflict() -> None:
    usage = {"input_tokens": 1_000, "cached_input_tokens": 100, "audio_input_tokens": 500}
    row = charge_one(OPENAI, cached_audio_input_tokens=101, output_tokens=1, **usage)
    assert row["cost_status"] == "conflict"


@pytest.mark.parametrize(
    ("card", "usd", "estimated"),
    [
        (a_card({"uncached_input": "5", "cached_input": "1"}), "0.0029", False),  # 500 × 5 + 400 × 1
        (
            a_card({"uncached_input": "5", "cached_input": "1", "image_input": "10"}),
            "0.0044",
            True,
        ),  # + 300 × (10 - 5)
    ],
)
def test_images_in_the_prompt_cost_what_text_does_unless_priced_apart(
    card: Any, usd: str, estimated: bool
) -> None:
    usage = {"input_tokens": 900, "cached_input_tokens": 400, "image_input_tokens": 300}
    row = charge_one(card, output_tokens=None, **usage)
    assert (row["list_cost_usd"], row["cost_estimated"]) == (Decimal(usd), estimated)


def test_images_that_a_model_makes_are_never_priced_as_text() -> None:
    usage = {"input_tokens": 0, "output_tokens": 100, "image_output_tokens": 90}
    apart = a_card({"uncached_input": "1", "output": "2", "image_output": "30"})
    assert charge_one(OPENAI, **usage)["cost_status"] == "unpriced_unit"
    assert charge_one(apart, **usage)["list_cost_usd"] == Decimal("0.00272")  # 10 × 2 + 90 × 30


def test_searches_are_billed_by_their_number() -> None:
    usage = {"input_tokens": 1_000, "output_tokens": 0, "web_searches": 3}
    row = charge_one(a_card({"uncached_input": "1", "output": "1", "web_searches": "10000"}), **usage)
    assert (row["web_searches_usd"], row["list_cost_usd"]) == (Decimal("0.03"), Decimal("0.031"))
    assert charge_one(OPENAI, **usage)["cost_status"] == "unpriced_unit"


def test_usage_that_was_estimated_makes_an_estimated_cost() -> None:
    usage = {"input_tokens": 10, "output_tokens": 10}
    assert charge_one(OPENAI, usage_source="estimated", **usage)["cost_estimated"]


# Beyond the list price


def test_a_price_of_part_of_the_day_is_charged_within_it() -> None:
    cards = (
        a_card({"uncached_input": "2"}),
        a_card({"uncached_input": "1"}, rate_card="night", window=(990, 30)),
    )
    times = [utc(f"2026-11-20T{time}") for time in ("16:29", "16:30", "00:29", "00:30")]
    found = charge(lay_out(prices(*cards)), [a_call(input_tokens=1_000, started_at=at) for at in times])
    assert [row["list_cost_usd"] for row in found] == [
        Decimal(usd) for usd in ("0.002", "0.001", "0.001", "0.002")
    ]


@pytest.mark.parametrize(("at", "status"), [("00:30", "priced"), ("01:00", "unpriced_unit")])
def test_a_variant_without_a_price_of_that_hour_is_unpriced_though_the_model_is_known(
    at: str, status: str
) -> None:
    cards = OPENAI, a_card({"uncached_input": "1", "output": "1"}, variant="flex", window=(0, 60))
    row = charge_one(
        *cards, service_tier="flex", input_tokens=1, output_tokens=1, started_at=utc(f"2026-11-20T{at}")
    )
    assert row["cost_status"] == status


def test_a_region_multiplies_every_amount() -> None:
    card = a_card({"uncached_input": "3", "output": "15"}, region_multipliers={"eu": Decimal("1.1")})
    usage = {"input_tokens": 1_000, "output_tokens": 100}
    row = charge_one(card, region="EU", **usage)
    assert (row["uncached_input_usd"], row["output_usd"]) == (Decimal("0.0033"), Decimal("0.00165"))
    assert (row["list_cost_usd"], row["region_multiplier"]) == (Decimal("0.00495"), Decimal("1.1"))
    assert charge_one(card, region="eu-west-1", **usage)["region_multiplier"] is None


def test_amounts_are_rounded_to_twelve_places_half_up() -> None:
    card = a_card({"uncached_input": "0.000001"}, region_multipliers={"eu": Decimal("1.5")})
    row = charge_one(card, region="eu", input_tokens=1)
    assert row["list_cost_usd"] == Decimal("0.000000000002")  # 1.5 × 10⁻¹²


def test_another_currency_is_converted_by_the_rate_of_the_day() -> None:
    records = prices(
        a_card({"uncached_input": "2", "output": "8"}, currency="EUR"),
        fx_rates=[FxRate("EUR", Decimal("1.08"), utc("2026-11-01"), "ecb"), FxRate("EUR", Decimal("2"), utc("2026-12-01"))],
    )  # fmt: skip
    row = charge_by(records, input_tokens=1_000, output_tokens=100)
    assert row["list_cost_usd"] == Decimal("0.003024")  # (0.002 + 0.0008) × 1.08
    assert (row["currency"], row["fx_rate"], row["fx_source"]) == ("EUR", Decimal("1.08"), "ecb")
    before = charge_by(records, input_tokens=1_000, output_tokens=100, started_at=utc("2026-10-31"))
    assert (before["cost_status"], before["list_cost_usd"]) == ("unpriced_unit", None)


def test_an_agreement_lowers_what_we_pay_and_not_the_list_price() -> None:
    agreements = [
        Agreement("everyone", utc("1970-01-01"), provider="acme", multiplier=Decimal("0.85")),
        Agreement("theirs", utc("1970-01-01"), tenant_id="umbrella", multiplier=Decimal("0.5")),
    ]
    records = prices(OPENAI, agreements=agreements)
    usage = {"input_tokens": 1_000, "output_tokens": 0}
    rows = [charge_by(records, tenant_id=tenant, **usage) for tenant in (None, "umbrella", "initech")]
    assert {row["list_cost_usd"] for row in rows} == {Decimal("0.0025")}
    assert [row["effective_cost_usd"] for row in rows] == [
        Decimal("0.002125"),
        Decimal("0.00125"),
        Decimal("0.002125"),
    ]
    assert [row["agreement"] for row in rows] == ["everyone", "theirs", "everyone"]


def test_a_call_billed_to_the_customer_costs_us_nothing_and_keeps_its_list_price() -> None:
    row = charge_one(OPENAI, billed_to="customer", input_tokens=1_000, output_tokens=0)
    assert (row["list_cost_usd"], row["effective_cost_usd"]) == (Decimal("0.0025"), Decimal(0))
    unknown = charge_one(OPENAI, billed_to="customer", model_key="acme/unheard-of", input_tokens=1)
    assert unknown["effective_cost_usd"] is None


def test_an_amount_beyond_what_the_store_holds_is_unpriced_and_fails_no_batch() -> None:
    absurd = a_card({"uncached_input": "1", "output": "999999999999"})
    for row in charge(lay_out(prices(absurd)), [a_call(input_tokens=1, output_tokens=90_000_000)]):
        assert (row["cost_status"], row["list_cost_usd"]) == ("unpriced_unit", None)
