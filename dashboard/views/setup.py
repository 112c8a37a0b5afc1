"""Setup: is data flowing, and what could not be used?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import count, plain
from errors import UserError
from store.remote import DEFAULT_RECEIVER_URL

RECENT = timedelta(hours=1)
LOOKED_BACK = timedelta(days=30)

OTLP = """\
export OTEL_EXPORTER_OTLP_ENDPOINT={receiver_url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service
"""

PYTHON = """\
# pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "my-service"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("{receiver_url}/v1/traces")))
trace.set_tracer_provider(provider)

with trace.get_tracer("my-service").start_as_current_span("chat gpt-4o-mini") as span:
    span.set_attributes({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 40,
        "tenant.id": "acme",
    })
provider.shutdown()
"""

DEMO = """\
steelyard demo            # 50,000 generated calls and eval runs, in project `demo`
steelyard demo --remove   # and away again
"""


def draw(filters: Filters) -> None:
    health = source.health() or {}
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        _flow(filters.project)
        _unpriced(filters.project)
    with right:
        _snippets(str(health.get("receiver_url") or DEFAULT_RECEIVER_URL))
        _store(filters.project, health)
    pieces.footer(f"project {filters.project}")


def _snippets(receiver_url: str) -> None:
    snippets = {
        "Any OpenTelemetry SDK": (OTLP.replace("{receiver_url}", receiver_url), "bash"),
        "Python, one span": (PYTHON.replace("{receiver_url}", receiver_url), "python"),
        "Demo data": (DEMO, "bash"),
    }
    with pieces.card("Send data"):
        for tab, (text, language) in zip(st.tabs(list(snippets)), snippets.values(), strict=True):
            tab.code(text, language=language)


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
                {"n_items": count, "last_received_at": formats.moment},
                {
                    "reason": st.column_config.TextColumn("why", width=300),
                    "signal": st.column_config.TextColumn("signal", width=80),
                    "n_items": st.column_config.NumberColumn("items", width=70),
                    "last_received_at": st.column_config.DatetimeColumn("last", width=110),
                },
                alt="What was refused or could not be read, with the reason and how often.",
                key="rejects",
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
                for name, value in _facts(extent, health)
            ],
            {},
            {
                "fact": st.column_config.TextColumn("what", width=115),
                "value": st.column_config.TextColumn("value", width=400),
            },
            alt="Facts about the store: where it is, how much it holds, versions.",
            key="store",
        )


def _facts(extent: source.Row, health: Mapping[str, object]) -> list[tuple[str, str]]:
    """What the store holds, and what its server, if it has one, says of itself."""
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
        (
            "spool",
            "{spool_segments} segments waiting ({spool_bytes} bytes), {quarantined_segments} in quarantine",
        ),
    ]
    known = defaultdict(lambda: formats.UNKNOWN, {name: str(value) for name, value in health.items()})
    return held + ([(name, text.format_map(known)) for name, text in said] if health else [])


def _minute(at: datetime) -> datetime:
    """The full minute: a moment that stays the same between two reads, so that they are one."""
    return at.replace(second=0, microsecond=0)
