"""Records: everything that enters the store besides spans, by `POST /api/v1/records/{kind}`.

One table per kind, one row per record, identified by the client's own key, so that a record sent twice
is stored once. This module is plain data: the receiver checks shapes with it before it acknowledges,
and must not load the database to do so.

Types on the wire are JSON: `text`, `integer`, `number`, `time` (ISO-8601, UTC, ends in Z), `date` (2026-10-01), `json`
(any object or array, stored as JSON text), `decimal(18,6)` (money and factors: text such as "2.50", with no more digits
than it keeps). NULL is JSON null or absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any, Literal

FieldType = Literal[
    "text", "integer", "number", "time", "date", "json",
    "decimal(9,6)", "decimal(18,2)", "decimal(18,6)", "decimal(18,9)", "decimal(38,12)",
]  # fmt: skip

SQL_TYPES: dict[FieldType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "time": "TIMESTAMP",
    "date": "DATE",
    "json": "JSON",
    "decimal(9,6)": "DECIMAL(9,6)",
    "decimal(18,2)": "DECIMAL(18,2)",
    "decimal(18,6)": "DECIMAL(18,6)",
    "decimal(18,9)": "DECIMAL(18,9)",
    "decimal(38,12)": "DECIMAL(38,12)",
}


@dataclass(frozen=True)
class Kind:
    """One kind of record: its table, the field that identifies a row, and its fields."""

    table: str
    key: str
    required: tuple[str, ...]
    fields: Mapping[str, FieldType]
    is_of_prices: bool = False  # of no project: stored by store/prices.py


KINDS: dict[str, Kind] = {
    # One run of one suite: what was compared, pinned by content hashes so that two runs can be paired.
    "runs": Kind(
        table="runs",
        key="run_id",
        required=("run_id", "suite", "started_at"),
        fields={
            "run_id": "text",
            "suite": "text",
            "suite_hash": "text",
            "claim": "text",  # population | these_cases
            "status": "text",  # finished | interrupted
            "prompt_name": "text",
            "candidate_version": "text",
            "baseline_version": "text",
            "baseline_run_id": "text",
            "golden_set": "text",
            "golden_set_hash": "text",
            "scorers_hash": "text",
            "provider": "text",
            "model": "text",
            "n_cases": "integer",
            "n_missing": "integer",
            "started_at": "time",
            "finished_at": "time",
            "commit_sha": "text",
            "steelyard_version": "text",
        },
    ),
    # One case × variant × repeat × metric. `score` is NULL exactly when `status` is `missing`.
    "results": Kind(
        table="results",
        key="result_id",
        required=("result_id", "run_id", "variant", "case_id", "repeat", "metric", "status"),
        fields={
            "result_id": "text",
            "run_id": "text",
            "variant": "text",  # candidate | baseline
            "case_id": "text",
            "case_hash": "text",  # pins the case's content: two runs are paired on equal cases only
            "cluster_id": "text",
            "repeat": "integer",
            "metric": "text",
            "score": "number",
            "status": "text",  # scored | missing
            "detail": "text",  # why the score is what it is, without the output's text
            "error_class": "text",
            "attempts": "integer",
            "output_hash": "text",
            "duration_ns": "integer",
            "input_tokens": "integer",
            "output_tokens": "integer",
            "trace_id": "text",
            "span_id": "text",
            "started_at": "time",
        },
    ),
    # One decision about one run, with the evidence for it. Exit codes come only from these.
    "verdicts": Kind(
        table="verdicts",
        key="verdict_id",
        required=("verdict_id", "run_id", "verdict", "decided_at"),
        fields={
            "verdict_id": "text",
            "run_id": "text",
            "baseline_run_id": "text",
            "suite": "text",
            "prompt_name": "text",
            "candidate_version": "text",
            "baseline_version": "text",
            "verdict": "text",  # PASS | FAIL | INCONCLUSIVE
            "reason": "text",  # one sentence a person can act on
            "metric": "text",
            "margin": "number",
            "floor": "number",
            "n_cases": "integer",
            "n_missing": "integer",
            "baseline_mean": "number",
            "candidate_mean": "number",
            "difference": "number",
            "interval_low": "number",
            "interval_high": "number",
            "confidence": "number",
            "method": "text",
            "n_better": "integer",
            "n_worse": "integer",
            "checks": "json",  # every check of the gate: name, verdict, threshold, observed, n
            "decided_at": "time",
        },
    ),
    # One immutable prompt version; the file in the user's repository is the source.
    "prompt_versions": Kind(
        table="prompt_versions",
        key="prompt_version_id",
        required=("prompt_version_id", "prompt_name", "version"),
        fields={
            "prompt_version_id": "text",
            "prompt_name": "text",
            "version": "text",
            "path": "text",
            "recorded_at": "time",
        },
    ),
    # A version of a golden set: the hash pins the cases.
    "golden_sets": Kind(
        table="golden_sets",
        key="golden_set_id",
        required=("golden_set_id", "golden_set", "golden_set_hash"),
        fields={
            "golden_set_id": "text",
            "golden_set": "text",
            "golden_set_hash": "text",
            "n_cases": "integer",
            "recorded_at": "time",
        },
    ),
    # What is known of a tenant from a moment on; what a record does not say stays as an earlier one said it.
    "tenants": Kind(
        table="tenants",
        key="tenant_key",
        required=("tenant_key", "tenant_id"),
        fields={
            "tenant_key": "text",
            "tenant_id": "text",
            "valid_from": "time",  # NULL = from the beginning
            "name": "text",
            "owner": "text",
            "cost_centre": "text",
            "plan": "text",
            "billed_to": "text",  # us | customer
            "note": "text",
            "recorded_at": "time",
            "recorded_by": "text",
        },
    ),
    # Whom calls are for where telemetry does not say it, or says it wrongly; or, with `withdraws`, a rule that ends.
    "attribution_rules": Kind(
        table="attribution_rules",
        key="rule_id",
        required=("rule_id", "tenant_id"),
        fields={
            "rule_id": "text",
            "tenant_id": "text",
            "dimension": "text",
            "dimension_value": "text",  # empty = calls that have none
            "valid_from": "time",
            "valid_to": "time",
            "withdraws": "text",
            "note": "text",
            "recorded_at": "time",
            "recorded_by": "text",
        },
    ),
    # A repricing: the store server works it off after the commit that brings it (docs/repricing.md).
    "pricing_runs": Kind(
        table="pricing_runs",
        key="pricing_run",
        required=("pricing_run", "scope", "requested_at"),
        fields={
            "pricing_run": "text",
            "scope": "json",  # store/pricing_scope.py
            "note": "text",
            "requested_by": "text",
            "requested_at": "time",
        },
    ),
    # A month is closed, or open again. The store server adds the sums, and the moment from which it holds.
    "periods": Kind(
        table="periods",
        key="period_key",
        required=("period_key", "month", "status"),
        fields={
            "period_key": "text",
            "month": "date",  # its first day
            "status": "text",  # closed | open
            "note": "text",
            "recorded_by": "text",
        },
    ),
    # What a UTC month may cost, from a month on: of everything, or of one value of a dimension (docs/budgets.md).
    "budgets": Kind(
        table="budgets",
        key="budget_key",
        required=("budget_key", "valid_from", "status"),
        fields={
            "budget_key": "text",
            "dimension": "text",  # NULL = the whole project
            "dimension_value": "text",  # empty = calls that have none
            "valid_from": "date",  # the first day of a month
            "status": "text",  # set | removed
            "monthly_usd": "decimal(18,2)",
            "soft_share": "decimal(9,6)",
            "hard_share": "decimal(9,6)",
            "note": "text",
            "recorded_at": "time",
            "recorded_by": "text",
        },
    ),
    # A page with its filters, or a SELECT with its figure, kept under a name (docs/dashboard.md).
    "saved": Kind(
        table="saved",
        key="saved_key",
        required=("saved_key", "kind", "name", "status"),
        fields={
            "saved_key": "text",
            "kind": "text",  # view | query
            "name": "text",
            "status": "text",  # set | removed
            "page": "text",
            "address": "json",  # {"tenant": "acme", "range": "30d"}
            "statement": "text",
            "chart": "json",
            "recorded_at": "time",
            "recorded_by": "text",
        },
    ),
    # The rows of one tenant or one user go; a whole project only when it is the demo. What the table keeps of it is
    # a receipt without the id (store/erase.py).
    "erasures": Kind(
        table="erasures",
        key="erasure_id",
        required=("erasure_id", "scope"),
        fields={
            "erasure_id": "text",
            "scope": "text",  # tenant | user | project
            "tenant_id": "text",
            "user_id": "text",
            "requested_at": "time",
        },
    ),
    # Prices (docs/prices.md). What a model costs from a moment on: never changed, only followed by other cards.
    "rate_cards": Kind(
        table="rate_cards",
        key="card_key",
        required=("card_key",),  # what else a card needs: price_checks.py
        is_of_prices=True,
        fields={
            "card_key": "text",
            "provider": "text",
            "model": "text",
            "model_key": "text",  # default: provider/model
            "variant": "text",
            "currency": "text",
            "valid_from": "time",
            "valid_to": "time",
            "rates": "json",  # [{"unit": "output", "tier_from_tokens": 0, "per_million": "10.00"}]
            "layer": "text",  # import | override | agreement
            "model_provider": "text",
            "name_pattern": "text",
            "from_minute": "integer",
            "to_minute": "integer",
            "region_multipliers": "json",  # {"eu": "1.1"}
            "estimated_because": "text",
            "source": "text",
            "source_version": "text",
            "checked_on": "date",
            "note": "text",
            "approves": "text",  # a held card, which is in force from then on
            "withdraws": "text",  # a card that never counts any more
            "recorded_by": "text",
        },
    ),
    # What we pay of the list price.
    "agreements": Kind(
        table="agreements",
        key="agreement_key",
        required=("agreement_key",),
        is_of_prices=True,
        fields={
            "agreement_key": "text",
            "agreement": "text",
            "provider": "text",
            "model_key": "text",
            "tenant_id": "text",
            "multiplier": "decimal(9,6)",
            "commitment_usd_per_month": "decimal(18,2)",
            "valid_from": "time",
            "valid_to": "time",
            "source": "text",
            "note": "text",
            "withdraws": "text",  # the agreement_key of one that never counts any more
            "recorded_by": "text",
        },
    ),
    # USD for one unit of a currency, until the next rate of it begins.
    "fx_rates": Kind(
        table="fx_rates",
        key="fx_key",
        required=("fx_key", "currency", "usd_per_unit", "valid_from", "source"),
        is_of_prices=True,
        fields={
            "fx_key": "text",
            "currency": "text",
            "usd_per_unit": "decimal(18,9)",
            "valid_from": "time",
            "source": "text",
            "recorded_by": "text",
        },
    ),
}
# A commit that brings any of these charges by other terms from then on.
PRICE_KINDS = frozenset(kind for kind, what in KINDS.items() if what.is_of_prices)

_ERASABLE_WHOLE = "demo"
_DECIMAL = re.compile(r"-?\d{1,38}(\.\d{1,38})?")
_ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


def problems(kind: Kind, rows: Sequence[Any]) -> list[str]:
    """What is wrong with these records, one sentence each with its row number; empty when nothing is."""
    found: list[str] = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            found.append(f"record {number}: not a JSON object")
            continue
        found += [f"record {number}: `{name}` is missing" for name in kind.required if row.get(name) is None]
        found += [
            f"record {number}: `{name}` is {row[name]!r}, not {expected}"
            for name, expected in kind.fields.items()
            if row.get(name) is not None and not _fits(row[name], expected)
        ]
    return found


def erasure_problems(rows: Sequence[Any], project: str) -> list[str]:
    """What is wrong with these well-formed erasures, one sentence each; empty when nothing is."""
    found: list[str] = []
    for number, row in enumerate(rows):
        scope = row.get("scope")
        if scope == "project" and project != _ERASABLE_WHOLE:
            found.append(f"record {number}: only project `{_ERASABLE_WHOLE}` can be erased whole")
        if scope in ("tenant", "user") and not row.get(f"{scope}_id"):
            found.append(f"record {number}: `{scope}_id` is missing: whom to erase")
        if scope not in ("tenant", "user", "project"):
            found.append(f"record {number}: `scope` is {scope!r}, not `tenant`, `user` or `project`")
    return found


def _fits(value: Any, expected: FieldType) -> bool:
    match expected:
        case "text":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
        case "time":
            return isinstance(value, str) and _is_utc_time(value)
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "json":
            return isinstance(value, (dict, list))
        case _:
            n_digits, n_places = map(int, expected.removeprefix("decimal(").removesuffix(")").split(","))
            return isinstance(value, str) and is_decimal(value, n_digits, n_places)


def is_decimal(text: str, n_digits: int, n_places: int) -> bool:
    """Whether this is a number such as "2.50" that DECIMAL(n_digits, n_places) keeps whole."""
    if not _DECIMAL.fullmatch(text):
        return False
    with localcontext(prec=100):
        scaled = abs(Decimal(text)).scaleb(n_places)
        return scaled == scaled.to_integral_value() and scaled < Decimal(10) ** n_digits


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_utc_time(text: str) -> bool:
    if not _ISO_UTC.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
