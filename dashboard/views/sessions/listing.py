"""The conversations of a window: how many, what they cost, which were cut short; and the list to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters, choose
from dashboard.formats import count, money, plain, share
from dashboard.source import Row
from dashboard.views.sessions import windows

ROWS = 100
# Names in the address -> `sort` of the query.
ORDERS: Mapping[str, str] = {"dearest": "cost", "longest": "calls", "most errors": "errors"}
NEWEST = "newest"


def listing(filters: Filters, *, user_id: str | None, opened: str | None = None) -> None:
    """The list, in few columns beside the conversation that is opened; with the key figures when none is."""
    given: dict[str, Any] = {"user_id": user_id, **filters.of("sessions")}
    shown, earlier = filters.window, filters.window.before
    skip = _skip(filters.own["from_row"])
    if opened is None:
        totals, before = (
            source.read_one("session_totals", filters.project, since=one.since, until=one.until, **given)
            for one in (shown, earlier)
        )
        if not totals["n_sessions"]:
            _none(filters, totals, user_id)
            return
        _key_figures(filters, totals, before)
    rows = source.read(
        "sessions",
        filters.project,
        since=shown.since,
        until=shown.until,
        limit=ROWS,
        skip=skip,
        sort=ORDERS.get(filters.own["order"] or ""),
        windows=windows.as_parameter(filters.models_in_order),
        **given,
    )
    _table(filters, rows, skip, opened)
    if opened is None:
        pieces.footer(
            f"{count(totals['n_loose'])} calls name no conversation and are not here"
            if totals["n_loose"]
            else "",
            f"{count(totals['n_calls'] - totals['n_priced'])} calls without a known cost"
            if totals["n_priced"] < totals["n_calls"]
            else "",
            data_up_to=totals["last_at"],
            window=shown,
        )


def flags(row: Row) -> str:
    """What of a conversation was cut short, in words; empty when nothing was seen."""
    words = {"✂": "cut", "▲": "near window"}
    return ", ".join(f"{glyph} {count(n)} {words[glyph]}" for glyph, n in _marks(row))


def _marks(row: Row) -> list[tuple[str, int]]:
    """How many answers ended at a token limit, and how many calls were near their model's window, where there are some."""
    return [(glyph, n) for glyph, n in (("✂", row["n_truncated"]), ("▲", row["n_near_window"])) if n]


def _skip(text: str | None) -> int:
    """How many rows the address leaves out: whole pages, none when it says nothing that can be read."""
    return int(text) // ROWS * ROWS if text and text.isdecimal() and len(text) < 9 else 0


def _key_figures(filters: Filters, totals: Row, before: Row) -> None:
    against = f"vs {filters.compared_with}, " if before["n_sessions"] else ""
    columns = st.columns(5, gap="small")
    with columns[0]:
        pieces.metric(
            "Conversations",
            count(totals["n_sessions"]),
            change=formats.change("requests", totals["n_sessions"], before["n_sessions"]),
            note=f"{against}{count(totals['n_users'])} users",
        )
    with columns[1]:
        pieces.metric(
            "Calls a conversation",
            f"{totals['median_calls']:g}",
            note=f"median, {count(totals['n_calls'])} calls",
        )
    with columns[2]:
        pieces.metric(
            "Cost",
            money(totals["cost_usd"]),
            change=formats.change("spend", totals["cost_usd"], before["cost_usd"]),
            note=f"{against}median {money(totals['median_cost_usd'])} each",
            help="What is paid, in US dollars, for the calls of conversations that could be priced.",
        )
    for column, label, name, metric, note in (
        (columns[3], "With a failed call", "n_failed", "error_rate", "of conversations"),
        (columns[4], "Cut short", "n_truncated", "truncated_share", "ended at a token limit"),
    ):
        with column:
            pieces.metric(
                label,
                share(totals[name], totals["n_sessions"]),
                change=formats.change_of_share(
                    metric, (totals[name], totals["n_sessions"]), (before[name], before["n_sessions"])
                ),
                note=f"{against}{count(totals[name])} {note}",
            )


def _table(filters: Filters, rows: Sequence[Row], skip: int, opened: str | None) -> None:
    n = rows[0]["n_sessions"] if rows else 0
    order = filters.own["order"] or NEWEST
    note = (
        f"{count(skip + 1)} to {count(skip + len(rows))} of {count(n)}, {order} first"
        if rows
        else "none in this range"
    )
    with pieces.card("Conversations", note, key="every-session"):
        if not rows:
            st.caption("No conversation of this range matches the filters above.")
            return
        pieces.table(
            [_shown(row) for row in rows],
            _WRITTEN,
            _narrow() if opened else _wide(),
            alt="Conversations with their last call, user, calls, turns, tokens, cost, failed calls and what was cut short.",
            key="sessions",
            height=640 if len(rows) > 20 else "content",
            on_pick=lambda place: choose(session=rows[place]["session_id"]),
            picked=next((place for place, row in enumerate(rows) if row["session_id"] == opened), None),
        )
        _turn_pages(skip, len(rows), n)


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "last_at": formats.moment,
    "n_calls": count,
    "n_traces": count,
    "input_tokens": formats.short_count,
    "output_tokens": formats.short_count,
    "cost_usd": money,
    "n_errors": lambda n: count(n) if n else formats.UNKNOWN,
}


def _shown(row: Row) -> dict[str, Any]:
    users = row["user_id"] if row["n_users"] < 2 else f"{row['user_id']} and {row['n_users'] - 1} more"
    return {
        **row,
        "session": formats.shortened(row["session_id"], 40),
        "user": None if row["user_id"] is None else formats.shortened(users),
        "tenant": formats.tenant(row["tenant_id"]),
        "models": formats.shortened(row["models"] or "") or None,
        "prompts": formats.shortened(row["prompt_names"] or "") or None,
        "flags": flags(row) or None,
        "cut": " ".join(f"{glyph} {count(n)}" for glyph, n in _marks(row)) or None,
    }


def _narrow() -> dict[str, Any]:
    wide, text = _wide(), st.column_config.TextColumn
    few = {name: wide[name] for name in ("last_at", "n_calls", "cost_usd")}
    return {"session": text("conversation", width=140), **few, "cut": text("cut short", width=80)}


def _wide() -> dict[str, Any]:
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "session": text("conversation", width=190),
        "last_at": text("last call", width=95),
        "user": text("user", width=120),
        "tenant": text("tenant", width=100),
        "n_calls": number("calls", width=55),
        "n_traces": number("turns", width=55, help="traces: each answers one message, as a rule"),
        "input_tokens": number("input", width=70, help="tokens in, cached ones included"),
        "output_tokens": number("output", width=65, help="tokens out"),
        "cost_usd": number("cost", width=75, help="US dollars, of the calls that could be priced"),
        "n_errors": number("failed", width=60, help="calls that failed"),
        "flags": text(
            "cut short", width=125, help="answers that ended at a token limit, calls near the model's window"
        ),
        "models": text("models", width=170),
        "prompts": text("prompts", width=150),
    }


def _turn_pages(skip: int, n_shown: int, n: int) -> None:
    if n <= ROWS:
        return
    with st.container(horizontal=True, gap="small"):
        back, on = str(max(skip - ROWS, 0)) if skip > ROWS else None, str(skip + ROWS)
        st.button(
            "Back", icon=":material/chevron_left:", key="sessions-back", disabled=not skip,
            on_click=partial(choose, from_row=back),
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", key="sessions-next", disabled=skip + n_shown >= n,
            on_click=partial(choose, from_row=on),
        )  # fmt: skip


def _none(filters: Filters, totals: Row, user_id: str | None) -> None:
    if totals["n_loose"] and not filters.narrowing and user_id is None:
        with st.container(border=True):
            st.info(
                f"None of the {count(totals['n_loose'])} calls in this range names a conversation. Calls are put together "
                "by `gen_ai.conversation.id` or `session.id`: set one of them on the spans of a conversation.",
                icon=":material/forum:",
            )
        return
    if user_id is not None:
        st.info(
            f"The user **{plain(formats.shortened(user_id))}** has no conversation in this range. Widen the range.",
            icon=":material/person_search:",
        )
        return
    pieces.nothing_matches(filters.described)
