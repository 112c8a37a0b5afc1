"""A suite file: what is evaluated, on which cases, how it is scored, and the rule that gates it.

The rule is declared here, before the run, in a file under version control; nothing on the command line can
loosen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml

from errors import SuiteError
from evals import scorers
from evals.golden import GoldenSet, digest
from evals.scorers import Scorer
from evals.sections import Section, did_you_mean
from gateway.call import Param

Claim = Literal["population", "these_cases"]

_GATE_EXAMPLE = "gate: {metric: exact_match, margin: 0.05}"
_SCORER_EXAMPLE = "scorers: [{scorer: exact_match, field: category}]"


@dataclass(frozen=True)
class Rules:
    """The gate, declared before the run. Shares of 1, not percent: a margin of 5 points is 0.05.

    `margin` is the largest drop you would ship; `floor` the lowest mean; `must_pass` the cases that must all
    be right. `claim` is what a PASS says something about: the population the cases were drawn from, or only
    these very cases.
    """

    metric: str
    margin: float
    floor: float | None = None
    must_pass: tuple[str, ...] = ()
    claim: Claim = "population"


@dataclass(frozen=True)
class Suite:
    """A validated suite file."""

    name: str
    path: Path
    prompt: Path
    baseline: Path | None
    golden: Path
    provider: str
    model: str
    params: Mapping[str, Param]
    scorers: Mapping[str, Scorer]
    scorers_hash: str
    rules: Rules
    base_url: str | None
    concurrency: int
    requests_per_second: float | None
    timeout_s: float
    max_attempts: int
    content_hash: str


def load(path: Path) -> Suite:
    """Read a suite. Raises SuiteError naming file, key, value and a valid example."""
    content = _yaml(path)
    top = Section(str(path), content, path.parent)
    name = top.text("suite", "suite: summarize-document")
    found, pins = _scorers(top)
    suite = Suite(
        name=name,
        path=path,
        prompt=top.path("prompt", "prompt: prompts/v2.md"),
        baseline=top.path("baseline", "baseline: prompts/v1.md") if top.has("baseline") else None,
        golden=top.path("golden", "golden: golden.jsonl"),
        provider=top.text("provider", "provider: openai"),
        model=top.text("model", "model: gpt-4o-mini"),
        params=_params(top.section("params")),
        scorers=found,
        scorers_hash=digest(pins),
        rules=_rules(top, list(found)),
        base_url=top.optional_text("base_url", "base_url: http://127.0.0.1:11434/v1"),
        concurrency=top.integer("concurrency", "concurrency: 16", 1, 1000, default=16),
        requests_per_second=top.optional_number(
            "requests_per_second", "requests_per_second: 5", 0.001, 100_000
        ),
        timeout_s=top.number("timeout_seconds", "timeout_seconds: 60", 0.01, 3600, default=60),
        max_attempts=top.integer("max_attempts", "max_attempts: 4", 1, 20, default=4),
        content_hash=digest(content),
    )
    top.finish()
    return suite


def check_must_pass(rules: Rules, golden: GoldenSet) -> Rules:
    """Raises SuiteError when a `must_pass` id is not a case of the golden set."""
    ids = {case.case_id for case in golden.cases}
    for case_id in rules.must_pass:
        if case_id not in ids:
            raise SuiteError(
                f"`must_pass` names {case_id!r}, which is not in {golden.path}{did_you_mean(case_id, ids)}. "
                "Correct the id or add the case."
            )
    return rules


def only(rules: Rules, golden: GoldenSet) -> Rules:
    """The rules for a subset of the cases: `must_pass` keeps those that are in it."""
    ids = {case.case_id for case in golden.cases}
    return replace(rules, must_pass=tuple(case_id for case_id in rules.must_pass if case_id in ids))


def _yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"{path}: no such suite. Try examples/summarize-document/suite.yaml.") from None
    except (OSError, UnicodeDecodeError) as failed:
        raise SuiteError(f"{path}: cannot be read ({failed}). Name a suite's YAML file.") from failed
    except yaml.YAMLError as failed:
        raise SuiteError(
            f"{path}: not valid YAML: {' '.join(str(failed).split())}. Correct that line."
        ) from None


def _scorers(top: Section) -> tuple[dict[str, Scorer], list[object]]:
    """Scorers by the name of their metric: the scorer's own unless `metric` gives another."""
    found: dict[str, Scorer] = {}
    pins: list[object] = []
    for entry in top.sections("scorers", _SCORER_EXAMPLE):
        kind = entry.choice("scorer", scorers.names(), _SCORER_EXAMPLE)
        metric = entry.text("metric", "metric: category_is_right", default=kind)
        if metric in found:
            raise entry.mistake(
                "metric", metric, "another scorer already produces", "metric: category_is_right"
            )
        found[metric], pin = scorers.load(kind, entry)
        pins.append([metric, pin])
        entry.finish()
    return found, pins


def _rules(top: Section, metrics: list[str]) -> Rules:
    gate = top.section("gate")
    claim = top.choice("claim", ("population", "these_cases"), "claim: population", default="population")
    rules = Rules(
        metric=gate.choice("metric", metrics, _GATE_EXAMPLE),
        margin=gate.number("margin", f"{_GATE_EXAMPLE} (0.05 is 5 points)", 0, 1),
        floor=gate.optional_number("floor", "floor: 0.9 (90 % of cases right)", 0, 1),
        must_pass=top.texts("must_pass", "must_pass: [inv-001, inv-002]"),
        claim="these_cases" if claim == "these_cases" else "population",
    )
    gate.finish()
    return rules


def _params(section: Section) -> dict[str, Param]:
    params: dict[str, Param] = {}
    for key, value in section.items():
        if not isinstance(value, (str, int, float, bool)):
            raise section.mistake(key, value, "is not a number, a text or true/false", "temperature: 0")
        params[key] = value
    return params
