"""The cost of one call, in plain Python: for scripts, tests and estimates. Calls in bulk are charged by `charge.sql`.

from datetime import UTC, datetime
from steelyard import Usage, price

price(Usage(input_tokens=10_000, cached_input_tokens=8_000, output_tokens=1_000), "openai", "gpt-4o",
      datetime(2026, 11, 20, tzinfo=UTC))
# -> Cost(list_cost_usd=Decimal('0.025000000000'), ..., rate_card='openai/gpt-4o@1970-01-01', ...)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from typing import Literal

from pricing.book import load_book
from pricing.cards import PriceRecords
from pricing.layout import Layout, Segment, Sheet, variant_of
from pricing.prices import Prices, prices_of
from pricing.usage import Conflict, Leaves, Usage, leaves

_TWELVE_PLACES = Decimal("0.000000000001")
_TOO_MUCH = Decimal(1_000_000)  # USD: an amount has six digits before the point, in the store as here
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class LeafCost:
    """What one kind of token of a call cost. `per_million` is in the card's currency, `amount_usd` after all else."""

    unit: str
    count: int
    per_million: Decimal
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost. Amounts are USD with twelve places; the leaves add up to `list_cost_usd`."""

    status: Literal["priced", "free"]
    list_cost_usd: Decimal
    effective_cost_usd: Decimal  # what we pay of it by agreement
    leaves: tuple[LeafCost, ...]
    model_key: str
    rate_card: str
    variant: str
    currency: str
    tier_from_tokens: int  # 0 = the base rates
    agreement: str | None = None
    is_estimated: bool = False
    estimated_because: str | None = None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No cost that could be defended, and why. It is not zero."""

    status: Literal["no_usage", "conflict", "unpriced_model", "unpriced_unit"]
    reason: str


def price(
    usage: Usage | Mapping[str, int | None],
    provider: str | None,
    model: str | None,
    at: datetime,
    *,
    service_tier: str | None = None,
    region: str | None = None,
    host_provider: str | None = None,
    tenant_id: str | None = None,
    prices: Prices | None = None,
) -> Cost | Unpriced:
    """Dollar cost of one call, by the prices in force when it started.

    `usage` holds counts as `calls` has them (`Usage`: input includes what was cached, output what was reasoned), `provider`
    and `model` the names as telemetry has them. `at` is the call's start, aware or in UTC. `service_tier`, `region` and
    `host_provider` (where it runs, when that is not who made it) choose among prices, `tenant_id` among agreements. Without
    `prices` the shipped books count. Raises nothing for what a call can bring; ValueError or TypeError for misuse.
    """
    used = usage if isinstance(usage, Usage) else Usage.of(usage)
    moment, prices = _in_utc(at), prices or _shipped()
    if used.input_tokens is None and used.output_tokens is None:
        return Unpriced("no_usage", "neither input nor output tokens were reported")
    counts = leaves(used)
    if isinstance(counts, Conflict):
        return Unpriced("conflict", counts.reason)
    key = prices.book.resolve_call(provider, model, None, host_provider)
    if key is None:
        return Unpriced("unpriced_model", f"no price book knows {model!r} of {host_provider or provider!r}")
    call = _Call(used, counts, key, variant_of(service_tier), region, moment, tenant_id)
    listed = _priced(call, prices.list_layout)
    if isinstance(listed, Unpriced) or prices.contract_layout is None:
        return listed
    return _as_agreed(listed, _priced(call, prices.contract_layout))


@dataclass(frozen=True, slots=True)
class _Call:
    used: Usage
    counts: Leaves
    model_key: str
    variant: str
    region: str | None
    at: datetime
    tenant_id: str | None


def _priced(call: _Call, layout: Layout) -> Cost | Unpriced:
    """What the call costs by one layout."""
    segment = layout.find(call.model_key, call.variant, call.at, layout.terms_of(call.tenant_id))
    if segment is None:
        return _without_card(call, layout)
    if not segment.is_in_usd and segment.fx is None:
        return Unpriced("unpriced_unit", f"no exchange rate of {segment.card.currency} on {call.at:%Y-%m-%d}")
    sheet = segment.sheet_for(call.used.input_tokens or 0)
    if sheet.makes_dearer_images and call.used.output_tokens and call.used.image_output_tokens is None:
        return Unpriced("unpriced_unit", "how much of the output is images, which cost more, was not counted")
    costs = []
    for unit, count in {**call.counts.counts, "request": 1}.items():
        per_million = sheet.rates.get(unit)
        if per_million is not None and (unit != "request" or per_million):
            amount = _amount(count, per_million, segment.region_multiplier(call.region), segment)
            costs.append(LeafCost(unit, count, per_million, amount))
        elif count and unit != "request":
            return Unpriced("unpriced_unit", f"{segment.card.rate_card} has no rate of {unit}")
    if sum(cost.amount_usd for cost in costs) >= _TOO_MUCH:
        return Unpriced("unpriced_unit", f"no call costs {_TOO_MUCH:,} USD: a count or a rate is broken")
    return _cost(call, segment, sheet, tuple(costs))


def _without_card(call: _Call, layout: Layout) -> Unpriced:
    when = f"{call.at:%Y-%m-%d %H:%M} UTC"
    if layout.knows(call.model_key, call.at):
        return Unpriced("unpriced_unit", f"{call.model_key} has no price of variant {call.variant} at {when}")
    return Unpriced("unpriced_model", f"{call.model_key} has no price at {when}")


def _amount(count: int, per_million: Decimal, multiplier: Decimal | None, segment: Segment) -> Decimal:
    """USD of one leaf: rounded once in the card's currency, and once more where that is not USD."""
    with localcontext(prec=60):
        amount = _rounded(count * per_million * _MILLIONTH * (1 if multiplier is None else multiplier))
        return amount if segment.fx is None else _rounded(amount * segment.fx.usd_per_unit)


def _cost(call: _Call, segment: Segment, sheet: Sheet, costs: tuple[LeafCost, ...]) -> Cost:
    total = sum((cost.amount_usd for cost in costs), start=_rounded(Decimal(0)))
    multiplier = segment.agreement_multiplier
    with localcontext(prec=60):
        effective = total if multiplier is None else _rounded(total * multiplier)
    because = _estimated_because(call, segment, sheet)
    return Cost(
        status="free" if sheet.is_free else "priced",
        list_cost_usd=total,
        effective_cost_usd=effective,
        leaves=costs,
        model_key=call.model_key,
        rate_card=segment.card.rate_card,
        variant=call.variant,
        currency=segment.card.currency,
        tier_from_tokens=sheet.above_tokens,
        agreement=segment.agreement_name,
        is_estimated=because is not None,
        estimated_because=because,
    )


def _as_agreed(listed: Cost, agreed: Cost | Unpriced) -> Cost:
    """The list cost, with what we pay by prices of our own; what those leave out costs the list price."""
    if isinstance(agreed, Unpriced):
        return listed
    return replace(listed, effective_cost_usd=agreed.effective_cost_usd, agreement=agreed.agreement)


def _estimated_because(call: _Call, segment: Segment, sheet: Sheet) -> str | None:
    """What the cost rests on that neither the counts nor the card tell."""
    used = call.used
    if segment.card.estimated_because is not None:
        return segment.card.estimated_because
    if used.input_tokens is None:
        return "the input was not counted"
    if used.output_tokens is None and "output" in sheet.rates:
        return "the output was not counted"
    if used.cached_input_tokens and used.audio_input_tokens and used.cached_audio_input_tokens is None:
        return "how much of the cached input is audio was not counted"
    if sheet.prices_images_apart and used.input_tokens and used.image_input_tokens is None:
        return "how much of the input is images was not counted"
    if sheet.prices_images_apart and used.cached_input_tokens and used.image_input_tokens:
        return "how much of the cached input is images is never counted"
    return None


def _rounded(amount: Decimal) -> Decimal:
    """To twelve places, as the store keeps amounts: a half away from zero, as DuckDB rounds."""
    return amount.quantize(_TWELVE_PLACES, ROUND_HALF_UP)


def _in_utc(at: datetime) -> datetime:
    if not isinstance(at, datetime):
        raise TypeError(f"at is {at!r}: the moment the call started, as a datetime")
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


@cache
def _shipped() -> Prices:
    """The books that ship with the package, read once: about 0.1 s."""
    book = load_book()
    return prices_of(book, PriceRecords(cards=book.cards))
