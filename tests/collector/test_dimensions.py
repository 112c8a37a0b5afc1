"""The `dimensions` setting: how it is read, and what is said of a wrong one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collector.configure import load_settings
from collector.conventions.dimensions import COLUMNS, MOST_CUSTOM, TAKEN, Dimensions, dimensions_of
from collector.privacy.dimensions import refuse_content
from collector.privacy.policy import policy_of
from collector.settings import CollectorSettings
from errors import ConfigError
from store.backends import file
from store.catalog import named_query
from store.dimensions import BUILT_IN
from tests.servers import STEELYARD


@pytest.fixture(autouse=True)
def a_bare_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEELYARD_DIMENSIONS", raising=False)


FILE = """
[dimensions]
tenant = ["app.customer_id", "resource:service.namespace"]
feature = "app.feature"
team = ["resource:team", "baggage:team", "app.team"]
"""


def test_nothing_is_configured_by_default() -> None:
    assert dimensions_of(load_settings()) == Dimensions()


def test_the_file_gives_keys_of_spans_and_of_resources_apart(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text(FILE)
    found = dimensions_of(load_settings())
    assert found.keys_of("tenant_id") == ("app.customer_id",)
    assert found.resource_keys_of("tenant_id") == ("service.namespace",)
    assert (found.keys_of("feature"), found.resource_keys_of("feature")) == (("app.feature",), ())
    assert found.keys_of("user_id") == () and found.resource_keys_of("user_id") == ()
    assert found.names == ("team",)
    # Baggage is on the span, under either name, in the order of the setting.
    assert found.custom == {"team": ("team", "baggage.team", "app.team")}
    assert found.custom_resource == {"team": ("team",)}


def test_the_environment_has_the_same_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steelyard.toml").write_text(FILE)
    of_file = load_settings()
    (tmp_path / "steelyard.toml").unlink()
    as_json = {
        "tenant": ["app.customer_id", "resource:service.namespace"],
        "feature": "app.feature",
        "team": ["resource:team", "baggage:team", "app.team"],
    }
    monkeypatch.setenv("STEELYARD_DIMENSIONS", json.dumps(as_json))
    assert load_settings() == of_file


def test_a_child_takes_up_what_was_handed_down(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text(FILE)
    settings = load_settings()
    assert CollectorSettings.taken_up(settings.handed_down()) == settings


def test_as_many_dimensions_as_promised_and_the_five_built_in_beside_them() -> None:
    most = {f"own_{n}": ("a",) for n in range(MOST_CUSTOM)} | dict.fromkeys(COLUMNS, ("b",))
    assert len(Dimensions.read(most).names) == MOST_CUSTOM


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([1], "is not a table of names and values"),
        ({"team": 5}, "team is not a list of texts"),
        ({"team": []}, "team has 0 keys, not 1 to 8"),
        ({"team": ["k"] * 9}, "team has 9 keys"),
        ({"tenant_id": ["a"]}, "tenant_id is written tenant here"),
        ({"model": ["a"]}, "model is what the queries call something else"),
        ({"agent": ["a"]}, "agent is what the queries call something else"),
        ({"cost_usd": ["a"]}, "cost_usd is what the queries call something else"),
        ({"Team": ["a"]}, "'Team' is not made of"),
        ({"2nd": ["a"]}, "'2nd' is not made of"),
        ({"t" * 41: ["a"]}, "is not made of"),
        ({"team": ["app team"]}, "team: 'app team' is not an attribute key"),
        ({"team": ["resource:"]}, "team: 'resource:' is not an attribute key"),
        ({"team": ["k" * 201]}, "is not an attribute key"),
        ({"team": ["resources:team"]}, "begins with resources:, which is not known; write resource:team"),
        ({"team": ["Baggage:team"]}, "write baggage:team"),
        ({f"own_{n}": ["a"] for n in range(17)}, "17 dimensions of your own are more than 16"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_an_example(
    monkeypatch: pytest.MonkeyPatch, given: Any, says: str
) -> None:
    monkeypatch.setenv("STEELYARD_DIMENSIONS", json.dumps(given))
    with pytest.raises(ConfigError) as told:
        load_settings()
    assert str(told.value).startswith("setting dimensions = ")
    assert says in str(told.value) and "For example: STEELYARD_DIMENSIONS=" in str(told.value)


@pytest.mark.parametrize(
    ("key", "holds"),
    [
        ("app.prompt", "content"),
        ("gen_ai.input.messages", "content"),
        ("metadata", "content"),
        ("user.email", "content"),
        ("ai.telemetry.metadata.question", "content"),
        ("resource:api_key", "a credential"),
        ("baggage:session_token", "a credential"),
    ],
)
def test_an_attribute_that_holds_content_or_a_credential_is_refused(key: str, holds: str) -> None:
    with pytest.raises(ConfigError) as told:
        refuse_content({"tenant": ("app.customer_id",), "team": ("app.team", key)})
    assert f"setting dimensions, team: the attribute {key!r} may hold {holds}" in str(told.value)
    assert 'team = ["app.team_id"]' in str(told.value)


@pytest.mark.parametrize(
    "key",
    [
        "app.customer_id",
        "resource:service.namespace",
        "baggage:team",
        "ai.telemetry.metadata.team",
        "langfuse.trace.metadata.plan",
        "traceloop.association.properties.team",
    ],
)
def test_an_identifier_among_the_values_that_an_sdk_lets_its_user_add_is_taken(key: str) -> None:
    refuse_content({"team": (key,)})


def test_the_policy_of_a_collector_refuses_such_an_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_DIMENSIONS", '{"team": ["app.prompt"]}')
    with pytest.raises(ConfigError, match=r"setting dimensions, team"):
        policy_of(load_settings())


def test_a_collector_that_would_refuse_it_does_not_start(tmp_path: Path) -> None:
    ran = subprocess.run(
        [STEELYARD, "collect", "--data", tmp_path / "data"],
        env={**os.environ, "STEELYARD_DIMENSIONS": '{"team": ["app.prompt"]}'},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 3
    assert "setting dimensions, team: the attribute 'app.prompt' may hold content" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_own_dimension_never_has_the_name_of_a_column(tmp_path: Path) -> None:
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    columns = {name for name, *_ in connection.execute("describe calls").fetchall()}
    connection.close()
    printed = {column.name for column in named_query("spend_month").columns}
    assert columns | printed == TAKEN
    assert set(COLUMNS.values()) <= BUILT_IN.keys()
