"""The fake model follows the prompt, so a better prompt scores better; and it never changes its mind."""

from __future__ import annotations

import asyncio
import json

from gateway.providers import Options, load
from prompts.template import Message
from tests.gateway.test_openai import a_request

KEYS = """
- `category`: one of: bill (amount due), note
- `lead`: first sentence, verbatim
- `day`: date as YYYY-MM-DD
"""
DOCUMENT = "The amount due is 5 EUR. Pay on 3 March 2026."


def answer(instructions: str, document: str = DOCUMENT, **params) -> str:
    return complete(instructions, document, **params).text


def complete(instructions: str, document: str = DOCUMENT, **params):
    messages = (Message("system", instructions), Message("user", f"<document>\n{document}\n</document>"))
    return asyncio.run(load("fake", Options()).complete(a_request(messages=messages, params=params)))


def documents(n: int) -> list[str]:
    return [f"The order {i} arrived late. Nothing else happened." for i in range(n)]


def test_it_fills_the_keys_a_prompt_asks_for():
    assert json.loads(answer(f"Only JSON:\n{KEYS}")) == {
        "category": "bill",
        "lead": "The amount due is 5 EUR.",
        "day": "2026-03-03",
    }


def test_a_label_without_the_hint_that_names_it_is_missed():
    unhinted = "Only JSON:\n- `category`: one of: note, bill"
    assert json.loads(answer(unhinted)) == {"category": "note"}


def test_the_same_request_always_gets_the_same_answer():
    assert complete(f"JSON:\n{KEYS}") == complete(f"JSON:\n{KEYS}")


def test_without_no_commentary_some_json_is_wrapped_in_chatter():
    wrapped = sum(not answer(f"JSON:\n{KEYS}", d).startswith("{") for d in documents(200))
    assert 40 <= wrapped <= 80  # 30 % of 200
    assert all(answer(f"JSON, no commentary:\n{KEYS}", d).startswith("{") for d in documents(200))


def test_without_verbatim_some_sentences_are_rephrased():
    rephrased = sum(answer("Say the main point", d).startswith("In short") for d in documents(200))
    assert 60 <= rephrased <= 100  # 40 % of 200
    assert answer("Copy the first sentence verbatim", documents(1)[0]) == "The order 0 arrived late."


def test_max_tokens_cuts_the_answer():
    cut = complete("Copy verbatim", max_tokens=2)
    assert (cut.text, cut.finish_reason, cut.usage.output_tokens) == ("The amou", "length", 2)
