"""Setup: is data flowing, and what could not be used?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from dashboard import formats, pieces, pipeline, source
from dashboard.filters import Filters
from dashboard.formats import count, plain
from dashboard.snippets import snippets
from errors import UserError
from store.remote import DEFAULT_RECEIVER_URL

RECENT = timedelta(hours=1)
LOOKED_BACK = timedelta(days=30)
MOST_NAMED = 5
DEFAULT_GRPC_URL = "http://127.0.0.1:4317"
MAKE_KEY = "steelyard keys add --role ingest --project {project}"


def draw(filters: Filters) -> None:
    health = source.health() or {}
    _pipeline(filters.project)
    _sampled(filters.project)
    _doubtful(filters.project)
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        _flow(filters.project)
        _unpriced(filters.project)
    with right:
        _snippets(filters.project, str(health.get("receiver_url") or DEFAULT_RECEIVER_URL))
        _store(filters.project, health)
    pieces.footer(f"project {filters.project}")


@st.fragment(run_every=5)
def _pipeline(project: str) -> None:
    """The state of the collector; nothing when a store file is read."""
    try:
        state = source.pipeline(project)
    except UserError as mistake:
        st.error(plain(str(mistake)), icon=":material/cloud_off:")
        return
    if state is None:
        return
    shown = pipeline.figures(state, source.now())
    for column, figure in zip(st.columns(len(shown), gap="small"), shown, strict=True):
        with column:
            pieces.metric(figure.label, figure.value, note=figure.note)
    for trouble in pipeline.troubles(state):
        tell, icon = (
            (st.error, ":material/error:") if trouble.level == "error" else (st.warning, ":material/warning:")
        )
        tell(f"{plain(trouble.what)} {plain(trouble.advice)}", icon=icon)


def _sampled(project: str) -> None:
    """Which services send only a part of their calls: what was never sent is in no number."""
    until = _minute(source.now() + timedelta(minutes=1))
    rows = source.read("sampled_services", project, since=until - LOOKED_BACK, until=until)
    if not rows:
        return
    said = "; ".join(
        f"{formats.shortened(row['service_name'] or 'no service named')}, {count(row['n_sampled'])} of "
        f"{count(row['n_calls'])} calls at a rate of {formats.rates(row)}"
        for row in rows[:MOST_NAMED]
    )
    more = f"; and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    st.warning(
        plain(
            f"These services send only a part of their calls, so sums over them are of a part (last {LOOKED_BACK.days} "
            f"days): {said}{more}. For exact spend send every call: OTEL_TRACES_SAMPLER=parentbased_always_on, and no "
            "tail sampling."
        ),
        icon=":material/filter_list:",
    )


def _doubtful(project: str) -> None:
    """Which services' numbers are not beyond doubt, and what would make them so."""
    until = _minute(source.now() + timedelta(minutes=1))
    rows = source.read("doubtful_calls", project, since=until - LOOKED_BACK, until=until)
    ambiguous = [row for row in rows if row["n_ambiguous"]]
    cut = [row for row in rows if row["n_cut"]]
    if ambiguous:
        st.warning(
            plain(
                f"These calls may be counted twice, because two instrumentations told of failed calls at one moment and "
                f"nothing says which belong together: {_of_services(ambiguous, 'n_ambiguous')}. Turn one of the two off."
            ),
            icon=":material/difference:",
        )
    if cut:
        st.warning(
            plain(
                f"The SDK dropped attributes of these calls, so tokens may be missing: {_of_services(cut, 'n_cut')}. Raise "
                "its limit: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=1024."
            ),
            icon=":material/content_cut:",
        )


def _of_services(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    said = "; ".join(
        f"{formats.shortened(row['service_name'] or 'no service named')}, {count(row[column])} of "
        f"{count(row['n_calls'])} calls"
        for row in rows[:MOST_NAMED]
    )
    return said + (f"; and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else "")


def _snippets(project: str, receiver_url: str) -> None:
    state = source.pipeline(project)
    endpoints = state["endpoints"] if state else {"http": receiver_url, "grpc": DEFAULT_GRPC_URL}
    needs_key = bool(state and state["access"]["keys_required"])
    shown = snippets(endpoints["http"], endpoints["grpc"], needs_key=needs_key)
    with pieces.card("Send data"):
        for tab, (text, language) in zip(st.tabs(list(shown)), shown.values(), strict=True):
            tab.code(text, language=language)
        if needs_key:
            st.caption(f"A key is made on the collector's machine: `{MAKE_KEY.format(project=project)}`")


@st.fragment(run_every=2)
def _flow(project: str) -> None:
    try:
        services = source.read("services", project, since=_minute(source.now() - RECENT))
        rejects = source.read("rejects_by_reason", project, since=_minute(source.now() - LOOKED_BACK))
    except UserError as mistake:
        st.error(plain(str(mistake)), icon=":material/cloud_off:")
        return
    with pieces.card("Is data flowing?", "looked at every 2 seconds"):
        if services:
            newest = max(
                (row["last_received_at"] for row in services if row["last_received_at"]), default=None
            )
            st.markdown(
                f":green[✓] Last span **{formats.age(newest, source.now())}** · "
                f"{formats.moment_exact(newest)}"
            )
            _services(services)
        else:
            st.markdown(
                f":material/hourglass_top: **Waiting for the first span** in project {plain(project)} …"
            )
            st.caption("It shows up here within seconds of its arrival.")
        if rejects:
            st.markdown(f"**Refused or unreadable** :gray[· last {LOOKED_BACK.days} days]")
            pieces.table(
                rejects,
                {"n_refusals": count, "n_items": count, "last_received_at": formats.moment},
                {
                    "signal": st.column_config.TextColumn("signal", width=75),
                    "reason": st.column_config.TextColumn("why, and where from", width=320),
                    "n_refusals": st.column_config.NumberColumn("times", width=60),
                    "n_items": st.column_config.NumberColumn(
                        "items", width=60, help="Unknown when a whole request could not be read."
                    ),
                    "last_received_at": st.column_config.DatetimeColumn("last", width=100),
                },
                alt="What was refused or could not be read, with the reason, the sender and how often.",
                key="rejects",
                height=320 if len(rejects) > 10 else "content",
            )
        else:
            st.caption(f"Nothing refused or unreadable in the last {LOOKED_BACK.days} days.")


def _services(services: list[source.Row]) -> None:
    shown = [
        {
            **row,
            "service": formats.shortened(row["service_name"] or "no service named"),
            "last": formats.age(row["last_received_at"], source.now()),
            "emitters": formats.shortened(row["emitters"] or formats.UNKNOWN, 60),
        }
        for row in services
    ]
    pieces.table(
        shown,
        {"n_spans_recent": count, "n_calls_recent": count, "n_calls": count},
        {
            "service": st.column_config.TextColumn("service", width=150),
            "last": st.column_config.TextColumn("last span", width=90),
            "n_spans_recent": st.column_config.NumberColumn("spans, 1 h", width=80),
            "n_calls_recent": st.column_config.NumberColumn("calls, 1 h", width=80),
            "n_calls": st.column_config.NumberColumn("calls, all", width=80),
            "emitters": st.column_config.TextColumn("instrumentation", width=140),
        },
        alt="Services that send spans, when the last arrived, and how many in the last hour.",
        key="services",
        height=320 if len(shown) > 10 else "content",
    )


def _unpriced(project: str) -> None:
    until = _minute(source.now() + timedelta(minutes=1))
    rows = source.read("unpriced_models", project, since=until - LOOKED_BACK, until=until)
    with pieces.card("Models without a price", f"last {LOOKED_BACK.days} days"):
        if not rows:
            st.caption("Every call with usage has a price.")
            return
        pieces.table(
            [
                {**row, "model": formats.model(row["model"]), "provider": row["provider"] or formats.UNKNOWN}
                for row in rows
            ],
            {"n_calls": count, "tokens": count, "last_started_at": formats.moment},
            {
                "model": st.column_config.TextColumn("model", width=190),
                "provider": st.column_config.TextColumn("provider", width=110),
                "cost_status": st.column_config.TextColumn("why", width=110),
                "n_calls": st.column_config.NumberColumn("calls", width=65),
                "tokens": st.column_config.NumberColumn("tokens", width=85),
                "last_started_at": st.column_config.DatetimeColumn("last", width=95),
            },
            alt="Models that no price was found for, with calls and tokens.",
            key="unpriced",
        )


def _store(project: str, health: Mapping[str, object]) -> None:
    extent = source.read_one("extent", project)
    with pieces.card("The store", f"project {project}"):
        if health and (health.get("status") != "ok" or health.get("problem")):
            st.error(plain(str(health.get("problem") or health.get("status"))), icon=":material/error:")
        pieces.table(
            [
                {"fact": name, "value": formats.shortened(value, 160)}
                for name, value in _facts(project, extent, health)
            ],
            {},
            {
                "fact": st.column_config.TextColumn("what", width=115),
                "value": st.column_config.TextColumn("value", width=400),
            },
            alt="Facts about the store: where it is, how much it holds, versions.",
            key="store",
        )


def _facts(project: str, extent: source.Row, health: Mapping[str, object]) -> list[tuple[str, str]]:
    """What the store holds, and what its server, if it has one, says of itself."""
    state = source.pipeline(project)
    held = [
        ("reads", source.where()),
        (
            "holds",
            f"{count(extent['n_spans'])} spans, {count(extent['n_calls'])} of them model calls; "
            f"{count(extent['n_runs'])} eval runs",
        ),
        (
            "calls",
            f"{formats.moment_exact(extent['first_started_at'])} to "
            f"{formats.moment_exact(extent['last_started_at'])}",
        ),
    ]
    said = [
        ("data directory", "{data_dir}"),
        ("price book", "{price_book}"),
        ("versions", "DuckDB {duckdb_version}, schema {schema_version}"),
    ]
    known = defaultdict(lambda: formats.UNKNOWN, {name: str(value) for name, value in health.items()})
    of_server = [(name, text.format_map(known)) for name, text in said] if health else []
    return held + (pipeline.facts(state) if state else []) + of_server


def _minute(at: datetime) -> datetime:
    """The full minute: a moment that stays the same between two reads, so that they are one."""
    return at.replace(second=0, microsecond=0)
