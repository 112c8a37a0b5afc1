"""The page: what is compared, the answer, the figures, the cases, and the versions in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import RUN, Filters, Own, choose
from dashboard.formats import plain
from dashboard.source import Row
from dashboard.views.evals import answer, cases, figures, versions
from dashboard.views.evals.comparing import (
    Comparison,
    between,
    differences,
    newest,
    version_named,
    versions_of,
)

NEWEST_RUNS = 500
# Of one run: what a figure of bars can still show, and more than anybody reads.
MOST_CASES = 1000

# What the address of this page says besides the filters.
OWN = (
    Own("a", "Version A", visible=False),
    Own("b", "Version B", visible=False),
    RUN,
    Own("case", "Case", visible=False),
    Own("show", "Cases shown", options=cases.SHOWS, visible=False),
)


def draw(filters: Filters) -> None:
    window = filters.window
    runs = _runs(filters)
    used = source.read(
        "prompt_versions",
        filters.project,
        since=window.since,
        until=window.until,
        **filters.of("prompt_versions"),
    )
    compared, problem = choice(filters, runs)
    if problem:
        st.info(problem, icon=":material/link_off:")
    if compared is not None:
        _choices(runs, compared)
        _compare(filters, compared, runs, used)
    elif not runs:
        _no_run_yet(filters)
    if not (used or runs):
        _no_prompt(filters)
    else:
        versions.draw(filters, runs, used)
    pieces.footer(
        f"newest run {formats.moment_exact(runs[0]['started_at'])}" if runs else "no run",
        "differences in points: B minus A, paired by case",
        f"calls of {formats.moment_exact(window.since)} to {formats.moment_exact(window.until)}",
    )


def _runs(filters: Filters) -> list[Row]:
    """The newest runs of the chosen prompt, and the run of the link, however old."""
    prompt, asked = filters.prompt_name, filters.own["run"]
    runs = source.read("runs", filters.project, limit=NEWEST_RUNS, prompt_name=prompt)
    if asked and all(run["run_id"] != asked for run in runs):
        runs = runs + source.read("runs", filters.project, limit=1, run_id=asked, prompt_name=prompt)
    return runs


def choice(filters: Filters, runs: Sequence[Row]) -> tuple[Comparison | None, str]:
    """What the address asks to compare, else the newest run; and what of it there is not, as Markdown."""
    own = filters.own
    if asked := own["run"]:
        run = next((run for run in runs if run["run_id"] == asked), None)
        if run is not None:
            return Comparison(run), ""
        of = f" of prompt **{plain(formats.shortened(filters.prompt_name))}**" if filters.prompt_name else ""
        said = (
            f"There is no run **{plain(formats.shortened(asked))}**{of} in project {plain(filters.project)}. "
        )
        return newest(runs), said + "Shown: the newest."
    if not (own["a"] or own["b"]):
        return newest(runs), ""
    known = versions_of(runs)
    a, b = (version_named(own[side], known) for side in ("a", "b"))
    for side, found in (("a", a), ("b", b)):
        if own[side] and found not in known:
            said = f"No run has version **{plain(formats.shortened(own[side] or ''))}**. Shown: the newest."
            return newest(runs), said
    found_run = between(runs, a, b)
    return (found_run, "") if found_run else (newest(runs), _not_comparable(a, b))


def _not_comparable(a: str | None, b: str | None) -> str:
    named = " and ".join(f"**{plain(formats.version(version))}**" for version in (a, b) if version)
    return (
        f"No run sets {named} side by side, and none of their runs have model, scorers and golden set in common. "
        "Shown: the newest run. To compare them, run the suite with the one as its prompt and the other as its baseline."
    )


@dataclass(frozen=True)
class _Pick:
    """A choice in the page; what is chosen is in the address."""

    key: str
    label: str
    width: int
    write: Callable[[str], str]


def _choices(runs: Sequence[Row], compared: Comparison) -> None:
    """The run and its two versions, to choose others."""
    by_id = {run["run_id"]: run for run in [*runs, compared.run]}
    versions_known = versions_of([*runs, compared.run])
    prompt = compared.run["prompt_name"] or compared.run["suite"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-compared"):
        st.markdown(f"## {plain(formats.shortened(prompt, 40))}", width="content")
        _pick(_Pick("a", "A", 150, _named("A")), versions_known, compared.a)
        _pick(_Pick("b", "B", 150, _named("B")), versions_known, compared.b)
        _pick(
            _Pick("run", "Run", 400, lambda run_id: _run_words(by_id[run_id])),
            list(by_id),
            compared.run["run_id"],
        )
        pieces.badge(compared.run["verdict"] if compared.is_judged else None)
        st.caption(plain(_facts(compared.run)))


def _named(side: str) -> Callable[[str], str]:
    return lambda version: f"{side}  {formats.shortened(formats.version(version), 20)}"


def _pick(pick: _Pick, options: Sequence[str], shown: str | None) -> None:
    key = f"evals-{pick.key}"
    # The address decides; a widget that kept its own choice would contradict it after Back.
    st.session_state[key] = shown
    st.selectbox(
        pick.label,
        options,
        key=key,
        format_func=pick.write,
        placeholder=f"{pick.label}  no version",
        label_visibility="collapsed",
        width=pick.width,
        on_change=_choose_run if pick.key == "run" else _choose_versions,
    )


def _choose_run() -> None:
    choose(run=st.session_state["evals-run"], a=None, b=None, case=None)


def _choose_versions() -> None:
    choose(a=st.session_state["evals-a"], b=st.session_state["evals-b"], run=None, case=None)


def _run_words(run: Row) -> str:
    return (
        f"{formats.moment(run['started_at'])} · {figures.versions(run)} · {versions.verdict_word(run['verdict'])} · "
        f"{formats.shortened(run['prompt_name'] or run['suite'], 30)}"
    )


def _facts(run: Row) -> str:
    parts = (
        f"{formats.shortened(run['provider'] or 'no provider', 30)} {formats.shortened(run['model'] or '', 40)}".strip(),
        f"golden set {formats.shortened(run['golden_set'], 40)}" if run["golden_set"] else "",
        run["status"] if run["status"] not in (None, "finished") else "",
    )
    return " · ".join(part for part in parts if part)


def _compare(filters: Filters, compared: Comparison, runs: Sequence[Row], used: Sequence[Row]) -> None:
    project = filters.project
    arms = source.read("run_arms", project, **compared.params)
    found = differences(compared, source.read("run_differences", project, **compared.params))
    metric = found[0].metric if found else compared.run["metric"] or (arms[0]["metric"] if arms else None)
    every_case = (
        source.read("run_cases", project, **compared.params, metric=metric, limit=MOST_CASES)
        if metric
        else []
    )
    answer.draw(filters, compared, found, arms)
    figures.draw(filters, compared, found, runs, every_case, used, MOST_CASES)
    if metric and every_case:
        first = found[0] if found else None
        cases.draw(
            filters, compared, first, cases.Cases(metric, every_case, are_all=len(every_case) < MOST_CASES)
        )


def _no_run_yet(filters: Filters) -> None:
    of = f" of prompt {plain(formats.shortened(filters.prompt_name))}" if filters.prompt_name else ""
    with st.container(border=True):
        st.markdown(f"## :material/compare_arrows: No eval run{of} yet")
        st.markdown(
            "A run answers a golden set with two versions of a prompt; what they differ by appears here."
        )
        st.code("steelyard init\nsteelyard eval run suite.yaml", language="bash")


def _no_prompt(filters: Filters) -> None:
    if filters.narrowing:
        pieces.nothing_matches(filters.described)
        return
    with st.container(border=True):
        st.markdown(
            "No call of this range names its prompt. Set `gen_ai.prompt.name` and `gen_ai.prompt.version` on the spans of "
            "your calls, and their versions appear here with cost, latency and scores."
        )
        pieces.link("setup", "Open Setup", ":material/cable:")
