"""What Prompts & evals and Gates ask: versions in use, their scores, and the two sides of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from store.reader import FileReader, rows
from tests.dashboard.data import (
    NOW,
    RUN_ID,
    SPAN_ID,
    TRACE_ID,
    a_call,
    a_failed_call,
    a_result,
    a_run,
    a_score,
    a_store,
    a_verdict,
)

DAY = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
OTHER = "01KRELEASED"
REPLY = {"prompt_name": "reply", "prompt_version": "v2"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileReader]:
    """Two versions in use, and a run of five cases with its own baseline arm, beside a released run."""
    spans = [
        a_call(**REPLY, trace_id=TRACE_ID, span_id=int(SPAN_ID, 16), duration_ns=100),
        a_call(**REPLY, duration_ns=300, response_id="chatcmpl-1", model_answered="small"),
        a_failed_call(**REPLY),
        a_call(prompt_name="reply", prompt_version="v1", started_at=NOW - timedelta(hours=9)),
        a_call(),
    ]
    scores = [
        a_score(trace_id=TRACE_ID, span_id=int(SPAN_ID, 16), value=0.5),
        a_score(response_id="chatcmpl-1", value=1.0),
        a_score(response_id="chatcmpl-1", value=None, label=None, error_type="Timeout"),
        a_score(response_id="not stored", value=0.0),
    ]
    called = {"trace_id": TRACE_ID, "span_id": SPAN_ID, "duration_ns": 200, "output_tokens": 7}
    cases = [
        ("same", 1.0, 1.0),
        ("worse", 1.0, 0.25),
        ("better", 0.25, 0.5),
        ("gone", 1.0, None),
        ("slip", 0.9, 0.8),
    ]
    results = [
        a_result(
            case_id=case,
            variant=arm,
            score=score,
            cluster_id=case[0],
            case_hash="h",
            output_hash=str(score),
            **called,
        )
        for case, baseline, candidate in cases
        for arm, score in (("baseline", baseline), ("candidate", candidate))
    ]
    results += [
        a_result(case_id="better", score=1.0, repeat=1, case_hash="h", detail="second"),
        a_result(case_id="same", score=0.0, run_id=OTHER, case_hash="changed"),
        a_result(case_id="same", score=1.0, run_id=OTHER, variant="baseline"),
    ]
    runs = [a_run(), a_run(run_id=OTHER, candidate_version="c" * 64, model="small")]
    verdicts = [
        a_verdict(decided_at=NOW - timedelta(hours=2), verdict="INCONCLUSIVE"),
        a_verdict(run_id=OTHER, verdict="PASS", decided_at=NOW, prompt_name="reply", suite="reply.yaml"),
        a_verdict(),
    ]
    path = tmp_path_factory.mktemp("evals") / "store.duckdb"
    reader = FileReader(
        a_store(path, spans=spans, scores=scores, results=results, runs=runs, verdicts=verdicts)
    )
    yield reader
    reader.close()


def test_versions_of_a_prompt_side_by_side_newest_first(store: FileReader) -> None:
    new, old = rows(store.query("prompt_versions", **DAY))
    assert [(row["prompt_version"], row["n_calls"], row["n_errors"]) for row in (new, old)] == [
        ("v2", 3, 1),
        ("v1", 1, 0),
    ]
    assert (new["n_timed"], new["p50_ns"], new["models"]) == (2, 200, "gpt-4o-2024-08-06, small")
    assert (new["cost_usd"], new["n_priced"], new["cost_per_1k_usd"]) == (
        Decimal("0.0070"),
        2,
        Decimal("3.5"),
    )
    assert (new["registered_at"], new["input_tokens"]) == (None, 2_000)


def test_scores_belong_to_the_version_of_their_call(store: FileReader) -> None:
    of_v2, of_no_call = rows(store.query("prompt_scores", **DAY))
    assert (of_v2["prompt_version"], of_v2["n_scores"], of_v2["n_values"], of_v2["n_failed"]) == (
        "v2",
        3,
        2,
        1,
    )
    assert (of_v2["mean"], of_v2["deviation"]) == (0.75, pytest.approx(0.125**0.5))  # of 0.5 and 1
    assert json.loads(str(of_v2["labels"])) == {"relevant": 2}
    assert (of_no_call["prompt_name"], of_no_call["mean"], of_no_call["deviation"]) == (None, 0.0, None)
    assert [row["mean"] for row in rows(store.query("prompt_scores", **DAY, model="small"))] == [1.0]
    assert rows(store.query("prompt_scores", **DAY, evaluation="nope")) == []


def test_cases_of_a_run_stand_beside_their_baseline_largest_loss_first(store: FileReader) -> None:
    found = rows(store.query("run_cases", run_id=RUN_ID, metric="exact_match"))
    assert [(row["case_id"], row["difference"]) for row in found] == [
        ("worse", -0.75),
        ("slip", pytest.approx(-0.1)),
        ("same", 0.0),
        ("better", 0.5),  # the mean of 0.5 and 1, less 0.25
        ("gone", None),
    ]
    worse, better = found[0], found[3]
    assert (worse["candidate_trace_id"], worse["same_output"], worse["case_changed"]) == (
        TRACE_ID,
        False,
        False,
    )
    assert (worse["candidate_cost_usd"], worse["candidate_ns"], worse["candidate_tokens"]) == (
        Decimal("0.0035"),
        200,
        7,
    )
    assert (better["n_candidate"], better["n_baseline"]) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "cases"),
    [
        ("regressed", ["worse", "slip"]),
        ("improved", ["better"]),
        ("flipped", ["worse", "better"]),
        ("missing", ["gone"]),
        ("same", ["same"]),
        ("what is this", []),
    ],
)
def test_cases_can_be_narrowed_to_a_kind_of_change(store: FileReader, changes: str, cases: list[str]) -> None:
    found = rows(store.query("run_cases", run_id=RUN_ID, metric="exact_match", changes=changes))
    assert [row["case_id"] for row in found] == cases


def test_a_run_can_be_set_against_another_and_changed_cases_are_marked(store: FileReader) -> None:
    found = rows(store.query("run_cases", run_id=RUN_ID, metric="exact_match", against_run_id=OTHER))
    (same,) = [row for row in found if row["case_id"] == "same"]
    assert (same["baseline_score"], same["candidate_score"], same["case_changed"]) == (0.0, 1.0, True)


def test_the_sides_of_a_run_with_quality_time_and_cost(store: FileReader) -> None:
    candidate, baseline = rows(store.query("run_arms", run_id=RUN_ID))
    assert (candidate["arm"], candidate["prompt_version"], baseline["prompt_version"]) == (
        "candidate",
        "b" * 64,
        "a" * 64,
    )
    # Means of the cases: 1, 0.25, 0.75, 0.8; of the five scored repeats 1, 0.5, 1 and 0.8 pass.
    assert (candidate["mean"], candidate["pass_share"]) == (pytest.approx(0.7), pytest.approx(0.8))
    assert (candidate["n_cases"], candidate["n_scores"], candidate["n_missing"]) == (5, 5, 1)
    assert (candidate["n_priced"], candidate["cost_per_1k_usd"], candidate["p95_ns"]) == (
        5,
        Decimal("3.5"),
        200,
    )
    assert baseline["mean"] == pytest.approx((1 + 1 + 0.25 + 1 + 0.9) / 5)


def test_the_cost_of_a_run_whose_calls_are_not_stored_is_not_known(store: FileReader) -> None:
    (released,) = [row for row in rows(store.query("run_arms", run_id=OTHER)) if row["arm"] == "candidate"]
    assert (released["n_priced"], released["cost_usd"], released["cost_per_1k_usd"]) == (0, None, None)


def test_the_newest_verdict_of_each_suite_and_prompt_is_marked(store: FileReader) -> None:
    found = rows(store.query("verdict_history"))
    assert [(row["verdict"], row["prompt_name"], row["model"], row["is_newest"]) for row in found] == [
        ("PASS", "reply", "small", True),
        ("FAIL", "support-reply", "gpt-4o", True),
        ("INCONCLUSIVE", "support-reply", "gpt-4o", False),
    ]
    (only,) = rows(store.query("verdict_history", prompt_name="reply", since="2026-11-21T00:00:00Z"))
    assert only["suite"] == "reply.yaml"
