"""The bar of filters. It belongs in the entry script: a filter made inside a page would be lost on leaving it, in
spite of its binding to the URL.

The URL is the state: `/?range=30d&tenant=hooli&model=gpt-4o`, `/?range=custom&from=2026-11-18T13:00&to=2026-11-18T17:00`,
`/?dim=team&value=search&by=feature`, `/spend?month=2026-11&by=team`, `/gates?run=01K…`. A value that the URL names and
nothing matches is said aloud; Streamlit by itself would drop it in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

import streamlit as st

from dashboard import formats, source
from dashboard.filters import own as owned
from dashboard.filters.addresses import moment_in, what_is_unknown
from dashboard.filters.arriving import arrive, follow_link
from dashboard.filters.choices import CUSTOM, DEFAULT_RANGE, RANGES, Filters, Window, custom_window, window
from dashboard.filters.own import Own
from store.dimensions import dimension_named, short_name
from store.projects import DEFAULT_PROJECT

LISTED = 500
# A dimension is offered when calls of the last week have it.
DIMENSIONS_FROM = timedelta(days=7)
# Those with a filter of their own: dimension -> key in the address and in the page, width in pixels.
OWN_FILTER: Mapping[str, tuple[str, int]] = {
    "environment": ("env", 138),
    "tenant_id": ("tenant", 118),
    "model": ("model", 128),
    "prompt_name": ("prompt", 122),
}


def toolbar(title: str, shows: Collection[str], own: Sequence[Own], of_all: Sequence[Own]) -> Filters:
    """Draw the title and the filters that matter to this page on one line, and return what is chosen.

    `shows` are the filters of the page, by their keys in the address (`range`, `tenant`, …); `own` the fields that this
    page has besides, and `of_all` those of all pages, which are drawn on each, in this order.
    """
    asked = st.query_params.to_dict()
    arrive(title)
    _lead_to_custom(asked)
    projects = source.projects()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="toolbar"):
        st.markdown(f"# {title}", width="content")
        first = projects.index(DEFAULT_PROJECT) if DEFAULT_PROJECT in projects else 0
        project = _pick("project", "Project", projects, 115, first=first) or projects[first]
        named = _dimensions(project, asked)
        months = {formats.month_name(month): month for month in _months(project)}
        range_name, since, until = _pick_range()
        offered = _offered(project, asked)
        chosen = {
            name: _pick(
                key,
                formats.dimension(name).capitalize(),
                list(offered[name]),
                width,
                placeholder=f"All {formats.dimensions(name)}",
            )
            for name, (key, width) in OWN_FILTER.items()
        }
        month = _pick("month", "Month", list(months), 120, first=0)
        further = [name for name in named if dimension_named(name) not in OWN_FILTER]
        dimension = _pick(
            "dim", "Dimension", further, 116, placeholder="More filters", on_change=_forget_value
        )
        values = _values(project, dimension_named(dimension), asked.get("value")) if dimension else {}
        value = _pick("value", "Value", list(values), 160, placeholder=f"All of {dimension}")
        by = _pick("by", "Group by", named, 108, placeholder="Group by")
        # A field of several pages is one widget, whichever of them has it in sight.
        fields = owned.draw({field.key: field for field in of_all}.values())
        unseen = [key for key in fields if key not in {field.key for field in own if field.visible}]
        _hide(_hidden(shows, projects, dimension, further, named, offered, chosen, range_name) + unseen)
    shown, changed = _window(range_name, since, until)
    known = {
        "project": projects,
        "range": (*RANGES, CUSTOM),
        **{key: offered[name] for name, (key, _) in OWN_FILTER.items()},
        "dim": further,
        "value": values,
        "by": named,
        "month": months,
        **{field.key: field.options for field in of_all if field.options},
    }
    for sentence in [*what_is_unknown(asked, known, fields), *([formats.plain(changed)] if changed else [])]:
        st.info(sentence, icon=":material/link_off:")
    # As queries have them: empty text stands for calls that have none.
    stored = {name: offered[name].get(value) if value else None for name, value in chosen.items()}
    return Filters(
        project=project,
        window=shown,
        range_name=range_name,
        environment=stored["environment"],
        tenant_id=stored["tenant_id"],
        model=stored["model"],
        prompt_name=stored["prompt_name"],
        dimension=dimension_named(dimension) if dimension and value else None,
        dimension_value=values.get(value or "") if dimension else None,
        by=dimension_named(by) if by else None,
        own=fields,
        month=months.get(month or "", next(iter(months.values()))),
        models_in_order=list(offered["model"].values()),
    )


def clear() -> None:
    """Take away every filter that narrows a page, and show the range that pages begin with; for a button's callback."""
    for key in (*(key for key, _ in OWN_FILTER.values()), "dim", "value", "from", "to"):
        st.session_state[key] = None
    st.session_state["range"] = DEFAULT_RANGE


def _lead_to_custom(asked: Mapping[str, str]) -> None:
    """Whoever writes only `?from=` by hand means a custom range."""
    if (asked.get("from") or asked.get("to")) and "range" not in asked and "range" not in st.session_state:
        st.session_state["range"] = CUSTOM


def _hidden(
    shows: Collection[str],
    projects: Sequence[str],
    dimension: str | None,
    further: Sequence[str],
    named: Sequence[str],
    offered: Mapping[str, Mapping[str, str]],
    chosen: Mapping[str, str | None],
    range_name: str,
) -> list[str]:
    """The keys of the filters that this page has no use for, or that have nothing to choose from."""
    is_shown = {
        "project": len(projects) > 1,
        "range": "range" in shows,
        "from": "range" in shows and range_name == CUSTOM,
        "to": "range" in shows and range_name == CUSTOM,
        # Where all calls are alike there is nothing to choose; a choice that is made always shows.
        **{
            key: key in shows and (len(offered[name]) > 1 or chosen[name] is not None)
            for name, (key, _) in OWN_FILTER.items()
        },
        "dim": "dim" in shows and bool(further),
        "value": "dim" in shows and bool(dimension),
        "by": "by" in shows and bool(named),
        "month": "month" in shows,
    }
    return [key for key, shown in is_shown.items() if not shown]


def _hide(keys: Sequence[str]) -> None:
    """Take these filters out of sight, not out of the page.

    Streamlit takes a widget that is no longer drawn, or drawn elsewhere, out of the URL, and with it out of
    every step that Back would return to. So every filter is drawn on every page, in the same place.
    """
    hidden = ", ".join(f".st-key-{key}" for key in keys)
    st.html(f"<style>{hidden or '.none'} {{ display: none !important; }}</style>")


def _window(range_name: str, since: datetime | None, until: datetime | None) -> tuple[Window, str]:
    if range_name == CUSTOM:
        return custom_window(since, until, source.now())
    return window(RANGES[range_name], source.now()), ""


def _offered(project: str, asked: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each filter of its own offers, most calls first: as shown -> as stored."""
    both = source.read_list(
        "filter_values", project, limit=LISTED, tenant_id=asked.get("tenant"), model=asked.get("model")
    )
    listed = {
        name: _as_shown(name, [row["value"] for row in both if row["dimension"] == name])
        for name in ("tenant_id", "model")
    }
    for name in ("environment", "prompt_name"):
        listed[name] = _values(project, name, asked.get(OWN_FILTER[name][0]))
    return listed


def _dimensions(project: str, asked: Mapping[str, str]) -> list[str]:
    """What the calls of the last week have, by the names that people use, and what a link names that older calls have."""
    today = source.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = source.read_list("dimension_names", project, since=today - DIMENSIONS_FROM)
    recent = [short_name(row["dimension"]) for row in rows if row["n_calls"]]
    linked = [asked[key] for key in ("dim", "by") if asked.get(key) and asked[key] not in recent]
    return recent + [
        name for name in dict.fromkeys(linked) if any(_values(project, dimension_named(name), None).values())
    ]


def _values(project: str, dimension: str, asked: str | None) -> dict[str, str]:
    """The values of a dimension, most calls first: as shown -> as stored."""
    rows = source.read_list(
        "filter_values", project, limit=LISTED, dimension=dimension, dimension_value=asked
    )
    return _as_shown(dimension, [row["value"] for row in rows if row["dimension"] == dimension])


def _as_shown(dimension: str, values: Sequence[str]) -> dict[str, str]:
    """Values as people choose them -> as stored; calls without one have words of their own."""
    return {value or formats.no_value(dimension): value for value in values}


def _months(project: str) -> list[date]:
    """The months that have calls, newest first; this month when none has."""
    known: list[date] = [row["month"] for row in source.read_list("months", project)]
    return known or [source.now().date().replace(day=1)]


def _forget_value() -> None:
    """A value is of one dimension; left in the URL it would be looked for in the next."""
    st.session_state["value"] = None


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
    follow_link(key, options, otherwise=None if first is None else options[first])
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


def _pick_range() -> tuple[str, datetime | None, datetime | None]:
    """The name of the range, and for a custom one its bounds in UTC as far as they are given."""
    follow_link("range", (*RANGES, CUSTOM), otherwise=DEFAULT_RANGE)
    chosen = st.segmented_control(
        "Range",
        [*RANGES, CUSTOM],
        default=DEFAULT_RANGE,
        required=True,
        key="range",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or DEFAULT_RANGE, _pick_moment("from", "From (UTC)"), _pick_moment("to", "To (UTC)")


def _pick_moment(key: str, label: str) -> datetime | None:
    # Text and not a calendar: it can be pasted, and takes what an alert or a log says.
    follow_link(key)
    written = st.text_input(
        label,
        key=key,
        bind="query-params",
        value=None,
        placeholder=f"{key} 2026-11-18T13:00",
        max_chars=16,
        label_visibility="collapsed",
        width=165,
    )
    return moment_in(written)
