"""Records of prices as a writer sends them: a test shows only what its claim needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ulid import ULID

from tests.stores import Store


def a_card(base: Mapping[str, str], **given: Any) -> dict[str, Any]:
    """An override of gpt-4o from 2026-10-01 on with these base rates."""
    return {
        "card_key": str(ULID()),
        "provider": "openai",
        "model": "gpt-4o",
        "valid_from": "2026-10-01T00:00:00Z",
        "layer": "override",
        "rates": [{"unit": unit, "per_million": price} for unit, price in base.items()],
    } | given


def a_decision(**what: str) -> dict[str, Any]:
    """`approves=` or `withdraws=` a card."""
    return {"card_key": str(ULID()), **what}


def send(store: Store, *rows: Mapping[str, Any], kind: str = "rate_cards") -> None:
    """Put the records on disk, in one request, behind what is there."""
    store.send(json.dumps(rows).encode(), signal=f"records/{kind}")


def record(store: Store, *rows: Mapping[str, Any], kind: str = "rate_cards") -> None:
    """Store the records."""
    send(store, *rows, kind=kind)
    store.commit()
