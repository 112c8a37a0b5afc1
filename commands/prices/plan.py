"""What recording cards would do, before it is done: what they are about, what they displace, what would be held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ulid import ULID

from commands.moments import shown, wire
from commands.prices import words
from commands.prices.known import billing_name, model_key_of, now
from commands.prices.states import displaced
from pricing.cards import Card
from pricing.layout import Segment
from pricing.plausible import why_held
from pricing.prices import Prices
from store.price_records import card_of

_MOST_SHOWN = 4


@dataclass(frozen=True)
class Planned:
    """A card to be recorded, as the wire has it; `is_news` is false when the very same is recorded already."""

    row: Mapping[str, Any]
    card: Card
    displaces: Sequence[Segment]
    held_because: str | None
    is_news: bool


def planned(prices: Prices, rows: Iterable[Mapping[str, Any]], recorded_by: str) -> list[Planned]:
    """The cards in the order in which they are recorded: each is judged with those before it."""
    cards: dict[str, list[Card]] = {}
    for card in prices.records.cards:
        cards.setdefault(card.model_key, []).append(card)
    found = []
    for told in rows:
        row = _complete(prices, told, recorded_by)
        card = card_of({**row, "received_at": now()})
        of_model = cards.setdefault(card.model_key, [])
        held_because = why_held(card, of_model, prices.records.fx_rates)
        is_news = not any(_is_same(one, card) for one in _newest(of_model, card))
        found.append(Planned(row, card, displaced(prices, card), held_because, is_news))
        if is_news:
            of_model.append(replace(card, rate_card=row["card_key"], held_because=held_because))
    return found


def _complete(prices: Prices, told: Mapping[str, Any], recorded_by: str) -> dict[str, Any]:
    """With the key of the model that its names resolve to, and who records it."""
    pattern = told.get("name_pattern")
    return {
        **told,
        "card_key": str(ULID()),
        "provider": billing_name(prices, told["provider"]),
        "model_key": told.get("model_key")
        or model_key_of(prices, told["provider"], told["model"], is_own=pattern is not None),
        "recorded_by": recorded_by,
    }


def _newest(of_model: Sequence[Card], card: Card) -> list[Card]:
    """The last recorded card of the same identity and layer that is not withdrawn; it may still be held."""
    withdrawn = {one.withdraws for one in of_model}
    same = [
        one
        for one in of_model
        if not one.withdraws
        and not one.approves
        and one.rate_card not in withdrawn
        and (one.variant, one.valid_from, one.window, one.layer)
        == (card.variant, card.valid_from, card.window, card.layer)
    ]
    return same[-1:]


def _is_same(one: Card, other: Card) -> bool:
    return (
        set(one.rates) == set(other.rates)
        and (one.valid_to, one.currency, one.name_pattern, one.estimated_because)
        == (other.valid_to, other.currency, other.name_pattern, other.estimated_because)
        and dict(one.region_multipliers) == dict(other.region_multipliers)
    )


def in_words(prices: Prices, plan: Planned) -> list[str]:
    """The card and what it displaces, for people."""
    card = plan.card
    lines = [
        f"{card.model_key} {words.variant(card)}, {words.times(card.valid_from, card.valid_to)}:",
        f"  {words.rates(card)}  ({card.currency}; tokens by the million)",
    ]
    if card.name_pattern:
        lines.append(f"  for calls that name it {card.model!r} or {card.name_pattern!r}")
    if card.model_key != f"{card.provider}/{card.model}":
        lines.append(
            f"  {card.model!r} of {card.provider} resolves to {card.model_key}: it is the price of all its names"
        )
    lines += _displaced(plan)
    if card.currency != "USD" and not any(rate.currency == card.currency for rate in prices.records.fx_rates):
        lines.append(
            f"  no rate of {card.currency} is recorded: its calls have no price until one is imported"
        )
    if plan.held_because:
        lines.append(f"  held for approval: {plan.held_because}")
    return lines


def _displaced(plan: Planned) -> list[str]:
    found = {one.card.rate_card: one for one in plan.displaces}
    if plan.card.layer == "import":
        found = {key: one for key, one in found.items() if one.card.layer != "override"}
        kept = {one.card.rate_card for one in plan.displaces} - set(found)
        kept_lines = [f"  {key} stays in force: an override goes before an import" for key in sorted(kept)]
    else:
        kept_lines = []
    shown_some = list(found.values())[:_MOST_SHOWN]
    lines = [
        f"  displaces {one.card.rate_card} ({words.rates(one.card)} {one.card.currency})"
        for one in shown_some
    ]
    if len(found) > len(shown_some):
        lines.append(f"  and {len(found) - len(shown_some)} more cards")
    return [*lines, *kept_lines]


def reprice_hint(cards: Sequence[Card]) -> str | None:
    """The command that shows what stored calls would cost by these cards; None when they begin in the future."""
    begun = [card for card in cards if card.valid_from <= now()]
    if not begun:
        return None
    # Not narrowed to a model: telemetry has other names for it, and only what differs is charged again.
    scope = f"--since {_day(min(card.valid_from for card in begun))}"
    ends = [card.valid_to for card in begun if card.valid_to is not None]
    if len(ends) == len(begun):
        scope += f" --until {_day(max(ends))}"
    return f"stored calls keep what they were charged. What they would cost now: `steelyard reprice {scope} --dry-run`"


def _day(at: datetime) -> str:
    return shown(at) if at.time() == datetime.min.time() else str(wire(at))
