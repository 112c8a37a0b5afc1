"""The evidence of one verdict: its checks, the cases that changed, how to decide again, and the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, plain, points
from dashboard.source import Row
from dashboard.views.gates import files
from dashboard.views.gates.board import interval, run_label, versions
from dashboard.views.gates.checks import checks_of
from store.projects import DEFAULT_PROJECT

CASES_SHOWN = 100
# Of a run of any size that the runner was made for.
CASES_IN_A_FILE = 1_000_000
EXIT_CODES: Mapping[str, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2}


def draw(filters: Filters, run: Row) -> None:
    with st.container(border=True, gap="small", key="evidence"):
        _head(run)
        st.markdown(plain(run["reason"] or "This run has no verdict yet."))
        st.caption(plain(" · ".join(part for part in _facts(run) if part)))
        left, right = st.columns([1.3, 1], gap="small")
        with left:
            _checks(run)
            _reproduce(run)
            _actions(filters, run)
        with right:
            _cases(filters, run)


def _head(run: Row) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="line-evidence"
    ):
        st.markdown(
            f"## {plain(run_label(run))} :gray[· run] `{run['run_id'].replace('`', '')}`", width="content"
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            pieces.badge(run["verdict"])
            st.button(
                "Close the evidence",
                key="close",
                icon=":material/close:",
                type="tertiary",
                on_click=choose,
                kwargs={"run": None},
            )


def _facts(run: Row) -> list[str]:
    decided = run["difference"] is not None
    looks = run["n_verdicts"]
    return [
        versions(run),
        f"{run['metric']}: {formats.score(run['baseline_mean'])} → {formats.score(run['candidate_mean'])}"
        if decided
        else "",
        f"difference {points(run['difference'])} points {interval(run)} at {100 * run['confidence']:.0f} %"
        if decided and run["confidence"] is not None
        else "",
        f"margin {points(run['margin'], sign=False)}",
        f"n {count(run['n_paired'])} of {count(run['n_cases'])} cases, {count(run['n_missing'])} missing",
        f"{run['provider'] or 'no provider'} {run['model'] or ''}".strip(),
        f"golden set {formats.shortened(run['golden_set'], 40)}" if run["golden_set"] else "",
        f"commit {formats.shortened(run['commit_sha'], 40)}" if run["commit_sha"] else "no commit named",
        run["method"] or "",
        f"baseline of run {formats.shortened(run['baseline_run_id'], 30)}" if run["baseline_run_id"] else "",
        f"decided {count(looks)} times: the newest verdict holds" if looks > 1 else "",
    ]


def _checks(run: Row) -> None:
    checks = checks_of(run)
    st.markdown("**Checks of the gate**")
    if not checks:
        st.caption("The verdict lists no checks." if run["verdict"] else "Not decided yet.")
        return
    config = st.column_config
    pieces.table(
        checks,
        {},
        {
            "verdict": config.TextColumn("verdict", width=125),
            "check": config.TextColumn("check", width=85),
            "threshold": config.TextColumn("threshold", width=130),
            "observed": config.TextColumn("observed", width=145),
            "n": config.TextColumn("n", width=45, alignment="right"),
            "reason": config.TextColumn("reason", width=330),
        },
        alt="The checks of this gate with verdict, threshold, what was observed, and on how many cases.",
        key="checks",
    )


def _reproduce(run: Row) -> None:
    code = EXIT_CODES.get(run["verdict"] or "")
    st.caption(
        f"Exit code {code}. Decide again, where the run's folder is:"
        if code is not None
        else "Decide, where the run's folder is:"
    )
    against = f" --baseline {run['baseline_run_id']}" if run["baseline_run_id"] else ""
    st.code(f"steelyard gate {run['run_id']}{against}", language="bash")


def _actions(filters: Filters, run: Row) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pieces.link(
            "evals",
            "Case by case",
            ":material/compare_arrows:",
            run=run["run_id"],
            prompt=run["prompt_name"],
            project=None if filters.project == DEFAULT_PROJECT else filters.project,
        )
        _download("JSON", "json", "application/json", lambda: files.as_json(run), run)
        if run["verdict"] in files.OUTCOMES:
            _download("JUnit", "xml", "application/xml", lambda: _junit(filters.project, run), run)


def _junit(project: str, run: Row) -> bytes:
    cases = source.read(
        "run_cases", project, run_id=run["run_id"], metric=run["metric"], limit=CASES_IN_A_FILE
    )
    return files.as_junit(run, cases)


def _download(label: str, suffix: str, mime: str, made: Any, run: Row) -> None:
    st.download_button(
        label,
        made,
        file_name=f"{run['run_id']}.{suffix}",
        mime=mime,
        key=f"gate-{suffix}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _cases(filters: Filters, run: Row) -> None:
    if not run["metric"]:
        return
    rows = source.read(
        "case_differences", filters.project, run_id=run["run_id"], metric=run["metric"], limit=CASES_SHOWN
    )
    st.markdown(
        f"**Cases that changed** :gray[· {plain(run['metric'])}: ✕ {count(run['n_worse'])} worse, "
        f"✓ {count(run['n_better'])} better]"
    )
    if not rows:
        st.caption("No case of this run scores differently in the two arms.")
        return
    config = st.column_config
    pieces.table(
        [case_row(row) for row in rows],
        {"baseline_score": formats.score, "candidate_score": formats.score},
        {
            "change": config.TextColumn("change", width=85),
            "case_id": config.TextColumn("case", width=120),
            "baseline_score": config.NumberColumn("baseline", width=70),
            "candidate_score": config.NumberColumn("candidate", width=75),
            "why": config.TextColumn("why", width=260),
        },
        alt="Cases that the candidate answers worse or better than the baseline, worst first.",
        key="cases",
        height=290 if len(rows) > 8 else "content",
    )
    if len(rows) == CASES_SHOWN:
        st.caption(f"The {CASES_SHOWN} worst; the rest: steelyard query case_differences")


def case_row(row: Row) -> dict[str, Any]:
    difference = row["difference"]
    return {
        **row,
        "case_id": formats.shortened(row["case_id"], 60),
        "change": "! missing" if difference is None else "✕ worse" if difference < 0 else "✓ better",
        "why": formats.shortened(_why(row), 200),
    }


def _why(row: Row) -> str:
    """Why the candidate scored as it did, else what was wrong with the baseline."""
    if row["candidate_detail"]:
        return str(row["candidate_detail"])
    return f"baseline: {row['baseline_detail']}" if row["baseline_detail"] else formats.UNKNOWN
