"""Grouping and filtering by any dimension on the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_reading import Steelyard, steelyard
from tests.dashboard.data import a_call, a_store, an_unpriced_call

__all__ = ["steelyard"]  # the fixture


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two calls of team search in two environments, one of team ads, one unpriced of no team."""
    where = tmp_path_factory.mktemp("data")
    spans = [
        a_call(dims={"team": "search"}, environment="production"),
        a_call(dims={"team": "search"}, environment="staging", tenant_id="globex"),
        a_call(dims={"team": "ads"}, environment="production"),
        an_unpriced_call(),
    ]
    a_store(where / "store.duckdb", spans=spans)
    return where


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three calls at $0.0035 one stands for ten."""
    where = tmp_path_factory.mktemp("sampled")
    a_store(where / "store.duckdb", spans=[a_call(sampling_rate=0.1), a_call(), a_call()])
    return where


def spend(steelyard: Steelyard, data: Path, *words: str) -> list[dict[str, Any]]:
    ran = steelyard("spend", "--month", "2026-11", "--format", "csv", *words, data=data)
    assert ran.returncode == 0, ran.stderr
    return list(csv.DictReader(io.StringIO(ran.stdout)))


def test_a_month_by_tenant_begins_with_the_columns_it_always_had(steelyard: Steelyard, data: Path) -> None:
    (first, *_) = spend(steelyard, data)
    assert list(first)[:12] == [
        "tenant_id",
        "n_calls",
        "n_errors",
        "n_priced",
        "n_unpriced",
        "n_no_usage",
        "input_tokens",
        "cached_input_tokens",
        "output_tokens",
        "cost_usd",
        "saved_usd",
        "unpriced_models",
    ]


def test_a_month_by_an_own_dimension_has_its_name_as_a_column(steelyard: Steelyard, data: Path) -> None:
    found = {row["team"]: row["n_calls"] for row in spend(steelyard, data, "--by", "team")}
    assert found == {"search": "2", "ads": "1", "": "1"}


def test_json_follows(steelyard: Steelyard, data: Path) -> None:
    ran = steelyard("spend", "--month", "2026-11", "--by", "team", "--format", "json", data=data)
    assert [(row["team"], row["cost_usd"]) for row in json.loads(ran.stdout)] == [
        ("search", "0.007000000000"),
        ("ads", "0.003500000000"),
        (None, None),
    ]


def test_a_month_by_two_dimensions_has_a_row_for_each_pair(steelyard: Steelyard, data: Path) -> None:
    found = [
        (row["tenant_id"], row["model"], row["n_calls"])
        for row in spend(steelyard, data, "--by", "tenant,model")
    ]
    assert found == [
        ("acme", "gpt-4o-2024-08-06", "2"),
        ("globex", "gpt-4o-2024-08-06", "1"),
        ("acme", "acme-finetune", "1"),
    ]


def test_the_report_names_what_it_is_by(steelyard: Steelyard, data: Path) -> None:
    said = steelyard("spend", "--month", "2026-11", "--by", "team,environment", data=data).stdout
    header = said.splitlines()[2]
    assert header.split()[:2] == ["team", "environment"]
    assert "(no team)" in said and "(no environment)" in said


def test_a_filter_leaves_only_the_calls_with_that_value(steelyard: Steelyard, data: Path) -> None:
    found = spend(steelyard, data, "--by", "team", "--where", "environment=production")
    assert {row["team"]: row["n_calls"] for row in found} == {"search": "1", "ads": "1"}
    (without,) = spend(steelyard, data, "--where", "team=")
    assert without["n_unpriced"] == "1"


def test_tail_follows_only_the_calls_with_that_value(steelyard: Steelyard, data: Path) -> None:
    ran = steelyard("tail", "--no-follow", "--where", "tenant=globex", data=data)
    assert len(ran.stdout.splitlines()) == 1 and "globex" in ran.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--by", "taem"],
            "there is no dimension 'taem' in project default. There are: tenant, user, session,",
        ),
        (["--by", "taem"], "emitter, team."),
        (["--where", "taem=x"], "there is no dimension 'taem'"),
        (["--where", "team"], "write it as NAME=VALUE"),
        (["--by", "team,model,tenant"], "name one or two different ones"),
        (["--by", "tenant,tenant_id"], "name one or two different ones"),
    ],
)
def test_a_mistake_is_told_with_what_there_is(
    steelyard: Steelyard, data: Path, words: list[str], said: str
) -> None:
    ran = steelyard("spend", "--month", "2026-11", *words, data=data)
    assert ran.returncode == 3
    assert said in ran.stderr
    assert ran.stdout == ""


def test_a_dimension_that_is_configured_is_known_before_a_call_has_it(
    steelyard: Steelyard, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_DIMENSIONS", '{"plan": ["app.plan"]}')
    (row,) = spend(steelyard, data, "--by", "plan")
    assert (row["plan"], row["n_calls"]) == ("", "4")


def test_the_values_of_own_dimensions_are_printed_as_names_and_values(
    steelyard: Steelyard, data: Path
) -> None:
    words = "select dims from calls where dims['team'] = 'ads'"
    assert json.loads(steelyard("sql", "--format", "json", words, data=data).stdout) == [
        {"dims": {"team": "ads"}}
    ]
    assert steelyard("sql", "--format", "csv", words, data=data).stdout == 'dims\n"{""team"": ""ads""}"\n'


def test_a_month_with_sampled_calls_says_what_it_stands_for(steelyard: Steelyard, sampled: Path) -> None:
    said = steelyard("spend", "--month", "2026-11", data=sampled).stdout
    # Twelve calls at $0.0035; the total stays that of the three that arrived.
    assert "1 of 3 calls were sampled; real spend is about $0.042 (estimate)." in said
    assert said.splitlines()[5].split()[:6] == ["total", "3", "3,000", "300", "$0.011", "$0.011"]
    (row,) = spend(steelyard, sampled)
    assert (row["n_sampled"], row["estimated_calls"], row["cost_usd"], row["estimated_cost_usd"]) == (
        "1",
        "12",
        "0.010500000000",
        "0.042000000000",
    )


def test_a_month_without_sampling_says_nothing_of_it(steelyard: Steelyard, data: Path) -> None:
    assert "ampled" not in steelyard("spend", "--month", "2026-11", data=data).stdout
