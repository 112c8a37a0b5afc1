"""Scorers give 1 or 0, say why, and never score what the case does not expect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from errors import SuiteError
from evals.scorers.exact_match import ExactMatch
from evals.scorers.json_schema import JsonSchema
from tests.evals.factories import a_case


@pytest.mark.parametrize(
    ("scorer", "expected", "output", "value"),
    [
        (ExactMatch(), "yes", " yes\n", 1),
        (ExactMatch(strip=False), "yes", " yes", 0),
        (ExactMatch(), "yes", "Yes", 0),
        (ExactMatch(casefold=True), "STRASSE", "straße", 1),
        (ExactMatch(field="a"), {"a": "x", "b": "y"}, '{"a": "x", "b": "other"}', 1),
        (ExactMatch(field="a"), "x", '{"a": "x"}', 1),
        (ExactMatch(field="a"), {"a": 3}, '{"a": 3.0}', 1),
        (ExactMatch(field="a"), {"a": 1}, '{"a": true}', 0),
        (ExactMatch(field="a"), {"a": [1]}, '{"a": [1]}', 1),
        (ExactMatch(field="a"), {"a": "x"}, '{"b": "x"}', 0),
        (ExactMatch(field="a"), {"a": "x"}, '["x"]', 0),
        (ExactMatch(field="a"), {"a": "x"}, 'Sure! {"a": "x"}', 0),
    ],
)
def test_exact_match(scorer: ExactMatch, expected: object, output: str, value: float):
    assert scorer.score(a_case(expected), output).value == value


@pytest.mark.parametrize("expected", [None, {"b": 1}])
def test_exact_match_refuses_a_case_that_expects_nothing(expected: object):
    with pytest.raises(SuiteError, match=r"'c1'.*has none"):
        ExactMatch(field="a").score(a_case(expected), "{}")


def a_schema(tmp_path: Path, schema: object) -> JsonSchema:
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    return JsonSchema(tmp_path / "schema.json")


@pytest.mark.parametrize(
    ("output", "value"), [('{"a": 1}', 1), ('{"a": "1"}', 0), ("{}", 0), ('```{"a": 1}```', 0)]
)
def test_json_schema(tmp_path: Path, output: str, value: float):
    scorer = a_schema(tmp_path, {"properties": {"a": {"type": "integer"}}, "required": ["a"]})
    assert scorer.score(a_case(), output).value == value


def test_the_reason_names_the_place_and_not_the_text(tmp_path: Path):
    score = a_schema(tmp_path, {"properties": {"a": {"type": "integer"}}}).score(a_case(), '{"a": "PRIVATE"}')
    assert score.detail == "$.a violates `type`"


def test_a_schema_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(SuiteError, match="not a valid JSON schema"):
        a_schema(tmp_path, {"type": "objekt"})


def test_a_schema_that_would_fetch_something_is_refused(tmp_path: Path):
    with pytest.raises(SuiteError, match=r"leaves the file"):
        a_schema(tmp_path, {"properties": {"a": {"$ref": "https://example.com/s.json"}}})
