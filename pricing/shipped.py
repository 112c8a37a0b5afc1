"""The books as they ship: `books/<provider>.toml`, compiled by `compile_books.py`, read into rules and cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pricing.cards import Card, Rate
from pricing.names import Rule, read_rule
from pricing.units import STANDARD

TOKEN_RATES = "usd_per_million_tokens"
# Beside tokens: how the books write the rates of what is counted otherwise, and the unit.
COUNT_RATES = {"usd_per_million_requests": "request", "usd_per_million_web_searches": "web_searches"}
UNDATED = "the source does not say since when"


@dataclass(frozen=True)
class DatedRates:
    """A model and variant from a day on, as its book has it."""

    variant: str
    valid_from: date
    rates: tuple[Rate, ...]
    window: tuple[int, int] | None
    estimated: str | None
    note: str | None


@dataclass(frozen=True)
class Model:
    name: str
    rule: Rule
    model_provider: str | None
    dated: tuple[DatedRates, ...]


@dataclass(frozen=True)
class ProviderBook:
    """One vendor's models in the order their rules are tried, and whose models it resells at list price."""

    provider: str
    falls_back_to: tuple[str, ...]
    currency: str
    source: str
    source_version: str
    checked_on: date
    models: tuple[Model, ...]

    def find(self, name: str) -> str | None:
        return next((model.name for model in self.models if model.rule.matches(name)), None)

    def names_exactly(self, name: str) -> bool:
        return any(name == model.name.lower() or name in model.rule.equals for model in self.models)


@dataclass(frozen=True)
class RegionRule:
    """What every amount is multiplied by in some regions, for the models whose keys begin so (`regions.toml`)."""

    models: tuple[str, ...]
    regions: tuple[str, ...]
    multiplier: Decimal
    source: str
    checked_on: date


def cards_of(books: Mapping[str, ProviderBook], regions: Sequence[RegionRule]) -> Iterator[Card]:
    """Every card of the books. None has an end: it holds until the next begins."""
    for book in books.values():
        for owner in (book, *(books[other] for other in book.falls_back_to)):
            for model in owner.models:
                rules = [
                    rule for rule in regions if model_key(book, owner, model.name).startswith(rule.models)
                ]
                yield from _cards(book, owner, model, rules)


def model_key(seller: ProviderBook, owner: ProviderBook, model: str) -> str:
    """`openai/gpt-4o`, or `azure/openai/gpt-4o` where Azure sells it."""
    return f"{owner.provider}/{model}" if seller is owner else f"{seller.provider}/{owner.provider}/{model}"


def _cards(
    seller: ProviderBook, owner: ProviderBook, model: Model, rules: Sequence[RegionRule]
) -> Iterator[Card]:
    """The model's cards as `seller` bills them: a reseller has the list price, not the batch price."""
    resold = seller is not owner
    key = model_key(seller, owner, model.name)
    for dated in model.dated:
        if resold and dated.variant != STANDARD:
            continue
        yield Card(
            rate_card=rate_card_id(key, dated.variant, dated.valid_from, dated.window),
            model_key=key,
            provider=seller.provider,
            model=model.name,
            model_provider=owner.provider if resold else model.model_provider,
            variant=dated.variant,
            valid_from=datetime.combine(dated.valid_from, time()),
            window=dated.window,
            currency=seller.currency,
            rates=dated.rates,
            region_multipliers={region: rule.multiplier for rule in rules for region in rule.regions},
            estimated_because=dated.estimated,
            source=seller.source,
            source_version=seller.source_version,
            checked_on=seller.checked_on,
            note="; ".join(filter(None, (dated.note, *map(_said_by, rules)))) or None,
        )


def _said_by(rule: RegionRule) -> str:
    return f"regions by {rule.source}, checked {rule.checked_on}"


def rate_card_id(key: str, variant: str, valid_from: date, window: tuple[int, int] | None) -> str:
    """`openai/gpt-5+batch@2026-10-12`, with a window `deepseek/deepseek-chat@2026-09-10~0030-1630` (UTC)."""
    of_variant = "" if variant == STANDARD else f"+{variant}"
    of_window = f"~{clock(window[0])}-{clock(window[1])}" if window else ""
    return f"{key}{of_variant}@{valid_from}{of_window}"


def clock(minute: int) -> str:
    """Minute of the day as HHMM: 990 is 1630."""
    return f"{minute // 60:02d}{minute % 60:02d}"


# Reading the files


def read_provider(document: Mapping[str, Any]) -> ProviderBook:
    return ProviderBook(
        provider=document["provider"],
        falls_back_to=tuple(document["falls_back_to"]),
        currency=document["currency"],
        source=document["source"],
        source_version=document["source_version"],
        checked_on=document["checked_on"],
        models=tuple(_read_model(model) for model in document["model"]),
    )


def read_regions(document: Mapping[str, Any]) -> tuple[RegionRule, ...]:
    return tuple(
        RegionRule(
            models=tuple(rule["models"]),
            regions=tuple(rule["regions"]),
            multiplier=Decimal(rule["multiplier"]),
            source=rule["source"],
            checked_on=rule["checked_on"],
        )
        for rule in document["rule"]
    )


def _read_model(stanza: Mapping[str, Any]) -> Model:
    return Model(
        name=stanza["name"],
        rule=read_rule(stanza["match"]),
        model_provider=stanza.get("model_provider"),
        dated=tuple(_read_card(card) for card in stanza.get("card", ())),
    )


def _read_card(stanza: Mapping[str, Any]) -> DatedRates:
    return DatedRates(
        variant=stanza.get("variant", STANDARD),
        valid_from=stanza["valid_from"],
        rates=tuple(_read_rates(stanza)),
        window=_read_window(stanza["utc_window"]) if "utc_window" in stanza else None,
        estimated=stanza.get("estimated"),
        note=UNDATED if stanza.get("history") == "undated" else None,
    )


def _read_rates(stanza: Mapping[str, Any]) -> Iterator[Rate]:
    for key, tier in stanza.items():
        if key.startswith(TOKEN_RATES):
            above_tokens = int(key.removeprefix(TOKEN_RATES).removeprefix("_above_") or 0)
            for unit, usd in tier.items():
                yield Rate(unit, above_tokens, Decimal(usd))
    for key, unit in COUNT_RATES.items():
        if key in stanza:
            yield Rate(unit, 0, Decimal(stanza[key]))


def _read_window(text: str) -> tuple[int, int]:
    """`00:30-16:30` as minutes of the UTC day."""
    start, end = (time.fromisoformat(part) for part in text.split("-"))
    return start.hour * 60 + start.minute, end.hour * 60 + end.minute
