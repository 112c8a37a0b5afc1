"""What a call cost, by kind of token, and every charge that it ever had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_UNITS = (
    "uncached_input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "request",
)
_STATUSES = {
    "priced": "priced by its rate card",
    "free": "every rate of its card is an explicit zero",
    "cache_hit": "answered from the gateway's cache; nothing was billed",
    "no_usage": "not known: no count of tokens was sent",
    "conflict": "not known: the counts contradict each other",
    "unpriced_model": "not known: the price book has no card for this model at that time",
    "unpriced_unit": "not known: the card has no rate for a kind of token that was counted",
}


def cost_of(row: Mapping[str, Any], charges: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`amounts` are USD by kind of token, of the charge that counts; `history` is every charge, the oldest first."""
    official = charges[-1] if charges else None
    is_void = official is None or official["cost_status"] == "void"
    status = row["cost_status"]
    return {
        "status": status,
        "means": "no call, no cost" if status is None else _STATUSES.get(status, status),
        "is_estimated": row["cost_estimated"],
        "list_cost_usd": row["list_cost_usd"],
        "effective_cost_usd": row["effective_cost_usd"],
        "saved_cost_usd": row["saved_cost_usd"],
        "rate_card": row["rate_card"],
        "reported_cost_usd": row["reported_cost_usd"],
        "amounts": {}
        if official is None or is_void
        else {unit: official[f"{unit}_usd"] for unit in _UNITS if official[f"{unit}_usd"] is not None},
        "history": [
            {
                "seq": one["seq"],
                "supersedes": one["supersedes"],
                "is_void": one["cost_status"] == "void",
                "is_official": one is official,
                **{name: one[name] for name in _TOLD},
            }
            for one in charges
        ],
    }


_TOLD = ("cost_status", "list_cost_usd", "rate_card", "pricing_run", "recorded_at")


def disagreement(row: Mapping[str, Any], charges: Sequence[Mapping[str, Any]]) -> tuple[Any, Any] | None:
    """(what the row says the call cost, what its last charge says), where the two are not the same."""
    charged = charges[-1]["list_cost_usd"] if charges else None
    return None if row["list_cost_usd"] == charged else (row["list_cost_usd"], charged)
