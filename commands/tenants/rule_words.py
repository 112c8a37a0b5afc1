"""Attribution rules in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commands.moments import shown
from commands.output import text_table
from dashboard.formats import count, money
from store.dimensions import short_name


def rule_lines(rules: Sequence[Mapping[str, Any]]) -> str:
    """A line for each row of the query `tenant_rules`."""
    lines = [
        [
            rule["rule_id"],
            rule["tenant_id"],
            where(rule["dimension"], rule["dimension_value"]),
            shown(rule["valid_from"], "the beginning"),
            shown(rule["valid_to"]),
            count(rule["n_calls"]),
            money(rule["cost_usd"]) if rule["n_calls"] else "–",
            rule["recorded_by"],
            rule["note"],
            _status(rule),
        ]
        for rule in rules
    ]
    headers = ["rule", "tenant", "where", "from", "to", "calls", "cost", "recorded by", "note", "status"]
    return text_table(headers, lines)


def where(dimension: str, value: str) -> str:
    """The condition as `--where` takes it."""
    return f"{short_name(dimension)}={value}"


def _status(rule: Mapping[str, Any]) -> str:
    if rule["status"] == "in_force":
        return "in force"
    return f"withdrawn {rule['withdrawn_at']:%Y-%m-%d} by {rule['withdrawn_by'] or 'unknown'}"
