"""Golden sets are pinned by content, and a bad line is named by its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import SuiteError
from evals.golden import load, subset

GOOD = '{"id": "a", "input": {"q": "1"}, "expected": "x"}'


def a_set(tmp_path: Path, *lines: str):
    (tmp_path / "golden.jsonl").write_text("\n".join(lines))
    return load(tmp_path / "golden.jsonl")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{oops", "line 2: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        ('{"id": 7, "input": {}}', "line 2: `id` is 7"),
        ('{"id": "b"}', "line 2: `input` is None"),
        ('{"id": "b", "input": {}, "expcted": 1}', "unknown key 'expcted', did you mean 'expected'"),
        ('{"id": "b", "input": {}, "cluster": 3}', "line 2: `cluster` is 3"),
        (GOOD, "line 2: id 'a' was used on line 1"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path: Path, line: str, says: str):
    with pytest.raises(SuiteError) as caught:
        a_set(tmp_path, GOOD, line)
    assert says in str(caught.value) and "golden.jsonl" in str(caught.value)


def test_an_empty_set_is_refused(tmp_path: Path):
    with pytest.raises(SuiteError, match="has no case"):
        a_set(tmp_path, "", " ")


def test_the_hash_covers_what_is_asked_and_expected(tmp_path: Path):
    assert a_set(tmp_path, GOOD).content_hash != a_set(tmp_path, GOOD.replace('"x"', '"y"')).content_hash


def test_the_hash_does_not_depend_on_order_or_spacing(tmp_path: Path):
    other = '{"id": "b", "input": {"q": "2"}}'
    spaced = '{ "input": {"q":  "1"}, "expected": "x", "id": "a" }'
    assert a_set(tmp_path, GOOD, other).content_hash == a_set(tmp_path, other, "", spaced).content_hash


def test_a_case_is_its_own_cluster_unless_it_names_one(tmp_path: Path):
    golden = a_set(tmp_path, GOOD, '{"id": "b", "input": {}, "cluster": "k"}')
    assert [case.cluster for case in golden.cases] == ["a", "k"]


def test_a_subset_keeps_the_cases_that_must_pass(tmp_path: Path):
    golden = a_set(tmp_path, *(GOOD.replace('"a"', f'"{name}"') for name in "abcd"))
    assert [case.case_id for case in subset(golden, 2, always=["d"]).cases] == ["a", "d"]
