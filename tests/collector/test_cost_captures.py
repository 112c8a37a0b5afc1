"""The calls that real SDKs were seen to send cost what genai-prices says of what they really used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

import genai_prices
import pytest

from collector.receiver.otlp import read_traces
from tests.captures import trace_captures
from tests.stores import open_store
from tests.truth import Id, calls, id_of

THEIR_PROVIDERS = {"gcp.gemini": "google", "openai": "openai", "anthropic": "anthropic"}
# Of the truth -> of `calls`. Some emitters send a wrong count or none, which nobody can put right (tests/truth.py).
COUNTS = {
    "input_tokens": "input_tokens",
    "cached_input_tokens": "cached_input_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Id, dict[str, Any]]]:
    with open_store(tmp_path_factory.mktemp("captures")) as store:
        store.send(*(read_traces(one.body, one.media).body for one in trace_captures()))
        store.commit()
        yield {id_of(row): row for row in store.rows("select * from calls")}


def test_every_call_that_says_what_it_used_costs_what_it_really_used(
    stored: Mapping[Id, dict[str, Any]],
) -> None:
    wrong, n_right = [], 0
    for call in calls():
        row = stored[id_of(call)]
        if any((row[column] or 0) != (call[truth] or 0) for truth, column in COUNTS.items()):
            continue  # which of them are so is held by test_captures.py
        expected = _their_price(call, row) if call["input_tokens"] else None
        if (row["list_cost_usd"], row["cost_estimated"]) != (expected, False):
            wrong.append((call["emitter"], call["case"], row["cost_status"], row["list_cost_usd"], expected))
        n_right += expected is not None
    assert wrong == []
    assert n_right > 180


def test_a_call_without_usage_has_no_cost_but_an_estimate_that_says_so(
    stored: Mapping[Id, dict[str, Any]],
) -> None:
    silent = [stored[id_of(call)] for call in calls() if call["input_tokens"] is None]
    assert len(silent) > 50
    assert [row for row in silent if row["list_cost_usd"] is not None and not row["cost_estimated"]] == []


def _their_price(call: Mapping[str, Any], row: Mapping[str, Any]) -> Decimal:
    usage = genai_prices.Usage(
        input_tokens=call["input_tokens"],
        cache_read_tokens=call["cached_input_tokens"] or 0,
        cache_write_tokens=call["cache_creation_tokens"] or 0,
        output_tokens=call["output_tokens"] or 0,
    )
    provider = THEIR_PROVIDERS[call["provider"] or row["provider"]]
    at = row["started_at"].replace(tzinfo=UTC)
    for model in (call["model_answered"], call["model_requested"], row["model_requested"]):
        try:
            found = genai_prices.calc_price(
                usage, model or "", provider_id=provider, genai_request_timestamp=at
            )
        except LookupError:
            continue  # a version that their rules do not know (gemini-2.5-flash-001): the name that was asked for
        return found.total_price
    raise AssertionError(call)
