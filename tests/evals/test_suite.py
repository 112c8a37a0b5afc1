"""Every mistake in a suite names the file, the key, the value, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import SuiteError
from evals.golden import load as load_golden
from evals.suite import check_must_pass, load
from tests.evals.factories import EXAMPLE, a_suite


def test_the_example_is_a_valid_suite():
    suite = load(EXAMPLE / "suite.yaml")
    assert (suite.name, list(suite.scorers)) == ("summarize-document", ["category", "summary", "json_schema"])


def test_what_is_left_out_has_its_default(tmp_path: Path):
    suite = load(a_suite(tmp_path))
    assert (suite.concurrency, suite.max_attempts, suite.rules.claim) == (16, 4, "population")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"suite": None}, "`suite` is missing"),
        ({"modle": "m"}, "unknown key 'modle', did you mean 'model'?"),
        (
            {"gate": {"metric": "exact", "margin": 0.05}},
            "gate: `metric` is 'exact', which is not one of exact_match",
        ),
        ({"gate": {"metric": "exact_match"}}, "gate: `margin` is missing. Example: gate:"),
        (
            {"gate": {"metric": "exact_match", "margn": 0.05}},
            "`margin` is missing, and there is 'margn'. Example",
        ),
        ({"gate": {"metric": "exact_match", "margin": 5}}, "`margin` is 5.*0.05 is 5 points"),
        (
            {"gate": {"metric": "exact_match", "margin": 0.05, "flor": 1}},
            "unknown key 'flor', did you mean 'floor'",
        ),
        ({"gate": None}, "`metric` is missing"),
        (
            {"scorers": [{"scorer": "exactmatch"}]},
            "scorers 1: `scorer` is 'exactmatch'.*did you mean 'exact_match'",
        ),
        ({"scorers": [{"scorer": "exact_match", "strp": True}]}, "unknown key 'strp', did you mean 'strip'"),
        ({"scorers": [{"scorer": "exact_match"}] * 2}, "scorers 2: `metric` is 'exact_match'"),
        ({"scorers": []}, "`scorers` is .*not a list with at least one"),
        ({"concurrency": "many"}, "`concurrency` is 'many', which is not a whole number from 1 to 1000"),
        ({"claim": "all"}, "`claim` is 'all', which is not one of population, these_cases"),
        ({"params": {"stop": ["a"]}}, "params: `stop` is .'a'."),
        ({"must_pass": "c001"}, "`must_pass` is 'c001', which is not a list"),
        ({"scorers": [{"scorer": "json_schema", "schema": "none.json"}]}, "none.json: no such schema"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, change: dict, says: str):
    with pytest.raises(SuiteError, match=says) as caught:
        load(a_suite(tmp_path, **change))
    assert "suite.yaml" in str(caught.value) or "none.json" in str(caught.value)


def test_yaml_that_does_not_parse_names_the_file_and_line(tmp_path: Path):
    (tmp_path / "s.yaml").write_text("suite: a\n  b: [")
    with pytest.raises(SuiteError, match=r"s\.yaml: not valid YAML.*line 2"):
        load(tmp_path / "s.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path):
    (tmp_path / "s.yaml").write_text("- a\n")
    with pytest.raises(SuiteError, match="not a mapping"):
        load(tmp_path / "s.yaml")


def test_a_must_pass_id_that_is_no_case_is_named(tmp_path: Path):
    suite = load(a_suite(tmp_path, must_pass=["c01"]))
    with pytest.raises(SuiteError, match=r"'c01'.*did you mean 'c001'"):
        check_must_pass(suite.rules, load_golden(suite.golden))


def test_scorers_with_other_options_have_another_hash(tmp_path: Path):
    plain = load(a_suite(tmp_path)).scorers_hash
    assert (
        load(a_suite(tmp_path, scorers=[{"scorer": "exact_match", "casefold": True}])).scorers_hash != plain
    )


def test_a_schema_that_changes_changes_the_scorers_hash(tmp_path: Path):
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    change = {
        "scorers": [{"scorer": "json_schema", "schema": "schema.json"}],
        "gate": {"metric": "json_schema", "margin": 0.1},
    }
    before = load(a_suite(tmp_path, **change)).scorers_hash
    (tmp_path / "schema.json").write_text('{"type": "array"}')
    assert load(a_suite(tmp_path, **change)).scorers_hash != before
