"""Settle and price the spans of one commit, inside its transaction: set-based, no row touched by Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.meet import each_once, meet_stored_spans
from collector.commit.statements import registered, statement
from collector.conventions.otel_current import PROVIDER_ALIASES
from collector.decode.requests import Request
from collector.decode.spans import DecodedSpans, decode
from collector.privacy.policy import ContentPolicy
from pricing.book import Book
from pricing.charge import CHARGE_SQL

# What is charged as it was sent (pricing/charge.sql).
_PRICED_AS_SENT = (
    "service_tier",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "cache_hit",
)


@dataclass(frozen=True)
class Stored:
    """What one batch of spans came to."""

    n_spans: int = 0
    n_calls: int = 0
    n_duplicates: int = 0
    # How many of the calls have each cost_status.
    cost_statuses: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.n_spans + other.n_spans,
            self.n_calls + other.n_calls,
            self.n_duplicates + other.n_duplicates,
            self.cost_statuses + other.cost_statuses,
        )


def decode_spans(requests: Sequence[Request], policy: ContentPolicy) -> DecodedSpans:
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
    """Store what is new among these spans; the caller owns the transaction.

    Statements cost milliseconds to plan, whatever they find: what nearly every commit can do without is only run
    when there is something for it.
    """
    session.execute(statement("says"))
    numbered = spans.append_column("row", pa.array(np.arange(spans.num_rows)))
    fresh, replaced = meet_stored_spans(session, each_once(session, numbered))
    calls = _priceable(fresh, book)
    with registered(session, incoming=fresh, priceable=calls, replaced_ids=replaced):
        session.execute(f"create or replace temp table charged as {CHARGE_SQL}")
        now = datetime.now(UTC).replace(tzinfo=None)
        session.execute(statement("store_charges"), {"now": now}).fetchall()
        session.execute(statement("store_spans")).fetchall()
    statuses = session.execute("select cost_status, count(*) from charged group by cost_status").fetchall()
    return Stored(fresh.num_rows, calls.num_rows, spans.num_rows - fresh.num_rows, Counter(dict(statuses)))


def _priceable(spans: pa.Table, book: Book) -> pa.Table:
    """The calls in the shape that pricing/charge.sql charges, each with the key of its model in the price book."""
    calls = spans.filter(spans.column("is_call"))
    return pa.table(
        {
            "row": calls.column("row"),
            "project": calls.column("project"),
            "day": calls.column("started_at").cast(pa.date32(), safe=False),
            "trace_id": calls.column("trace_id"),
            "span_id": calls.column("span_id"),
            "started_at": calls.column("started_at"),
            "model_key": _model_keys(calls, book),
            "cache_write_1h_tokens": pa.nulls(calls.num_rows, pa.int64()),
            "status": pc.if_else(calls.column("failed"), "error", "ok"),
            **{name: calls.column(name) for name in _PRICED_AS_SENT},
        }
    )


def _model_keys(calls: pa.Table, book: Book) -> pa.Array:
    """The book's key of each call's model, NULL where it knows none: asked once for each name that occurs."""
    names = [
        calls.column(name).combine_chunks() for name in ("provider", "model_answered", "model_requested")
    ]
    joined = pc.binary_join_element_wise(*names, "\x1f", null_handling="replace", null_replacement="\x00")
    codes = joined.dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    triples = zip(*(name.take(pa.array(first)).to_pylist() for name in names), strict=True)
    keys = [book.resolve_call(*triple) for triple in triples]
    return pa.array(keys, pa.string()).take(pa.array(codes))


def _provider_name(name: str | None) -> str | None:
    if name is None:
        return None
    lowered = name.strip().lower()
    return PROVIDER_ALIASES.get(lowered, lowered) or None
