"""The list of calls: a hundred a page, a row a call, a click opens its trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters, Window, choose
from dashboard.filters.toolbar import clear
from dashboard.formats import count, plain
from dashboard.source import Row
from dashboard.views.traces.asked import NARROWING, ORDERS, Leaf, Search, leaf_of

PAGE = 100
_HEIGHT = 560
# A little more: a window begins on the edge of a bucket.
_DAY = timedelta(hours=25)
# Text in a table that nobody could read is not sent.
_SHORT = 40


def draw(
    chosen: Filters, window: Window, search: Search, live: Callable[[], object], *, beside: bool
) -> None:
    """The totals, a page of calls and the way to the next; `beside` an open trace there is room for fewer columns.

    `live` draws the switch that keeps the list up to date.
    """
    totals = _reading(search, window)(
        "search_totals", chosen.project, since=window.since, until=window.until, **search.params
    )[0]
    if not totals["n_calls"]:
        _nothing(chosen, search)
        live()
        return
    leaf = leaf_of(chosen.own["after"], search)
    rows = _page(chosen, window, search, leaf)
    if not rows:
        # The last page was left with none: retention, an erasure, or a link of long ago.
        leaf = Leaf()
        rows = _page(chosen, window, search, leaf)
    with st.container(border=True, gap="small", key="calls-card"):
        st.markdown(f"**Calls** :gray[· {plain(of_all(totals))}]")
        # Another table beside a trace: the cell that opened it would need two clicks to open it again.
        key = f"calls-{search.fingerprint}-{leaf.number}" + ("-beside" if beside else "")
        table(rows, key, chosen, beside=beside)
        # Below: above its right corner a table shows its own buttons, over whatever is there.
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-calls"):
            _turning(search, leaf, rows, totals)
            st.space("stretch")
            live()


def _page(chosen: Filters, window: Window, search: Search, leaf: Leaf) -> list[Row]:
    return _reading(search, window)(
        "search_calls",
        chosen.project,
        since=window.since,
        until=window.until,
        limit=PAGE,
        sort=ORDERS[search.order],
        after=leaf.after,
        **search.params,
    )


def _reading(search: Search, window: Window) -> Callable[..., list[Row]]:
    """Of a day the newest are read anew; half a minute old is new enough for what takes long to find."""
    is_short = window.until - window.since <= _DAY
    return source.read if is_short and search.order == "newest" else source.read_list


def table(rows: Sequence[Row], key: str, chosen: Filters, *, beside: bool) -> None:
    """Calls as a table; a click opens the trace of the row."""
    full = usually_under(rows)
    is_open = (chosen.own["id"], chosen.own["span"])
    places = [place for place, row in enumerate(rows) if (row["trace_id"], row["span_id"]) == is_open]
    pieces.table(
        [shown(row, full) for row in rows],
        {
            "started_at": lambda at: f"{at:%d %b %H:%M:%S}",
            "duration_ns": formats.duration,
            "ttft_ns": formats.duration,
            "input_tokens": count,
            "output_tokens": count,
        },
        _columns(full, beside=beside),
        alt=f"{len(rows)} calls with their start, status, latency, cost, tenant, model, prompt and tokens.",
        key=key,
        height=_HEIGHT if len(rows) > 20 else "content",
        on_pick=partial(_open, rows),
        picked=places[0] if places else None,
    )


def usually_under(rows: Sequence[Row]) -> int:
    """The duration in ns that 19 of 20 of these calls stay under: one that hung would leave all other bars empty."""
    known = sorted(row["duration_ns"] for row in rows if row["duration_ns"] is not None)
    return known[-(-(len(known) - 1) * 19 // 20)] if known else 0


def shown(row: Row, full_bar_ns: int) -> dict[str, Any]:
    """A row of `search_calls` as the table has it."""
    return {
        **row,
        "status": outcome(row),
        # Text, because the words beside the amounts are values too.
        "cost": cost(row),
        "bar": min(row["duration_ns"] or 0, full_bar_ns) / 10**9,
        "tenant": formats.tenant(row["tenant_id"]),
        "model": formats.model(row["model"]),
        "prompt": prompt(row),
        "feature": _short(row["feature"]),
        "service": _short(row["service_name"]),
    }


def outcome(row: Row) -> str:
    """A glyph and a word: ok, from a cache, the kind of failure, or what made an answer odd."""
    attempt = f" · try {row['attempt']}" if (row["attempt"] or 1) > 1 else ""
    if row["status"] == "error":
        return f"✕ {row['error_class'] or 'other'}{attempt}"
    if row["cache_hit"]:
        return "⚡ cache hit"
    if row["finish_reason"] == "length":
        return f"▲ cut short{attempt}"
    return f"✓ ok{attempt}"


def cost(row: Row) -> str:
    """What a call cost; a failed one without usage costs nothing that is known, and says so with a dash."""
    if row["cost_usd"] is None and row["status"] == "error":
        return formats.UNKNOWN
    estimated = "≈ " if row["cost_estimated"] and row["cost_usd"] is not None else ""
    return estimated + formats.call_cost(row["cost_usd"], row["cost_status"])


def prompt(row: Row) -> str:
    name = row["prompt_name"]
    if not name:
        return formats.UNKNOWN
    version = f"@{formats.version(row['prompt_version'])}" if row["prompt_version"] else ""
    return formats.shortened(name, _SHORT) + version


def _short(text: str | None) -> str:
    return formats.shortened(text, _SHORT) if text else formats.UNKNOWN


def _columns(full_bar_ns: int, *, beside: bool) -> Mapping[str, Any]:
    column = st.column_config
    found: dict[str, Any] = {
        "started_at": column.DatetimeColumn("started, UTC", width=106),
        "status": column.TextColumn("status", width=98),
        "bar": column.ProgressColumn(
            "time", min_value=0.0, max_value=full_bar_ns / 10**9 or 1.0, format=" ", width=42
        ),
        "duration_ns": column.NumberColumn("latency", width=62),
        "cost": column.TextColumn("cost", width=76, alignment="right"),
        "tenant": column.TextColumn("tenant", width=84),
        "model": column.TextColumn("model", width=142),
        "prompt": column.TextColumn("prompt", width=132),
    }
    if beside:
        return found
    return found | {
        "input_tokens": column.NumberColumn("in", width=58, help="input tokens"),
        "output_tokens": column.NumberColumn("out", width=52, help="output tokens"),
        "ttft_ns": column.NumberColumn("first token", width=80),
        "service": column.TextColumn("service", width=110),
        "feature": column.TextColumn("feature", width=120),
        "environment": column.TextColumn("env", width=66),
        "trace_id": column.TextColumn("trace", width=150),
    }


def _open(rows: Sequence[Row], place: int) -> None:
    choose(id=rows[place]["trace_id"], span=rows[place]["span_id"])


def of_all(totals: Row) -> str:
    """Everything that matches, in one line."""
    failed = f"{count(totals['n_errors'])} failed ({formats.share(totals['n_errors'], totals['n_calls'])})"
    unpriced = totals["n_calls"] - totals["n_priced"]
    return " · ".join(
        (
            f"{count(totals['n_calls'])} match",
            failed,
            f"{formats.money(totals['cost_usd'])}"
            + (f", {count(unpriced)} without a cost" if unpriced else ""),
            f"{formats.short_count(totals['tokens'])} tokens",
        )
    )


def _turning(search: Search, leaf: Leaf, rows: Sequence[Row], totals: Row) -> None:
    """Which rows these are, and the buttons to others."""
    first = (leaf.number - 1) * PAGE + 1
    is_last = len(rows) < PAGE or first + len(rows) > totals["n_calls"]
    if leaf.number == 1 and is_last:
        return
    st.caption(f"{count(first)} to {count(first + len(rows) - 1)}", width="content")
    before = _before(search, leaf)
    st.button(
        "First" if before.number == 1 else "Back",
        key="leaf-back",
        icon=":material/chevron_left:",
        type="tertiary",
        disabled=leaf.number == 1,
        on_click=_turn,
        args=(search, before, None),
    )
    st.button(
        "Next",
        key="leaf-next",
        icon=":material/chevron_right:",
        type="tertiary",
        disabled=is_last,
        on_click=_turn,
        args=(search, Leaf(leaf.number + 1, rows[-1]["position"]), leaf),
    )


def _turn(search: Search, to: Leaf, come_from: Leaf | None) -> None:
    if come_from:
        st.session_state[_mark(search, come_from.number)] = come_from.after
    choose(after=to.text(search))


def _before(search: Search, leaf: Leaf) -> Leaf:
    """The page before, where it was seen in this session; else the first: the browser's own Back knows the others."""
    after = st.session_state.get(_mark(search, leaf.number - 1))
    return Leaf(leaf.number - 1, after) if after else Leaf()


def _mark(search: Search, number: int) -> str:
    return f"leaf-{search.fingerprint}-{number}"


def _nothing(chosen: Filters, search: Search) -> None:
    """No call matches: which filters say so, and, for an id, whether it is known outside of them."""
    with st.container(border=True):
        st.info(
            f"No calls match {plain(search.described) or 'this range'}. Clear the filters, or widen the range.",
            icon=":material/filter_alt_off:",
        )
        for found in _elsewhere(chosen, search):
            st.button(
                f"{found['kind'].replace('_', ' ')} {plain(formats.shortened(found['id']))}: "
                f"{count(found['n_calls'])} calls, last on {formats.moment_exact(found['last_at'])}. Open its newest trace",
                key=f"open-{found['kind']}",
                icon=":material/account_tree:",
                on_click=choose,
                kwargs={"id": found["trace_id"], "span": found["span_id"]},
            )
        st.button("Clear the filters", key="clear", icon=":material/filter_alt_off:", on_click=clear_all)
    if not search.described:
        pieces.link("setup", "Is data flowing?", ":material/cable:", project=chosen.project)


def _elsewhere(chosen: Filters, search: Search) -> list[Row]:
    """What is known by the id that was looked for, whatever the filters and the range say."""
    if not search.found_by:
        return []
    return source.read("find_calls", chosen.project, id=search.found_by)


def clear_all() -> None:
    clear()
    choose(**dict.fromkeys(NARROWING))
