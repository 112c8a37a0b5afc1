"""The three figures of a comparison: by scorer, by case, and quality against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces
from dashboard.charts.comparing import BESIDE_PX
from dashboard.filters import Filters, choose
from dashboard.source import Row
from dashboard.views.evals.comparing import Comparison, Difference, forest_row

# Earlier runs under the one that is shown, for the way a prompt has come.
EARLIER_RUNS = 6
SCORERS_SHOWN = 6
WIDEST_RANGE = "90d"


def draw(
    filters: Filters, compared: Comparison, found: Sequence[Difference], runs: Sequence[Row],
    cases: Sequence[Row], used: Sequence[Row], most_cases: int,
) -> None:  # fmt: skip
    left, middle, right = st.columns([1.05, 1, 1], gap="small")
    with left:
        _forest(compared, found, runs)
    with middle:
        _by_case(cases, found, most_cases)
    with right:
        _quality_against_cost(filters, compared, runs, used)


def _forest(compared: Comparison, found: Sequence[Difference], runs: Sequence[Row]) -> None:
    rows = forest_rows(compared, found, runs)
    level = f"{100 * found[0].confidence:.0f} % interval" if found else "interval"
    if any(row["difference"] is not None for row in rows):
        note = f"points, {level}; earlier runs below"
        pieces.chart(
            "B against A", charts.forest(rows, _label, at_least_px=BESIDE_PX), key="forest", note=note
        )
        return
    with pieces.card("B against A", level):
        st.caption("This run has no baseline, so there is nothing to set it against.")


def forest_rows(
    compared: Comparison, found: Sequence[Difference], runs: Sequence[Row]
) -> list[Mapping[str, Any]]:
    """This comparison, one row a scorer, then what earlier runs of the prompt came to. `runs` come newest first."""
    now = [forest_row(one, formats.shortened(one.metric, 24)) for one in found[:SCORERS_SHOWN]]
    earlier = [
        run
        for run in runs
        if run["difference"] is not None
        and run["run_id"] != compared.run["run_id"]
        and run["prompt_name"] == compared.run["prompt_name"]
        and run["started_at"] <= compared.run["started_at"]
    ]
    return now + [
        {**run, "label": f"{versions(run)} · {run['started_at']:%d %b}"} for run in earlier[:EARLIER_RUNS]
    ]


def versions(run: Row) -> str:
    return f"{formats.version(run['baseline_version'])} → {formats.version(run['candidate_version'])}"


def _label(row: Mapping[str, Any]) -> str:
    return str(row["label"])


def _by_case(cases: Sequence[Row], found: Sequence[Difference], most_cases: int) -> None:
    title = "Change of every case"
    if any(case["difference"] is not None for case in cases):
        note = f"{formats.shortened(found[0].metric, 24)}, {formats.count(len(cases))} cases" if found else ""
        note += " (the worst)" * (len(cases) == most_cases)
        pieces.chart(title, charts.sorted_deltas(cases), key="deltas", note=note)
        return
    with pieces.card(title):
        st.caption("No case of this run is scored on both sides.")


def _quality_against_cost(
    filters: Filters, compared: Comparison, runs: Sequence[Row], used: Sequence[Row]
) -> None:
    rows = placed_versions(compared, runs, used)
    title, note = "Quality against cost", "by version, size = p95"
    placed = [row for row in rows if row["mean_score"] is not None and row["usd_per_thousand"]]
    if len(placed) > 1:
        pieces.chart(title, charts.quality_against_cost(rows, _label), key="pareto", note=note)
        return
    with pieces.card(title, note):
        few = "Only one version has" if placed else "No version has"
        st.caption(
            f"{few} both a score from a run and calls within the range that are known to cost something: nothing to weigh."
        )
        if filters.window.until - filters.window.since < timedelta(days=90):
            st.button(
                "Look back 90 days", icon=":material/history:", key="look-back", on_click=choose,
                kwargs={"range": WIDEST_RANGE, "from": None, "to": None},
            )  # fmt: skip


def placed_versions(
    compared: Comparison, runs: Sequence[Row], used: Sequence[Row]
) -> list[Mapping[str, Any]]:
    """Versions of the prompt with their newest mean score, and what their calls within the range cost and took.

    `used` as `prompt_versions` gives them. Only scores of one scorer can be weighed against each other.
    """
    prompt, metric = compared.run["prompt_name"], compared.run["metric"]
    means = mean_scores([run for run in runs if run["prompt_name"] == prompt and run["metric"] == metric])
    return [
        {
            "label": formats.version(row["prompt_version"]),
            "mean_score": means.get(row["prompt_version"]),
            "usd_per_thousand": row["cost_per_1k_usd"],
            "p95_ns": row["p95_ns"],
        }
        for row in used
        if row["prompt_name"] == prompt and row["prompt_version"]
    ]


def mean_scores(runs: Sequence[Row]) -> dict[str, float]:
    """The mean score of each version in the newest run that has it, on either side."""
    means: dict[str, float] = {}
    for run in runs:
        for side in ("candidate", "baseline"):
            version, mean = run[f"{side}_version"], run[f"{side}_mean"]
            if version and mean is not None:
                means.setdefault(version, mean)
    return means
