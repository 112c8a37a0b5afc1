"""A small real store for the dashboard's tests: rows with defaults, so that a test shows what it is about."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from store.backends import file

NOW = datetime.fromisoformat("2026-11-21T12:30")  # UTC without a zone, as the store has it
RUN_ID = "01KAMSUPPORTREPLY000000001"
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HOSTILE = (
    "<script>alert(1)</script>",
    "$x^2$ and $y$",
    "`code` **bold** [l](http://evil.example)",
    "🦊🚀",
    "x" * 600,
)


def a_call(**given: Any) -> dict[str, Any]:
    """A priced call that succeeded an hour ago."""
    call: dict[str, Any] = {
        "project": "default",
        "trace_id": str(uuid.uuid4()),
        "span_id": uuid.uuid4().int >> 64,
        "started_at": NOW - timedelta(hours=1),
        "duration_ns": 850_000_000,
        "service_name": "api",
        "role": "call",
        "status": "ok",
        "tenant_id": "acme",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "model_answered": "gpt-4o-2024-08-06",
        "input_tokens": 1_000,
        "output_tokens": 100,
        "cost_status": "priced",
        "list_cost_usd": Decimal("0.0035"),
        "rate_card": "openai/gpt-4o@2024-08-06",
        "emitter": "openai-v2",
    } | given
    # Without an agreement what is paid is the list price.
    effective = {"effective_cost_usd": call["list_cost_usd"]}
    return {"day": call["started_at"].date(), "received_at": call["started_at"], **effective, **call}


def a_failed_call(**given: Any) -> dict[str, Any]:
    nothing = {"input_tokens": None, "output_tokens": None, "list_cost_usd": None, "rate_card": None}
    return a_call(
        **{"status": "error", "error_class": "rate_limit", "cost_status": "no_usage", **nothing, **given}
    )


def an_unpriced_call(**given: Any) -> dict[str, Any]:
    own = {"model_requested": "acme-finetune", "model_answered": "acme-finetune", "provider": "self-hosted"}
    return a_call(
        **{"cost_status": "unpriced_model", "list_cost_usd": None, "rate_card": None, **own, **given}
    )


def a_conflicting_call(**given: Any) -> dict[str, Any]:
    """More is said to be read from the cache than went in."""
    conflict = {"cost_status": "conflict", "list_cost_usd": None, "cached_input_tokens": 2_000}
    return a_call(**{**conflict, **given})


def a_call_with_unpriced_audio(**given: Any) -> dict[str, Any]:
    """Its card has no rate for audio."""
    audio = {"cost_status": "unpriced_unit", "list_cost_usd": None, "audio_input_tokens": 400}
    return a_call(**{**audio, **given})


EVERY_CALL = (a_call, a_failed_call, an_unpriced_call, a_conflicting_call, a_call_with_unpriced_audio)


def a_correction(**given: Any) -> dict[str, Any]:
    """Of a call in a closed September, booked in November."""
    return {
        "project": "default",
        "pricing_run": "01KREPRICED",
        "day": date(2026, 9, 12),
        "booked_month": date(2026, 11, 1),
        "trace_id": str(uuid.uuid4()),
        "span_id": uuid.uuid4().int >> 64,
        "tenant_id": "acme",
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "cost_status": "priced",
        "list_delta_usd": Decimal("0.25"),
        "effective_delta_usd": Decimal("0.20"),
        "recorded_at": NOW,
    } | given


def a_pricing_run(**given: Any) -> dict[str, Any]:
    """The repricing that found the correction."""
    return {
        "project": "default",
        "pricing_run": "01KREPRICED",
        "scope": "{}",
        "note": "price list of 2 October",
        "requested_by": "ada",
        "requested_at": NOW - timedelta(minutes=2),
        "received_at": NOW - timedelta(minutes=2),
        "finished_at": NOW,
        "n_calls": 7,
        "n_changed": 0,
        "n_corrected": 1,
    } | given


def a_run(**given: Any) -> dict[str, Any]:
    return {
        "project": "default",
        "run_id": RUN_ID,
        "suite": "support.yaml",
        "prompt_name": "support-reply",
        "candidate_version": "b" * 64,
        "baseline_version": "a" * 64,
        "provider": "openai",
        "model": "gpt-4o",
        "n_cases": 4,
        "n_missing": 0,
        "started_at": NOW - timedelta(hours=2),
    } | given


def a_verdict(**given: Any) -> dict[str, Any]:
    verdict = {
        "project": "default",
        "verdict_id": uuid.uuid4().hex,
        "run_id": RUN_ID,
        "verdict": "FAIL",
        "reason": "exact_match fell by 50.0 points, more than the margin of 3.0 allows.",
        "metric": "exact_match",
        "margin": 0.03,
        "n_cases": 4,
        "baseline_mean": 1.0,
        "candidate_mean": 0.5,
        "difference": -0.5,
        "interval_low": -0.8,
        "interval_high": -0.2,
        "confidence": 0.9,
        "n_better": 0,
        "n_worse": 2,
        "checks": [{"name": "not worse", "verdict": "FAIL", "threshold": -0.03, "observed": -0.5, "n": 4}],
        "decided_at": NOW - timedelta(hours=1),
    } | given
    return verdict | {"checks": json.dumps(verdict["checks"])}


def a_result(**given: Any) -> dict[str, Any]:
    return {
        "project": "default",
        "result_id": uuid.uuid4().hex,
        "run_id": RUN_ID,
        "variant": "candidate",
        "case_id": "case-1",
        "repeat": 0,
        "metric": "exact_match",
        "score": 1.0,
        "status": "scored",
    } | given


def a_score(**given: Any) -> dict[str, Any]:
    return _at(given) | {
        "score_id": uuid.uuid4().hex,
        "name": "relevance",
        "value": 0.75,
        "label": "relevant",
        "source": "otlp",
        **given,
    }


def a_content(**given: Any) -> dict[str, Any]:
    """A message of the call that TRACE_ID and SPAN_ID name."""
    return _at(given) | {
        "trace_id": TRACE_ID,
        "span_id": int(SPAN_ID, 16),
        "source": "span",
        "key": "gen_ai.input.messages",
        "body": "Where is my parcel?",
        "n_redactions": 0,
        "n_cut_characters": 0,
        **given,
    }


def a_log_record(**given: Any) -> dict[str, Any]:
    return _at(given) | {
        "record_hash": uuid.uuid4().int >> 64,
        "event_name": "claude_code.user_prompt",
        "service_name": "claude-code",
        "attributes": "{}",
        **given,
    }


def a_metric_point(**given: Any) -> dict[str, Any]:
    return _at(given) | {
        "point_hash": uuid.uuid4().int >> 64,
        "series_hash": 1,
        "metric_name": "gen_ai.client.token.usage",
        "unit": "{token}",
        "kind": "sum",
        "temporality": "delta",
        "value": 100.0,
        "attributes": "{}",
        **given,
    }


def _at(given: dict[str, Any]) -> dict[str, Any]:
    at = given.get("occurred_at", NOW - timedelta(hours=1))
    return {"project": "default", "day": at.date(), "occurred_at": at, "received_at": at}


def a_store(path: Path, **tables: Iterable[dict[str, Any]]) -> Path:
    """A store file with these rows; every table's name is a keyword."""
    with closing(file.open_for_writing(path)) as connection:
        for table, rows in tables.items():
            for row in rows:
                names = ", ".join(row)
                marks = ", ".join("?" for _ in row)
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))
    return path


A_TENANT = {
    "project": "default",
    "received_at": NOW - timedelta(days=2),
    "tenant_key": "01KACME",
    "tenant_id": "acme",
    "name": "Acme Inc.",
}
A_RULE = {
    "project": "default",
    "received_at": NOW - timedelta(days=1),
    "rule_id": "01KRULE",
    "tenant_id": "acme",
    "dimension": "service_name",
    "dimension_value": "bot",
}
A_BUDGET = {
    "project": "default",
    "received_at": NOW - timedelta(days=60),
    "budget_key": "01KBUDGET",
    "valid_from": date(2026, 9, 1),
    "status": "set",
    "monthly_usd": Decimal(100),
    "soft_share": Decimal("0.8"),
    "hard_share": Decimal(1),
    "recorded_by": "ada",
}
A_SAVED_QUERY = {
    "project": "default",
    "received_at": NOW - timedelta(days=3),
    "saved_key": "01KSAVED",
    "kind": "query",
    "name": "calls a day",
    "status": "set",
    "statement": "select day, count(*) as n_calls from spans group by day order by day",
    "chart": '{"kind": "bar", "x": "day", "y": "n_calls"}',
    "recorded_by": "ada",
}
A_SAVED_VIEW = {
    "project": "default",
    "received_at": NOW - timedelta(days=2),
    "saved_key": "01KVIEW",
    "kind": "view",
    "name": "Acme, month",
    "status": "set",
    "page": "spend",
    "address": '{"tenant": "acme"}',
    "recorded_by": "ada",
}
RATE_CARD = {
    "rate_card": "openai/gpt-4o@2024-08-06",
    "model_key": "openai/gpt-4o",
    "provider": "openai",
    "model": "gpt-4o",
    "variant": "standard",
    "currency": "USD",
    "valid_from": datetime(2024, 8, 6),  # noqa: DTZ001 - UTC without a zone, as the store has it
    "layer": "snapshot",
    "source": "https://prices.example",
    "source_version": "genai-prices 0.2.3",
    "checked_on": date(2026, 11, 12),
    "recorded_at": NOW - timedelta(days=30),
    "recorded_by": "book",
}
HELD_CARD = RATE_CARD | {
    "rate_card": "openai/gpt-4o@2026-12-01",
    "valid_from": datetime(2026, 12, 1),  # noqa: DTZ001
    "layer": "import",
    "held_because": "output is 40 times the rate in force",
    "recorded_by": "anna",
}
RATES = [
    {"rate_card": RATE_CARD["rate_card"], "unit": unit, "tier_from_tokens": 0, "per_million": Decimal(rate)}
    for unit, rate in (("uncached_input", "2.5"), ("output", "10"))
]
