"""Gates: what is blocked, on what evidence, and the files that CI has of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dashboard.source import Row
from dashboard.views.gates import files
from dashboard.views.gates.board import latest_of_each
from dashboard.views.gates.checks import checks_of, n_compared, not_held
from dashboard.views.gates.page import decisions
from tests.dashboard.data import HOSTILE, NOW, RUN_ID, a_result, a_run, a_store, a_verdict
from tests.dashboard.test_pages import Visit, table, visit, words

__all__ = ["visit"]

PASSED, WAITING = "01KAMRAGANSWER000000000001", "01KAMCODEREVIEW00000000001"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failing run that was decided twice, with its evidence; a newer passing one, and one without a verdict."""
    margin = {"name": "margin", "verdict": "FAIL", "threshold": 0.03, "observed": -0.5, "n": 3}
    margin |= {"low": -0.8, "high": -0.2, "reason": "a drop beyond the margin"}
    missing = {"name": "missing", "verdict": "PASS", "threshold": 0.01, "observed": 0.0, "n": 4}
    return a_store(
        tmp_path_factory.mktemp("gates") / "store.duckdb",
        runs=[
            a_run(commit_sha="0123456789abcdef0123456789abcdef01234567", baseline_run_id=None),
            a_run(run_id=PASSED, suite="rag.yaml", prompt_name="a-rag-answer", started_at=NOW),
            a_run(run_id=WAITING, suite="review.yaml", prompt_name="code-review"),
        ],
        verdicts=[
            a_verdict(verdict="INCONCLUSIVE", decided_at=NOW - timedelta(hours=2)),
            a_verdict(checks=[margin, missing]),
            a_verdict(run_id=PASSED, verdict="PASS", difference=0.02, interval_low=-0.01, interval_high=0.05),
        ],
        results=[
            a_result(case_id=case, variant=variant, score=score)
            for case, baseline, candidate in (("kept", 1.0, 1.0), ("lost", 1.0, 0.0), ("gone", 1.0, None))
            for variant, score in (("baseline", baseline), ("candidate", candidate))
        ],
    )


def a_row(**given: Any) -> Row:
    """A row of the query `runs`, as far as the files need it."""
    run = (
        a_run()
        | a_verdict()
        | {"n_paired": 4, "n_cases": 4, "floor": None, "method": "Tango", "n_verdicts": 1}
    )
    return run | {"baseline_run_id": None} | given


def test_the_board_says_what_is_blocked_first_and_what_did_not_hold(visit: Visit, judged: Path) -> None:
    app = visit(judged, "gates")
    text = words(app)
    assert "1 blocked · 1 not decided yet · 1 passed" in text
    assert text.index("support-reply") < text.index("code-review") < text.index("a-rag-answer")
    assert "**−50.0** points [−80.0, −20.0]" in text
    assert "margin 3.0 · n 3 · support.yaml" in text  # of the four cases, those that the margin rests on
    assert "not held: **margin**" in text
    rows = table(app, "commit")
    assert list(rows["n_paired"][:2]) == [4, 3]
    assert list(rows["commit"]) == ["–", "0123456", "–"]


def test_a_link_to_a_run_opens_its_evidence(visit: Visit, judged: Path) -> None:
    app = visit(judged, "gates", run=RUN_ID)
    text = words(app)
    assert "exact_match fell by 50.0 points" in text
    assert "decided 2 times: the newest verdict holds" in text
    assert "commit 0123456789abcdef0123456789abcdef01234567" in text
    assert f"steelyard gate {RUN_ID}" in text
    checks = table(app, "threshold")
    assert list(checks["observed"]) == ["−50.0 [−80.0, −20.0]", "0.0 %"]
    assert list(checks["threshold"]) == ["drop ≤ 3.0 points", "≤ 1.0 %"]
    assert list(table(app, "change")["case_id"]) == ["lost", "gone"]
    assert [button.label for button in app.download_button] == ["JSON", "JUnit"]


def test_the_button_of_a_card_opens_and_closes_the_evidence(visit: Visit, judged: Path) -> None:
    app = visit(judged, "gates")
    app.button(key=f"evidence-{WAITING}").click().run()
    assert "This run has no verdict yet." in words(app)
    assert "Decide, where the run's folder is:" in words(app)
    assert app.query_params["run"] == WAITING
    app.button(key="close").click().run()
    assert "Checks of the gate" not in words(app)


def test_a_run_that_is_not_there_is_said_aloud(visit: Visit, judged: Path) -> None:
    assert "There is no run **01KNOBODY**" in words(visit(judged, "gates", run="01KNOBODY"))


def test_without_runs_says_how_to_make_one(visit: Visit, tmp_path: Path) -> None:
    assert "steelyard eval run" in words(visit(a_store(tmp_path / "store.duckdb"), "gates"))


def test_hostile_text_is_shown_as_text(visit: Visit, tmp_path: Path) -> None:
    ids = [f"{RUN_ID}{n}" for n, _ in enumerate(HOSTILE)]
    named = list(zip(ids, HOSTILE, strict=True))
    store = a_store(
        tmp_path / "store.duckdb",
        runs=[
            a_run(run_id=id_, prompt_name=text, suite=text, commit_sha=text, model=text)
            for id_, text in named
        ],
        verdicts=[
            a_verdict(run_id=id_, verdict=text, reason=text, metric=text, checks=[{"name": text}])
            for id_, text in named
        ],
    )
    app = visit(store, "gates", run=ids[0])
    rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
    for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
        assert markup not in rendered


@pytest.mark.parametrize(
    ("checks", "shown"),
    [
        (None, []),
        ("not json", []),
        ('[{"name": "a", "verdict": "PASS", "extra": {"deep": 1}}]', ["✓ PASS", "a", "–", "–", "–", "–"]),
        (
            '[{"observed": [0.1, 0.25], "threshold": null, "verdict": "ODD", "n": 7}, 5]',
            ["? ODD", "–", "–", "[0.1, 0.25]", "7", "–"],
        ),
    ],
)
def test_checks_are_read_whatever_they_leave_out_or_add(checks: str | None, shown: list[str]) -> None:
    found = checks_of({"checks": checks})
    assert [list(check.values()) for check in found] == ([shown] if shown else [])


def test_what_did_not_hold_and_how_many_cases_it_rests_on() -> None:
    checks = [{"name": "margin", "verdict": "PASS", "n": 87}, {"name": "must_pass", "verdict": "FAIL"}]
    run = {"checks": json.dumps(checks), "n_paired": 200}
    assert not_held(run) == ["must pass"]
    assert n_compared(run) == 87
    assert n_compared({"checks": None, "n_paired": 200}) == 200


def test_what_blocks_comes_before_what_could_not_decide_and_an_older_run_of_a_prompt_is_not_shown() -> None:
    runs = [
        {"suite": "s", "prompt_name": name, "verdict": verdict}
        for name, verdict in (("a", "PASS"), ("b", None), ("c", "FAIL"), ("d", "INCONCLUSIVE"), ("a", "FAIL"))
    ]
    assert [run["prompt_name"] for run in latest_of_each(runs)] == ["c", "d", "b", "a"]


def test_every_decision_is_a_mark_and_so_is_a_run_without_one() -> None:
    shown = [{"prompt_name": "b", "suite": "s"}, {"prompt_name": "a", "suite": "s"}]
    verdicts = [
        {"prompt_name": name, "suite": "s", "verdict": verdict, "decided_at": NOW}
        for name, verdict in (("a", "PASS"), ("a", "FAIL"), ("other", "PASS"))
    ]
    waiting = {"prompt_name": "b", "suite": "s", "verdict": None, "started_at": NOW}
    marks = decisions(verdicts, [waiting, {**waiting, "verdict": "PASS"}], shown)
    assert [(mark["prompt_name"], mark["verdict"]) for mark in marks] == [
        ("b", None),
        ("a", "PASS"),
        ("a", "FAIL"),
    ]
    assert all(mark["started_at"] == NOW for mark in marks)


def test_the_json_of_a_verdict_is_the_row_with_its_checks_as_json() -> None:
    written = json.loads(files.as_json(a_row(checks='[{"name": "margin", "n": 4}]')))
    assert written["checks"] == [{"name": "margin", "n": 4}]
    assert (written["verdict"], written["decided_at"]) == ("FAIL", "2026-11-21T11:30:00Z")


def test_the_junit_of_a_verdict_tells_worse_from_not_judged() -> None:
    cases = [
        {"case_id": case, "candidate_score": score, "baseline_score": 1.0, "candidate_detail": detail}
        for case, score, detail in (
            ("right", 1.0, None),
            ("wrong", 0.0, "no date"),
            ("gone", None, "timeout"),
        )
    ]
    suite = ElementTree.fromstring(files.as_junit(a_row(), cases)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    gate, *tests = suite.findall("testcase")
    assert gate.find("failure") is not None
    assert [(test.get("name"), [part.tag for part in test]) for test in tests] == [
        ("right", []),
        ("wrong", ["system-out"]),
        ("gone", ["error"]),
    ]
