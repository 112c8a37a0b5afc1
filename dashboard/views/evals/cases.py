"""The cases of a comparison, worst first, and the one that is open beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, plain
from dashboard.source import Row
from dashboard.views.evals import opened
from dashboard.views.evals.comparing import Comparison, Difference

SHOWN = 100
SHOWS = ("all", "regressed", "improved")
# Columns that say nothing where there is only B.
OF_TWO_SIDES = frozenset({"change", "a", "points", "a_time", "cost"})
# The key of the choice in the page; what it says is in the address, as `show`.
_CHOICE = "evals-show"


@dataclass(frozen=True)
class Cases:
    """The cases of a comparison on one scorer: `rows` as `run_cases` gives them, `are_all` when no limit cut them."""

    metric: str
    rows: Sequence[Row]
    are_all: bool

    @property
    def have_two_sides(self) -> bool:
        """Whether any case has a score of A: a run without a baseline has none."""
        return any(row["baseline_score"] is not None for row in self.rows)

    def one(self, case_id: str | None) -> Row | None:
        return next((row for row in self.rows if row["case_id"] == case_id), None)


def draw(filters: Filters, compared: Comparison, first: Difference | None, cases: Cases) -> None:
    show = filters.own["show"] or SHOWS[0]
    rows = _shown(filters, compared, cases, show)
    asked = filters.own["case"]
    open_case = cases.one(asked) or Cases(cases.metric, rows, False).one(asked)
    _head(first, show)
    if asked and open_case is None:
        st.caption(
            f"The link asks for case **{plain(formats.shortened(asked))}**, which this run does not have."
        )
    if open_case is None:
        _table(rows, None, two_sides=cases.have_two_sides)
        return
    left, right = st.columns([1, 1.1], gap="small")
    with left:
        _table(rows, open_case["case_id"], two_sides=cases.have_two_sides)
    with right:
        opened.draw(filters, compared, open_case)


def _shown(filters: Filters, compared: Comparison, cases: Cases, show: str) -> Sequence[Row]:
    if not cases.have_two_sides:
        return lowest_first(cases.rows)
    if cases.are_all:
        return narrowed(cases.rows, show)
    return source.read(
        "run_cases",
        filters.project,
        **compared.params,
        metric=cases.metric,
        changes=None if show == SHOWS[0] else show,
        limit=SHOWN,
    )


def lowest_first(cases: Sequence[Row]) -> list[Row]:
    """Cases of B alone by its score, those without one first."""
    return sorted(
        cases, key=lambda case: -1.0 if case["candidate_score"] is None else case["candidate_score"]
    )


def narrowed(cases: Sequence[Row], show: str) -> list[Row]:
    """The cases of this kind, the worst first, then the best, then those with a side missing, then those that did not move.

    `cases` come worst first.
    """
    worse = [case for case in cases if case["difference"] is not None and case["difference"] < 0]
    better = [case for case in reversed(cases) if case["difference"] is not None and case["difference"] > 0]
    if show != SHOWS[0]:
        return worse if show == "regressed" else better
    missing = [case for case in cases if case["difference"] is None]
    return worse + better + missing + [case for case in cases if case["difference"] == 0]


def _head(first: Difference | None, show: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-cases"):
        tally = f" :gray[· ▼ {count(first.n_worse)} worse, ▲ {count(first.n_better)} better]" if first else ""
        st.markdown(f"## Cases{tally}", width="content")
        if first is None:
            st.caption("The lowest score first: there is nothing to set these answers against.")
            return
        st.session_state[_CHOICE] = show
        st.segmented_control(
            "Cases", SHOWS, required=True, key=_CHOICE, label_visibility="collapsed", on_change=_choose_show
        )
        st.caption("The worst first, then the best. A click on a case sets its two answers side by side.")


def _choose_show() -> None:
    show = st.session_state[_CHOICE]
    choose(show=None if show == SHOWS[0] else show)


def _table(rows: Sequence[Row], open_id: str | None, *, two_sides: bool) -> None:
    if not rows:
        st.caption("No case of this kind.")
        return
    shown = [case_row(row) for row in rows[:SHOWN]]
    columns = _columns(shown, two_sides=two_sides)
    pieces.table(
        shown,
        {},
        columns,
        alt="Cases of the run, those that the candidate lost most on first, with both scores.",
        key="case-table",
        height=400 if len(shown) > 12 else "content",
        on_pick=lambda number: choose(case=shown[number]["case_id"]),
        picked=next((n for n, row in enumerate(shown) if row["case_id"] == open_id), None),
    )
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} of {count(len(rows))}.")


def _columns(shown: Sequence[Mapping[str, Any]], *, two_sides: bool) -> dict[str, Any]:
    config = st.column_config
    columns = {
        "change": config.TextColumn("change", width=88),
        "case": config.TextColumn("case", width=150),
        "a": config.ProgressColumn("A", width=85, min_value=0, max_value=1, format="%.2f"),
        "b": config.ProgressColumn("B", width=85, min_value=0, max_value=1, format="%.2f"),
        "points": config.TextColumn("points", width=65, alignment="right"),
        "why": config.TextColumn("why", width=230),
        "cluster": config.TextColumn("shares with", width=110),
        "a_time": config.TextColumn("A took", width=70, alignment="right"),
        "b_time": config.TextColumn("B took", width=70, alignment="right"),
        "cost": config.TextColumn("Δ cost", width=85, alignment="right"),
    }
    left_out = frozenset[str]() if two_sides else OF_TWO_SIDES
    if all(row["cluster"] is None for row in shown):
        left_out = left_out | {"cluster"}
    return {name: column for name, column in columns.items() if name not in left_out}


def case_row(case: Row) -> dict[str, Any]:
    """A case as the table shows it."""
    cluster = case["cluster_id"]
    return {
        "case_id": case["case_id"],
        "change": change_word(case),
        "case": formats.shortened(case["case_id"], 60),
        "a": case["baseline_score"],
        "b": case["candidate_score"],
        "points": formats.points(case["difference"]),
        "why": formats.shortened(_why(case), 200),
        "cluster": None if cluster in (None, case["case_id"]) else formats.shortened(cluster, 40),
        "a_time": formats.duration(case["baseline_ns"]),
        "b_time": formats.duration(case["candidate_ns"]),
        "cost": cost_change(case),
    }


def _why(case: Row) -> str:
    """Why B scored as it did, else what was wrong with A."""
    if case["candidate_detail"]:
        return str(case["candidate_detail"])
    return f"A: {case['baseline_detail']}" if case["baseline_detail"] else formats.UNKNOWN


def change_word(case: Row) -> str:
    if case["case_changed"]:
        return "! other case"
    if case["difference"] is None:
        return "! missing"
    return "▼ worse" if case["difference"] < 0 else "▲ better" if case["difference"] > 0 else "= same"


def cost_change(case: Row) -> str:
    """What B's answer cost beyond A's, in US dollars."""
    before, now = case["baseline_cost_usd"], case["candidate_cost_usd"]
    if before is None or now is None:
        return formats.UNKNOWN
    return ("+" if now > before else "") + formats.money(now - before)
