"""What was said in a call is read from whatever its emitter wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from store.messages import Message, said_in

HELLO, ANSWER = Message("user", "Hello"), Message("assistant", "Hi.")


def bodies(**by_key: object) -> list[dict[str, Any]]:
    """`__` in a name is a dot; what is no text is JSON."""
    return [
        {"key": key.replace("__", "."), "body": value if isinstance(value, str) else json.dumps(value)}
        for key, value in by_key.items()
    ]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (
            {"gen_ai__input__messages": [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]},
            {
                "gen_ai__output__messages": [
                    {"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]}
                ]
            },
        ),
        (
            {
                "llm__input_messages__0__message__role": "user",
                "llm__input_messages__0__message__content": "Hello",
            },
            {"llm__output_messages__0__message__contents__0__message_content__text": "Hi."},
        ),
        ({"gen_ai__prompt__0__content": "Hello"}, {"gen_ai__completion__0__content": "Hi."}),
        (
            {"ai__prompt__messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
            {"ai__response__text": "Hi."},
        ),
        (
            {"langfuse__observation__input": {"messages": [{"role": "user", "content": "Hello"}]}},
            {"langfuse__observation__output": {"role": "assistant", "content": "Hi."}},
        ),
        (
            {"input__value": {"input": "Hello"}},
            {"output__value": {"choices": [{"message": {"role": "assistant", "content": "Hi."}}]}},
        ),
        (
            {"input__value": "Hello"},
            {"output__value": {"output": [{"role": "assistant", "content": [{"text": "Hi."}]}]}},
        ),
    ],
    ids=["otel", "openinference", "openllmetry", "vercel", "langfuse", "chat API", "responses API"],
)
def test_a_question_and_its_answer(asked: dict[str, object], answered: dict[str, object]) -> None:
    said = said_in(bodies(**asked, **answered))
    assert (said.asked, said.answered) == ((HELLO,), (ANSWER,))
    assert said.keys == {key.replace("__", ".") for key in asked | answered}


def test_what_an_emitter_says_twice_is_read_once() -> None:
    twice = bodies(input__value="Hello", gen_ai__input__messages=[{"role": "user", "content": "Hello"}])
    assert said_in(twice).asked == (HELLO,)


def test_instructions_come_before_the_messages() -> None:
    found = said_in(
        bodies(gen_ai__system_instructions=[{"type": "text", "content": "Be brief."}], input__value="Hello")
    )
    assert found.asked == (Message("system", "Be brief."), HELLO)


def test_messages_in_parts_keep_their_numbers_order() -> None:
    parts = {f"llm__input_messages__{n}__message__content": str(n) for n in (10, 2, 0)}
    assert [message.text for message in said_in(bodies(**parts)).asked] == ["0", "2", "10"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}},
        {"tool_calls": [{"function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]},
        {"type": "tool-call", "toolName": "weather", "input": {"city": "Paris"}},
    ],
    ids=str,
)
def test_a_call_of_a_tool_is_written_as_one(part: dict[str, Any]) -> None:
    said = said_in(bodies(gen_ai__output__messages=[{"role": "assistant", "parts": [part]}]))
    assert said.answered == (Message("assistant", 'weather({"city": "Paris"})'),)


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", " "])
def test_an_empty_body_says_nothing(body: str) -> None:
    assert said_in(bodies(input__value=body)).asked == ()


@pytest.mark.parametrize("body", ['{"category": "invoice"}', "[" * 5_000, "not json {", "42"])
def test_an_answer_of_no_known_form_is_shown_as_it_stands(body: str) -> None:
    assert said_in(bodies(ai__response__text=body)).answered == (Message("assistant", body),)


def test_variables_of_a_template_are_read_by_name() -> None:
    one_each = {"gen_ai__prompt__variable__document": "text", "traceloop__prompt__template_variables__x": "y"}
    assert said_in(bodies(**one_each)).variables == {"document": "text"}
    assert said_in(bodies(llm__prompt_template__variables={"x": 1})).variables == {"x": 1}
    assert said_in(bodies(input__value="Hello")).variables is None
