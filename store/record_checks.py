"""What a record of some kinds must be beyond its shape: asked by the receiver before it takes them. Plain data.

A check gets well-formed records of one request and the project they are for, and gives one sentence for each that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from store.dimensions import BUILT_IN, is_dimension_name
from store.price_checks import agreement_problems, card_problems, fx_problems
from store.pricing_scope import PricingScope, ScopeError
from store.records import erasure_problems

Check = Callable[[Sequence[Any], str], list[str]]

BILLED_TO = ("us", "customer")
PERIOD_STATUSES = ("closed", "open")
BUDGET_STATUSES = ("set", "removed")
SAVED_KINDS = ("view", "query")
SAVED_STATUSES = ("set", "removed")
MOST_NAME_CHARACTERS = 80
# No more than the read API takes.
MOST_STATEMENT_CHARACTERS = 100_000

_PAGE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_KEYS = 60
_MOST_VALUE_CHARACTERS = 500
_MOST_CHART_CHARACTERS = 2_000


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


def budget_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these budgets."""
    return [
        f"record {number}: {told}" for number, row in enumerate(rows) if (told := _wrong_with_budget(row))
    ]


def _wrong_with_budget(row: Mapping[str, Any]) -> str | None:
    dimension = row.get("dimension")
    if dimension is not None and not (dimension in BUILT_IN or is_dimension_name(dimension)):
        return f"`dimension` is {dimension!r}, not a dimension, such as `tenant_id`"
    if dimension is None and row.get("dimension_value"):
        return "`dimension_value` is given without `dimension`: of what it is the value"
    if not row["valid_from"].endswith("-01"):
        return f"`valid_from` is {row['valid_from']!r}, not the first day of a month"
    if row["status"] not in BUDGET_STATUSES:
        return f"`status` is {row['status']!r}, not `set` or `removed`"
    return _wrong_with_amounts(row) if row["status"] == "set" else None


def _wrong_with_amounts(row: Mapping[str, Any]) -> str | None:
    missing = [name for name in ("monthly_usd", "soft_share", "hard_share") if row.get(name) is None]
    if missing:
        return f"`{missing[0]}` is missing"
    amount, soft, hard = (Decimal(row[name]) for name in ("monthly_usd", "soft_share", "hard_share"))
    if amount <= 0:
        return f"`monthly_usd` is {row['monthly_usd']!r}, not above 0"
    if not 0 < soft <= hard:
        return f"`soft_share` {row['soft_share']} is not above 0 and at most `hard_share` {row['hard_share']}"
    return None


def saved_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these views and queries."""
    return [f"record {number}: {told}" for number, row in enumerate(rows) if (told := _wrong_with_saved(row))]


def _wrong_with_saved(row: Mapping[str, Any]) -> str | None:
    if row["kind"] not in SAVED_KINDS:
        return f"`kind` is {row['kind']!r}, not `view` or `query`"
    if row["status"] not in SAVED_STATUSES:
        return f"`status` is {row['status']!r}, not `set` or `removed`"
    name = row["name"]
    if not name.strip() or not name.isprintable() or len(name) > MOST_NAME_CHARACTERS:
        return f"`name` is not 1 to {MOST_NAME_CHARACTERS} characters of one line"
    if row["status"] == "removed":
        return None
    return _wrong_with_view(row) if row["kind"] == "view" else _wrong_with_query(row)


def _wrong_with_view(row: Mapping[str, Any]) -> str | None:
    if not _PAGE.fullmatch(row.get("page") or ""):
        return f"`page` is {row.get('page')!r}, not the path of a page, such as `spend`"
    address = {} if row.get("address") is None else row["address"]
    if not isinstance(address, dict) or len(address) > _MOST_KEYS:
        return f"`address` is not an object of at most {_MOST_KEYS} keys"
    for key, value in address.items():
        if not _KEY.fullmatch(key) or not isinstance(value, str) or len(value) > _MOST_VALUE_CHARACTERS:
            return f"`address` has {key[:40]!r}, which is not a key with a text of at most {_MOST_VALUE_CHARACTERS} characters"
    return None


def _wrong_with_query(row: Mapping[str, Any]) -> str | None:
    statement = row.get("statement") or ""
    if not statement.strip() or len(statement) > MOST_STATEMENT_CHARACTERS:
        return f"`statement` is not 1 to {MOST_STATEMENT_CHARACTERS:,} characters"
    chart = row.get("chart")
    if chart is None:
        return None
    if not isinstance(chart, dict) or not all(isinstance(value, str) for value in chart.values()):
        return "`chart` is not an object of texts"
    return None if sum(map(len, chart.values())) <= _MOST_CHART_CHARACTERS else "`chart` is too long"


CHECKS: Mapping[str, Check] = {
    "erasures": erasure_problems,
    "tenants": tenant_problems,
    "attribution_rules": rule_problems,
    "rate_cards": card_problems,
    "agreements": agreement_problems,
    "fx_rates": fx_problems,
    "pricing_runs": pricing_run_problems,
    "periods": period_problems,
    "budgets": budget_problems,
    "saved": saved_problems,
}
