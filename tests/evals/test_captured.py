"""A golden case out of a call that happened: what becomes its input, what is expected, and what it is refused for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from errors import SuiteError
from evals import golden
from evals.captured import draft

CALL = {"span_id": "00f067aa0ba902b7", "session_id": None, "user_id": None}


def a_body(key: str, body: object, **given: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"key": key, "body": text, "n_redactions": 0, "n_cut_characters": 0} | given


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def an_attribute(key: str, value: str, kind: str = "string", place: str = "span") -> dict[str, Any]:
    return {"place": place, "key": key, "value": value, "kind": kind}


ASKED = a_body("gen_ai.input.messages", [said("system", "Be brief."), said("user", "Where is my parcel?")])


def test_the_last_message_of_the_user_is_the_input_and_the_answer_is_expected() -> None:
    answered = a_body("gen_ai.output.messages", [said("assistant", "At the depot.")])
    made = draft(CALL, [ASKED, answered], [])
    assert made.case == {
        "id": "call-00f067aa0ba902b7",
        "input": {"input": "Where is my parcel?"},
        "expected": "At the depot.",
    }
    assert "correct it before you trust it" in made.notes[0]


def test_what_was_said_before_comes_as_messages() -> None:
    turns = [said("user", "Hello"), said("assistant", "Yes?"), said("user", "Where is it?")]
    made = draft(CALL, [a_body("gen_ai.input.messages", turns)], [])
    earlier = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}]
    assert made.case["input"] == {"input": "Where is it?", "messages": earlier}
    assert "expected" not in made.case
    assert "add `expected` by hand" in made.notes[0]


def test_the_variables_of_a_template_go_before_what_was_made_of_them() -> None:
    filled = a_body("llm.prompt_template.variables", {"document": "Invoice 7", "max words": 3})
    assert draft(CALL, [ASKED, filled], []).case["input"] == {"document": "Invoice 7", "max_words": 3}


def test_an_answer_in_json_is_expected_as_json() -> None:
    answered = a_body("ai.response.text", {"category": "invoice"})
    assert draft(CALL, [ASKED, answered], []).case["expected"] == {"category": "invoice"}


def test_without_content_the_attributes_of_the_application_are_the_input_and_the_draft_says_so() -> None:
    attributes = [
        an_attribute("app.order", "o-7"),
        an_attribute("shop.items", "3", "integer"),
        an_attribute("gen_ai.request.model", "gpt-4o"),
        an_attribute("http.route", "/reply"),
        an_attribute("host.name", "h1", place="resource"),
    ]
    made = draft(CALL, [], attributes)
    assert made.case["input"] == {"app_order": "o-7", "shop_items": 3}
    assert made.notes[0].startswith("Nothing that was said is stored")


def test_calls_of_one_conversation_are_one_cluster_and_its_name_is_not_told() -> None:
    clusters = {
        draft(CALL | {"session_id": "ann-0417", "user_id": user}, [ASKED], []).case["cluster"]
        for user in "ab"
    }
    (cluster,) = clusters
    assert str(cluster).startswith("session-") and "ann" not in str(cluster)


@pytest.mark.parametrize(
    ("bodies", "says"),
    [
        ([], "nothing that was said in this call is stored"),
        ([a_body("exception.message", "boom")], "STEELYARD_CAPTURE_PROJECTS"),
        ([ASKED | {"n_cut_characters": 1_200}], "1,200 characters of gen_ai.input.messages were not stored"),
    ],
)
def test_what_makes_no_case_is_refused_with_the_reason(bodies: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(SuiteError, match=says):
        draft(CALL, bodies, [an_attribute("gen_ai.request.model", "gpt-4o")])


def test_redactions_are_told() -> None:
    assert (
        "Places redacted before storage, and so in the case: 2."
        in draft(CALL, [ASKED | {"n_redactions": 2}], []).notes
    )


def test_a_case_is_added_to_the_end_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    first = '{"id": "a", "input": {"q": "1"}}'
    path.write_text(first)  # without an end of line, as editors leave it
    line = draft(CALL, [ASKED], []).line
    assert golden.append(path, line).case_id == "call-00f067aa0ba902b7"
    assert path.read_text() == f"{first}\n{line}\n"
    with pytest.raises(SuiteError, match="'call-00f067aa0ba902b7' is already there"):
        golden.append(path, line)
    with pytest.raises(SuiteError, match="'a' is already there"):
        golden.append(path, '{"id": "a", "input": {}}')
    assert [case.case_id for case in golden.load(path).cases] == ["a", "call-00f067aa0ba902b7"]


def test_a_file_that_is_no_golden_set_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(SuiteError, match="line 1: not JSON"):
        golden.append(path, '{"id": "a", "input": {}}')
    assert path.read_text() == "dear diary\n"


def test_a_golden_set_is_begun_with_its_first_case(tmp_path: Path) -> None:
    golden.append(tmp_path / "new.jsonl", '{"id": "a", "input": {}}')
    assert [path.name for path in tmp_path.iterdir()] == ["new.jsonl"]
