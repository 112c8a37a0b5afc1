"""Why a call is what it is: every column has a place it came from, and nobody learns of calls that are not theirs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from collector import keys
from tests.captures import capture, expected
from tests.servers import Server
from tests.spans import a_call, export

CASES = (
    "otel-genai-openai/chat_plain.pb",
    "otel-genai-anthropic/messages_plain.pb",
    "logfire-native/chat_stream_usage.pb",
    "vercel-ai-v6/generate_text_retry.pb",
    "pydantic-ai/agent_conversation_metadata.pb",
)
TRACE = bytes(range(16))
OTHER_TRACE = bytes(range(1, 17))
TWICE = bytes.fromhex("00000000000000ab")
GENEROUS_S = 10.0

Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    """A server with a case of each kind, and one span id in two traces."""
    for name in CASES:
        one = capture(name)
        assert server.post("/v1/traces", one.body, one.media)[0] == 200
    for trace in (TRACE, OTHER_TRACE):
        server.post("/v1/traces", export(a_call(trace_id=trace, span_id=TWICE)))
    server.wait_until_committed()
    return server


def get(server: Server, token: str | None = None, **params: str) -> Answer:
    """GET /api/v1/explain: (status, body)."""
    request = urllib.request.Request(
        f"{server.api_url}/api/v1/explain?{urllib.parse.urlencode(params)}",
        headers={"x-api-key": token} if token else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        assert refused.headers["content-type"] == "application/problem+json"
        return refused.code, json.load(refused)


def explained(server: Server, span_id: str, **params: str) -> dict[str, Any]:
    status, found = get(server, span=span_id, **params)
    assert status == 200, found
    return found


def columns(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["column"]: one for one in found["columns"]}


def truth(name: str, record: str = "llm_call") -> list[dict[str, Any]]:
    """What is known of the spans of a case."""
    return [one for one in expected() if one.get("file") == name and one["record"] == record]


def test_a_plain_call_names_the_attribute_of_each_value(filled: Server) -> None:
    [call] = truth(CASES[0])
    found = explained(filled, call["span_id"])
    told = columns(found)
    assert (found["role"]["role"], found["role"]["family"]) == ("call", "otel")
    assert "gen_ai.operation.name" in found["role"]["family_rule"]
    assert told["input_tokens"] == {
        "column": "input_tokens",
        "value": call["input_tokens"],
        "kind": "attribute",
        "from": "gen_ai.usage.input_tokens",
    }
    assert told["tenant_id"] == {
        "column": "tenant_id",
        "value": None,
        "kind": "nobody",
        "from": "not said by anybody",
    }
    assert (found["folded"], found["attempts"], found["doubt"]) == ([], [], None)
    assert found["check"]["is_same"]


def test_every_column_of_the_view_is_told_of(filled: Server) -> None:
    [call] = truth(CASES[0])
    listed = {row["column_name"] for row in filled.rows("describe calls")} - {"dims"}
    assert listed == set(columns(explained(filled, call["span_id"])))


def test_the_cost_adds_up_beside_what_the_emitter_reported(filled: Server) -> None:
    [call] = truth(CASES[4])
    found = explained(filled, call["span_id"])["cost"]
    assert found["status"] == "priced"
    assert found["rate_card"].startswith("openai/gpt-4.1-mini@")
    micros = {unit: round(float(usd) * 1e9) for unit, usd in found["amounts"].items()}
    assert sum(micros.values()) == round(float(found["list_cost_usd"]) * 1e9) > 0
    assert {"uncached_input", "cached_input", "output", "reasoning"} <= micros.keys()
    assert found["reported_cost_usd"] is not None
    assert [(one["seq"], one["is_official"], one["is_void"]) for one in found["history"]] == [
        (1, True, False)
    ]


def test_an_sdks_own_span_is_folded_into_the_call_around_it(filled: Server) -> None:
    [call] = truth(CASES[1])
    [native] = truth(CASES[1], "duplicate")
    found = explained(filled, call["span_id"])
    assert [(one["span_id"], one["rule"]) for one in found["folded"]] == [(native["span_id"], "nested")]
    gave = found["folded"][0]["gave"]
    assert "service_tier" in gave
    assert columns(found)["service_tier"]["span"]["span_id"] == native["span_id"]
    assert columns(found)["service_tier"]["from"] == "anthropic.response.service_tier"
    other = explained(filled, native["span_id"])
    assert (other["role"]["role"], other["role"]["role_alone"]) == ("duplicate", "call")
    assert other["role"]["call"]["span_id"] == call["span_id"]
    assert other["cost"]["list_cost_usd"] is None


def test_a_streams_usage_comes_from_its_carrier(filled: Server) -> None:
    [call] = truth(CASES[2])
    found = explained(filled, call["span_id"])
    told = columns(found)["input_tokens"]
    assert (told["kind"], told["value"]) == ("span", call["input_tokens"])
    assert told["span"]["span_id"] == call["usage_carrier_span_id"]
    assert columns(found)["duration_ns"]["said_itself"] < columns(found)["duration_ns"]["value"]
    carrier = explained(filled, call["usage_carrier_span_id"])
    assert carrier["role"]["role"] == "carrier"
    assert carrier["role"]["call"]["span_id"] == call["span_id"]


def test_attempts_of_one_request_are_told_together(filled: Server) -> None:
    calls = sorted(truth(CASES[3]), key=lambda one: one["status"] != "error")
    found = explained(filled, calls[-1]["span_id"])
    assert [one["attempt"] for one in found["attempts"]] == list(range(1, len(calls) + 1))
    assert {one["span_id"] for one in found["attempts"]} == {one["span_id"] for one in calls}
    assert columns(found)["request_id"]["span"]["span_id"] == found["attempts"][0]["span_id"]
    [wrapper] = [one for one in found["above"] if one["role"] == "wrapper"]
    assert wrapper["span_name"] == "ai.generateText"


def test_identity_names_the_ancestor_that_said_it(filled: Server) -> None:
    [call] = truth(CASES[4])
    found = explained(filled, call["span_id"])
    for column, value in (("tenant_id", "acme"), ("user_id", "user-42")):
        told = columns(found)[column]
        assert (told["value"], told["rule"]) == (value, "nearest ancestor")
        assert told["span"]["span_name"].startswith("invoke_agent")
        assert told["from"].startswith("metadata ")


def test_a_wrapper_says_that_it_is_none_and_which_calls_it_stands_around(filled: Server) -> None:
    [call] = truth(CASES[4])
    [wrapper] = explained(filled, call["span_id"])["above"]
    found = explained(filled, wrapper["span_id"])
    assert found["role"]["role"] == "wrapper"
    assert "not counted" in found["role"]["means"]
    assert [(one["role"], one["span_id"]) for one in found["below"]] == [("call", call["span_id"])]
    assert found["cost"]["amounts"] == {}


def test_an_unknown_span_is_not_found_and_the_answer_says_what_to_do(filled: Server) -> None:
    status, said = get(filled, span="00000000000000ff")
    assert (status, said["status"], said["title"]) == (404, 404, "no such span")
    assert "00000000000000ff" in said["detail"]
    assert "--project" in said["detail"]


@pytest.mark.parametrize(
    ("params", "about"),
    [
        ({}, "16 hexadecimal digits"),
        ({"span": "xyz"}, "16 hexadecimal digits"),
        ({"span": "0" * 17}, "16 hexadecimal digits"),
        ({"span": TWICE.hex(), "trace": "7"}, "32 hexadecimal digits"),
        ({"span": TWICE.hex(), "project": "not a project!"}, "project"),
    ],
)
def test_what_is_no_id_is_refused(filled: Server, params: dict[str, str], about: str) -> None:
    status, said = get(filled, **params)
    assert status == 400
    assert about in said["detail"]


def test_a_span_id_of_several_traces_is_answered_with_their_list(filled: Server) -> None:
    status, said = get(filled, span=TWICE.hex())
    assert status == 409
    assert TRACE.hex() in said["detail"]
    assert OTHER_TRACE.hex() in said["detail"]
    found = explained(filled, TWICE.hex().upper(), trace=TRACE.hex())
    assert found["span"]["trace_id"] == TRACE.hex()


def test_no_message_text_is_told(filled: Server) -> None:
    [call] = truth(CASES[4])
    [wrapper] = explained(filled, call["span_id"])["above"]
    for span_id in (call["span_id"], wrapper["span_id"]):
        text = json.dumps(explained(filled, span_id))
        for said in ("weather in Paris", "Hello from mock", "You are terse"):
            assert said not in text


@pytest.fixture(scope="module")
def two_tenants(filled: Server) -> tuple[Server, dict[str, str]]:
    """One trace of two tenants in project `shared`, and a reader's key of each."""
    sender = a_key(filled, "ingest")
    agent = a_call(
        trace_id=TRACE, span_id=b"\1" * 8, gen_ai__operation__name="invoke_agent", session__id="s-1"
    )
    calls = [
        a_call(trace_id=TRACE, span_id=bytes([number]) * 8, tenant__id=tenant)
        for number, tenant in ((2, "acme"), (3, "globex"))
    ]
    for call in calls:
        call.parent_span_id = agent.span_id
    assert filled.post("/v1/traces", export(agent, *calls), x_api_key=sender)[0] == 200
    filled.wait_until_committed()
    return filled, {tenant: a_key(filled, "read", tenant=tenant) for tenant in ("acme", "globex")}


def a_key(server: Server, role: str, **bound: str) -> str:
    """A key of project `shared` that the running collector already knows."""
    token = keys.add_key(server.data_dir, role=role, project="shared", **bound)[1]
    give_up_at = time.monotonic() + GENEROUS_S
    while (
        get(server, token, span="0" * 16)[0] == 401
        or server.post("/v1/traces", b"", x_api_key=token)[0] == 401
    ):
        assert time.monotonic() < give_up_at, "the new key is not known"
        time.sleep(0.05)
    return token


def test_a_tenants_key_explains_its_own_calls_only(two_tenants: tuple[Server, dict[str, str]]) -> None:
    server, tokens = two_tenants
    mine, theirs = "02" * 8, "03" * 8
    assert get(server, tokens["acme"], span=mine)[0] == 200
    status, said = get(server, tokens["acme"], span=theirs)
    assert (status, said["title"]) == (404, "no such span")
    # No other words than for a span that does not exist.
    absent = get(server, tokens["acme"], span="0f" * 8)[1]["detail"]
    assert said["detail"].replace(theirs, "0f" * 8) == absent
    assert get(server, tokens["globex"], span=theirs)[0] == 200


def test_a_span_that_the_key_does_not_see_is_not_described(
    two_tenants: tuple[Server, dict[str, str]],
) -> None:
    server, tokens = two_tenants
    status, found = get(server, tokens["acme"], span="02" * 8)
    assert status == 200
    told = columns(found)["session_id"]
    assert (told["value"], told["rule"]) == ("s-1", "nearest ancestor")
    assert told["span"] == {"hidden": "a span that this access key does not see"}
    assert found["above"] == []
    assert found["check"]["is_same"]
    assert found["cost"]["amounts"]
    text = json.dumps(found)
    assert "globex" not in text
    # Its parent's id is its own to say; nothing else names that span.
    assert text.count("01" * 8) == 2
    assert found["span"]["parent_span_id"] == columns(found)["parent_span_id"]["value"] == "01" * 8


def test_another_project_is_refused_as_by_every_read(two_tenants: tuple[Server, dict[str, str]]) -> None:
    server, tokens = two_tenants
    status, said = get(server, tokens["acme"], span="02" * 8, project="default")
    assert (status, said["title"]) == (403, "access refused")
    assert get(server, "sy_wrong", span="02" * 8)[0] == 401
    assert get(server, a_key(server, "ingest"), span="02" * 8)[0] == 403
