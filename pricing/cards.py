"""What a price is: a dated card of unit rates. Cards are added and never changed; which one holds is `layout.py`'s to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pricing.units import STANDARD

# Of two cards for the same moment the one of the higher layer holds; `agreement` cards make no list price.
Layer = Literal["snapshot", "import", "override", "agreement"]
LIST_LAYERS: tuple[Layer, ...] = ("snapshot", "import", "override")


@dataclass(frozen=True)
class Rate:
    """What a million of a unit costs, in the card's currency, once the call's total input exceeds `tier_from_tokens`."""

    unit: str
    tier_from_tokens: int
    per_million: Decimal


@dataclass(frozen=True)
class Card:
    """The rates of one model and variant from a moment on; a row of `rate_cards` with its rows of `rates`.

    Times are UTC without a zone, as in the store; `valid_to` is exclusive. `window` is (from_minute, to_minute) of the UTC
    day that the card is confined to. `held_because` keeps it out of force; `approves` and `withdraws` name another card.
    """

    rate_card: str
    model_key: str
    provider: str
    model: str
    valid_from: datetime
    valid_to: datetime | None = None
    variant: str = STANDARD
    currency: str = "USD"
    rates: tuple[Rate, ...] = ()
    layer: Layer = "snapshot"
    model_provider: str | None = None
    name_pattern: str | None = None
    window: tuple[int, int] | None = None
    region_multipliers: Mapping[str, Decimal] = field(default_factory=dict)
    estimated_because: str | None = None
    source: str | None = None
    source_version: str | None = None
    checked_on: date | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    note: str | None = None
    held_because: str | None = None
    approves: str | None = None
    withdraws: str | None = None
    card_key: str | None = None


@dataclass(frozen=True)
class Agreement:
    """What we pay of the list price, for the calls that it is about (None = all); a row of `agreements`."""

    agreement: str
    valid_from: datetime
    valid_to: datetime | None = None
    provider: str | None = None
    model_key: str | None = None
    tenant_id: str | None = None
    multiplier: Decimal | None = None
    commitment_usd_per_month: Decimal | None = None
    source: str | None = None
    note: str | None = None
    withdraws: str | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    agreement_key: str | None = None


@dataclass(frozen=True)
class FxRate:
    """USD for one unit of a currency, until the next rate of the currency begins; a row of `fx_rates`."""

    currency: str
    usd_per_unit: Decimal
    valid_from: datetime
    source: str | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    fx_key: str | None = None


@dataclass(frozen=True)
class PriceRecords:
    """Everything that was ever recorded about prices, as the store holds it."""

    cards: tuple[Card, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    fx_rates: tuple[FxRate, ...] = ()
