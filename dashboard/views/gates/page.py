"""The page: the evidence that is asked for, the board, how each prompt moved, and every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, plain, points
from dashboard.source import Row
from dashboard.views.gates import board, evidence
from dashboard.views.gates.board import interval, latest_of_each, run_label, versions
from dashboard.views.gates.checks import n_compared, verdict_word

NEWEST_RUNS = 500
NEWEST_VERDICTS = 500
# A figure of more lines than this is a wall of marks; the table has them all.
LINES_IN_A_FIGURE = 12


def draw(filters: Filters) -> None:
    runs = source.read("runs", filters.project, limit=NEWEST_RUNS)
    if not runs:
        _no_run_yet()
        return
    latest = latest_of_each(runs)
    chosen = _asked(filters)
    st.caption(plain(board.tally(latest)))
    if chosen is not None:
        evidence.draw(filters, chosen)
    board.draw(latest, runs)
    left, right = st.columns([1, 1], gap="small")
    with left:
        _differences(latest[:LINES_IN_A_FIGURE])
    with right:
        _history(filters.project, runs, latest[:LINES_IN_A_FIGURE])
    _every_run(runs, filters.own["run"])
    pieces.footer(
        f"newest run {formats.moment_exact(runs[0]['started_at'])}",
        f"{len(runs)} runs" + (" (the newest)" if len(runs) == NEWEST_RUNS else ""),
        "differences in points: candidate minus baseline, paired by case",
    )


def _asked(filters: Filters) -> Row | None:
    """The run that the address names, however old; says so when there is none."""
    asked = filters.own["run"]
    if asked is None:
        return None
    found = next(iter(source.read("runs", filters.project, limit=1, run_id=asked)), None)
    if found is None:
        st.info(
            f"There is no run **{plain(formats.shortened(asked))}** in project {plain(filters.project)}.",
            icon=":material/link_off:",
        )
    return found


def _differences(latest: Sequence[Row]) -> None:
    title, note = "Difference to the baseline", _confidence(latest)
    if any(run["difference"] is not None for run in latest):
        pieces.chart(title, charts.forest(latest, run_label), key="forest", note=note)
        return
    with pieces.card(title, note):
        st.caption("No run has a paired difference.")


def _confidence(runs: Sequence[Row]) -> str:
    levels = sorted({run["confidence"] for run in runs if run["confidence"] is not None})
    return (
        "points, with the " + " / ".join(f"{100 * level:.0f} %" for level in levels) + " interval"
        if levels
        else "points"
    )


def _history(project: str, runs: Sequence[Row], shown: Sequence[Row]) -> None:
    verdicts = source.read("verdict_history", project, limit=NEWEST_VERDICTS)
    rows = decisions(verdicts, runs, shown)
    n_left_out = len(verdicts) + sum(run["verdict"] is None for run in runs) - len(rows)
    left_out = f", {count(n_left_out)} of other prompts not drawn" if n_left_out else ""
    pieces.chart(
        "Verdict history",
        charts.verdict_history(rows, run_label),
        key="history",
        note=f"every decision, newest on the right{left_out}; a click opens it",
        on_pick=_open_mark,
    )


def decisions(verdicts: Sequence[Row], runs: Sequence[Row], shown: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Every verdict of the prompts that are shown, and their runs without one, as `charts.verdict_history` wants them.

    A run that was decided twice has two marks: each decision is a look at its evidence.
    """
    order = list(dict.fromkeys(run_label(run) for run in shown))
    decided = [{**verdict, "started_at": verdict["decided_at"]} for verdict in verdicts]
    waiting = [run for run in runs if run["verdict"] is None]
    rows = [row for row in [*decided, *waiting] if run_label(row) in order]
    return sorted(rows, key=lambda row: order.index(run_label(row)))


def _open_mark(mark: Mapping[str, Any]) -> None:
    choose(run=mark["customdata"][2])


def _every_run(runs: Sequence[Row], open_id: str | None) -> None:
    shown = [_run_row(run) for run in runs]
    config = st.column_config
    with pieces.card("Every run", "newest first; a click on a row opens its evidence"):
        pieces.table(
            shown,
            {"started_at": formats.moment, "n_paired": count},
            {
                "verdict": config.TextColumn("verdict", width=130),
                "started_at": config.DatetimeColumn("started", width=100),
                "prompt": config.TextColumn("prompt", width=130),
                "suite": config.TextColumn("suite", width=120),
                "versions": config.TextColumn("baseline → candidate", width=150),
                "difference": config.TextColumn("points", width=60, alignment="right"),
                "interval": config.TextColumn("interval", width=100),
                "n_paired": config.NumberColumn("n", width=50),
                "commit": config.TextColumn("commit", width=75),
                "model": config.TextColumn("model", width=120),
                "reason": config.TextColumn("reason", width=420),
            },
            alt="Every run with its verdict, versions, difference, interval, commit and reason.",
            key="every-run",
            height=320 if len(shown) > 10 else "content",
            on_pick=lambda number: choose(run=runs[number]["run_id"]),
            picked=next((n for n, run in enumerate(runs) if run["run_id"] == open_id), None),
        )


def _run_row(run: Row) -> dict[str, Any]:
    return {
        "verdict": verdict_word(run["verdict"]),
        "started_at": run["started_at"],
        "prompt": run_label(run),
        "suite": formats.shortened(run["suite"] or formats.UNKNOWN, 40),
        "versions": versions(run),
        "difference": points(run["difference"]),
        "interval": interval(run),
        "n_paired": n_compared(run),
        "commit": formats.shortened(formats.version(run["commit_sha"]), 12),
        "model": formats.model(run["model"]),
        "reason": formats.shortened(run["reason"] or formats.UNKNOWN, 160),
    }


def _no_run_yet() -> None:
    with st.container(border=True):
        st.markdown("## :material/verified: No eval run yet")
        st.markdown(
            "A run compares a prompt with its baseline over a golden set, and its verdict appears here."
        )
        st.code("steelyard init\nsteelyard eval run suite.yaml", language="bash")
        pieces.link("setup", "Open Setup", ":material/cable:")
