"""examples/live-sdk: what the real SDK and the official instrumentation send arrives as ten right rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server, free_ports

APP = Path(__file__).parents[2] / "examples" / "live-sdk" / "app.py"


def run_app(endpoint: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return subprocess.run(
        [sys.executable, APP], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def said(server: Server) -> str:
    """What the app prints when all goes well."""
    done = run_app(server.receiver_url)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rows(server: Server, said: str) -> list[dict[str, Any]]:
    """The calls of one run, in the order in which they were made."""
    server.wait_until_committed()
    return server.rows("select * from calls where service_name = 'live-sdk' order by started_at")


def test_the_readme_shows_what_the_app_prints(said: str) -> None:
    readme = (APP.parent / "README.md").read_text("utf-8")
    after_the_ports = said.split("\n", 1)[1]
    assert after_the_ports in readme


def test_every_call_is_one_row(rows: list[dict[str, Any]]) -> None:
    assert [(row["operation"], row["model_requested"], row["status"]) for row in rows] == [
        ("chat", "gpt-5.4-mini", "ok"),
        ("chat", "gpt-5.4-mini", "ok"),
        ("chat", "gpt-5.4-mini", "ok"),
        ("chat", "gpt-5.4-mini", "ok"),
        ("embeddings", "text-embedding-3-small", "ok"),
        ("embeddings", "text-embedding-3-small", "ok"),
        ("chat", "gpt-5.4", "error"),
        ("chat", "gpt-5.4", "ok"),
        ("chat", "gpt-2-turbo", "error"),
        ("chat", "gpt-5.4-mini", "ok"),
    ]


def test_the_model_that_answered_and_its_response_id_arrive(rows: list[dict[str, Any]]) -> None:
    answered = [row["model_answered"] for row in rows if row["operation"] == "chat" and row["status"] == "ok"]
    assert set(answered) == {"gpt-5.4-mini-2026-03-17", "gpt-5.4-2026-03-05"}
    assert all(row["response_id"].startswith("chatcmpl-") for row in rows if row["finish_reason"] == "stop")


def test_tokens_arrive_as_the_provider_counted_them(rows: list[dict[str, Any]]) -> None:
    # 4 words of question are 5 tokens. The briefing is 220 × 6 words more: 1,466 tokens in its own message,
    # 1,471 in all, of which 11 whole blocks of 128 were cached. 18 words of answer are 24 tokens.
    plain, briefed = rows[0], rows[1]
    assert (plain["input_tokens"], plain["output_tokens"]) == (5, 24)
    assert (briefed["input_tokens"], briefed["cached_input_tokens"]) == (1471, 1408)
    assert (rows[4]["input_tokens"], rows[4]["output_tokens"]) == (8, None)  # 6 words embedded


def test_a_stream_has_its_time_to_first_token(rows: list[dict[str, Any]]) -> None:
    assert [bool(row["stream"]) for row in rows] == [number in (2, 3) for number in range(10)]
    assert 0 < rows[2]["ttft_ns"] < rows[2]["duration_ns"]


def test_a_stream_without_usage_is_not_free(rows: list[dict[str, Any]]) -> None:
    assert (rows[3]["input_tokens"], rows[3]["cost_status"], rows[3]["list_cost_usd"]) == (
        None,
        "no_usage",
        None,
    )


def test_the_identity_in_the_baggage_is_the_identity_of_the_row(rows: list[dict[str, Any]]) -> None:
    assert [row["tenant_id"] for row in rows] == ["museum"] * 4 + ["archive"] * 5 + [None]
    assert (rows[0]["session_id"], rows[0]["prompt_name"], rows[0]["prompt_version"]) == (
        "tour-1",
        "explain",
        "v1",
    )


def test_an_error_has_the_class_of_its_status(rows: list[dict[str, Any]]) -> None:
    failed = [(row["error_class"], row["http_status"]) for row in rows if row["status"] == "error"]
    assert failed == [("rate_limit", 429), ("bad_request", 404)]


def test_what_was_answered_is_priced(rows: list[dict[str, Any]]) -> None:
    assert [row["cost_status"] for row in rows if row["status"] == "ok" and row["input_tokens"]] == [
        "priced"
    ] * 7


def test_the_app_says_what_to_start_when_nobody_listens() -> None:
    done = run_app(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert done.returncode == 1
    assert "steelyard up" in done.stderr
