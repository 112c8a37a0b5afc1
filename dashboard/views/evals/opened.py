"""One case: both scores, and both answers side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import plain
from dashboard.source import Row
from dashboard.views.evals import texts
from dashboard.views.evals.answer import project_in_links
from dashboard.views.evals.comparing import Comparison

MOST_UPLOAD_MB = 200
_SIDES = ("baseline", "candidate")


def draw(filters: Filters, compared: Comparison, case: Row) -> None:
    with st.container(border=True, gap="small", key="open-case"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{plain(formats.shortened(case['case_id'], 60))}**", width="content")
            st.button(
                "Close",
                key="close-case",
                icon=":material/close:",
                type="tertiary",
                on_click=choose,
                kwargs={"case": None},
            )
        _sides(case)
        _links(filters, case)
        _texts(filters, compared, case)


def _sides(case: Row) -> None:
    rows = [
        {
            "": "score",
            "A": formats.score(case["baseline_score"]),
            "B": formats.score(case["candidate_score"]),
        },
        {"": "why", "A": _detail(case, "baseline"), "B": _detail(case, "candidate")},
        {
            "": "took · output",
            "A": f"{formats.duration(case['baseline_ns'])} · {formats.count(case['baseline_tokens'])} tokens",
            "B": f"{formats.duration(case['candidate_ns'])} · {formats.count(case['candidate_tokens'])} tokens",
        },
        {
            "": "cost",
            "A": formats.money(case["baseline_cost_usd"]),
            "B": formats.money(case["candidate_cost_usd"]),
        },
    ]
    lines = [f"| {row['']} | {plain(row['A'])} | {plain(row['B'])} |" for row in rows]
    st.markdown("\n".join(["| of | A, baseline | B, candidate |", "|---|---|---|", *lines]))


def _detail(case: Row, side: str) -> str:
    return formats.shortened(case[f"{side}_detail"] or formats.UNKNOWN, 160)


def _links(filters: Filters, case: Row) -> None:
    known = [(side, case[f"{side}_trace_id"]) for side in _SIDES if case[f"{side}_trace_id"]]
    if not known:
        return
    with st.container(horizontal=True, gap="small"):
        for side, trace_id in known:
            pieces.link(
                "traces",
                f"The call of the {side}",
                ":material/account_tree:",
                id=trace_id,
                span=case[f"{side}_span_id"],
                project=project_in_links(filters),
            )


def _texts(filters: Filters, compared: Comparison, case: Row) -> None:
    if case["same_output"]:
        st.caption("Both answers are the same, letter for letter.")
    found = {side: _captured(filters.project, case, side) for side in _SIDES}
    if None in found.values():
        found = _of_journal(compared, case, found)
    before, after = found["baseline"], found["candidate"]
    if before is None and after is None:
        return
    st.html(texts.side_by_side(*texts.readable(before or "", after or "")))
    for side, text in found.items():
        if text is None:
            st.caption(f"The text of the {side} is not at hand.")
        elif len(text) > texts.MOST_CHARACTERS:
            st.caption(f"The first {texts.MOST_CHARACTERS:,} of {len(text):,} characters of the {side}.")


def _captured(project: str, case: Row, side: str) -> str | None:
    """The answer as its call's messages were captured; None when they were not, or who looks may not see them."""
    trace_id, span_id = case[f"{side}_trace_id"], case[f"{side}_span_id"]
    if not trace_id or not span_id or not source.may("contents"):
        return None
    return texts.captured_answer(source.read("span_contents", project, trace_id=trace_id, span_id=span_id))


def _of_journal(compared: Comparison, case: Row, found: Mapping[str, str | None]) -> dict[str, str | None]:
    """The answers from the journals that are opened here; else it says where they are."""
    run_ids = [compared.run["run_id"]]
    if other := compared.against or compared.run["baseline_run_id"]:
        run_ids.append(other if isinstance(other, str) else other["run_id"])
    paths = " and ".join(f"runs/{run_id}/journal.jsonl" for run_id in run_ids)
    st.caption(
        plain(
            f"The store keeps scores, not the texts of answers. They are in {paths}, on the machine that made the run. "
            "Opened here they are compared, and not stored."
        )
    )
    files = st.file_uploader(
        "Journal of the run",
        type="jsonl",
        accept_multiple_files=True,
        key="journal",
        max_upload_size=MOST_UPLOAD_MB,
        label_visibility="collapsed",
    )
    spans = [case[f"{side}_span_id"] for side in _SIDES]
    answers = texts.journal_answers(_lines(files), spans)
    if files and not answers:
        st.caption("No answer to this case is in these files.")
    return {side: found[side] or answers.get(case[f"{side}_span_id"] or "") for side in _SIDES}


def _lines(files: Iterable[Iterable[bytes]]) -> Iterable[bytes]:
    for file in files:
        yield from file
