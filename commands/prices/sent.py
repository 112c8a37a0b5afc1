"""Sending records of prices, and what became of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from commands.owner import Owner
from commands.prices.known import known_prices
from errors import ServerError
from pricing.cards import Card
from pricing.prices import Prices
from store.reader import ServerReader

# Prices are of no project; the records are sent through one as all are.
PROJECT = "default"


def send_cards(server: Owner, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Card], Prices]:
    """Record the cards and read them back as they are stored, with everything else.

    Raises ServerError for one that is not there.
    """
    server.post_records("rate_cards", rows, project=PROJECT)
    prices = known_prices(ServerReader(server.client))
    keys = [row["card_key"] for row in rows]
    stored = {card.card_key: card for card in prices.records.cards if card.card_key in set(keys)}
    if missing := [key for key in keys if key not in stored]:
        raise ServerError(
            f"{len(missing)} of {len(keys)} records were not stored. The Setup page and `steelyard query rejects_by_reason` "
            "say why."
        )
    return [stored[key] for key in keys], prices


def send_plain(server: Owner, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record agreements or exchange rates."""
    if rows:
        server.post_records(kind, rows, project=PROJECT)


def say(line: str) -> None:
    """For people, beside the data."""
    print(f"steelyard: {line}", file=sys.stderr)
