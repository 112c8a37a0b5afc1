"""`price()` and `charge.sql` say the same of any call by any prices: status, every amount to the last digit, card, agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.commit.charging import charge_into
from pricing.book import load_book
from pricing.cards import Agreement, Card, FxRate, PriceRecords, Rate
from pricing.price import Cost, Unpriced, price
from pricing.prices import Prices, prices_of
from pricing.units import COUNTS, UNITS
from pricing.usage import MOST_COUNTED
from store.terms import Terms
from tests.pricing.charging import PRICEABLE, a_call, utc
from tests.pricing.usages import LEAVES_OF_TOKENS, counts_of

BOOK = load_book()
DAYS = tuple(utc("2026-06-01") + timedelta(days=day) for day in range(0, 40, 10))
MINUTES = (0, 59, 60, 600, 1_380)
TENANTS = ("acme", "umbrella")
N_CALLS = 100


@dataclass(frozen=True)
class Case:
    """A call, and what its price depends on."""

    counts: Mapping[str, int | None]
    model: str
    at: datetime
    service_tier: str | None
    region: str | None
    tenant_id: str | None


# One number makes a whole world: hypothesis would take longer to draw it piece by piece than both sides take to price it.
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_one_call_in_python_costs_what_a_batch_costs_in_sql(
    session: duckdb.DuckDBPyConnection, seed: int
) -> None:
    chance = Random(seed)
    prices = prices_of(BOOK, some_records(chance))
    # The statement is written for the kinds of tokens of its batch: small batches have few.
    cases = [a_case(chance) for _ in range(chance.choice((1, 4, N_CALLS)))]
    for case, row in zip(cases, charged(session, Terms(prices), cases), strict=True):
        alone = cost_alone(case, prices)
        assert said(alone) == {name: row[name] for name in said(alone)}, (case, alone)


def test_the_calls_that_are_compared_have_every_status() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        chance = Random(seed)
        prices = prices_of(BOOK, some_records(chance))
        seen.update(cost_alone(a_case(chance), prices).status for _ in range(N_CALLS))
    assert seen.keys() == {"priced", "free", "no_usage", "conflict", "unpriced_model", "unpriced_unit"}
    assert seen["priced"] > 0.2 * seen.total()


def cost_alone(case: Case, prices: Prices) -> Cost | Unpriced:
    return price(
        case.counts,
        "acme",
        case.model,
        case.at,
        service_tier=case.service_tier,
        region=case.region,
        tenant_id=case.tenant_id,
        prices=prices,
    )


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def some_records(chance: Random) -> PriceRecords:
    """A card of each of two models that always holds, up to eight above them, and what was agreed on."""
    always = [
        replace(a_card(chance, number), model_key=f"acme/{model}", model=model, **_PLAIN)
        for number, model in ((8, "m"), (9, "n"))
    ]
    return PriceRecords(
        (*always, *(a_card(chance, number) for number in range(chance.randint(0, 8)))),
        tuple(an_agreement(chance) for _ in range(chance.choice((0, 0, 1, 3)))),
        tuple(
            FxRate(
                currency="EUR",
                usd_per_unit=Decimal(chance.choice(("1.1", "0.999999999", "1.123456789"))),
                valid_from=chance.choice(DAYS),
                recorded_at=chance.choice(DAYS),
            )
            for _ in range(chance.choice((0, 1, 2)))
        ),
    )


_PLAIN: dict[str, Any] = {
    "valid_from": DAYS[0],
    "valid_to": None,
    "variant": "standard",
    "layer": "snapshot",
    "currency": "USD",
    "window": None,
    "held_because": None,
}


def a_card(chance: Random, number: int) -> Card:
    begins = chance.choice((DAYS[0], chance.choice(DAYS)))
    tiers = chance.choice(((0,), (0, 1_000), (0, 1_000, 50_000)))
    units = chance.choice((UNITS, UNITS, ("uncached_input", "output"), chance.sample(UNITS, 4), ()))
    model, is_free = chance.choice("mmn"), chance.random() < 0.1
    return Card(
        rate_card=f"card {number}",
        model_key=f"acme/{model}",
        provider="acme",
        model=model,
        valid_from=begins,
        valid_to=chance.choice((None, None, begins + timedelta(days=10))),
        variant=chance.choice(("standard", "standard", "standard", "batch")),
        currency=chance.choice(("USD", "USD", "EUR")),
        rates=tuple(
            Rate(unit, tier, Decimal(0) if is_free else an_amount(chance)) for tier in tiers for unit in units
        ),
        layer=chance.choice(("snapshot", "snapshot", "import", "override", "agreement")),
        window=chance.choice((None, None, None, (60, 600), (1_380, 59))),
        region_multipliers={
            name: an_amount(chance, most=2) for name in chance.choice(((), (), ("us", "eu"), ("us-east",)))
        },
        estimated_because=chance.choice((None, None, "a guess")),
        recorded_at=chance.choice(DAYS) + timedelta(seconds=number),
        held_because=chance.choice((None, None, None, "a jump")),
    )


def an_agreement(chance: Random) -> Agreement:
    begins = chance.choice(DAYS)
    return Agreement(
        agreement=chance.choice(("one", "two")),
        valid_from=begins,
        valid_to=chance.choice((None, begins + timedelta(days=20))),
        provider=chance.choice((None, "acme", "other")),
        model_key=chance.choice((None, "acme/m")),
        tenant_id=chance.choice((None, *TENANTS)),
        multiplier=chance.choice((None, Decimal(0), Decimal("0.85"), Decimal("0.333333"))),
        recorded_at=chance.choice(DAYS),
    )


def an_amount(chance: Random, most: int = 200) -> Decimal:
    """Of six places, so that products have to be rounded; now and then so much that no amount can hold the product."""
    usual = Decimal(chance.randrange(most * 10**6)).scaleb(-6)
    return chance.choice((usual,) * 40 + (Decimal(100_000 if most > 2 else 1),))


def a_case(chance: Random) -> Case:
    return Case(
        some_counts(chance),
        chance.choice("mmmmnnnx"),
        chance.choice(DAYS)
        + timedelta(minutes=chance.choice(MINUTES), microseconds=chance.choice((-1, 0, 0))),
        chance.choice((None, None, None, "default", " Batch", "flex")),
        chance.choice((None, "", "US", "us-east-1", "eu-west-1", "asia")),
        chance.choice((None, *TENANTS, "somebody")),
    )


def some_counts(chance: Random) -> dict[str, int | None]:
    """Such as a call reports; one in five such as none could."""
    most = chance.choice((2, 700, 20_000, MOST_COUNTED // 10))
    units = chance.choice(
        (("uncached_input", "output"), ("uncached_input", "cached_input", "output"), LEAVES_OF_TOKENS)
    )
    counts = counts_of(
        {unit: chance.randint(0, most) for unit in chance.sample(units, chance.randint(1, len(units)))}
    )
    if chance.random() < 0.2:
        wrong = (None, 0, 3, -1, MOST_COUNTED, MOST_COUNTED + 1, 2**63 - 1, -(2**63))
        counts[chance.choice(COUNTS)] = chance.choice(wrong)
    return counts


def charged(session: duckdb.DuckDBPyConnection, terms: Terms, cases: list[Case]) -> list[dict[str, Any]]:
    """What the SQL of a commit says of each case."""
    rows = [
        a_call(
            span_id=number,
            trace_id="00000000-0000-0000-0000-000000000000",
            model_key=terms.prices.book.resolve("acme", case.model),
            started_at=case.at,
            service_tier=case.service_tier,
            region=case.region,
            tenant_id=case.tenant_id,
            **case.counts,
        )
        for number, case in enumerate(cases)
    ]
    charge_into(session, pa.Table.from_pylist(rows, schema=PRICEABLE), terms)
    found: list[dict[str, Any]] = session.sql("from charged order by span_id").to_arrow_table().to_pylist()
    return found


def said(alone: Cost | Unpriced) -> dict[str, Any]:
    """The columns of a charge that say the same."""
    if isinstance(alone, Unpriced):
        amounts = ("list_cost_usd", "effective_cost_usd", *(f"{unit}_usd" for unit in UNITS))
        return {"cost_status": alone.status, "cost_estimated": False, **dict.fromkeys(amounts)}
    return {
        "cost_status": alone.status,
        "cost_estimated": alone.is_estimated,
        "list_cost_usd": alone.list_cost_usd,
        "effective_cost_usd": alone.effective_cost_usd,
        "rate_card": alone.rate_card,
        "currency": alone.currency,
        "agreement": alone.agreement,
        **{f"{leaf.unit}_usd": leaf.amount_usd for leaf in alone.leaves},
    }
