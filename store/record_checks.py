"""What a record of some kinds must be beyond its shape: asked by the receiver before it takes them. Plain data.

A check gets well-formed records of one request and the project they are for, and gives one sentence for each that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from store.dimensions import BUILT_IN, is_dimension_name
from store.price_checks import agreement_problems, card_problems, fx_problems
from store.pricing_scope import PricingScope, ScopeError
from store.records import erasure_problems

Check = Callable[[Sequence[Any], str], list[str]]

BILLED_TO = ("us", "customer")
PERIOD_STATUSES = ("closed", "open")


def tenant_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these records of tenants."""
    found: list[str] = []
    for number, row in enumerate(rows):
        if not row["tenant_id"]:
            found.append(f"record {number}: `tenant_id` is empty: calls without a tenant have no record")
        if row.get("billed_to") is not None and row["billed_to"] not in BILLED_TO:
            found.append(f"record {number}: `billed_to` is {row['billed_to']!r}, not `us` or `customer`")
    return found


def rule_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these attribution rules."""
    found: list[str] = []
    for number, row in enumerate(rows):
        if not row.get("tenant_id"):
            found.append(f"record {number}: `tenant_id` is empty: whom the calls are for")
        if row.get("withdraws") is not None:
            continue
        dimension = row.get("dimension")
        if dimension is None or not (dimension in BUILT_IN or is_dimension_name(dimension)):
            found.append(
                f"record {number}: `dimension` is {dimension!r}, not a dimension, such as `service_name`"
            )
        starts, ends = row.get("valid_from"), row.get("valid_to")
        # Written the same way, so they sort as times do.
        if starts is not None and ends is not None and _moment(ends) <= _moment(starts):
            found.append(f"record {number}: `valid_to` {ends} is not after `valid_from` {starts}")
    return found


def _moment(text: str) -> str:
    return text.rstrip("Z")


def pricing_run_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with what these repricings are about."""
    found: list[str] = []
    for number, row in enumerate(rows):
        try:
            PricingScope.read(row["scope"])
        except ScopeError as wrong:
            found.append(f"record {number}: {wrong}")
    return found


def period_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these months."""
    found: list[str] = []
    for number, row in enumerate(rows):
        if not row["month"].endswith("-01"):
            found.append(f"record {number}: `month` is {row['month']!r}, not the first day of a month")
        if row["status"] not in PERIOD_STATUSES:
            found.append(f"record {number}: `status` is {row['status']!r}, not `closed` or `open`")
    return found


CHECKS: Mapping[str, Check] = {
    "erasures": erasure_problems,
    "tenants": tenant_problems,
    "attribution_rules": rule_problems,
    "rate_cards": card_problems,
    "agreements": agreement_problems,
    "fx_rates": fx_problems,
    "pricing_runs": pricing_run_problems,
    "periods": period_problems,
}
