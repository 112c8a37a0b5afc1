"""Prompts are immutable versions of files, filled in strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import SuiteError
from prompts.template import Message, load, parse


def a_prompt(text: str):
    return parse(text, name="p", path="p.md")


def test_a_version_is_twelve_hex_digits_of_the_content():
    # sha256("hi") = 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4
    assert a_prompt("hi").version == "8f434346648f"


def test_any_change_of_the_text_is_another_version():
    assert a_prompt("Summarize.").version != a_prompt("Summarize!").version


def test_line_endings_do_not_make_another_version(tmp_path: Path):
    (tmp_path / "unix.md").write_bytes(b"a\nb\n")
    (tmp_path / "windows.md").write_bytes(b"a\r\nb\r\n")
    assert load(tmp_path / "unix.md", "p").version == load(tmp_path / "windows.md", "p").version


def test_a_file_without_role_lines_is_one_user_message():
    assert a_prompt("Hello {{name}}").render({"name": "Ada"}, case_id="c") == (Message("user", "Hello Ada"),)


def test_role_lines_split_the_file_into_messages():
    prompt = a_prompt("---system---\nBe brief.\n---user---\n{{q}}\n")
    assert prompt.render({"q": "Why?"}, case_id="c") == (
        Message("system", "Be brief."),
        Message("user", "Why?"),
    )


def test_braces_inside_a_value_are_data():
    assert a_prompt("{{a}}{{b}}").render({"a": "{{b}}", "b": "x"}, case_id="c")[0].content == "{{b}}x"


def test_a_value_that_is_not_text_goes_in_as_json():
    assert a_prompt("{{a}}").render({"a": [1, "é"]}, case_id="c")[0].content == '[1, "é"]'


def test_single_braces_are_left_alone():
    assert a_prompt('Answer {"a": 1}').render({}, case_id="c")[0].content == 'Answer {"a": 1}'


def test_a_missing_variable_is_named_with_file_line_and_what_exists():
    with pytest.raises(SuiteError, match=r"p\.md: line 2 uses \{\{text\}\}, which case 'c1'.*has: document"):
        a_prompt("Read:\n{{text}}").render({"document": "d"}, case_id="c1")


def test_a_placeholder_that_is_no_name_is_refused_with_its_line():
    with pytest.raises(SuiteError, match=r"p\.md: line 3: '\{\{ two words \}\}'"):
        a_prompt("a\nb\n{{ two words }}")


def test_a_missing_file_is_the_users_mistake(tmp_path: Path):
    with pytest.raises(SuiteError, match="no such prompt file"):
        load(tmp_path / "nope.md", "p")


def test_an_empty_prompt_is_refused():
    with pytest.raises(SuiteError, match="empty"):
        a_prompt(" \n")
