"""What `steelyard prices report` finds, and that each finding comes with the command that mends it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_reading import Steelyard, steelyard
from tests.dashboard.data import (
    HELD_CARD,
    RATE_CARD,
    RATES,
    a_call,
    a_call_with_unpriced_audio,
    a_conflicting_call,
    a_store,
    an_unpriced_call,
)

__all__ = ["steelyard"]  # the fixture

NOVEMBER = ("--since", "2026-11-01", "--until", "2026-12-01")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One call of each trouble, one of none; another project has them all."""
    where = tmp_path_factory.mktemp("data")
    old = RATE_CARD | {"rate_card": "openai/gpt-3.5-turbo@2024-01-01", "checked_on": date(2026, 3, 1)}
    in_euro = RATE_CARD | {"rate_card": "my-host/euro@2026-01-01", "currency": "EUR"}
    rates = [*RATES, *({**rate, "rate_card": in_euro["rate_card"]} for rate in RATES)]
    a_store(
        where / "store.duckdb",
        spans=[
            a_call(reported_cost_usd=Decimal("0.0035")),
            a_call(reported_cost_usd=Decimal("0.0049"), span_id=0xD01F),
            a_call(rate_card=old["rate_card"]),
            an_unpriced_call(model_answered="it's $(new)", provider="my-host"),
            an_unpriced_call(model_answered="gpt-4o-audio-preview-or-so", provider=None),
            an_unpriced_call(model_answered="gpt-4o", provider="nobody"),
            an_unpriced_call(model_answered="its-own-name", provider=None),
            a_conflicting_call(span_id=0xC0, usage_semantics="inclusive", usage_confidence="convention"),
            a_call_with_unpriced_audio(span_id=0xA0D),
            a_call_with_unpriced_audio(
                audio_input_tokens=None, rate_card=in_euro["rate_card"], model_answered="euro"
            ),
            a_call_with_unpriced_audio(rate_card=None, service_tier="flex", model_answered="no-flex"),
            an_unpriced_call(project="other", model_answered="not-mine"),
        ],
        rate_cards=[RATE_CARD, HELD_CARD, old, in_euro],
        rates=rates,
    )
    return where


def reported(steelyard: Steelyard, data: Path) -> dict[str, list[dict[str, Any]]]:
    ran = steelyard("prices", "report", *NOVEMBER, "--format", "json", data=data)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(ran.stdout):
        found.setdefault(row["kind"], []).append(row)
    return found


def test_models_without_a_price_come_with_commands_that_are_safe_to_paste(
    steelyard: Steelyard, data: Path
) -> None:
    by_name = {row["name"]: row for row in reported(steelyard, data)["unpriced_model"]}
    own = by_name["my-host it's $(new)"]
    assert own["commands"] == [
        "steelyard prices override my-host 'it'\"'\"'s $(new)' --input RATE --output RATE --from 2026-11-01",
        "steelyard reprice --since 2026-11-01 --model 'it'\"'\"'s $(new)' --status unpriced",
    ]
    unnamed = by_name["its-own-name"]
    assert unnamed["commands"] == [] and "gen_ai.provider.name" in unnamed["says"]
    assert by_name["nobody gpt-4o"]["says"].endswith("it may mean openai/gpt-4o")


def test_a_name_that_several_books_have_is_not_guessed(steelyard: Steelyard, data: Path) -> None:
    [one] = reported(steelyard, data)["ambiguous_name"]
    assert (one["provider"], one["model"]) == (None, "gpt-4o-audio-preview-or-so")
    assert "it may mean" in one["says"] and "openai/gpt-4o-audio-preview" in one["says"]


def test_what_was_used_and_has_no_rate_is_named(steelyard: Steelyard, data: Path) -> None:
    said = {row["model"]: row for row in reported(steelyard, data)["unpriced_unit"]}
    audio = said["gpt-4o-2024-08-06"]
    assert audio["says"] == "1 calls; openai/gpt-4o@2024-08-06 has no rate for audio_input (400 used)"
    assert audio["commands"] == [
        "steelyard explain 0000000000000a0d",
        "steelyard prices override openai gpt-4o-2024-08-06 --audio-input RATE --from 2026-11-01",
        "steelyard reprice --since 2026-11-01 --model gpt-4o-2024-08-06 --status unpriced",
    ]
    assert "in EUR, and no exchange rate" in said["euro"]["says"]
    assert "no price for service tier flex" in said["no-flex"]["says"]


def test_conflicts_and_drift_lead_to_the_call_that_shows_it(steelyard: Steelyard, data: Path) -> None:
    found = reported(steelyard, data)
    [conflict] = found["conflict"]
    assert conflict["commands"] == ["steelyard explain 00000000000000c0"]
    assert "read as inclusive by convention" in conflict["says"]
    [drift] = found["drift"]
    assert drift["says"] == (
        "reported $0.0084, computed $0.0070 for 2 calls, of which 1 differ by more than 1 %"
    )
    assert (drift["emitter"], drift["commands"]) == ("openai-v2", ["steelyard explain 000000000000d01f"])


def test_cards_that_are_held_or_old_are_listed(steelyard: Steelyard, data: Path) -> None:
    found = reported(steelyard, data)
    [held] = found["held"]
    assert held["commands"] == ["steelyard prices approve openai/gpt-4o@2026-12-01"]
    [stale] = found["stale"]
    assert (stale["name"], stale["n_calls"]) == ("openai/gpt-3.5-turbo@2024-01-01", 1)
    assert "last checked 2026-03-01" in stale["says"]


def test_the_text_begins_with_how_much_is_known(steelyard: Steelyard, data: Path) -> None:
    said = steelyard("prices", "report", *NOVEMBER, data=data).stdout
    assert "27.3 % of calls, 27.3 % of tokens have a known cost" in said
    assert "\nModels without a price\n" in said
    assert "not-mine" not in said


def test_when_all_is_well_it_says_so(steelyard: Steelyard, tmp_path: Path) -> None:
    a_store(tmp_path / "store.duckdb", spans=[a_call()], rate_cards=[RATE_CARD])
    said = steelyard("prices", "report", *NOVEMBER, data=tmp_path).stdout
    assert said.endswith("Nothing is missing, and nothing is in doubt.\n")


def test_times_the_wrong_way_round_are_refused(steelyard: Steelyard, data: Path) -> None:
    ran = steelyard("prices", "report", "--since", "2026-12-01", "--until", "2026-11-01", data=data)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "--since 2026-12-01 is not before --until 2026-11-01" in ran.stderr
