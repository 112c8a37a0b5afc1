"""Settle and price the spans of one commit, inside its transaction: set-based, no row touched by Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from collector.commit.statements import statement
from collector.conventions.otel_current import CALL_OPERATIONS, PROVIDER_ALIASES
from collector.decode.spans import TraceRequest, decode
from pricing.book import Book
from pricing.charge import CHARGE_SQL


@dataclass(frozen=True)
class Stored:
    """What one batch of spans came to."""

    n_spans: int = 0
    n_calls: int = 0
    n_duplicates: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.n_spans + other.n_spans, self.n_calls + other.n_calls, self.n_duplicates + other.n_duplicates
        )


def decode_spans(requests: Sequence[TraceRequest]) -> pa.Table:
    """The spans as the settling SQL wants them, providers under one name each."""
    spans = decode(requests)
    providers = spans.column("provider").combine_chunks().dictionary_encode()
    names = [_provider_name(name) for name in providers.dictionary.to_pylist()]
    renamed = pa.array(names, pa.string()).take(providers.indices)
    return spans.set_column(spans.schema.get_field_index("provider"), "provider", renamed)


def store_spans(session: duckdb.DuckDBPyConnection, spans: pa.Table, book: Book) -> Stored:
    """Store what is new among these spans; the caller owns the transaction."""
    session.register("incoming", spans)
    session.execute(statement("settle"), {"call_operations": list(CALL_OPERATIONS)})
    session.unregister("incoming")
    _meet_stored_spans(session)
    _charge(session, book)
    n_calls = _count(session, "select count(*) from fresh where role = 'call'")
    n_fresh = _count(session, "select count(*) from fresh")
    session.execute(statement("store_charges"), {"now": datetime.now(UTC).replace(tzinfo=None)})
    session.execute(statement("store_spans"))
    return Stored(n_fresh, n_calls, spans.num_rows - n_fresh)


def _meet_stored_spans(session: duckdb.DuckDBPyConnection) -> None:
    """Of a span that is stored already keep one body: drop ours from `fresh`, or the stored one."""
    session.execute(
        "create or replace temp table rivals "
        "(day date, project varchar, trace_id uuid, span_id ubigint, fresh_stays boolean)"
    )
    days = [row[0] for row in session.execute("select distinct day from fresh order by day").fetchall()]
    for first, last in _runs_of_days(days):
        bounds = {"from": datetime.combine(first, time.min), "until": datetime.combine(last, time.max)}
        session.execute(statement("rivals"), bounds)
    if not _count(session, "select count(*) from rivals"):
        return
    session.execute(
        "delete from fresh using rivals where not rivals.fresh_stays and rivals.project = fresh.project "
        "and rivals.trace_id = fresh.trace_id and rivals.span_id = fresh.span_id"
    )
    session.execute(
        "delete from spans using rivals where rivals.fresh_stays and rivals.day = spans.day "
        "and rivals.project = spans.project and rivals.trace_id = spans.trace_id and rivals.span_id = spans.span_id"
    )


def _runs_of_days(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Neighbouring days together: one wild clock must not widen the search to all of history."""
    first = last = None
    for day in days:
        if first is None or last is None:
            first = last = day
        elif day - last <= timedelta(days=2):
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last


def _charge(session: duckdb.DuckDBPyConnection, book: Book) -> None:
    """`charged`: what each call of `fresh` costs."""
    asked = session.execute(
        "select distinct provider, model_answered, model_requested from fresh where role = 'call'"
    ).fetchall()
    resolved = pa.table(
        {
            "provider": pa.array([provider for provider, _, _ in asked], pa.string()),
            "model_answered": pa.array([answered for _, answered, _ in asked], pa.string()),
            "model_requested": pa.array([requested for _, _, requested in asked], pa.string()),
            "model_key": pa.array([book.resolve_call(*names) for names in asked], pa.string()),
        }
    )
    session.register("resolved_now", resolved)
    session.execute("create or replace temp table resolved_models as select * from resolved_now")
    session.unregister("resolved_now")
    session.execute(statement("priceable"))
    session.execute(f"create or replace temp table charged as {CHARGE_SQL}")


def _provider_name(name: str | None) -> str | None:
    if name is None:
        return None
    lowered = name.strip().lower()
    return PROVIDER_ALIASES.get(lowered, lowered) or None


def _count(session: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = session.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
