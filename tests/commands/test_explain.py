"""`steelyard explain`: the same explanation from a running server and from the file, to read and to process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import pytest

from collector.receiver.otlp import PROTOBUF, read_traces
from tests.captures import capture, expected
from tests.front_door import Done, front_door
from tests.servers import start_server
from tests.spans import a_call, export
from tests.stores import open_store

CASES = (
    "otel-genai-anthropic/messages_plain.pb",
    "logfire-native/chat_stream_usage.pb",
    "vercel-ai-v6/generate_text_retry.pb",
    "pydantic-ai/agent_conversation_metadata.pb",
)
TWICE = bytes.fromhex("00000000000000ab")


class Explain(Protocol):
    def __call__(self, *words: str) -> Done: ...


def requests() -> list[bytes]:
    twice = [export(a_call(trace_id=bytes([trace]) * 16, span_id=TWICE)) for trace in (1, 2)]
    # A name that would move the cursor of a terminal, or clear it.
    evil = a_call(trace_id=b"\3" * 16, span_id=b"\3" * 8, tenant__id="ac\x1b[2Jme")
    return [*(capture(name).body for name in CASES), *twice, export(evil)]


@pytest.fixture(scope="module", params=["server", "file"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data directory with the cases: once with its server running, once without any."""
    folder = tmp_path_factory.mktemp(request.param) / "data"
    if request.param == "file":
        with open_store(folder) as store:
            for body in requests():
                store.send(read_traces(body, PROTOBUF).body)
            store.commit()
        yield folder
        return
    with start_server(folder) as server:
        for body in requests():
            server.post("/v1/traces", body)
        server.wait_until_committed()
        yield folder


@pytest.fixture
def steelyard(data: Path) -> Explain:
    """The command as its entry point runs it, in this process."""

    def run(*words: str) -> Done:
        return front_door("explain", *words, "--data", data)

    return run


def call_of(name: str, **wanted: Any) -> dict[str, Any]:
    """The one call of a case."""
    [found] = [
        one
        for one in expected()
        if one["record"] == "llm_call"
        and one["file"] == name
        and all(one[key] == value for key, value in wanted.items())
    ]
    return found


def line_of(ran: Done, begins: str) -> str:
    """The line of a column."""
    assert ran.returncode == 0, ran.stderr
    return next(line.strip() for line in ran.stdout.splitlines() if line.strip().startswith(begins + " "))


def test_a_call_is_explained_to_a_person(steelyard: Explain) -> None:
    call = call_of(CASES[0])
    ran = steelyard(call["span_id"])
    assert line_of(ran, "input_tokens").endswith("gen_ai.usage.input_tokens")
    assert f"{call['input_tokens']:,}" in line_of(ran, "input_tokens")
    assert "gave " in ran.stdout
    assert "nested" not in ran.stdout  # words, not the names of rules
    assert "not said by anybody" in ran.stdout
    assert "check: settling the stored spans again gives this row" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) < 200


def test_who_said_it_is_told_for_what_a_call_inherited(steelyard: Explain) -> None:
    call = call_of(CASES[3])
    ran = steelyard(call["span_id"])
    told = line_of(ran, "tenant_id")
    assert "acme" in told
    assert f"span {call['parent_span_id']}" in told
    assert "nearest ancestor" in told


def test_a_stream_says_what_its_carrier_brought(steelyard: Explain) -> None:
    call = call_of(CASES[1])
    ran = steelyard(call["span_id"])
    assert f"span {call['usage_carrier_span_id']}" in line_of(ran, "input_tokens")
    assert "itself: " in line_of(ran, "duration_ns")
    other = steelyard(call["usage_carrier_span_id"])
    assert "role: carrier, not counted" in other.stdout
    assert f"span {call['span_id']}" in line_of(other, "its call")


def test_attempts_are_listed_with_their_outcome(steelyard: Explain) -> None:
    ran = steelyard(call_of(CASES[2], status="ok")["span_id"])
    listed = ran.stdout.partition("attempts of one request\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) == 2
    assert listed[0].split()[0] == "1"
    assert listed[0].endswith("error")
    assert listed[1].endswith("ok, this one")


def test_json_has_the_whole_structure(steelyard: Explain) -> None:
    call = call_of(CASES[0])
    ran = steelyard(call["span_id"], "--format", "json")
    found = json.loads(ran.stdout)
    assert found["span"]["span_id"] == call["span_id"]
    assert {
        "role",
        "columns",
        "folded",
        "above",
        "below",
        "attempts",
        "doubt",
        "sampling",
        "cost",
        "check",
    } < set(found)


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (["0" * 15 + "f"], "there is no span 000000000000000f in project default"),
        (["nothex"], "is not a span id"),
        ([TWICE.hex(), "--trace", "12"], "is not a trace id"),
        ([TWICE.hex(), "--project", "other"], "in project other"),
        ([TWICE.hex()], "--trace"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(steelyard: Explain, words: list[str], about: str) -> None:
    ran = steelyard(*words)
    assert ran.returncode == 3
    assert about in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_one_of_several_traces_can_be_named(steelyard: Explain) -> None:
    several = steelyard(TWICE.hex())
    assert "01" * 16 in several.stderr
    assert "02" * 16 in several.stderr
    ran = steelyard(TWICE.hex(), "--trace", "02" * 16)
    assert f"trace {'02' * 16}" in ran.stdout


def test_what_a_sender_named_cannot_steer_the_terminal(steelyard: Explain) -> None:
    ran = steelyard("03" * 8)
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout
    assert "ac·[2Jme" in ran.stdout
