"""Settings: where they come from, which source wins, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.configure import load_settings
from collector.settings import CollectorSettings
from errors import ConfigError


@pytest.fixture(autouse=True)
def a_bare_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in CollectorSettings.__dataclass_fields__:
        monkeypatch.delenv(f"STEELYARD_{name.upper()}", raising=False)
    return tmp_path


def test_nothing_given_is_the_defaults_with_an_absolute_directory(tmp_path: Path) -> None:
    assert load_settings() == CollectorSettings(data=tmp_path / ".steelyard")


def test_a_flag_beats_the_environment_and_that_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "steelyard.toml").write_text("otlp_http = 1\napi = 2\ndashboard = 3\n")
    monkeypatch.setenv("STEELYARD_OTLP_HTTP", "11")
    monkeypatch.setenv("STEELYARD_API", "12")
    settings = load_settings({"otlp_http": 21, "api": None})
    assert (settings.otlp_http, settings.api, settings.dashboard) == (21, 12, 3)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("spool_max_bytes", "5_000_000", 5_000_000),
        ("require_keys", "Yes", True),
        ("require_keys", "off", False),
        ("tls_cert", "/a/b.crt", Path("/a/b.crt")),
        ("tls_cert", "", None),
        ("capture_projects", " support , search,", ("support", "search")),
        ("redact_patterns", '{"ticket": "T-[0-9]+"}', {"ticket": "T-[0-9]+"}),
        ("log_format", "json", "json"),
    ],
)
def test_the_environment_is_read_as_the_type_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"STEELYARD_{name.upper()}", text)
    assert getattr(load_settings(), name) == value


def test_the_file_has_lists_and_tables(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text(
        'capture_projects = ["support"]\n[retention]\ncontents_days = 3\n[retention.projects.demo]\n'
        "spans_days = 2\n"
    )
    settings = load_settings()
    assert settings.capture_projects == ("support",)
    assert (settings.retention.days("contents", "x"), settings.retention.days("spans", "demo")) == (3, 2)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("otlp_http", "99999999", "is not from 1 to 65535"),
        ("otlp_http", "http", "is not a whole number"),
        ("spool_max_bytes", "0", "is not 1000000 or more"),
        ("host", "", "is empty"),
        ("require_keys", "perhaps", "is neither true nor false"),
        ("log_format", "xml", "is none of auto, text, json"),
        ("capture_projects", "No Project", "'No Project' is not a project name"),
        ("cors_origins", "example.com", "'example.com' is not an origin"),
        ("redact_builtin", "names", "there is no 'names'"),
        ("redact_patterns", "[", "is not a JSON object of names and values"),
        ("redact_patterns", '{"email": "x"}', "is the name of a built-in redaction"),
        ("retention", '{"contents_days": 0}', "contents_days"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, says: str
) -> None:
    monkeypatch.setenv(f"STEELYARD_{name.upper()}", text)
    with pytest.raises(ConfigError) as told:
        load_settings()
    assert str(told.value).startswith(f"setting {name} = {text!r}: ")
    assert says in str(told.value) and f"For example: STEELYARD_{name.upper()}=" in str(told.value)


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_API", "x")
    monkeypatch.setenv("STEELYARD_DASHBOARD", "y")
    with pytest.raises(ConfigError) as told:
        load_settings()
    assert [line.split(" = ")[0] for line in str(told.value).splitlines()] == [
        "setting api",
        "setting dashboard",
    ]


@pytest.mark.parametrize("content", ["data = ", "port = 1\nport = 2"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "steelyard.toml").write_text(content)
    with pytest.raises(ConfigError, match=r"steelyard\.toml is not valid TOML"):
        load_settings()


def test_a_child_takes_up_what_was_handed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_TLS_CERT", "/a.crt")
    monkeypatch.setenv("STEELYARD_CAPTURE_PROJECTS", "a,b")
    monkeypatch.setenv("STEELYARD_RETENTION", '{"projects": {"demo": {"spans_days": 2}}}')
    settings = load_settings()
    assert CollectorSettings.taken_up(settings.handed_down()) == settings


def test_a_name_in_the_file_that_is_no_setting_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text('capture_project = ["support"]\n')
    with pytest.raises(ConfigError, match=r"no setting capture_project\. Did you mean capture_projects\?"):
        load_settings()
