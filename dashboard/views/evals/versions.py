"""The versions of prompts: what their calls cost and took within the range, and what was scored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import CannotNarrowError, Filters, choose
from dashboard.formats import count
from dashboard.source import Row

SHOWN = 100
# Evaluations named in a row; the rest are counted.
EVALUATIONS_NAMED = 3

_Version = tuple[str | None, str | None]  # prompt, version


def draw(filters: Filters, runs: Sequence[Row], used: Sequence[Row]) -> None:
    """`used` as `prompt_versions` gives them, `runs` newest first."""
    scores, said = _scores(filters)
    one_prompt = filters.prompt_name is not None
    rows = version_rows(runs if not one_prompt else _of(runs, filters.prompt_name), used, scores)
    title = "Versions" if one_prompt else "Prompts and their versions"
    with pieces.card(
        title, f"calls within the range, narrowed by the filters above; scores of the newest run{said}"
    ):
        if not rows:
            st.caption("No call within the range names a prompt, and no run has judged one.")
            return
        pieces.table(
            rows[:SHOWN],
            {
                "n_calls": count,
                "p50_ns": formats.duration,
                "p95_ns": formats.duration,
                "first_at": formats.moment,
                "cost": formats.money,
            },
            _columns(),
            alt="Every prompt version with its calls, failures, latency, cost, and what evaluations said of it.",
            key="versions",
            height=330 if len(rows) > 10 else "content",
            on_pick=None if one_prompt else lambda number: _open(rows[number]["prompt_name"]),
        )
        if not one_prompt:
            st.caption("A click on a row shows its prompt alone.")


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "prompt": config.TextColumn("prompt", width=130),
        "version": config.TextColumn("version", width=75),
        "gate": config.TextColumn("gate", width=125),
        "eval": config.TextColumn("score of its run", width=165),
        "n_calls": config.NumberColumn("calls", width=70),
        "failed": config.TextColumn("failed", width=65, alignment="right"),
        "truncated": config.TextColumn("cut short", width=70, alignment="right"),
        "p50_ns": config.NumberColumn("p50", width=70),
        "p95_ns": config.NumberColumn("p95", width=70),
        "tokens": config.TextColumn("tokens in · out a call", width=140, alignment="right"),
        "cost": config.NumberColumn("$ / 1k calls", width=85),
        "unpriced": config.TextColumn("no cost", width=65, alignment="right"),
        "scores": config.TextColumn("evaluations and feedback", width=230),
        "first_at": config.TextColumn("first call", width=95),
        "models": config.TextColumn("models", width=230),
    }


def _open(prompt: str | None) -> None:
    """Choose the prompt above, and forget what was open of another."""
    choose(prompt=prompt, run=None, a=None, b=None, case=None)


def _of(runs: Sequence[Row], prompt: str | None) -> list[Row]:
    return [run for run in runs if (run["prompt_name"] or "") == (prompt or "")]


def _scores(filters: Filters) -> tuple[Sequence[Row], str]:
    """Scores of the calls that the page shows, and what to say where they cannot be narrowed to those."""
    try:
        asked = filters.of("prompt_scores")
    except CannotNarrowError:
        return (), "; evaluations are not shown, for they cannot be narrowed so"
    window = filters.window
    return source.read("prompt_scores", filters.project, since=window.since, until=window.until, **asked), ""


def version_rows(runs: Sequence[Row], used: Sequence[Row], scores: Sequence[Row]) -> list[dict[str, Any]]:
    """A row a version: those with calls in the order of `used`, then those that only runs know, newest first."""
    judged = _judged(runs)
    rows = [_row((row["prompt_name"], row["prompt_version"]), row, judged, scores) for row in used]
    called = {(row["prompt_name"], row["prompt_version"]) for row in used}
    return rows + [_row(version, {}, judged, scores) for version in judged if version not in called]


def _judged(runs: Sequence[Row]) -> dict[_Version, tuple[Row, str]]:
    """The newest run of each version, and the side that the version is of; as a candidate where there is such a run."""
    found: dict[_Version, tuple[Row, str]] = {}
    for side in ("candidate", "baseline"):
        for run in runs:
            if run[f"{side}_version"]:
                found.setdefault((run["prompt_name"], run[f"{side}_version"]), (run, side))
    return found


def _row(
    version: _Version, used: Row, judged: Mapping[_Version, tuple[Row, str]], scores: Sequence[Row]
) -> dict[str, Any]:
    run, side = judged.get(version, (None, ""))
    n_calls = used.get("n_calls", 0)
    return {
        "prompt_name": version[0],
        "prompt": formats.shortened(version[0] or "no prompt named", 60),
        "version": formats.shortened(formats.version(version[1]), 40),
        "gate": verdict_word(run["verdict"]) if run and side == "candidate" else None,
        "eval": _mean(run, side) if run else None,
        "n_calls": n_calls,
        "failed": formats.share(used.get("n_errors"), n_calls),
        "truncated": formats.share(used.get("n_truncated"), n_calls),
        "p50_ns": used.get("p50_ns"),
        "p95_ns": used.get("p95_ns"),
        "tokens": f"{_a_call(used, 'input_tokens')} · {_a_call(used, 'output_tokens')}" if n_calls else None,
        "cost": used.get("cost_per_1k_usd"),
        "unpriced": count(n_calls - used["n_priced"]) if n_calls else None,
        "scores": said_of(version, scores),
        "first_at": used.get("first_at"),
        "models": formats.shortened(used["models"], 80) if used.get("models") else None,
    }


def verdict_word(verdict: str | None) -> str:
    text, _ = pieces.VERDICTS.get(verdict, (f"? {formats.shortened(str(verdict), 20)}", "gray"))
    return text


def _mean(run: Row, side: str) -> str:
    if run[f"{side}_mean"] is None:
        return formats.UNKNOWN
    return f"{formats.score(run[f'{side}_mean'])} {formats.shortened(run['metric'] or '', 30)}".rstrip()


def _a_call(used: Row, name: str) -> str:
    """Mean tokens of the calls, all of them: some may not say how many they used."""
    return formats.UNKNOWN if used[name] is None else count(round(Decimal(used[name]) / used["n_calls"]))


def said_of(version: _Version, scores: Sequence[Row]) -> str | None:
    """The means of what evaluations and people said of a version's calls, each with how many said it."""
    own = [row for row in scores if (row["prompt_name"], row["prompt_version"]) == version]
    said = [
        f"{formats.shortened(row['evaluation'], 24)} {_value(row)} (n {count(row['n_scores'])})"
        for row in own[:EVALUATIONS_NAMED]
    ]
    more = [f"{len(own) - EVALUATIONS_NAMED} more"] if len(own) > EVALUATIONS_NAMED else []
    return ", ".join(said + more) or None


def _value(row: Row) -> str:
    return formats.score(row["mean"])
