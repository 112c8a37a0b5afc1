"""Who sends, when the last of it came, and what of it is unknown or in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.formats import count, plain
from errors import UserError

RECENT = timedelta(hours=1)
LOOKED_BACK = timedelta(days=30)
_MOST_NAMED = 5
_TALL, _TALL_ROWS = 262, 8

# What a trouble of a source is called in its row, and what would end it.
_TROUBLES: Mapping[str, tuple[str, str]] = {
    "n_unpriced": ("unpriced", ""),
    "n_no_usage": (
        "without usage",
        "reported no token counts, so nobody knows what they cost. Newer instrumentations report them; for streams "
        'switch them on (OpenAI: `stream_options={"include_usage": true}`).',
    ),
    "n_sampled": (
        "sampled",
        "stand for others that were never sent, so sums over them are of a part. For exact spend send every call: "
        "`OTEL_TRACES_SAMPLER=parentbased_always_on`, and no tail sampling.",
    ),
    "n_ambiguous": (
        "perhaps twice",
        "may be counted twice: two instrumentations told of failed calls at one moment, and nothing says which belong "
        "together. Turn one of the two off.",
    ),
    "n_cut": (
        "cut",
        "lost attributes in the SDK, so tokens may be missing. Raise its limit: "
        "`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=1024`.",
    ),
}


@st.fragment(run_every=2)
def wait_for_first(project: str) -> None:
    """Until the first span is there; then the whole page is drawn again."""
    try:
        n_spans = source.read_one("extent", project)["n_spans"]
    except UserError as mistake:
        st.error(plain(str(mistake)), icon=":material/cloud_off:")
        return
    if n_spans:
        st.rerun()
    st.info(
        f"**Waiting for the first span** in project {plain(project)}: looked for every 2 seconds. Send some of your own, load "
        "demo data, or import a file.",
        icon=":material/hourglass_top:",
    )


# A scan of every span: every 10 seconds is often enough once data flows.
@st.fragment(run_every=10)
def flow(project: str) -> None:
    """The sources with what is wrong with them."""
    now = source.now()
    try:
        services = source.read("services", project, since=_minute(now - RECENT))
        troubles = source.read("source_troubles", project, since=_minute(now - LOOKED_BACK), until=_next(now))
    except UserError as mistake:
        st.error(plain(str(mistake)), icon=":material/cloud_off:")
        return
    with pieces.card("Is data flowing?", "looked at every 10 seconds", height="content"):
        st.markdown(_last(services, now))
        _table(_rows(services, troubles, now))
        for sentence in advice(troubles):
            st.markdown(f":orange[▲] {sentence}")


def _last(services: Sequence[source.Row], now: datetime) -> str:
    newest = max((row["last_received_at"] for row in services if row["last_received_at"]), default=None)
    if newest is None:
        return "○ When the last span arrived is not known."
    is_recent = now - newest < RECENT
    said = f"Last span **{formats.age(newest, now)}** · {formats.moment_exact(newest)}"
    return f":green[✓] {said}" if is_recent else f":orange[▲] {said} · nothing in the last hour"


def _rows(
    services: Sequence[source.Row], troubles: Sequence[source.Row], now: datetime
) -> list[dict[str, object]]:
    by_service = {row["service_name"]: row for row in troubles}
    return [
        {
            **row,
            "state": state(row),
            "service": formats.shortened(row["service_name"] or "no service named"),
            "last": formats.age(row["last_received_at"], now) if row["last_received_at"] else formats.UNKNOWN,
            "emitters": formats.shortened(row["emitters"] or formats.UNKNOWN, 60),
            "doubts": ", ".join(doubts(by_service.get(row["service_name"], {}))) or "none",
        }
        for row in services
    ]


def state(service: Mapping[str, int]) -> str:
    """Whether a source still sends, in a sign and a word."""
    return "✓ sends" if service["n_spans_recent"] else "○ quiet"


def doubts(trouble: Mapping[str, int]) -> Iterator[str]:
    """What is unknown or in doubt of one source: `12 unpriced`, `30 sampled`."""
    for column, (word, _) in _TROUBLES.items():
        if trouble.get(column):
            yield f"{count(trouble[column])} {word}"


def advice(troubles: Sequence[Mapping[str, int]]) -> Iterator[str]:
    """What would end each kind of trouble, as Markdown, with the sources that have it."""
    for column, (word, sentence) in _TROUBLES.items():
        rows = sorted(
            (row for row in troubles if row[column]), key=lambda row: int(row[column]), reverse=True
        )
        if rows and sentence:
            yield f"**{word.capitalize()}**: {plain(_of_services(rows, column))} {sentence}"


def _of_services(rows: Sequence[Mapping[str, int]], column: str) -> str:
    said = "; ".join(
        f"{count(row[column])} calls of {formats.shortened(str(row['service_name'] or 'no service named'))}"
        + (f" (sent at a rate of {formats.rates(row)})" if column == "n_sampled" else "")
        for row in rows[:_MOST_NAMED]
    )
    return said + (f"; and {len(rows) - _MOST_NAMED} more services" if len(rows) > _MOST_NAMED else "")


def _table(shown: Sequence[Mapping[str, object]]) -> None:
    pieces.table(
        shown,
        {"n_spans_recent": count, "n_calls_recent": count, "n_calls": count},
        {
            "service": st.column_config.TextColumn("source", width=125, help="The service that sends."),
            "state": st.column_config.TextColumn(
                "state", width=70, help="✓ sent in the last hour, ○ did not."
            ),
            "last": st.column_config.TextColumn("last span", width=82),
            "n_spans_recent": st.column_config.NumberColumn("spans, 1 h", width=72),
            "n_calls_recent": st.column_config.NumberColumn("calls, 1 h", width=70),
            "n_calls": st.column_config.NumberColumn("calls, all", width=70),
            "doubts": st.column_config.TextColumn(
                f"in doubt, {LOOKED_BACK.days} d",
                width=135,
                help=f"Calls of the last {LOOKED_BACK.days} days of which something is unknown or in doubt.",
            ),
            "emitters": st.column_config.TextColumn("instrumentation", width=110),
        },
        alt="Services that send spans, when the last arrived, how many in the last hour, and what of them is in doubt.",
        key="services",
        height=_TALL if len(shown) > _TALL_ROWS else "content",
    )


def _minute(at: datetime) -> datetime:
    """The full minute: a moment that stays the same between two reads, so that they are one."""
    return at.replace(second=0, microsecond=0)


def _next(at: datetime) -> datetime:
    return _minute(at + timedelta(minutes=1))
