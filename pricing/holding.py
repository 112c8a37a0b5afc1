"""Which cards count, and which of two that say different things about the same moment holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from pricing.cards import LIST_LAYERS, Agreement, Card

Rank: TypeAlias = tuple[int, datetime, bool, datetime]
_FIRST = datetime(1, 1, 1)  # noqa: DTZ001 - of a card that nobody recorded: it ships with the book


def counting(cards: Iterable[Card], known_at: datetime | None = None) -> list[Card]:
    """The cards that count by what was known at a time (UTC; None: all that is recorded).

    Neither withdrawn, nor held and not approved, nor only there to say so of another card.
    """
    known = [card for card in cards if known_at is None or (card.recorded_at or _FIRST) <= known_at]
    withdrawn = {card.withdraws for card in known if card.withdraws}
    approved = {card.approves for card in known if card.approves}
    return [
        card
        for card in known
        if not card.withdraws
        and not card.approves
        and card.rate_card not in withdrawn
        and (not card.held_because or card.rate_card in approved)
    ]


def counting_agreements(agreements: Sequence[Agreement]) -> list[Agreement]:
    """Those that are not withdrawn."""
    withdrawn = {one.withdraws for one in agreements if one.withdraws}
    return [one for one in agreements if not one.withdraws and one.agreement_key not in withdrawn]


def list_prices(cards: Iterable[Card]) -> list[Card]:
    """Without what only we were promised."""
    return [card for card in cards if card.layer in LIST_LAYERS]


def rank(card: Card) -> Rank:
    """Of two cards for one moment the one of the higher rank holds.

    The layer counts first (agreement, override, import, snapshot), then which began last, then one for a part of the
    day, then which was recorded last.
    """
    return (
        LIST_LAYERS.index(card.layer) if card.layer in LIST_LAYERS else len(LIST_LAYERS),
        card.valid_from,
        card.window is not None,
        card.recorded_at or _FIRST,
    )
