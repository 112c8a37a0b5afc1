"""Settle and price the spans of one commit, inside its transaction: set-based, no row touched by Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from collector.commit.statements import statement
from collector.conventions.otel_current import PROVIDER_ALIASES
from collector.decode.spans import DecodedSpans, TraceRequest, decode
from collector.privacy.policy import ContentPolicy
from pricing.book import Book
from pricing.charge import CHARGE_SQL

# Two bodies of one span are looked for this far apart in time, and stored spans this close are read in one go.
_MARGIN_US = 2 * 60 * 1_000_000
_APART_US = 60 * 60 * 1_000_000
# Each stretch is a query of its own, so there is a limit to how many a batch may cause.
_MOST_STRETCHES = 12


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


def decode_spans(requests: Sequence[TraceRequest], policy: ContentPolicy) -> DecodedSpans:
    """The spans as the settling SQL wants them, providers under one name each; and captured bodies."""
    decoded = decode(requests, policy)
    spans = decoded.spans
    providers = spans.column("provider").combine_chunks().dictionary_encode()
    names = [_provider_name(name) for name in providers.dictionary.to_pylist()]
    renamed = pa.array(names, pa.string()).take(providers.indices)
    return replace(
        decoded, spans=spans.set_column(spans.schema.get_field_index("provider"), "provider", renamed)
    )


def store_spans(session: duckdb.DuckDBPyConnection, spans: pa.Table, book: Book) -> Stored:
    """Store what is new among these spans (decode/incoming.py); the caller owns the transaction."""
    numbered = spans.append_column("row", pa.array(np.arange(spans.num_rows)))
    session.register("incoming", numbered)
    try:
        session.execute(statement("says"))
        session.execute(statement("settle"))
        session.execute("create or replace temp table dropped (row bigint)")
        session.execute(statement("repeated"))
        _meet_stored_spans(session, spans.column("started_at"))
        _charge(session, book)
        session.execute(statement("store_charges"), {"now": datetime.now(UTC).replace(tzinfo=None)})
        session.execute(statement("store_spans"))
        n_dropped = _count(session, "select count(*) from dropped")
        n_calls = _count(
            session, "select count(*) from incoming where is_call and row not in (select row from dropped)"
        )
    finally:
        session.unregister("incoming")
    return Stored(spans.num_rows - n_dropped, n_calls, n_dropped)


def _meet_stored_spans(session: duckdb.DuckDBPyConnection, started_at: pa.ChunkedArray) -> None:
    """Of a span that is stored already keep one body: ours goes to `dropped`, or the stored one is deleted."""
    session.execute(
        "create or replace temp table rivals "
        "(row bigint, day date, project varchar, trace_id uuid, span_id ubigint, fresh_stays boolean)"
    )
    for first, last in stretches(started_at):
        session.execute(statement("rivals"), {"from": first, "until": last})
    if not _count(session, "select count(*) from rivals"):
        return
    session.execute("insert into dropped select row from rivals where not fresh_stays")
    session.execute(
        "delete from spans using rivals where rivals.fresh_stays and rivals.day = spans.day "
        "and rivals.project = spans.project and rivals.trace_id = spans.trace_id and rivals.span_id = spans.span_id"
    )


def stretches(started_at: pa.ChunkedArray) -> list[tuple[datetime, datetime]]:
    """The times these spans lie in, apart where nothing is between: one wild clock must not widen the search for the
    others to all of history. Each a little wider than its spans, for a body of one of them that says otherwise.
    """
    moments = np.unique(started_at.cast(pa.int64()).to_numpy())
    if not len(moments):
        return []
    gaps = np.flatnonzero(np.diff(moments) > _APART_US)
    firsts = moments[np.concatenate(([0], gaps + 1))] - _MARGIN_US
    lasts = moments[np.concatenate((gaps, [len(moments) - 1]))] + _MARGIN_US
    while len(firsts) > _MOST_STRETCHES:
        # Join the two that are nearest to each other.
        nearest = int(np.argmin(firsts[1:] - lasts[:-1]))
        firsts, lasts = np.delete(firsts, nearest + 1), np.delete(lasts, nearest)
    return [(_moment(first), _moment(last)) for first, last in zip(firsts, lasts, strict=True)]


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(microseconds))  # noqa: DTZ001 - UTC, as the store has it


def _charge(session: duckdb.DuckDBPyConnection, book: Book) -> None:
    """`charged`: what each call of `fresh` costs."""
    asked = session.execute(
        "select distinct provider, model_answered, model_requested from settled where role = 'call'"
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
    # Fetched to the end: DuckDB lets no view be dropped beside a result that could have another row.
    [(count,)] = session.execute(sql).fetchall()
    return int(count)
