"""The row that is open beside the table: its days and what they went to, by model, prompt or feature."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import CannotNarrowError, Filters, choose
from dashboard.filters.addresses import between
from dashboard.formats import count, money, plain
from dashboard.insight.forecast import Forecast
from dashboard.report import words
from dashboard.report.month import Month, bounds, known_sum
from dashboard.source import Row
from store.dimensions import short_name

# By what the open row is taken apart; the address has the short name.
SPLITS = ("model", "prompt_name", "feature", "tenant_id")
_NAMED = 6
_FIGURE_HEIGHT = 250
# Filters with a field of their own in `Filters`, and their keys in the address.
_FIELDS = {"tenant_id": "tenant", "model": "model", "prompt_name": "prompt", "environment": "env"}


def shown(value: str | None, by: str) -> str:
    """A value as the address has it, and as the filters offer it."""
    return value or ("(no model named)" if by == "model" else f"(no {formats.dimension(by)})")


def opened(chosen: Filters, month: Month) -> str | None:
    """The row that is open, as the address has it: the one that is asked for, or the only one there is."""
    if chosen.own.get("open"):
        return chosen.own["open"]
    narrowed = chosen.narrowing.get(month.asked.by)
    return shown(narrowed, month.asked.by) if narrowed is not None else None


def open_row(value: str | None, by: str) -> None:
    choose(open=shown(value, by))


def toggle(value: str, opened_now: str | None) -> None:
    """Open this row; or close it, when it is the one that is open."""
    choose(open=None if value == opened_now else value)


def draw(chosen: Filters, month: Month) -> None:
    """Nothing, when no row is open."""
    named = opened(chosen, month)
    if named is None:
        return
    by = month.asked.by
    value = "" if named == shown(None, by) else named
    split = _split_of(chosen, by)
    try:
        rows = _days(of_row(chosen, by, value), month, split)
    except CannotNarrowError as mistake:
        with st.container(border=True):
            st.info(plain(str(mistake)), icon=":material/filter_alt_off:")
        return
    with st.container(border=True, gap="small", key="spend-panel"):
        _head(chosen, month, value)
        if not rows:
            whose = f"{formats.dimension(by)} {formats.shortened(named)}"
            st.info(
                f"No calls of {plain(whose)} in {formats.month_name(month.first)}.",
                icon=":material/event_busy:",
            )
            return
        _standing(month, value, rows)
        _parts(chosen, rows, by, split)
        _onward(chosen, month, named)
    _figure(chosen, month, rows, split)


def of_row(chosen: Filters, by: str, value: str) -> Filters:
    """The same filters, of this row alone. Raises CannotNarrowError when another dimension is narrowed already."""
    if by in _FIELDS:
        narrower: dict[str, Any] = {by: value}
        return replace(chosen, **narrower)
    if chosen.dimension not in (None, by):
        raise CannotNarrowError(
            f"A row cannot be opened by {formats.dimension(by)} while the page is narrowed by "
            f"{formats.dimension(chosen.dimension or '')}. Clear one of the two."
        )
    return replace(chosen, dimension=by, dimension_value=value)


def _days(chosen: Filters, month: Month, split: str) -> list[Row]:
    since, until = bounds(month.first)
    return source.read(
        "spend_days",
        chosen.project,
        since=since,
        until=until,
        top=_NAMED,
        by=split,
        **chosen.of("spend_days"),
    )


def _head(chosen: Filters, month: Month, value: str) -> None:
    name = plain(words.group(value, month.asked.by))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{name}** :gray[· {formats.month_name(month.first)}]", width="content")
        # Where the page is of this row alone there is nothing to go back to.
        if chosen.own.get("open"):
            st.button(
                "Close",
                key="spend-close",
                icon=":material/close:",
                type="tertiary",
                on_click=choose,
                kwargs={"open": None},
            )


def _offered(chosen: Filters, by: str) -> dict[str, str]:
    """By what the row can be taken apart, by the names that people use: what it is not narrowed by already."""
    return {short_name(name): name for name in SPLITS if name != by and name not in chosen.narrowing}


def _split_of(chosen: Filters, by: str) -> str:
    """By what to take it apart: what the address says, else the first that is something else than the row."""
    offered = _offered(chosen, by)
    return offered.get(chosen.own.get("split") or "") or next(iter(offered.values()), SPLITS[0])


def _choose_split() -> None:
    choose(split=st.session_state["spend-split"])


def _standing(month: Month, value: str, rows: Sequence[Row]) -> None:
    """What it spent, of how much, and where that will end."""
    spent = known_sum([row["cost_usd"] for row in rows])
    said = [
        f"**{plain(money(spent))}**",
        f"{words.share_of_usd(spent, month.totals['cost_usd'])} of the month's spend",
        f"{count(sum(row['n_calls'] for row in rows))} calls",
    ]
    held = next((one for one in month.budgets if one.budget.value == value), None)
    if held is None and len(month.asked.narrowing) == 1:
        held = month.whole
    if held is not None:
        glyph = charts.STATUSES[held.state][0]
        budget = money(held.budget.monthly_usd)
        said.append(f"{glyph} {held.state}: {words.share_used(held)} of {plain(budget)} used")
        if isinstance(held.forecast, Forecast) and held.forecast.path:
            said.append(f"forecast {plain(money(held.forecast.expected_usd))}")
    st.markdown(" · ".join(said))


def _figure(chosen: Filters, month: Month, rows: Sequence[Row], split: str) -> None:
    picture = charts.spend_over_time(
        [{**row, "bucket_at": datetime.combine(row["day"], time())} for row in rows],
        month.days_shown,
        chosen.models_in_order if split == "model" else (),
        split,
        height=_FIGURE_HEIGHT,
    )
    pieces.chart("Its days", picture, key="spend-days", note=f"US dollars, by {formats.dimension(split)}")


def _parts(chosen: Filters, rows: Sequence[Row], by: str, split: str) -> None:
    """What it went to, costliest first, and the rest as one line."""
    if offered := _offered(chosen, by):
        st.session_state["spend-split"] = short_name(split)
        st.segmented_control(
            "Taken apart by",
            list(offered),
            key="spend-split",
            required=True,
            label_visibility="collapsed",
            on_change=_choose_split,
        )
    of_rank: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        of_rank[row["rank"] or _NAMED + 1].append(row)
    lines = [_part(parts, split) for _, parts in sorted(of_rank.items())]
    dearest = max((line["cost_usd"] or Decimal(0) for line in lines), default=Decimal(0))
    for line in lines:
        line["bar"] = float((line["cost_usd"] or 0) / dearest) if dearest else 0.0
    number = st.column_config.NumberColumn
    pieces.table(
        lines,
        {"cost_usd": money, "per_thousand": money, "n_calls": count},
        {
            "name": st.column_config.TextColumn(formats.dimension(split), width=124),
            "cost_usd": number("spend", width=70),
            "bar": st.column_config.ProgressColumn(
                "share", min_value=0.0, max_value=1.0, format=" ", width=56
            ),
            "per_thousand": number("$ / 1k calls", width=80),
            "n_calls": number("calls", width=56),
        },
        alt=f"What the row went to by {formats.dimension(split)}: spend, unit cost and calls.",
        key="spend-parts",
    )


def _part(rows: Sequence[Row], split: str) -> dict[str, Any]:
    value = rows[0]["value"]
    cost_usd = known_sum([row["cost_usd"] for row in rows])
    return {
        "name": f"all other {formats.dimensions(split)}" if value is None else words.group(value, split),
        "cost_usd": cost_usd,
        "n_calls": sum(row["n_calls"] for row in rows),
        "per_thousand": formats.usd_per_thousand(cost_usd, sum(row["n_priced"] for row in rows)),
    }


def _onward(chosen: Filters, month: Month, named: str) -> None:
    by = month.asked.by
    address = {_FIELDS[by]: named} if by in _FIELDS else {"dim": short_name(by), "value": named}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if by not in chosen.narrowing:
            st.button(
                "Only this on the page",
                key="spend-narrow",
                icon=":material/filter_alt:",
                type="tertiary",
                on_click=choose,
                kwargs={**address, "open": None},
            )
        since, until = bounds(month.first)
        until = min(until, month.now.replace(tzinfo=None))
        pieces.link(
            "traces",
            "Its calls",
            ":material/manage_search:",
            project=chosen.project,
            sort="dearest",
            **address,
            **between(since, until),
        )
