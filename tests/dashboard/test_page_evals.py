"""Prompts & evals: which two versions are compared, with whose interval, case by case, and what versions cost."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import source
from dashboard.source import Row
from dashboard.views.evals import texts
from dashboard.views.evals.cases import case_row, lowest_first, narrowed
from dashboard.views.evals.comparing import (
    Comparison,
    between,
    differences,
    newest,
    version_named,
    versions_of,
)
from dashboard.views.evals.figures import forest_rows, placed_versions
from dashboard.views.evals.versions import version_rows
from evals.evidence import Value, difference_interval
from store.reader import FileReader, rows
from tests.dashboard.data import (
    HOSTILE,
    NOW,
    RUN_ID,
    a_call,
    a_content,
    a_failed_call,
    a_result,
    a_run,
    a_score,
    a_store,
    a_verdict,
)
from tests.dashboard.test_pages import APP, Visit, metrics, table, visit, words

__all__ = ["visit"]

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
OTHER_RUN = "01KAMSUPPORTREPLY000000000"
TRACES = {"baseline": "0" * 31 + "1", "candidate": "0" * 31 + "2"}
SPANS = {"baseline": "00000000000000a1", "candidate": "00000000000000a2"}
ANSWERS = {
    "baseline": '{"label": "refund", "sure": true}',
    "candidate": '{"label": "<b>bug</b>", "sure": true}',
}
GRADES = random.Random(6)


def a_case(case_id: str, before: float, after: float, **given: Any) -> list[dict[str, Any]]:
    """Both arms of a case, on the metric that gates."""
    return [
        a_result(case_id=case_id, variant=variant, score=score, duration_ns=10**9, case_hash="h", **given)
        for variant, score in (("baseline", before), ("candidate", after))
    ]


def graded() -> list[dict[str, Any]]:
    """Scores of a second scorer that are no shares: two cases of each document, some with two repeats."""
    return [
        a_result(
            metric="grade", case_id=f"doc-{document}-{part}", cluster_id=f"doc-{document}", variant=variant,
            score=round(GRADES.random(), 3), repeat=repeat, case_hash="h",
        )
        for document in range(5)
        for part in range(2)
        for variant in ("baseline", "candidate")
        for repeat in range(1 + part)
    ]  # fmt: skip


GRADED = graded()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged run of two versions with one case better, two worse and one the same; an older run of a third."""
    used = {
        "prompt_name": "support-reply",
        "trace_id": TRACES["baseline"],
        "span_id": int(SPANS["baseline"], 16),
    }
    later = {"trace_id": TRACES["candidate"], "span_id": int(SPANS["candidate"], 16), "prompt_version": NEW}
    in_use = [
        a_call(
            **used, prompt_version=OLD, list_cost_usd=Decimal("0.004"), started_at=NOW - timedelta(hours=2)
        ),
        a_call(**used | later, list_cost_usd=Decimal("0.002"), finish_reason="length"),
        a_failed_call(prompt_name="support-reply", prompt_version=NEW),
        a_call(prompt_name="<script>", prompt_version="v1"),
    ]
    lost = [
        a_result(
            case_id="lost", variant=side, score=score, trace_id=TRACES[side], span_id=SPANS[side], case_hash="h",
            detail=detail, output_tokens=7, duration_ns=10**9,
        )
        for side, score, detail in (("baseline", 1.0, None), ("candidate", 0.0, "names no step"))
    ]  # fmt: skip
    return a_store(
        tmp_path_factory.mktemp("evals") / "store.duckdb",
        spans=in_use,
        runs=[
            a_run(status="finished", golden_set="replies", scorers_hash="s"),
            a_run(
                run_id=OTHER_RUN,
                status="finished",
                golden_set="replies",
                scorers_hash="s",
                candidate_version=OTHER,
                started_at=NOW - timedelta(days=3),
            ),
        ],
        verdicts=[
            a_verdict(
                difference=-0.25,
                interval_low=-0.61,
                interval_high=0.18,
                baseline_mean=0.75,
                candidate_mean=0.5,
                n_better=1,
                n_worse=2,
                verdict="INCONCLUSIVE",
                reason="a drop of 3.0 points is not ruled out.",
            ),
            a_verdict(run_id=OTHER_RUN, verdict="PASS", difference=0.1, interval_low=0.01, interval_high=0.2),
        ],
        results=[
            *lost,
            *a_case("broke", 1.0, 0.0),
            *a_case("mended", 0.0, 1.0),
            *a_case("kept", 1.0, 1.0),
            *GRADED,
            *(
                row | {"run_id": OTHER_RUN, "result_id": f"other {row['case_id']} {row['variant']}"}
                for row in a_case("broke", 0.0, 1.0) + a_case("kept", 0.0, 1.0)
            ),
        ],
        scores=[a_score(trace_id=TRACES["candidate"], span_id=int(SPANS["candidate"], 16), value=0.25)],
        contents=[
            a_content(
                trace_id=TRACES[side],
                span_id=int(SPANS[side], 16),
                key="gen_ai.output.messages",
                body=ANSWERS[side],
            )
            for side in TRACES
        ],
    )


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[FileReader]:
    opened = FileReader(store)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(store: Path) -> AppTest:
    """The page without anything asked for, run once for all that is claimed of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_STORE_FILE", str(store))
        patch.setattr(source, "now", lambda: NOW)
        app = AppTest.from_file(str(APP), default_timeout=60)
        app._page_hash = calc_hash("evals")
        app.run()
    assert not app.exception, app.exception
    return app


def html(app: AppTest) -> str:
    return "\n".join(element.value for element in app.get("html") if "<table" in element.value)


class TestPage:
    def test_the_answer_is_the_verdicts_own_numbers(self, page: AppTest) -> None:
        assert "a drop of 3.0 points is not ruled out" in words(page)
        assert metrics(page) == {
            "B against A": "No clear difference",
            "Mean exact\\_match, A → B": "0.750 → 0.500",
            "Passing answers, A → B": "75.0 % → 50.0 %",
            "Cost per 1k answers, A → B": "$4.00 → $2.00",  # one answer of each side has its call stored
            "p95 latency, A → B": "1.00 s → 1.00 s",
        }
        descriptions = "\n".join(str(metric.proto) for metric in page.metric)
        assert "[−61.0, +18.0] at 90 %" in descriptions
        assert "not known of 6 of 8 answers" in descriptions

    def test_cases_stand_worst_first_with_why_and_cost(self, page: AppTest) -> None:
        cases = table(page, "why", "points")
        assert list(cases["case"]) == ["broke", "lost", "mended", "kept"]
        lost = cases.iloc[1]
        assert lost[["change", "points", "why", "cost"]].tolist() == [
            "▼ worse",
            "−100.0",
            "names no step",
            "−$0.0020",
        ]

    def test_the_kind_of_change_and_the_case_come_from_the_address(self, visit: Visit, store: Path) -> None:
        app = visit(store, "evals", run=RUN_ID, show="regressed", case="lost")
        assert list(table(app, "why", "points")["case"]) == ["broke", "lost"]
        assert "**lost**" in words(app)
        shown = html(app)
        assert "&lt;<ins>b</ins>" in shown or "<ins>&lt;b&gt;" in shown
        assert "<b>bug" not in shown
        assert '"sure": true' in shown.replace("&quot;", '"')

    def test_who_may_not_see_messages_is_told_where_the_texts_are(
        self, visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(source, "may", lambda right: right != "contents")
        app = visit(store, "evals", case="lost")
        assert f"runs/{RUN_ID}/journal.jsonl" in words(app)
        assert not html(app)

    def test_two_versions_of_two_runs_are_compared_without_a_verdict(self, visit: Visit, store: Path) -> None:
        app = visit(store, "evals", a="ccccccc", b="bbbbbbb")
        assert "No gate has decided about these two" in words(app)
        assert [code.value for code in app.code] == [f"steelyard gate {RUN_ID} --baseline {OTHER_RUN}"]
        # B is right on `kept` only, A on both that the two runs have in common.
        assert metrics(app)["Mean exact\\_match, A → B"] == "1.000 → 0.500"
        assert app.selectbox(key="evals-a").value == OTHER

    def test_another_version_is_chosen_in_the_page_and_in_the_address(
        self, visit: Visit, store: Path
    ) -> None:
        app = visit(store, "evals", run=RUN_ID)
        app.selectbox(key="evals-run").select(OTHER_RUN).run()
        assert app.query_params["run"] == OTHER_RUN
        assert metrics(app)["B against A"] == "▲ B is better"

    def test_versions_show_what_their_calls_cost_and_what_was_said_of_them(self, page: AppTest) -> None:
        found = table(page, "eval", "n_calls")
        assert set(found["prompt"]) == {"<script>", "support-reply"}
        found = found[found["prompt"] == "support-reply"]
        new, old, other = (row for _, row in found.iterrows())
        assert new[["version", "gate", "eval", "n_calls", "failed", "truncated", "cost", "unpriced"]].tolist() == [
            "bbbbbbb", "▲ INCONCLUSIVE", "0.500 exact_match", 2, "50.0 %", "50.0 %", Decimal("2.0"), "1",
        ]  # fmt: skip
        assert new["scores"] == "relevance 0.250 (n 1)"
        assert (old["version"], old["cost"]) == ("aaaaaaa", Decimal("4.0"))
        assert (other["version"], other["n_calls"], other["failed"]) == ("ccccccc", 0, "–")

    def test_what_the_address_names_and_nothing_has_is_said(self, visit: Visit, store: Path) -> None:
        assert "No run has version **v9**" in words(visit(store, "evals", a="v9"))
        said = words(visit(store, "evals", run="01KNOBODY", case="gone", show="worst"))
        assert "There is no run **01KNOBODY** in project default. Shown: the newest." in said
        assert "The link asks for case **gone**, which this run does not have." in said
        assert "show **worst**, which is not known here" in said

    def test_an_empty_store_says_how_to_begin(self, visit: Visit, tmp_path: Path) -> None:
        said = words(visit(a_store(tmp_path / "store.duckdb"), "evals"))
        assert "No eval run yet" in said
        assert "gen_ai.prompt.name" in said

    def test_a_bare_run_and_hostile_names_are_shown(self, visit: Visit, tmp_path: Path) -> None:
        bare = [{"project": "default", "run_id": "01KBARE", "suite": "s", "started_at": NOW}]
        named = [
            a_run(run_id=f"{RUN_ID}{n}", prompt_name=text, suite=text, candidate_version=text, model=text)
            for n, text in enumerate(HOSTILE)
        ]
        results = [
            row
            | {"run_id": f"{RUN_ID}{n}", "metric": text, "detail": text, "result_id": f"{n} {row['variant']}"}
            for n, text in enumerate(HOSTILE)
            for row in a_case(text, 1.0, 0.0)
        ]
        store = a_store(
            tmp_path / "store.duckdb",
            runs=[*bare, *named],
            verdicts=[a_verdict(run_id=f"{RUN_ID}{n}", reason=t, metric=t) for n, t in enumerate(HOSTILE)],
            results=[*results, a_result(run_id="01KBARE", score=0.25)],
        )
        bare_page = visit(store, "evals", run="01KBARE")
        assert "No gate has decided about this run yet" in words(bare_page)
        assert metrics(bare_page)["B against A"] == "Nothing to compare"
        assert list(table(bare_page, "case", "b").columns) == ["case", "b", "why", "b_time"]
        app = visit(store, "evals", run=f"{RUN_ID}1", case=HOSTILE[1])
        rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
        for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
            assert markup not in rendered


class TestDifferences:
    def test_the_interval_of_another_scorer_is_the_one_that_the_gate_would_make(
        self, reader: FileReader
    ) -> None:
        found = differences(Comparison(one_run(reader)), rows(reader.query("run_differences", run_id=RUN_ID)))
        assert [one.metric for one in found] == ["exact_match", "grade"]
        grade = found[1]
        by_hand = difference_interval(values_of("grade", GRADED))
        assert grade.interval is not None
        assert (grade.interval.low, grade.interval.high) == pytest.approx((by_hand.low, by_hand.high))
        assert (grade.n_paired, grade.margin) == (10, None)

    def test_shares_have_the_gates_interval_for_shares(self, reader: FileReader) -> None:
        (shares, _) = rows(reader.query("run_differences", run_id=RUN_ID))
        assert (shares["is_pass_fail"], shares["n_better"], shares["n_worse"]) == (True, 1, 2)
        unjudged = Comparison(one_run(reader) | {"verdict": None})
        by_hand = difference_interval([Value(str(n), d) for n, d in enumerate((-1.0, -1.0, 0.0, 1.0))])
        assert differences(unjudged, [shares])[0].interval == by_hand

    def test_the_interval_of_a_verdict_is_taken_as_it_is(self, reader: FileReader) -> None:
        found = differences(Comparison(one_run(reader)), rows(reader.query("run_differences", run_id=RUN_ID)))
        assert found[0].interval is not None
        assert (found[0].interval.low, found[0].margin, found[0].side) == (-0.61, 0.03, 0)

    def test_cases_whose_content_differs_are_not_paired(self, tmp_path: Path) -> None:
        changed = a_case("changed", 1.0, 0.0)
        changed[0]["case_hash"] = "another"
        store = a_store(
            tmp_path / "store.duckdb", runs=[a_run()], results=[*changed, *a_case("same", 1.0, 1.0)]
        )
        reader = FileReader(store)
        (only,) = rows(reader.query("run_differences", run_id=RUN_ID))
        reader.close()
        assert (only["n_paired"], only["difference"], only["deviation"]) == (1, 0.0, None)


def one_run(reader: FileReader) -> dict[str, Any]:
    return rows(reader.query("runs", run_id=RUN_ID, limit="1"))[0]


def values_of(metric: str, results: Sequence[dict[str, Any]]) -> list[Value]:
    """Differences by case, the mean over repeats of each side, as a gate's evidence has them."""
    scores: dict[tuple[str, str, str], list[float]] = {}
    for row in results:
        scores.setdefault((row["cluster_id"], row["case_id"], row["variant"]), []).append(row["score"])
    means = {key: sum(found) / len(found) for key, found in scores.items()}
    cases = {(cluster, case) for cluster, case, _ in means}
    return [
        Value(cluster, means[cluster, case, "candidate"] - means[cluster, case, "baseline"])
        for cluster, case in sorted(cases)
    ]


def a_listed_run(run_id: str, b: str | None, a: str | None = None, **given: Any) -> Row:
    """A row of the query `runs`, as far as a choice looks at it."""
    pins = {"provider": "p", "model": "m", "scorers_hash": "s", "golden_set": "g", "status": "finished"}
    return {
        "run_id": run_id,
        "candidate_version": b,
        "baseline_version": a,
        "verdict": "PASS",
        **pins,
        **given,
    }


class TestChoice:
    RUNS = (
        a_listed_run("4", "v3", None, model="other"),
        a_listed_run("3", "v3", "v2"),
        a_listed_run("2", "v2", "v1"),
        a_listed_run("1", "v1"),
    )

    def test_a_page_begins_with_the_newest_run_that_compares(self) -> None:
        found = newest(self.RUNS)
        assert found is not None
        assert (found.run["run_id"], found.a, found.b, found.is_judged) == ("3", "v2", "v3", True)
        assert newest(self.RUNS[3:]) == Comparison(self.RUNS[3])
        assert newest([]) is None

    @pytest.mark.parametrize(
        ("a", "b", "run_id", "against"),
        [("v2", "v3", "3", None), ("v1", None, "2", None), (None, "v3", "4", None), ("v1", "v3", "3", "1")],
    )
    def test_two_versions_are_found_in_one_run_or_in_two_that_may_be_compared(
        self, a: str | None, b: str | None, run_id: str, against: str | None
    ) -> None:
        found = between(self.RUNS, a, b)
        assert found is not None
        assert (found.run["run_id"], found.against and found.against["run_id"]) == (run_id, against)
        assert found.is_judged == (against is None)

    def test_runs_on_another_model_or_golden_set_or_interrupted_ones_are_not_set_side_by_side(self) -> None:
        first = a_listed_run("1", "v1")
        for differing in (
            {"model": "n"},
            {"scorers_hash": "t"},
            {"golden_set": "h"},
            {"status": "interrupted"},
        ):
            assert between([a_listed_run("2", "v2", **differing), first], "v1", "v2") is None

    def test_a_version_is_named_whole_or_by_the_beginning_of_its_hash(self) -> None:
        known = versions_of([a_listed_run("1", NEW, OLD), a_listed_run("2", "baabaa", None)])
        assert known == [NEW, OLD, "baabaa"]
        assert version_named("bbbb", known) == NEW
        assert version_named("baabaa", known) == "baabaa"
        assert version_named("b", known) is None
        assert version_named(None, known) is None


class TestTables:
    CASES = tuple(
        {"case_id": name, "difference": d} for name, d in (("w", -1.0), ("s", 0.0), ("b", 1.0), ("n", None))
    )

    def test_cases_of_a_kind_come_with_the_largest_change_first(self) -> None:
        more = (*self.CASES[:2], {"case_id": "small", "difference": 0.1}, *self.CASES[2:])
        assert [case["case_id"] for case in narrowed(more, "regressed")] == ["w"]
        assert [case["case_id"] for case in narrowed(more, "improved")] == ["b", "small"]
        assert [case["case_id"] for case in narrowed(more, "all")] == ["w", "b", "small", "n", "s"]

    def test_without_a_baseline_the_lowest_score_comes_first(self) -> None:
        scored = [
            {"case_id": name, "candidate_score": score}
            for name, score in (("a", 1.0), ("b", None), ("c", 0.5))
        ]
        assert [case["case_id"] for case in lowest_first(scored)] == ["b", "c", "a"]

    def test_a_case_that_is_missing_or_another_under_the_same_id_says_so(self) -> None:
        case = dict.fromkeys(
            ("baseline_score", "candidate_score", "difference", "candidate_detail", "baseline_detail", "baseline_ns",
             "candidate_ns", "baseline_cost_usd", "candidate_cost_usd", "cluster_id")
        ) | {"case_id": "c", "case_changed": False}  # fmt: skip
        assert case_row(case)["change"] == "! missing"
        assert case_row(case)["cost"] == "–"
        assert case_row(case | {"baseline_detail": "no date"})["why"] == "A: no date"
        assert case_row(case | {"case_changed": True})["change"] == "! other case"

    def test_earlier_runs_of_the_prompt_stand_below_the_one_that_is_shown(self) -> None:
        def run(n: int, prompt: str = "p") -> Row:
            row = a_listed_run(
                str(n), f"v{n}", f"v{n - 1}", prompt_name=prompt, started_at=NOW + timedelta(days=n)
            )
            return {**row, "difference": 0.1}

        shown = [
            row["label"] for row in forest_rows(Comparison(run(3)), [], [run(4), run(3), run(2), run(1, "q")])
        ]
        assert shown == ["v1 → v2 · 23 Nov"]

    def test_only_scores_of_one_scorer_are_weighed_against_cost(self) -> None:
        def run(metric: str, mean: float) -> Row:
            return a_listed_run(
                "1", "v2", "v1", prompt_name="p", metric=metric, candidate_mean=mean, baseline_mean=0.5
            )

        runs = [run("other", 0.1), run("gate", 0.9), run("gate", 0.7)]
        used = [
            {"prompt_name": "p", "prompt_version": version, "cost_per_1k_usd": Decimal(2), "p95_ns": 1}
            for version in ("v2", "v1", "v0")
        ]
        placed = placed_versions(Comparison(runs[1]), runs, used)
        assert [(row["label"], row["mean_score"]) for row in placed] == [
            ("v2", 0.9),
            ("v1", 0.5),
            ("v0", None),
        ]

    def test_a_version_that_only_a_run_knows_has_no_calls_and_no_latency(self) -> None:
        (row,) = version_rows(
            [a_listed_run("1", "v2", prompt_name="p", metric="m", candidate_mean=None)], [], []
        )
        assert (row["version"], row["gate"], row["eval"], row["n_calls"], row["p95_ns"]) == (
            "v2",
            "✓ PASS",
            "–",
            0,
            None,
        )


class TestTexts:
    def test_lines_are_paired_and_only_differing_words_are_marked(self) -> None:
        shown = texts.side_by_side("same\nthe red fox\ngone", "same\nthe blue fox")
        assert "<td>same</td><td>same</td>" in shown
        assert (
            '<td class="gone">− the <del>red</del> fox</td><td class="come">+ the <ins>blue</ins> fox</td>'
            in shown
        )
        assert '<td class="gone">− <del>gone</del></td><td></td>' in shown

    def test_markup_in_an_answer_is_text(self) -> None:
        shown = texts.side_by_side("<script>a</script>", "<img src=x>")
        assert "<script" not in shown and "<img" not in shown

    def test_json_is_compared_value_by_value_and_other_text_as_it_is(self) -> None:
        assert texts.readable('{"a": 1}', "[]") == ('{\n  "a": 1\n}', "[]")
        assert texts.readable('{"a": 1}', "not json") == ('{"a": 1}', "not json")

    def test_an_answer_is_found_in_a_journal_by_its_span(self) -> None:
        lines = [
            b"torn {",
            b'"a1"',
            json.dumps({"span_id": "a1", "output": "yes"}).encode(),
            json.dumps({"span_id": "a2", "output": None}).encode(),
            json.dumps({"span_id": "b1", "output": "of another case"}).encode(),
        ]
        assert texts.journal_answers(lines, ["a1", "a2", None]) == {"a1": "yes"}

    def test_what_went_in_is_no_answer(self) -> None:
        contents = [
            {"key": "gen_ai.input.messages", "body": "question"},
            {"key": "gen_ai.output.messages", "body": "answer"},
        ]
        assert texts.captured_answer(contents) == "answer"
        assert texts.captured_answer(contents[:1]) is None
