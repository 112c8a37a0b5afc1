"""`price()`, as a script of one's own uses it. The amounts are worked by hand in the comments, in USD."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

import steelyard
from pricing.book import load_book
from pricing.cards import Agreement, Card, FxRate, PriceRecords
from pricing.price import Cost, Unpriced, price
from pricing.prices import Prices, prices_of
from pricing.usage import Usage
from tests.pricing.charging import a_card, utc

TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
B = Usage(
    input_tokens=23_500,
    cached_input_tokens=20_000,
    cache_write_tokens=3_000,
    cache_write_1h_tokens=1_000,
    output_tokens=400,
)
THOUSAND = Usage(input_tokens=1_000, output_tokens=0)


def by(*cards: Card, agreements: Iterable[Agreement] = (), fx_rates: Iterable[FxRate] = ()) -> Prices:
    """Prices of `acme`, whose models no shipped book has."""
    return prices_of(load_book(), PriceRecords(cards, tuple(agreements), tuple(fx_rates)))


def cost(*arguments: Any, **options: Any) -> Cost:
    found = price(*arguments, **options)
    assert isinstance(found, Cost), found
    return found


def unpriced(*arguments: Any, **options: Any) -> Unpriced:
    found = price(*arguments, **options)
    assert isinstance(found, Unpriced), found
    return found


@pytest.mark.parametrize(
    ("usage", "provider", "model", "tier", "usd"),
    [
        (
            Usage(input_tokens=10_000, cached_input_tokens=8_000, output_tokens=1_000, reasoning_tokens=600),
            "openai",
            "gpt-4o",
            None,
            "0.025",
        ),
        (B, "anthropic", "claude-sonnet-4-5", None, "0.027"),
        (
            Usage(
                input_tokens=250_000, cached_input_tokens=100_000, output_tokens=3_000, reasoning_tokens=2_000
            ),
            "google",
            "gemini-2.5-pro",
            None,
            "0.445",
        ),
        (B, "anthropic", "claude-sonnet-4-5", "batch", "0.0135"),
    ],
)
def test_the_golden_vectors_by_the_shipped_books(
    usage: Usage, provider: str, model: str, tier: str | None, usd: str
) -> None:
    found = cost(usage, provider, model, TODAY, service_tier=tier)
    assert found.list_cost_usd == found.effective_cost_usd == Decimal(usd)
    assert sum(leaf.amount_usd for leaf in found.leaves) == found.list_cost_usd


def test_a_cost_says_what_it_is_made_of() -> None:
    found = cost(B, "anthropic", "claude-sonnet-4-5", TODAY)
    assert {leaf.unit: (leaf.count, leaf.per_million, leaf.amount_usd) for leaf in found.leaves} == {
        "uncached_input": (500, Decimal(3), Decimal("0.0015")),
        "cached_input": (20_000, Decimal("0.3"), Decimal("0.006")),
        "cache_write": (2_000, Decimal("3.75"), Decimal("0.0075")),
        "cache_write_1h": (1_000, Decimal(6), Decimal("0.006")),
        "output": (400, Decimal(15), Decimal("0.006")),
    }
    assert (found.rate_card, found.variant) == ("anthropic/claude-sonnet-4-5@1970-01-01", "standard")
    assert not found.is_estimated


def test_a_mapping_by_the_names_of_calls_is_usage_too() -> None:
    usage = {"input_tokens": 1_000, "output_tokens": 100, "cached_input_tokens": None}
    assert cost(usage, "openai", "gpt-4o", TODAY).list_cost_usd == Decimal(
        "0.0035"
    )  # 1,000 × 2.50 + 100 × 10


def test_a_time_without_a_zone_is_utc_and_any_other_zone_is_converted() -> None:
    cards = a_card({"uncached_input": "10"}), a_card({"uncached_input": "2"}, valid_from=utc("2026-06-01"))
    in_tokyo = timezone(timedelta(hours=9))
    moments = (
        utc("2026-05-31T23:59:59.999999"),
        utc("2026-06-01"),
        datetime(2026, 6, 1, 8, 59, 59, tzinfo=in_tokyo),
        datetime(2026, 6, 1, 9, tzinfo=in_tokyo),
    )
    found = [cost(THOUSAND, "acme", "m", at, prices=by(*cards)).list_cost_usd for at in moments]
    assert found == [Decimal(usd) for usd in ("0.01", "0.002", "0.01", "0.002")]


def test_what_was_agreed_on_makes_the_effective_cost_and_leaves_the_list_cost() -> None:
    agreement = Agreement("yearly", utc("2026-01-01"), provider="acme", multiplier=Decimal("0.85"))
    prices = by(a_card({"uncached_input": "10"}), agreements=[agreement])
    found = cost(THOUSAND, "acme", "m", TODAY, prices=prices)
    assert (found.list_cost_usd, found.effective_cost_usd) == (Decimal("0.01"), Decimal("0.0085"))
    assert found.agreement == "yearly"


def test_an_agreement_with_one_tenant_is_nobody_elses() -> None:
    agreement = Agreement("acme's", utc("2026-01-01"), tenant_id="acme", multiplier=Decimal("0.5"))
    prices = by(a_card({"uncached_input": "10"}), agreements=[agreement])
    found = [
        cost(THOUSAND, "acme", "m", TODAY, tenant_id=tenant, prices=prices).effective_cost_usd
        for tenant in ("acme", "other", None)
    ]
    assert found == [Decimal("0.005"), Decimal("0.01"), Decimal("0.01")]


def test_rates_of_our_own_make_the_effective_cost() -> None:
    ours = a_card({"uncached_input": "4"}, layer="agreement", rate_card="frame contract")
    prices = by(a_card({"uncached_input": "10"}), ours)
    found = cost(THOUSAND, "acme", "m", TODAY, prices=prices)
    assert (found.list_cost_usd, found.effective_cost_usd) == (Decimal("0.01"), Decimal("0.004"))
    assert found.agreement == "frame contract"


def test_a_currency_is_converted_by_the_rate_of_the_day() -> None:
    rates = [
        FxRate("EUR", Decimal("1.10"), utc("2026-01-01")),
        FxRate("EUR", Decimal("1.20"), utc("2026-11-20")),
    ]
    prices = by(a_card({"uncached_input": "10"}, currency="EUR"), fx_rates=rates)
    yesterday = cost(THOUSAND, "acme", "m", TODAY - timedelta(days=1), prices=prices)
    today = cost(THOUSAND, "acme", "m", TODAY, prices=prices)
    assert (yesterday.list_cost_usd, today.list_cost_usd) == (Decimal("0.011"), Decimal("0.012"))
    assert today.currency == "EUR"


def test_a_currency_without_a_rate_has_no_price_in_dollars() -> None:
    prices = by(a_card({"uncached_input": "10"}, currency="EUR"))
    found = unpriced(THOUSAND, "acme", "m", TODAY, prices=prices)
    assert (found.status, "EUR" in found.reason) == ("unpriced_unit", True)


def test_a_region_and_an_hour_of_the_day_choose_the_price() -> None:
    # 1,000 × 10 × 1.1; from 01:00 to 04:00 half of it, in the region too
    regions = {"us": Decimal("1.1")}
    prices = by(
        a_card({"uncached_input": "10"}, region_multipliers=regions),
        a_card({"uncached_input": "5"}, region_multipliers=regions, window=(60, 240), rate_card="night"),
    )
    night = TODAY.replace(hour=1)
    found = [
        cost(THOUSAND, "acme", "m", at, region=region, prices=prices).list_cost_usd
        for at, region in ((TODAY, None), (TODAY, "us"), (TODAY, "eu"), (night, "us"))
    ]
    assert found == [Decimal(usd) for usd in ("0.01", "0.011", "0.01", "0.0055")]


def test_where_it_runs_owns_the_price() -> None:
    found = cost(THOUSAND, "openai", "gpt-4o", TODAY, host_provider="azure")
    assert found.rate_card.startswith("azure/")


@pytest.mark.parametrize(
    ("usage", "model", "tier", "status", "says"),
    [
        (Usage(), "m", None, "no_usage", "neither input nor output"),
        (Usage(input_tokens=1, cached_input_tokens=5), "m", None, "conflict", "uncached_input would be -4"),
        (THOUSAND, "n", None, "unpriced_model", "'n' of 'acme'"),
        (THOUSAND, "m", "batch", "unpriced_unit", "variant batch"),
        (Usage(input_tokens=5, audio_input_tokens=5), "m", None, "unpriced_unit", "no rate of audio_input"),
    ],
)
def test_what_has_no_cost_says_why_and_is_never_zero(
    usage: Usage, model: str, tier: str | None, status: str, says: str
) -> None:
    found = unpriced(
        usage, "acme", model, TODAY, service_tier=tier, prices=by(a_card({"uncached_input": "10"}))
    )
    assert found.status == status
    assert says in found.reason


def test_a_model_has_no_price_before_its_first() -> None:
    prices = by(a_card({"uncached_input": "10"}, valid_from=utc("2026-11-21")))
    assert unpriced(THOUSAND, "acme", "m", TODAY, prices=prices).status == "unpriced_model"


def test_an_explicit_zero_is_free() -> None:
    found = cost(THOUSAND, "acme", "m", TODAY, prices=by(a_card({"uncached_input": "0"})))
    assert (found.status, found.list_cost_usd) == ("free", Decimal(0))


def test_an_answer_that_was_not_counted_makes_the_cost_an_estimate_that_says_so() -> None:
    prices = by(a_card({"uncached_input": "10", "output": "20"}))
    found = cost(Usage(input_tokens=1_000), "acme", "m", TODAY, prices=prices)
    assert (found.is_estimated, found.estimated_because) == (True, "the output was not counted")


@pytest.mark.parametrize("at", ["2026-11-20", None, TODAY.date(), 1_790_000_000])
def test_a_moment_that_is_none_is_refused(at: Any) -> None:
    with pytest.raises(TypeError, match="datetime"):
        price(THOUSAND, "openai", "gpt-4o", at)


def test_a_misspelt_count_is_refused_lest_it_go_unbilled() -> None:
    with pytest.raises(ValueError, match="no count named cached_tokens"):
        price({"input_tokens": 5, "cached_tokens": 4}, "openai", "gpt-4o", TODAY)


def test_it_is_what_importing_steelyard_gives() -> None:
    assert (steelyard.price, steelyard.Usage, steelyard.Cost, steelyard.Unpriced) == (
        price,
        Usage,
        Cost,
        Unpriced,
    )
    with pytest.raises(AttributeError, match="prize"):
        _ = steelyard.prize  # type: ignore[attr-defined]


def test_a_script_that_prices_a_call_loads_no_database() -> None:
    script = """
import sys
from datetime import datetime
from steelyard import price
print(price({"input_tokens": 1000, "output_tokens": 100}, "openai", "gpt-4o", datetime(2026, 11, 20)).list_cost_usd)
assert not {"duckdb", "pyarrow", "numpy"} & sys.modules.keys()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "0.003500000000"), ran.stderr
