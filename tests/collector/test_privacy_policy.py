"""Which keys carry content, what is kept of the rest, and what is captured."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.configure import load_settings
from collector.privacy.content import is_content, is_numbers_only, names_credential
from collector.privacy.contents import CONTENTS_SCHEMA, contents_table
from collector.privacy.kept import KEPT_MAX_CHARACTERS, kept_error, kept_values
from collector.privacy.policy import ContentPolicy, policy_of
from collector.privacy.records import scrub_record
from collector.privacy.redact import Redactor
from collector.receiver.otlp import PROTOBUF
from errors import ConfigError
from tests.captures import trace_captures
from tests.servers import STEELYARD, free_ports

# What the questions and answers of the captures have in common (tests/fixtures/otlp/README.md).
_PROMPTS = re.compile(r"You are terse|Hello from mock|weather in Paris|\[(?:tool|retry|length|plain)\b")


def find_people(texts: list[str]) -> list[list[tuple[int, int, str]]]:
    """An analyser as a user would write one."""
    return [
        [(found.start(), found.end(), "Person") for found in re.finditer(r"Ada|Grace", text)]
        for text in texts
    ]


def find_too_little(texts: list[str]) -> list[list[tuple[int, int, str]]]:
    return []


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.prompt.0.content",
        "llm.input_messages.3.message.contents.0.message_content.text",
        "langfuse.observation.input",
        "metadata",
        "hidden_params",
        "request_data",
        "llm.invocation_parameters",
        "metadata.requester_ip_address",
        "LANGSMITH_ENDPOINT",
        "llm.mistral.messages",
        "my_app.userPrompt",
        "rag.question",
        "tool_input",
        "http.request.header.authorization",
        "vendor.x-api-key",
        "db.password",
        "process.command_args",
        "process.environment_variable.HOME",
        "url.query",
        "sk-proj-Ab3dEf6hIj9kLm2nOp5q",
        "x" * 300,
    ],
)
def test_a_key_that_carries_content_or_a_credential_is_known(key: str) -> None:
    assert is_content(key)


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.raw",
        "llm.token_count.prompt",
        "llm.cost.completion",
        "langfuse.observation.usage_details",
        "langfuse.observation.cost_details",
        "gen_ai.prompt.name",
        "gen_ai.request.max_tokens",
        "gen_ai.server.time_to_first_token",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.token.type",
        "llm.openai.model",
        "http.response.status_code",
        "server.address",
        "session.id",
        "process.runtime.name",
    ],
)
def test_a_key_that_counts_names_or_measures_is_kept(key: str) -> None:
    assert not is_content(key)


def test_usage_as_json_is_kept_however_long() -> None:
    assert is_numbers_only("langfuse.observation.usage_details")
    assert not is_numbers_only("app.note")


def test_a_name_tells_a_credential_from_content() -> None:
    assert names_credential("vendor.api_key")
    assert not names_credential("gen_ai.input.messages")


def test_no_capture_keeps_a_prompt_under_any_key() -> None:
    quoting = [
        (key, f"{capture.name}: {value[:80]}")
        for capture in trace_captures()
        if capture.media == PROTOBUF
        for key, value in attributes_of(ExportTraceServiceRequest.FromString(capture.body))
        if _PROMPTS.search(value)
    ]
    assert len(quoting) > 100
    assert [one for one in quoting if not is_content(one[0])] == []


def test_long_text_under_an_unknown_key_is_not_stored() -> None:
    texts = pa.array(["é" * KEPT_MAX_CHARACTERS, "é" * (KEPT_MAX_CHARACTERS + 1), None, "short"])
    stored = kept_values(texts).to_pylist()
    assert stored == ["é" * KEPT_MAX_CHARACTERS, "(257 characters, not stored)", None, "short"]


def test_what_may_be_long_is_kept_whole() -> None:
    texts = pa.array(["1" * 300, "2" * 300])
    assert kept_values(texts, may_be_long=pa.array([True, False])).to_pylist() == [
        "1" * 300,
        "(300 characters, not stored)",
    ]


def test_an_error_is_told_without_what_it_quotes() -> None:
    assert kept_error(ValueError("Could not convert string 'my 'secret' prompt' to INT64")) == (
        "ValueError: Could not convert string '…' to INT64"
    )
    assert kept_error(KeyError("my secret prompt")) == "KeyError: '…'"
    assert kept_error(ValueError()) == "ValueError"


def test_a_record_keeps_its_texts_but_no_credentials() -> None:
    body = b'{"suite": "with sk-proj-Ab3dEf6hIj9kLm2nOp5q", "checks": [{"password": "correcthorse"}], "n": 1}'
    assert (
        scrub_record(body)
        == b'{"suite": "with [redacted:secret]", "checks": [{"password": "[redacted:secret]"}], "n": 1}'
    )


def test_a_record_without_credentials_is_the_very_same() -> None:
    body = b'{"suite": "support",  "n": 1}'
    assert scrub_record(body) is body


def test_an_escaped_credential_is_found_in_a_record() -> None:
    assert b"Ab3dEf6h" not in scrub_record(b'{"suite": "\\u0073k-proj-Ab3dEf6hIj9kLm2nOp5q"}')


def test_contents_are_those_of_captured_projects_redacted_and_cut() -> None:
    table = contents(
        ["a@b.de " + "x" * 200, "other", None, ""], ["support", "default", "support", "support"], limit=100
    )
    assert table.schema == CONTENTS_SCHEMA
    [row] = table.to_pylist()
    assert row["body"] == "[redacted:email] " + "x" * 83
    assert (row["project"], row["n_redactions"], row["n_cut_characters"]) == ("support", 1, 117)


def test_a_credential_is_not_cut_in_half() -> None:
    [row] = contents(["x" * 90 + " sk-proj-Ab3dEf6hIj9kLm2nOp5q"], ["support"], limit=100).to_pylist()
    assert "sk-proj" not in row["body"]


def test_characters_far_beyond_the_limit_are_counted_too() -> None:
    [row] = contents(["x" * 50_000], ["support"], limit=100).to_pylist()
    assert (len(row["body"]), row["n_cut_characters"]) == (100, 49_900)


def test_nothing_is_captured_unless_a_project_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not policy_of(load_settings({})).captures("default")
    monkeypatch.setenv("STEELYARD_CAPTURE_PROJECTS", "support, search")
    policy = policy_of(load_settings({}))
    assert [policy.captures(name) for name in ("support", "search", "default")] == [True, True, False]


def test_a_star_captures_every_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CAPTURE_PROJECTS", "*")
    assert policy_of(load_settings({})).captures("any")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("CAPTURE_PROJECTS", "Support Desk", "'Support Desk' is not a project name"),
        ("REDACT_BUILTIN", "email,names", "'names'.*There are: secret, email, phone, card, iban"),
        ("REDACT_PATTERNS", '{"ticket": "("}', "ticket.*not a regular expression"),
        ("REDACT_PATTERNS", '{"email": "x"}', "name of a built-in"),
        ("REDACT_ANALYZER", "no_colon", "package.module:callable"),
        ("REDACT_ANALYZER", "no_such_package:find", "cannot be imported.*install"),
        ("REDACT_ANALYZER", f"{__name__}:find_nobody", "has no 'find_nobody'"),
        ("REDACT_ANALYZER", f"{__name__}:find_too_little", r"a list of \(start, end, name\)"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_an_example(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"STEELYARD_{key}", value)
    with pytest.raises(ConfigError, match=f"{key.lower()}.*{said}.*For example: STEELYARD_{key}="):
        policy_of(load_settings({}))


def test_an_analyser_of_ones_own_is_asked_after_the_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_REDACT_ANALYZER", f"{__name__}:find_people")
    redactor = policy_of(load_settings({})).redactor
    texts, counts = redactor.redact(pa.array(["Ada wrote to a@b.de and Grace", None, "nobody"]))
    assert texts.to_pylist() == [
        "[redacted:person] wrote to [redacted:email] and [redacted:person]",
        None,
        "nobody",
    ]
    assert counts.to_pylist() == [3, 0, 0]


def test_what_an_analyser_could_not_look_at_is_not_stored() -> None:
    def fails(texts: list[str]) -> list[list[tuple[int, int, str]]]:
        raise LookupError("no model")

    texts, counts = Redactor([], analyzer=fails).redact(pa.array(["a prompt", None]))
    assert texts.to_pylist() == ["[redacted:not-analyzed]", None]
    assert counts.to_pylist() == [1, 0]


def test_a_pattern_that_cannot_be_used_stops_the_start_with_its_name(tmp_path: Path) -> None:
    argv = [str(STEELYARD), "collect", "--data", str(tmp_path / "data")]
    for flag, port in zip(("--otlp-http", "--otlp-grpc", "--api"), free_ports(3), strict=True):
        argv += [flag, str(port)]
    env = {**os.environ, "STEELYARD_REDACT_PATTERNS": '{"ticket": "("}'}
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert "redact_patterns, ticket = '(': not a regular expression" in ended.stderr
    assert "Traceback" not in ended.stderr


def contents(bodies: list[str | None], projects: list[str], *, limit: int) -> pa.Table:
    """The rows of `contents` for these bodies, with project `support` captured."""
    n = len(bodies)
    moment = pa.array([datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None)] * n, pa.timestamp("us"))
    return contents_table(
        ContentPolicy(frozenset({"support"}), Redactor(["secret", "email"]), limit),
        project=pa.array(projects),
        day=pa.array([date(2026, 11, 21)] * n),
        trace_id=pa.array([b"t" * 16] * n, pa.uuid()),
        span_id=pa.array([1] * n, pa.uint64()),
        occurred_at=moment,
        received_at=moment,
        batch_id=pa.array(["b"] * n),
        source="span",
        key=pa.array(["gen_ai.input.messages"] * n),
        body=pa.array(bodies, pa.string()),
    )


def attributes_of(message: Message) -> list[tuple[str, str]]:
    """(key, value as text) of every attribute, wherever it stands."""
    found, todo = [], [message]
    while todo:
        node = todo.pop()
        if node.DESCRIPTOR.name == "KeyValue":
            found.append((node.key, str(node.value)))  # type: ignore[attr-defined]
            continue
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                todo.extend(value if field.is_repeated else (value,))
    return found
