"""One conversation: what was said, where that is captured, and what each call took, cost and left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.charts import TRUNCATIONS
from dashboard.filters import choose
from dashboard.formats import count, money, plain, share, short_count
from dashboard.source import Row
from dashboard.views.sessions import windows
from dashboard.views.sessions.messages import Exchange, Said, exchanges

MOST_CALLS = 500
CALLS_A_PAGE = 20
# A long answer is a page of its own; whole it is in its trace.
_MOST_CHARACTERS = 1_500
_SHORTLY: Mapping[str | None, str] = {"length": "at limit", "near_window": "near window", "shrunk": "shrunk"}
_WHO: Mapping[str, str] = {"system": "System", "user": "User", "assistant": "Model", "tool": "Tool"}
# Sides differ by indent and by their word; colours come from the theme.
_CSS = """
<style>
.sy-said { border-left: 3px solid rgba(138,147,160,.6); padding: .1rem .7rem; margin: .3rem 0 .3rem 0; }
.sy-said.assistant { border-color: #0072B2; margin-left: 1.6rem; }
.sy-said.tool { border-color: #E69F00; margin-left: 1.6rem; }
.sy-said b { font-size: .8rem; }
.sy-said p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .92rem; }
</style>
"""


def conversation(project: str, session_id: str, *, models: Sequence[str]) -> None:
    """The conversation of this id, whenever it was; `models` are the project's, most used first."""
    turns = source.read(
        "session_turns",
        project,
        session_id=session_id,
        limit=MOST_CALLS,
        windows=windows.as_parameter(models),
    )
    _head(session_id, turns)
    if not turns:
        st.info(
            f"There is no conversation of this id in project {plain(project)}.", icon=":material/link_off:"
        )
        return
    _figures(turns)
    if any(row["input_tokens"] is not None for row in turns) and len(turns) > 1:
        pieces.chart(
            "Context", charts.context_growth(turns), key="context", note="tokens a call, input and output"
        )
    _calls(project, session_id, turns)
    pieces.footer(
        f"conversation of {formats.moment_exact(turns[0]['started_at'])} to {formats.moment_exact(turns[-1]['started_at'])}",
        "the whole of it, whatever the range above says",
        f"its first {MOST_CALLS} calls" if len(turns) == MOST_CALLS else "",
    )


def _head(session_id: str, turns: Sequence[Row]) -> None:
    users = {row["user_id"] for row in turns if row["user_id"]}
    tenants = {row["tenant_id"] for row in turns if row["tenant_id"]}
    whose = [f"{what} {_few(names)}" for what, names in (("user", users), ("tenant", tenants)) if names]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        told = f" :gray[· {plain(' · '.join(whose))}]" if whose else ""
        st.markdown(f"## {plain(formats.shortened(session_id, 60))}{told}", width="stretch")
        st.button(
            "Close", icon=":material/close:", type="tertiary", key="session-close",
            on_click=partial(choose, session=None, who=None),
        )  # fmt: skip


def _few(names: set[str]) -> str:
    first, *others = sorted(names)
    return formats.shortened(first) + (f" and {len(others)} more" if others else "")


def _figures(turns: Sequence[Row]) -> None:
    costs = [row["cost_usd"] for row in turns if row["cost_usd"] is not None]
    took = (
        turns[-1]["started_at"]
        - turns[0]["started_at"]
        + timedelta(microseconds=(turns[-1]["duration_ns"] or 0) / 1e3)
    )
    n_failed = sum(row["status"] == "error" for row in turns)
    largest = max(
        (row for row in turns if row["context_tokens"]), key=lambda row: row["context_tokens"], default=None
    )
    n_unknown = len(turns) - len(costs)
    for column, (label, value, note) in zip(
        st.columns(5, gap="small"),
        (
            ("Calls", count(len(turns)), f"{count(turns[-1]['turn'])} turns, {count(n_failed)} failed"),
            (
                "Cost",
                money(sum(costs, Decimal(0)) if costs else None),
                f"{count(n_unknown)} calls without a known cost"
                if n_unknown
                else "every call has a known cost",
            ),
            (
                "Took",
                formats.duration(int(took / timedelta(microseconds=1) * 1000)),
                f"{_waited(turns)} between calls",
            ),
            (
                "Largest context",
                short_count(largest["context_tokens"] if largest else None),
                _of_window(largest),
            ),
            ("Cut short", *_cut_short(turns)),
        ),
        strict=True,
    ):
        with column:
            pieces.metric(label, value, note=note)


def _waited(turns: Sequence[Row]) -> str:
    return formats.duration(sum(row["waited_ns"] or 0 for row in turns))


def _of_window(largest: Row | None) -> str:
    if largest is None or not largest["window_tokens"]:
        return "the model's window is not known"
    return f"{share(largest['context_tokens'], largest['window_tokens'])} of {short_count(largest['window_tokens'])}"


def _cut_short(turns: Sequence[Row]) -> tuple[str, str]:
    seen = {kind: sum(row["truncation"] == kind for row in turns) for kind in TRUNCATIONS}
    cut = seen["length"] + seen["near_window"]
    said = ", ".join(f"{count(n)} {_SHORTLY[kind]}" for kind, n in seen.items() if n)
    return (f"▲ {count(cut)}" if cut else "none seen"), said or "no limit was met"


def _calls(project: str, session_id: str, turns: Sequence[Row]) -> None:
    said = _said(project, session_id)
    title = "Conversation" if said else "Calls"
    note = "redacted as it was stored" if said else f"{count(len(turns))}, in their order"
    with pieces.card(title, note, key="conversation"):
        if said:
            _spoken(project, turns, {exchange.place: exchange for exchange in said})
            return
        st.markdown(_why_silent(project))
        _table(project, turns)


def _said(project: str, session_id: str) -> list[Exchange]:
    if not source.may("contents"):
        return []
    return exchanges(source.read("session_contents", project, session_id=session_id, limit=MOST_CALLS))


def _why_silent(project: str) -> str:
    """Why no message of this conversation is shown, and what to do about it; Markdown."""
    if not source.may("contents"):
        return "What was said is not shown to your role; engineers and viewers see captured messages."
    state = source.pipeline(project)
    if state and state["captures_content"]:
        return (
            "What was said is not stored: its spans brought no message, or came before content was captured."
        )
    return (
        "Content not captured: nobody asked to store what was said. To store it from now on, redacted, start with "
        f"`STEELYARD_CAPTURE_PROJECTS={project}` (docs/privacy.md)."
    )


@st.fragment
def _spoken(project: str, turns: Sequence[Row], said: Mapping[int, Exchange]) -> None:
    st.html(_CSS)
    n_pages = -(-len(turns) // CALLS_A_PAGE)
    page = st.pagination(n_pages, key="conversation-page") if n_pages > 1 else 1
    turn = None
    for row in turns[(page - 1) * CALLS_A_PAGE : page * CALLS_A_PAGE]:
        if row["turn"] != turn:
            turn = row["turn"]
            st.markdown(f"**Turn {turn}** :gray[· {plain(formats.moment_exact(row['started_at']))}]")
        _one_call(project, row, said.get(row["place"]))


def _one_call(project: str, row: Row, exchange: Exchange | None) -> None:
    if exchange:
        st.html("".join(map(_bubble, exchange.said)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(plain(_in_words(row, exchange)), width="stretch")
        pieces.link(
            "traces",
            "Trace",
            ":material/account_tree:",
            id=row["trace_id"],
            span=row["span_id"],
        )


def _bubble(said: Said) -> str:
    text, rest = said.text[:_MOST_CHARACTERS], len(said.text) - _MOST_CHARACTERS
    more = f" … {count(rest)} more characters, in the trace" if rest > 0 else ""
    return f'<div class="sy-said {said.role}"><b>{_WHO[said.role]}</b><p>{escape(text)}{more}</p></div>'


def _in_words(row: Row, exchange: Exchange | None) -> str:
    """What a call took and cost, and what is not whole about it."""
    parts = [
        f"call {row['place']}",
        formats.model(row["model"]),
        _prompt(row) or "",
        f"{short_count(row['input_tokens'])} → {short_count(row['output_tokens'])} tokens",
        formats.call_cost(row["cost_usd"], row["cost_status"]),
        formats.duration(row["duration_ns"]),
        _outcome(row),
        f"▲ {TRUNCATIONS[row['truncation']]}" if row["truncation"] else "",
    ]
    if exchange is None:
        parts.append("nothing captured")
    else:
        parts += [
            f"{count(exchange.n_earlier)} earlier messages repeated" if exchange.n_earlier else "",
            f"{count(exchange.n_redactions)} places blanked out" if exchange.n_redactions else "",
            f"{count(exchange.n_cut_characters)} characters not stored" if exchange.n_cut_characters else "",
        ]
    return " · ".join(part for part in parts if part)


def _prompt(row: Row) -> str | None:
    if not row["prompt_name"]:
        return None
    version = f" {formats.version(row['prompt_version'])}" if row["prompt_version"] else ""
    return formats.shortened(row["prompt_name"]) + version


def _outcome(row: Row) -> str:
    if row["status"] == "error":
        return f"✕ {row['error_class'] or 'failed'}"
    return f"{count(row['tool_calls'])} tool calls" if row["tool_calls"] else ""


@st.fragment
def _table(project: str, turns: Sequence[Row]) -> None:
    n_pages = -(-len(turns) // 100)
    page = st.pagination(n_pages, key="calls-page") if n_pages > 1 else 1
    shown = turns[(page - 1) * 100 : page * 100]
    pieces.table(
        [_shown(row) for row in shown],
        _WRITTEN,
        _columns(),
        alt="Calls of the conversation in their order with tokens, cost, duration and what was cut short.",
        key="session-calls",
        height=420 if len(shown) > 13 else "content",
        on_pick=lambda place: st.session_state.update({"session-call": shown[place]["span_id"]}),
    )
    picked = next((row for row in shown if row["span_id"] == st.session_state.get("session-call")), None)
    if picked is None:
        st.caption("Click a call to open its trace.")
        return
    pieces.link(
        "traces",
        f"Open the trace of call {picked['place']}",
        ":material/account_tree:",
        id=picked["trace_id"],
        span=picked["span_id"],
    )


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "started_at": lambda at: f"{at:%H:%M:%S}",
    "input_tokens": short_count,
    "output_tokens": short_count,
    "duration_ns": formats.duration,
    "waited_ns": formats.duration,
}


def _shown(row: Row) -> dict[str, Any]:
    failed = f"✕ {row['error_class'] or 'failed'}" if row["status"] == "error" else "ok"
    return {
        **row,
        "model": formats.model(row["model"]),
        "prompt": _prompt(row),
        "cost": formats.call_cost(row["cost_usd"], row["cost_status"]),
        "outcome": failed,
        "cut": f"▲ {TRUNCATIONS[row['truncation']]}" if row["truncation"] else None,
    }


def _columns() -> dict[str, Any]:
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "place": number("call", width=45),
        "turn": number("turn", width=45, help="its trace in the conversation"),
        "started_at": text("at", width=70, help="UTC"),
        "waited_ns": number("after", width=80, help="since the call before ended"),
        "model": text("model", width=130),
        "prompt": text("prompt", width=100),
        "input_tokens": number("input", width=60, help="tokens in, cached ones included"),
        "output_tokens": number("output", width=60, help="tokens out"),
        "cost": text("cost", width=85),
        "duration_ns": number("took", width=70),
        "outcome": text("outcome", width=75),
        "cut": text("cut short", width=150),
    }
