"""The board: the latest run of each prompt, blocked ones first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import formats, pieces
from dashboard.filters import choose
from dashboard.formats import count, plain, points
from dashboard.source import Row
from dashboard.views.gates.checks import n_compared, not_held

CARDS_IN_A_ROW = 4
MOST_CARDS = 12
# The verdicts before the newest one; a longer row of marks says less, and the history below has them all.
EARLIER_ON_A_CARD = 7
# What blocks a release comes first, then what could not decide.
ORDER = ("FAIL", "INCONCLUSIVE", None, "PASS")
_WORDS = (
    ("FAIL", "blocked"),
    ("INCONCLUSIVE", "could not decide"),
    (None, "not decided yet"),
    ("PASS", "passed"),
)


def latest_of_each(runs: Sequence[Row]) -> list[Row]:
    """The newest run of every suite and prompt: what blocks a release first, then the newest.

    `runs` come newest first.
    """
    newest: dict[tuple[str, str | None], Row] = {}
    for run in runs:
        newest.setdefault(_gate(run), run)
    return sorted(newest.values(), key=lambda run: _place(run["verdict"]))


def run_label(run: Row) -> str:
    return formats.shortened(run["prompt_name"] or run["suite"] or "no suite named", 28)


def tally(latest: Sequence[Row]) -> str:
    parts = [(sum(run["verdict"] == verdict for run in latest), word) for verdict, word in _WORDS]
    return "Latest run of each prompt: " + " · ".join(f"{n} {word}" for n, word in parts if n)


def versions(run: Row) -> str:
    return f"{formats.version(run['baseline_version'])} → {formats.version(run['candidate_version'])}"


def interval(run: Row) -> str:
    return formats.interval(run["interval_low"], run["interval_high"])


def draw(latest: Sequence[Row], runs: Sequence[Row]) -> None:
    shown = latest[:MOST_CARDS]
    in_a_row = CARDS_IN_A_ROW + (len(shown) == CARDS_IN_A_ROW + 1)
    for start in range(0, len(shown), in_a_row):
        columns = st.columns(in_a_row, gap="small")
        for column, run in zip(columns, shown[start : start + in_a_row], strict=False):
            with (
                column,
                st.container(border=True, gap="xsmall", height="stretch", key=f"gate-{run['run_id']}"),
            ):
                _card(run, [other for other in runs if _gate(other) == _gate(run)])
    if len(latest) > len(shown):
        st.caption(f"{len(latest) - len(shown)} more prompts are in the table below.")


def _gate(run: Row) -> tuple[str, str | None]:
    return run["suite"], run["prompt_name"]


def _place(verdict: str | None) -> int:
    return ORDER.index(verdict) if verdict in ORDER else 1


def _card(run: Row, history: Sequence[Row]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{plain(run_label(run))}**", width="content")
        pieces.badge(run["verdict"])
    st.markdown(_found(run))
    st.caption(plain(" · ".join(_limits(run))))
    if run["verdict"] != "PASS" and (names := not_held(run)):
        st.markdown(f"not held: **{plain(', '.join(names))}**")
    st.caption(plain(" · ".join(_from_where(run))))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.button(
            "Evidence",
            key=f"evidence-{run['run_id']}",
            icon=":material/fact_check:",
            type="tertiary",
            on_click=choose,
            kwargs={"run": run["run_id"]},
        )
        if len(history) > 1:
            st.markdown(_glyphs(history), width="content", help="Its runs, the newest on the right.")


def _found(run: Row) -> str:
    if run["difference"] is None:
        return "no paired difference"
    return f"**{points(run['difference'])}** points {plain(interval(run))}"


def _limits(run: Row) -> list[str]:
    return [
        f"margin {points(run['margin'], sign=False)}",
        f"n {count(n_compared(run))}",
        formats.shortened(run["suite"] or "no suite named", 30),
    ]


def _from_where(run: Row) -> list[str]:
    commit = (
        [f"commit {formats.shortened(formats.version(run['commit_sha']), 12)}"] if run["commit_sha"] else []
    )
    return [versions(run), formats.moment(run["started_at"]), *commit]


def _glyphs(history: Sequence[Row]) -> str:
    marks = [
        pieces.VERDICTS.get(run["verdict"], pieces.VERDICTS[None]) for run in history[: 1 + EARLIER_ON_A_CARD]
    ]
    return " ".join(f":{colour}[{text[0]}]" for text, colour in reversed(marks))
