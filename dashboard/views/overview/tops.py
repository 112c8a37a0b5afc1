"""Who costs most: the costliest tenants, models and prompts, each a link to its spend, and the rest as one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import money, plain, plain_html
from dashboard.insight.attention import address_of
from dashboard.source import Row
from store.dimensions import short_name

DIMENSIONS = ("tenant_id", "model", "prompt_name")
# As many as the figure of spend stacks, so that the two name the same ones.
NAMED = 5
_NAMES_WIDTH = 150  # pixels
_LONGEST_NAME = 26


@dataclass(frozen=True)
class Top:
    """One value of a dimension over the window; `value` None = all others together."""

    value: str | None
    cost_usd: Decimal
    n_priced: int
    trend_usd: Sequence[Decimal]


def dimensions(filters: Filters) -> Sequence[str]:
    """What the lists are of: the dimension that is chosen above the page first, and as many in all."""
    if filters.by is None:
        return DIMENSIONS
    return (filters.by, *(name for name in DIMENSIONS if name != filters.by))[: len(DIMENSIONS)]


def spent(filters: Filters, by: str) -> list[Row]:
    """Rows of `spend_series`: also of the figure, which then costs no query of its own."""
    return source.read(
        "spend_series",
        filters.project,
        since=filters.window.since,
        until=filters.window.until,
        bucket_minutes=filters.window.bucket_minutes,
        top=NAMED,
        by=by,
        **filters.of("spend_series"),
    )


def tops(rows: Sequence[Row], buckets: Sequence[datetime]) -> list[Top]:
    """The costliest first, the others last. What has no known cost is in none of them."""
    ranks = sorted({row["rank"] for row in rows}, key=lambda rank: (rank == 0, rank))
    return [_top([row for row in rows if row["rank"] == rank], buckets) for rank in ranks]


def _top(rows: Sequence[Row], buckets: Sequence[datetime]) -> Top:
    at = {row["bucket_at"]: row["cost_usd"] for row in rows}
    return Top(
        rows[0]["value"],
        sum(at.values(), Decimal(0)),
        sum(row["n_priced"] for row in rows),
        [at.get(bucket, Decimal(0)) for bucket in buckets],
    )


def draw(filters: Filters, dimension: str, buckets: Sequence[datetime]) -> None:
    found = tops(spent(filters, dimension), buckets)
    many = formats.dimensions(dimension)
    with pieces.card(f"Top {many}", "by spend, opens Spend"):
        if not found:
            st.caption("Nothing in this window could be priced.")
            return
        with st.container(horizontal=True, gap=None, key=f"tops-{short_name(dimension)}"):
            with st.container(width=_NAMES_WIDTH, gap=None, key=f"tops-names-{short_name(dimension)}"):
                st.html(f'<div class="tops-head">{formats.dimension(dimension)}</div>')
                for top in found:
                    _link(filters, dimension, top)
            st.html(as_html(found, dimension), width="stretch")


def _link(filters: Filters, dimension: str, top: Top) -> None:
    pieces.link("spend", plain(_name(top, dimension)), None, **address(filters, dimension, top.value))


def _name(top: Top, dimension: str) -> str:
    if top.value is None:
        return "other"
    return formats.shortened(formats.in_dimension(top.value, dimension), _LONGEST_NAME)


def address(filters: Filters, dimension: str, value: str | None) -> dict[str, str]:
    """Spend in the month that the window ends in, narrowed as this page is and to this value; others: every one, by name."""
    asked = {"project": filters.project, "month": formats.month_name(filters.window.until.date())}
    for name, chosen in filters.narrowing.items():
        asked |= address_of(name, chosen)
    return asked | (address_of(dimension, value) if value is not None else {"by": short_name(dimension)})


def as_html(found: Sequence[Top], dimension: str) -> str:
    """The figures beside the names, whose column is there for those who hear the table only."""
    # The rest is no value: its bar would dwarf theirs.
    dearest = max((top.cost_usd for top in found if top.value is not None), default=Decimal(0))
    heads = f'<th class="heard">{formats.dimension(dimension)}</th><th colspan="2">spend</th><th>trend</th><th>$/1k calls</th>'
    lines = "".join(_line(top, dimension, dearest) for top in found)
    caption = (
        f"{formats.dimensions(dimension).capitalize()} by spend, with US dollars per 1,000 priced calls."
    )
    return (
        f'<table class="tops"><caption class="heard">{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _line(top: Top, dimension: str, dearest: Decimal) -> str:
    percent = 0 if top.value is None or not dearest else float(100 * top.cost_usd / dearest)
    per_thousand = money(formats.usd_per_thousand(top.cost_usd, top.n_priced))
    return (
        f'<tr><th scope="row" class="heard">{plain_html(_name(top, dimension))}</th>'
        f'<td><div class="bar"><div style="width:{percent:.0f}%"></div></div></td><td>{money(top.cost_usd)}</td>'
        f"<td>{charts.sparkline(top.trend_usd)}</td><td>{per_thousand}</td></tr>"
    )
