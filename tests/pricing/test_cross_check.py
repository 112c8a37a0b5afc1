"""A second source beside our books: what both price is compared, and what differs is reported once."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pricing import cross_check
from pricing.book import load_book
from pricing.cards import PriceRecords
from pricing.layout import lay_out

BOOK = load_book()
LAYOUT = lay_out(PriceRecords(cards=BOOK.cards))
AT = datetime(2026, 10, 21)  # noqa: DTZ001 - UTC, as the store has it

LITELLM = {
    "gpt-4o": {
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1.1e-05,  # ours is 10
        "input_cost_per_token_batches": 1.25e-06,
        "max_tokens": 16384,
        "supports_vision": True,
    },
    "openai/gpt-4o": {"litellm_provider": "openai", "output_cost_per_token": 1.1e-05},
    "gemini/gemini-2.5-pro": {
        "litellm_provider": "gemini",
        "input_cost_per_token": 1.25e-06,
        "input_cost_per_token_above_200k_tokens": 2.6e-06,  # ours is 2.50
    },
    "azure/eu/gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 9e-06},
    "text-free": {"litellm_provider": "openai", "input_cost_per_token": 0},
    "no-model-of-ours": {"litellm_provider": "openai", "input_cost_per_token": 1e-06},
    "sample_spec": {"max_tokens": 1},
}
MODELS_DEV = {
    "google": {
        "models": {
            "gemini-2.5-pro": {
                "cost": {"input": 1.25, "output": 10, "context_over_200k": {"input": 2.5, "output": 14}}
            },
            "gemma-without-a-price": {},
        }
    }
}
HISTORY = {
    "schema": 1,
    "prices": {
        "openai": {
            "o3": {
                "standard": [
                    {"start": None, "rates": {"input": 10.0, "output": 40.0}},
                    {"start": "2025-06-10T00:00:00Z", "rates": {"input": 2.0, "output": 8.0}},
                    {"start": "2026-11-01T00:00:00Z", "rates": {"input": 1.0, "output": 4.0}},
                ],
                "thinking": [{"start": None, "rates": {"input": 99.0}}],
            }
        }
    },
}


def compared(document: Any) -> list[cross_check.Compared]:
    parsed = json.loads(json.dumps(document), parse_float=Decimal)
    return list(cross_check.compare(cross_check.read(parsed, AT), BOOK, LAYOUT, AT))


def differing(document: Any) -> list[tuple[str, str, int, Decimal | None, Decimal]]:
    return [
        (one.model_key, one.theirs.unit, one.theirs.above_tokens, one.ours, one.theirs.per_million)
        for one in compared(document)
        if not one.agrees
    ]


def test_litellms_table_is_compared_per_million_tier_and_variant() -> None:
    assert differing(LITELLM) == [
        ("openai/gpt-4o", "output", 0, Decimal(10), Decimal(11)),
        ("google/gemini-2.5-pro", "uncached_input", 200_000, Decimal("2.5"), Decimal("2.6")),
    ]
    # Each name and rate once; zeros, prices of a single region, and names that are no model of ours are left out.
    assert len(compared(LITELLM)) == 5


@pytest.mark.parametrize(
    ("document", "different", "n_rates"),
    [
        (MODELS_DEV, [("google/gemini-2.5-pro", "output", 200_000, Decimal(15), Decimal(14))], 4),
        (HISTORY, [], 2),  # the price of that day, not of another
    ],
)
def test_models_dev_is_compared_as_it_is_and_with_its_history(
    document: Any, different: list[Any], n_rates: int
) -> None:
    assert differing(document) == different
    assert len(compared(document)) == n_rates


def test_a_rate_that_we_lack_is_a_difference_and_one_rounded_is_none() -> None:
    audio = {"gpt-4o-audio-preview": {"litellm_provider": "openai", "input_cost_per_audio_token": 4e-05}}
    assert differing(audio) == [("openai/gpt-4o-audio-preview", "audio_input", 0, None, Decimal(40))]
    rounded = {"o4-mini": {"litellm_provider": "openai", "cache_read_input_token_cost_flex": 1.375e-07}}
    assert [(one.ours, one.agrees) for one in compared(rounded)] == [(Decimal("0.138"), True)]


def test_what_every_source_says_against_us_comes_first() -> None:
    wrong = {
        "o3": {"litellm_provider": "openai", "input_cost_per_token": 3e-06, "output_cost_per_token": 9e-06}
    }
    history = {
        "schema": 1,
        "prices": {"openai": {"o3": {"standard": [{"start": None, "rates": {"input": 3.0}}]}}},
    }
    sources = [("one", AT.date(), compared(wrong)), ("other", AT.date(), compared(history))]
    lines = list(cross_check.report(sources, BOOK))
    first = lines.index("## All of them against us")
    assert lines[first + 4 : first + 6] == ["| openai | o3 | uncached_input 2 → 3 |", ""]
    assert "## All of them against us" not in list(cross_check.report(sources[:1], BOOK))


def test_the_command_writes_both_numbers_of_each_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prices.json").write_text(json.dumps(LITELLM))
    arguments = ["cross_check", "--source", "A table", "2026-10-21", str(tmp_path / "prices.json")]
    monkeypatch.setattr("sys.argv", arguments)
    cross_check.main()
    report = capsys.readouterr().out
    assert "## A table, as of 2026-10-21" in report
    assert "| openai | gpt-4o | output 10 → 11 |" in report
    assert "| google | gemini-2.5-pro | uncached_input above 200,000 2.5 → 2.6 |" in report
    assert "| all | 2 | 2 | 5 | 2 |" in report
