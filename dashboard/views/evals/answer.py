"""The answer: what the gate said, and the five numbers that compare A with B."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import streamlit as st

from dashboard import formats, pieces
from dashboard.filters import Filters
from dashboard.formats import Change, count, plain, points
from dashboard.source import Row
from dashboard.views.evals.comparing import Comparison, Difference
from store.projects import DEFAULT_PROJECT

SIDES: Mapping[int, str] = {1: "▲ B is better", 0: "No clear difference", -1: "▼ B is worse"}
_JUDGEMENTS: Mapping[int, Literal["good", "bad", "neither"]] = {1: "good", 0: "neither", -1: "bad"}

# The two sides of a run on one scorer, as `run_arms` gives them.
_Sides = Mapping[str, Row]


def draw(filters: Filters, compared: Comparison, found: Sequence[Difference], arms: Sequence[Row]) -> None:
    """`found` as `differences` gives them, `arms` as `run_arms` does."""
    _said(filters, compared)
    first = found[0] if found else None
    metric = first.metric if first else compared.run["metric"]
    sides = {arm["arm"]: arm for arm in arms if arm["metric"] == metric}
    better, score, passing, cost, latency = st.columns([1.1, 1.25, 1, 1, 1], gap="small")
    with better:
        _who_wins(first, sides)
    with score:
        _score(first, sides)
    with passing:
        _passing(first, sides)
    with cost:
        _cost(sides)
    with latency:
        _latency(sides)


def project_in_links(filters: Filters) -> str | None:
    """The project as a link needs it: the usual one goes without saying."""
    return None if filters.project == DEFAULT_PROJECT else filters.project


def _said(filters: Filters, compared: Comparison) -> None:
    run = compared.run
    if not compared.is_judged:
        st.markdown(plain(_not_judged(compared)))
        if compared.against is not None:
            st.code(
                f"steelyard gate {run['run_id']} --baseline {compared.against['run_id']}", language="bash"
            )
        return
    reason, evidence = st.columns([8, 1.3], vertical_alignment="center", gap="small")
    with reason:
        st.markdown(plain(run["reason"] or "The verdict gives no reason."))
    with evidence:
        pieces.link(
            "gates",
            "Evidence of the gate",
            ":material/fact_check:",
            run=run["run_id"],
            project=project_in_links(filters),
        )


def _not_judged(compared: Comparison) -> str:
    if compared.against is None:
        return "No gate has decided about this run yet: the numbers below are no verdict."
    return (
        "No gate has decided about these two, which come from two runs with the same model, scorers and golden set. The "
        "numbers below are no verdict; this makes one, where the run's folder is:"
    )


def _who_wins(first: Difference | None, sides: _Sides) -> None:
    if first is None:
        n_cases = sides["candidate"]["n_cases"] if "candidate" in sides else None
        pieces.metric("B against A", "Nothing to compare", note=f"{count(n_cases)} cases of B alone")
        return
    pieces.metric("B against A", SIDES[first.side], note=f"{count(first.n_paired)} cases answered by both")


def _score(first: Difference | None, sides: _Sides) -> None:
    if first is None:
        alone = sides.get("candidate")
        label = f"Mean {formats.shortened(alone['metric'], 24)}" if alone else "Mean score"
        pieces.metric(plain(label), formats.score(alone["mean"] if alone else None))
        return
    bounds = first.interval
    pieces.metric(
        plain(f"Mean {formats.shortened(first.metric, 24)}, A → B"),
        f"{formats.score(first.baseline_mean)} → {formats.score(first.candidate_mean)}",
        change=Change(f"{points(first.difference)} points", _JUDGEMENTS[first.side]),
        note=f"{formats.interval(bounds.low, bounds.high)} at {100 * first.confidence:.0f} %"
        if bounds
        else "no interval",
    )


def _passing(first: Difference | None, sides: _Sides) -> None:
    pieces.metric(
        "Passing answers, A → B",
        _from_to(sides, lambda arm: _percent(arm["pass_share"])),
        note=f"▲ {count(first.n_better)} better, ▼ {count(first.n_worse)} worse" if first else None,
        help="Answers that score 0.5 or more, of those that are scored.",
    )


def _percent(part: float | None) -> str:
    return formats.UNKNOWN if part is None else f"{100 * part:.1f} %"


def _cost(sides: _Sides) -> None:
    now, before = (
        sides[side]["cost_per_1k_usd"] if side in sides else None for side in ("candidate", "baseline")
    )
    pieces.metric(
        "Cost per 1k answers, A → B",
        _from_to(sides, lambda arm: formats.money(arm["cost_per_1k_usd"])),
        change=formats.change("cost_per_thousand", now, before),
        note=_unpriced(sides),
    )


def _unpriced(sides: _Sides) -> str | None:
    """How many answers the cost is not known of; None when it is of all."""
    n_answers = sum(arm["n_scores"] + arm["n_missing"] for arm in sides.values())
    n_unknown = n_answers - sum(arm["n_priced"] for arm in sides.values())
    if n_answers and n_unknown == n_answers:
        return "the run's calls have no known cost"
    return f"not known of {count(n_unknown)} of {count(n_answers)} answers" if n_unknown else None


def _latency(sides: _Sides) -> None:
    now, before = (sides[side]["p95_ns"] if side in sides else None for side in ("candidate", "baseline"))
    pieces.metric(
        "p95 latency, A → B",
        _from_to(sides, lambda arm: formats.duration(arm["p95_ns"])),
        change=formats.change("p95", now, before),
    )


def _from_to(sides: _Sides, write: Callable[[Row], str]) -> str:
    """Both sides, A first; one that is not there is left out, and both unknown are one dash."""
    written = [write(sides[side]) for side in ("baseline", "candidate") if side in sides]
    return " → ".join(written) if set(written) - {formats.UNKNOWN} else formats.UNKNOWN
