"""Gates: can we ship, and on what evidence?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters, open_run
from dashboard.formats import count, plain, points
from dashboard.source import Row

NEWEST_RUNS = 500
CARDS_IN_A_ROW = 4
GLYPHS_ON_A_CARD = 14
CASES_SHOWN = 100
# What blocks a release comes first, then what could not decide.
ORDER = ("FAIL", "INCONCLUSIVE", None, "PASS")
EXIT_CODES: Mapping[str, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2}


def draw(filters: Filters) -> None:
    runs = source.read("runs", filters.project, limit=NEWEST_RUNS)
    if not runs:
        _no_run_yet()
        return
    latest = latest_of_each(runs)
    asked = filters.run_id
    chosen = _run(filters.project, asked) if asked else None
    if asked and chosen is None:
        st.info(
            f"There is no run **{plain(formats.shortened(asked))}** in project {plain(filters.project)}.",
            icon=":material/link_off:",
        )
    st.caption(plain(_tally(latest)))
    if chosen is not None:
        _evidence(filters, chosen)
    _board(latest, runs)
    left, right = st.columns([1, 1], gap="small")
    with left, pieces.card("Difference to the baseline", _confidence(latest)):
        if any(run["difference"] is not None for run in latest):
            pieces.draw(charts.forest(latest, run_label), key="forest")
        else:
            st.caption("No run has a paired difference.")
    with right, pieces.card("Verdict history", f"{len(runs)} runs, newest on the right"):
        pieces.draw(charts.verdict_history(runs, run_label), key="history")
    _every_run(filters, runs)
    pieces.footer(
        f"newest run {formats.moment_exact(runs[0]['started_at'])}",
        f"{len(runs)} runs" + (" (the newest)" if len(runs) == NEWEST_RUNS else ""),
        "differences in points: candidate minus baseline, paired by case",
    )


def _run(project: str, run_id: str) -> Row | None:
    """One run, however old."""
    return next(iter(source.read("runs", project, limit=1, run_id=run_id)), None)


def latest_of_each(runs: Sequence[Row]) -> list[Row]:
    """The newest run of every suite and prompt: what blocks a release first, then the newest.

    `runs` come newest first.
    """
    newest: dict[tuple[str, str | None], Row] = {}
    for run in runs:
        newest.setdefault(_gate(run), run)
    return sorted(newest.values(), key=lambda run: _place(run["verdict"]))


def run_label(run: Row) -> str:
    return formats.shortened(run["prompt_name"] or run["suite"], 28)


def checks_of(run: Row) -> list[dict[str, str]]:
    """The checks of the gate as text, whatever the writer of the verdict left out or added."""
    text = run["checks"]
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return []
    return [
        {
            "verdict": _check_word(check.get("verdict")),
            "check": formats.shortened(str(check.get("name", formats.UNKNOWN)), 80),
            "threshold": _threshold(check),
            "observed": _observed(check),
            "n": _as_text(check.get("n")),
            "reason": formats.shortened(str(check.get("reason") or formats.UNKNOWN), 300),
        }
        for check in found or []
        if isinstance(check, dict)
    ]


def _gate(run: Row) -> tuple[str, str | None]:
    return run["suite"], run["prompt_name"]


def _place(verdict: str | None) -> int:
    return ORDER.index(verdict) if verdict in ORDER else 1


def _check_word(verdict: object) -> str:
    text, _ = pieces.VERDICTS.get(verdict if isinstance(verdict, str) else None, (f"? {verdict}", "gray"))
    return text


def _threshold(check: Mapping[str, Any]) -> str:
    """The limit of a check of ours in its own unit; of any other, as it was written."""
    match check.get("name"), check.get("threshold"):
        case "margin", int() | float() as margin:
            return f"drop ≤ {points(margin, sign=False)} points"
        case "floor", int() | float() as floor:
            return f"≥ {floor:.1%}"
        case "missing", int() | float() as most:
            return f"≤ {most:.1%}"
        case "must_pass", int() | float():
            return "all pass"
        case _, value:
            return _as_text(value)


def _observed(check: Mapping[str, Any]) -> str:
    match check.get("name"), check.get("observed"):
        case "margin", int() | float() as difference:
            return f"{points(difference)} {formats.interval(check.get('low'), check.get('high'))}".rstrip(
                " –"
            )
        case "floor" | "missing" | "must_pass", int() | float() as part:
            return f"{part:.1%}"
        case _, value:
            return _as_text(value)


def _as_text(value: object) -> str:
    match value:
        case None:
            return formats.UNKNOWN
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
        case float():
            return f"{value:.4g}"
        case list():
            return "[" + ", ".join(_as_text(part) for part in value) + "]"
        case _:
            return formats.shortened(str(value), 120)


def _tally(latest: Sequence[Row]) -> str:
    words = (
        ("FAIL", "blocked"),
        ("INCONCLUSIVE", "could not decide"),
        (None, "not decided yet"),
        ("PASS", "passed"),
    )
    parts = [(sum(run["verdict"] == verdict for run in latest), word) for verdict, word in words]
    return "Latest run of each prompt: " + " · ".join(f"{n} {word}" for n, word in parts if n)


def _confidence(runs: Sequence[Row]) -> str:
    levels = sorted({run["confidence"] for run in runs if run["confidence"] is not None})
    return (
        "points, with the " + " / ".join(f"{level:.0%}" for level in levels) + " interval"
        if levels
        else "points"
    )


def _board(latest: Sequence[Row], runs: Sequence[Row]) -> None:
    in_a_row = CARDS_IN_A_ROW + (len(latest) == CARDS_IN_A_ROW + 1)
    for start in range(0, len(latest), in_a_row):
        columns = st.columns(in_a_row, gap="small")
        for column, run in zip(columns, latest[start : start + in_a_row], strict=False):
            with (
                column,
                st.container(border=True, gap="xsmall", height="stretch", key=f"gate-{run['run_id']}"),
            ):
                _card(run, [other for other in runs if _gate(other) == _gate(run)])


def _card(run: Row, history: Sequence[Row]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{plain(run_label(run))}**", width="content")
        pieces.badge(run["verdict"])
    st.markdown(
        f"**{points(run['difference'])}** points {plain(_interval(run))}"
        if run["difference"] is not None
        else "no paired difference"
    )
    st.caption(
        plain(
            f"margin {points(run['margin'], sign=False)} · n {count(run['n_paired'])} · "
            f"{formats.shortened(run['suite'], 30)}"
        )
    )
    st.caption(plain(f"{_versions(run)} · {formats.moment(run['started_at'])}"))
    st.markdown(_glyphs(history))
    st.button(
        "Evidence",
        key=f"evidence-{run['run_id']}",
        icon=":material/fact_check:",
        type="tertiary",
        on_click=open_run,
        args=(run["run_id"],),
    )


def _glyphs(history: Sequence[Row]) -> str:
    marks = [pieces.VERDICTS.get(run["verdict"], pieces.VERDICTS[None]) for run in history[:GLYPHS_ON_A_CARD]]
    return " ".join(f":{colour}[{text[0]}]" for text, colour in reversed(marks))


def _interval(run: Row) -> str:
    return formats.interval(run["interval_low"], run["interval_high"])


def _versions(run: Row) -> str:
    return f"{formats.version(run['baseline_version'])} → {formats.version(run['candidate_version'])}"


def _evidence(filters: Filters, run: Row) -> None:
    with st.container(border=True, gap="small", key="evidence"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(
                f"### {plain(run_label(run))} :gray[· run] `{run['run_id'].replace('`', '')}`",
                width="content",
            )
            pieces.badge(run["verdict"])
        st.markdown(plain(run["reason"] or "This run has no verdict yet."))
        st.caption(plain(" · ".join(_facts(run))))
        left, right = st.columns([1.3, 1], gap="small")
        with left:
            _checks(run)
            _reproduce(run)
        with right:
            _cases(filters, run)
        st.button(
            "Close the evidence",
            key="close",
            icon=":material/close:",
            type="tertiary",
            on_click=open_run,
            args=("",),
        )


def _facts(run: Row) -> list[str]:
    decided = run["difference"] is not None
    return [
        f"{_versions(run)}",
        f"{run['metric']}: {formats.score(run['baseline_mean'])} → {formats.score(run['candidate_mean'])}"
        if decided
        else "",
        f"difference {points(run['difference'])} points {_interval(run)} at {run['confidence']:.0%}"
        if decided and run["confidence"] is not None
        else "",
        f"margin {points(run['margin'], sign=False)}",
        f"n {count(run['n_paired'])} of {count(run['n_cases'])} cases, {count(run['n_missing'])} missing",
        f"{run['provider'] or 'no provider'} {run['model'] or ''}".strip(),
        f"golden set {formats.shortened(run['golden_set'], 40)}" if run["golden_set"] else "",
        f"commit {formats.version(run['commit_sha'])}" if run["commit_sha"] else "",
        run["method"] or "",
    ]


def _checks(run: Row) -> None:
    checks = checks_of(run)
    st.markdown("**Checks of the gate**")
    if not checks:
        st.caption("The verdict lists no checks." if run["verdict"] else "Not decided yet.")
        return
    pieces.table(
        checks,
        {},
        {
            "verdict": st.column_config.TextColumn("verdict", width=125),
            "check": st.column_config.TextColumn("check", width=85),
            "threshold": st.column_config.TextColumn("threshold", width=130),
            "observed": st.column_config.TextColumn("observed", width=145),
            "n": st.column_config.TextColumn("n", width=45, alignment="right"),
            "reason": st.column_config.TextColumn("reason", width=330),
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
    st.code(f"steelyard gate {run['run_id']}", language="bash")


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
    pieces.table(
        [case_row(row) for row in rows],
        {
            "baseline_score": formats.score,
            "candidate_score": formats.score,
        },
        {
            "change": st.column_config.TextColumn("change", width=85),
            "case_id": st.column_config.TextColumn("case", width=120),
            "baseline_score": st.column_config.NumberColumn("baseline", width=70),
            "candidate_score": st.column_config.NumberColumn("candidate", width=75),
            "why": st.column_config.TextColumn("why", width=260),
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


def _every_run(filters: Filters, runs: Sequence[Row]) -> None:
    project = "" if filters.project == "default" else f"&project={filters.project}"
    shown = [
        {
            "verdict": _check_word(run["verdict"]),
            "started_at": run["started_at"],
            "prompt": run_label(run),
            "suite": formats.shortened(run["suite"], 40),
            "versions": _versions(run),
            "difference": points(run["difference"]),
            "interval": _interval(run),
            "n_paired": run["n_paired"],
            "reason": formats.shortened(run["reason"] or formats.UNKNOWN, 160),
            "open": f"/gates?run={run['run_id']}{project}",
        }
        for run in runs
    ]
    with pieces.card("Every run", "newest first"):
        pieces.table(
            shown,
            {"started_at": formats.moment, "n_paired": count},
            {
                "verdict": st.column_config.TextColumn("verdict", width=130),
                "started_at": st.column_config.DatetimeColumn("started", width=100),
                "prompt": st.column_config.TextColumn("prompt", width=130),
                "suite": st.column_config.TextColumn("suite", width=120),
                "versions": st.column_config.TextColumn("baseline → candidate", width=150),
                "difference": st.column_config.TextColumn("points", width=60, alignment="right"),
                "interval": st.column_config.TextColumn("interval", width=100),
                "n_paired": st.column_config.NumberColumn("n", width=50),
                "reason": st.column_config.TextColumn("reason", width=420),
                "open": st.column_config.LinkColumn("evidence", width=70, display_text="open"),
            },
            alt="Every run with its verdict, versions, difference, interval and reason.",
            key="every-run",
            height=320 if len(shown) > 10 else "content",
        )


def _no_run_yet() -> None:
    with st.container(border=True):
        st.markdown("### :material/verified: No eval run yet")
        st.markdown(
            "A run compares a prompt with its baseline over a golden set, and its verdict appears here."
        )
        st.code("steelyard init\nsteelyard eval run suite.yaml", language="bash")
        pieces.link("setup", "Open Setup", ":material/cable:")
