"""The demo's eval history: drawn cases, real verdicts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from commands.demo import evals_history
from commands.demo.evals_story import SUITES
from commands.demo.story import DAYS, Edition
from evals.gate import CaseScore, decide
from store.records import KINDS, problems

EDITION = Edition(calls=6_000, until=datetime(2026, 11, 21, 18, 30, tzinfo=UTC))


@cache
def the_records() -> dict[str, list[dict[str, Any]]]:
    return {kind: [dict(row) for row in rows] for kind, rows in evals_history.records(EDITION).items()}


@pytest.mark.parametrize("kind", ["prompt_versions", "golden_sets", "runs", "results", "verdicts"])
def test_every_record_is_one_that_the_receiver_takes(kind: str) -> None:
    rows = the_records()[kind]
    assert rows
    assert problems(KINDS[kind], rows) == []


@pytest.mark.parametrize("kind", ["prompt_versions", "golden_sets", "runs", "results", "verdicts"])
def test_no_two_records_share_a_key(kind: str) -> None:
    keys = [row[KINDS[kind].key] for row in the_records()[kind]]
    assert len(set(keys)) == len(keys)


def test_an_edition_has_the_same_records_every_time() -> None:
    again = {kind: [dict(row) for row in rows] for kind, rows in evals_history.records(EDITION).items()}
    assert again == the_records()


def test_every_verdict_is_what_the_gate_says_of_the_stored_results() -> None:
    rules = {suite.name: suite.rules for suite in SUITES}
    for verdict in the_records()["verdicts"]:
        arms = {variant: scores(verdict["run_id"], variant) for variant in ("candidate", "baseline")}
        decided = decide(rules[verdict["suite"]], arms["candidate"], arms["baseline"] or None)
        assert (verdict["verdict"], verdict["reason"]) == (decided.outcome, decided.reason)


def scores(run_id: str, variant: str) -> list[CaseScore]:
    return [
        CaseScore(row["case_id"], row["cluster_id"], row["score"])
        for row in the_records()["results"]
        if row["run_id"] == run_id and row["variant"] == variant
    ]


def test_the_history_shows_every_outcome() -> None:
    assert Counter(verdict["verdict"] for verdict in the_records()["verdicts"]).keys() == {
        "PASS",
        "FAIL",
        "INCONCLUSIVE",
    }


def test_a_drop_was_blocked_lately_and_so_was_a_broken_must_pass_case() -> None:
    reasons = [verdict["reason"] for verdict in the_records()["verdicts"] if verdict["verdict"] == "FAIL"]
    assert any("a drop beyond the margin" in reason for reason in reasons)
    assert any("lease-office-01" in reason for reason in reasons)


def test_a_run_during_the_incident_judged_nothing() -> None:
    verdicts = [verdict for verdict in the_records()["verdicts"] if "Infrastructure" in verdict["reason"]]
    assert [(verdict["suite"], verdict["verdict"]) for verdict in verdicts] == [
        ("ticket-triage", "INCONCLUSIVE")
    ]


def test_no_version_went_live_before_a_verdict_let_it() -> None:
    passed = {
        (v["prompt_name"], v["candidate_version"])
        for v in the_records()["verdicts"]
        if v["verdict"] == "PASS"
    }
    live_later = {
        (suite.prompt.name, version.version)
        for suite in SUITES
        for version in suite.prompt.versions[1:]
        if version.live_days_ago is not None
    }
    assert live_later <= passed


def test_a_blocked_version_never_went_live() -> None:
    blocked = {
        (v["prompt_name"], v["candidate_version"])
        for v in the_records()["verdicts"]
        if v["verdict"] == "FAIL"
    }
    live = {
        (s.prompt.name, v.version) for s in SUITES for v in s.prompt.versions if v.live_days_ago is not None
    }
    assert not blocked & live


def test_everything_happened_in_the_ninety_days() -> None:
    since = (EDITION.until - timedelta(days=DAYS)).isoformat()
    for run in the_records()["runs"]:
        assert since < run["started_at"] < EDITION.until.isoformat()
