"""The filters above every page. They live in the entry script: a filter made inside a page would be lost on
leaving it, in spite of its binding to the URL.

The URL is the state: `/?range=30d&tenant=hooli&model=gpt-4o`, `/?dim=team&value=search&by=feature`,
`/spend?month=2026-11&by=team`, `/gates?run=01K…`. A value that the URL
names and nothing matches is said aloud; Streamlit by itself would drop it in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import streamlit as st

from dashboard import formats, source
from store.dimensions import dimension_named, short_name
from store.projects import DEFAULT_PROJECT

NO_TENANT = "(no tenant)"
NO_MODEL = "(no model named)"
LISTED = 500
# A dimension is offered when calls of the last week have it.
DIMENSIONS_FROM = timedelta(days=7)
# These have a filter of their own.
_OWN_FILTER = ("tenant_id", "model")


@dataclass(frozen=True)
class Range:
    """A window that ends now, and the width of its buckets (they divide a UTC day)."""

    name: str
    length: timedelta
    bucket_minutes: int

    @property
    def bucket(self) -> timedelta:
        return timedelta(minutes=self.bucket_minutes)


RANGES = {
    found.name: found
    for found in (
        Range("24h", timedelta(hours=24), 30),
        Range("7d", timedelta(days=7), 180),
        Range("30d", timedelta(days=30), 720),
        Range("90d", timedelta(days=90), 1440),
    )
}
DEFAULT_RANGE = "7d"


@dataclass(frozen=True)
class Window:
    """Half-open, in UTC: since a bucket's start, until the next full minute."""

    since: datetime
    until: datetime
    bucket_minutes: int

    @property
    def before(self) -> Window:
        """The window of the same length that ends where this one begins."""
        return Window(self.since - (self.until - self.since), self.since, self.bucket_minutes)


def window(chosen: Range, now: datetime) -> Window:
    """The chosen range up to now, begun on a bucket's edge so that only the last bucket is cut."""
    until = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    since = until - chosen.length
    midnight = since.replace(hour=0, minute=0)
    return Window(
        midnight + (since - midnight) // chosen.bucket * chosen.bucket, until, chosen.bucket_minutes
    )


@dataclass(frozen=True)
class Filters:
    project: str
    range: Range
    tenant_id: str | None  # None = all; empty = calls without a tenant
    model: str | None
    dimension: str | None  # a further dimension to filter by; set together with its value
    dimension_value: str | None  # empty = calls without a value in it
    by: str | None  # what to group by; None = what the page does by itself
    month: date
    run_id: str | None  # the run whose evidence is open
    models_in_order: Sequence[str]  # every model, most calls first: what fixes a model's colour

    @property
    def described(self) -> str:
        """The filters that narrow the page, in words; empty when none does."""
        parts = [
            f"tenant {formats.tenant(self.tenant_id)}" if self.tenant_id is not None else "",
            f"model {formats.model(self.model)}" if self.model is not None else "",
            self.described_dimension,
        ]
        return ", ".join(part for part in parts if part)

    @property
    def described_dimension(self) -> str:
        """The further dimension and its value, in words; empty when it narrows nothing."""
        if self.dimension is None:
            return ""
        return f"{formats.dimension(self.dimension)} {formats.in_dimension(self.dimension_value, self.dimension)}"

    @property
    def in_dimension(self) -> dict[str, str | None]:
        """As the parameters of a query."""
        return {"dimension": self.dimension, "dimension_value": self.dimension_value}


def toolbar(
    title: str, *, shows_range: bool = False, shows_month: bool = False, shows_run: bool = False
) -> Filters:
    """Draw the title and the filters that matter to this page on one line, and return what is chosen."""
    asked = st.query_params.to_dict()
    projects = sorted({DEFAULT_PROJECT, *source.projects()})
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="toolbar"):
        st.markdown(f"# {title}", width="content")
        project = (
            _pick("project", "Project", projects, 150, first=projects.index(DEFAULT_PROJECT))
            or DEFAULT_PROJECT
        )
        named = _dimensions(project, asked)
        listed = source.read_list(
            "filter_values", project, limit=LISTED, tenant_id=asked.get("tenant"), model=asked.get("model")
        )
        tenants = [row["value"] or NO_TENANT for row in listed if row["dimension"] == "tenant_id"]
        models = [row["value"] or NO_MODEL for row in listed if row["dimension"] == "model"]
        months = {formats.month_name(month): month for month in _months(project)}
        range_name = _pick_range()
        tenant = _pick("tenant", "Tenant", tenants, 210, placeholder="All tenants")
        model = _pick("model", "Model", models, 250, placeholder="All models")
        month = _pick("month", "Month", list(months), 140, first=0)
        further = [name for name in named if dimension_named(name) not in _OWN_FILTER]
        dimension = _pick(
            "dim", "Dimension", further, 150, placeholder="More filters", on_change=_forget_value
        )
        values = _values(project, dimension, asked.get("value"))
        value = _pick("value", "Value", list(values), 190, placeholder=f"All of {dimension}")
        by = _pick("by", "Group by", named, 140, placeholder="Group by")
        run_id = _run_box()
        has_time = shows_range or shows_month
        is_shown = {
            "project": len(projects) > 1,
            **dict.fromkeys(("range", "tenant", "model"), shows_range),
            "dim": has_time and bool(further),
            "value": has_time and bool(dimension),
            "by": has_time and bool(named),
            "month": shows_month,
            "run": shows_run,
        }
        _hide(*(name for name, shown in is_shown.items() if not shown))
    _say_what_is_unknown(
        asked,
        {
            "project": projects,
            "range": RANGES,
            "tenant": tenants,
            "model": models,
            "dim": further,
            "value": values,
            "by": named,
            "month": months,
        },
    )
    return Filters(
        project=project,
        range=RANGES[range_name],
        tenant_id="" if tenant == NO_TENANT else tenant,
        model="" if model == NO_MODEL else model,
        dimension=dimension_named(dimension) if dimension and value else None,
        dimension_value=values.get(value or "") if dimension else None,
        by=dimension_named(by) if by else None,
        run_id=(run_id or "").strip() or None,
        month=months.get(month or "", next(iter(months.values()))),
        models_in_order=["" if name == NO_MODEL else name for name in models],
    )


def _run_box() -> str | None:
    written: str | None = st.text_input(
        "Run",
        key="run",
        bind="query-params",
        placeholder="Run id",
        max_chars=64,
        label_visibility="collapsed",
        width=270,
    )
    return written


def open_run(run_id: str) -> None:
    """Choose the run whose evidence is shown; for a button's callback. Empty closes it."""
    # Not a link: Streamlit leaves the URL as it was when a link leads to the page it is on.
    st.session_state["run"] = run_id


def _forget_value() -> None:
    """A value is of one dimension; left in the URL it would be looked for in the next."""
    st.session_state["value"] = None


def _hide(*keys: str) -> None:
    """Take these filters out of sight, not out of the page.

    Streamlit takes a widget that is no longer drawn, or drawn elsewhere, out of the URL, and with it out of
    every step that Back would return to. So every filter is drawn on every page, in the same place.
    """
    hidden = ", ".join(f".st-key-{key}" for key in keys)
    st.html(f"<style>{hidden or '.none'} {{ display: none !important; }}</style>")


def _dimensions(project: str, asked: Mapping[str, str]) -> list[str]:
    """What the calls of the last week have, by the names that people use, and what a link names that older calls have."""
    today = source.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = source.read_list("dimension_names", project, since=today - DIMENSIONS_FROM)
    recent = [short_name(row["dimension"]) for row in rows if row["n_calls"]]
    linked = [asked[key] for key in ("dim", "by") if asked.get(key) and asked[key] not in recent]
    return recent + [name for name in dict.fromkeys(linked) if any(_values(project, name, None).values())]


def _values(project: str, dimension: str | None, asked: str | None) -> dict[str, str]:
    """The values of a dimension, most calls first: as shown -> as stored; empty without a dimension."""
    if dimension is None:
        return {}
    named = dimension_named(dimension)
    rows = source.read_list("filter_values", project, limit=LISTED, dimension=named, dimension_value=asked)
    return {
        row["value"] or f"(no {dimension.replace('_', ' ')})": row["value"]
        for row in rows
        if row["dimension"] == named
    }


def _months(project: str) -> list[date]:
    """The months that have calls, newest first; this month when none has."""
    known: list[date] = [row["month"] for row in source.read_list("months", project)]
    return known or [source.now().date().replace(day=1)]


def _pick(
    key: str,
    label: str,
    options: Sequence[str],
    width: int,
    *,
    first: int | None = None,
    placeholder: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> str | None:
    """One choice from a list, bound to the URL; without a `first`, the choice may be left open (None)."""
    return st.selectbox(
        label,
        options,
        index=first,
        placeholder=placeholder,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        width=width,
        on_change=on_change,
    )


def _pick_range() -> str:
    chosen = st.segmented_control(
        "Range",
        list(RANGES),
        default=DEFAULT_RANGE,
        required=True,
        key="range",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or DEFAULT_RANGE


def _say_what_is_unknown(asked: Mapping[str, str], known: Mapping[str, Collection[str]]) -> None:
    for key, options in known.items():
        value = asked.get(key)
        if value and value not in options:
            st.info(
                f"The link asks for {key} **{formats.plain(formats.shortened(value))}**, which is not known "
                "here. Shown without it.",
                icon=":material/link_off:",
            )
