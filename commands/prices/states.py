"""What became of every card: in force, still to come, over, replaced, held or withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pricing.cards import Card
from pricing.holding import counting
from pricing.layout import Layout, Segment
from pricing.prices import Prices

State = Literal["in force", "future", "past", "replaced", "held", "withdrawn"]


@dataclass(frozen=True)
class Stand:
    """Where a card stands at a moment, and when it holds; `said` is the record that withdrew or approved it."""

    card: Card
    state: State
    holds_from: datetime | None = None
    holds_to: datetime | None = None
    said: Card | None = None


def stands(prices: Prices, at: datetime) -> list[Stand]:
    """Every card with what became of it by what is recorded now; by model, variant, beginning and recording."""
    cards = [card for card in prices.records.cards if not card.withdraws and not card.approves]
    withdrawals = {card.withdraws: card for card in prices.records.cards if card.withdraws}
    approvals = {card.approves: card for card in prices.records.cards if card.approves}
    counts = {card.rate_card for card in counting(prices.records.cards)}
    held = _times(prices)
    found = []
    for card in cards:
        approved = approvals.get(card.rate_card)
        if card.rate_card in withdrawals:
            found.append(Stand(card, "withdrawn", said=withdrawals[card.rate_card]))
        elif card.rate_card not in counts:
            found.append(Stand(card, "held"))
        elif card.rate_card not in held:
            found.append(Stand(card, "replaced", said=approved))
        else:
            found.append(_dated(card, held[card.rate_card], at, approved))
    return sorted(found, key=_order)


def _order(stand: Stand) -> tuple[str, str, datetime, tuple[int, int], datetime]:
    card = stand.card
    return (
        card.model_key,
        "" if card.variant == "standard" else card.variant,
        card.valid_from,
        card.window or (0, 0),
        card.recorded_at or card.valid_from,
    )


def _dated(card: Card, held: list[Segment], at: datetime, approved: Card | None) -> Stand:
    """The stretch that is about the moment, else the next one, else the last."""
    now = [one for one in held if one.valid_from <= at and (one.valid_to is None or at < one.valid_to)]
    later = [one for one in held if one.valid_from > at]
    state: State = "in force" if now else "future" if later else "past"
    begins = min(one.valid_from for one in (later if state == "future" else held))
    ends = [one.valid_to for one in held]
    holds_to = None if None in ends else max(end for end in ends if end is not None)
    return Stand(card, state, begins, holds_to, approved)


def _times(prices: Prices) -> dict[str, list[Segment]]:
    """When each card holds, by its id."""
    held: dict[str, list[Segment]] = {}
    for layout in filter(None, (prices.list_layout, prices.contract_layout)):
        for segment in segments(prices, layout):
            is_of_list = layout is prices.list_layout
            if is_of_list or segment.card.layer == "agreement":
                held.setdefault(segment.card.rate_card, []).append(segment)
    return held


def segments(prices: Prices, layout: Layout) -> Iterator[Segment]:
    """Everything that ever holds, whoever it is for."""
    lines = dict.fromkeys((card.model_key, card.variant) for card in prices.records.cards)
    for model_key, variant in lines:
        yield from layout.segments(model_key, variant)


def displaced(prices: Prices, card: Card) -> list[Segment]:
    """What holds today where this card would: the stretches that it would take over, in part or whole."""
    layout = prices.contract_layout if card.layer == "agreement" else prices.list_layout
    return [
        one
        for one in (layout or prices.list_layout).segments(card.model_key, card.variant)
        if (one.valid_to is None or one.valid_to > card.valid_from)
        and (card.valid_to is None or one.valid_from < card.valid_to)
    ]
