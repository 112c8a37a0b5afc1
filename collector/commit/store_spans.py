"""Settle, price and store the spans of one commit, inside its transaction: set-based, no row touched by Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa

from collector.commit.charging import charge_into, priceable
from collector.commit.meet import each_once, meet_stored_spans, no_rivals
from collector.commit.memory import Memory
from collector.commit.related import related
from collector.commit.rows import STORED_IDS, Moved, moved, to_recharge, to_store
from collector.commit.seen import Ids
from collector.commit.statements import registered, statement
from collector.settle.columns import settle_input
from collector.settle.settle import settle
from store import rollups
from store.terms import Terms


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


def store_spans(session: duckdb.DuckDBPyConnection, spans: pa.Table, terms: Terms, memory: Memory) -> Stored:
    """Settle decoded spans with what is stored of their calls, and store what is new or different now.

    The caller owns the transaction. Statements cost milliseconds to plan, whatever they find: what nearly every commit
    can do without is only run when there is something for it.
    """
    numbered = each_once(session, spans.append_column("row", pa.array(np.arange(spans.num_rows))))
    ids = Ids.of(numbered)
    known = related(session, numbered, memory.seen, ids)
    fresh, replaced = numbered, no_rivals(numbered)
    if known:
        fresh, replaced, gone = meet_stored_spans(session, numbered, known.stored)
        known = known.without(gone)
    memory.seen.add(ids)
    fresh = _with_source_ids(session, fresh, memory)
    own = settle_input(fresh)
    settled = settle(pa.concat_tables([own, known.own], promote_options="default") if known else own)
    incoming = to_store(fresh, own, settled.spans.slice(0, fresh.num_rows), settled.touched, terms)
    changed = (
        moved(known, settled.spans.slice(fresh.num_rows), settled.touched, spans.num_rows, terms)
        if known
        else None
    )
    statuses = _charge_and_store(session, incoming, changed, replaced, terms)
    return Stored(fresh.num_rows, statuses.total(), spans.num_rows - fresh.num_rows, statuses)


def _with_source_ids(session: duckdb.DuckDBPyConnection, spans: pa.Table, memory: Memory) -> pa.Table:
    at = spans.schema.get_field_index("sources")
    ids = memory.source_texts.ids(session, spans.column("sources").combine_chunks())
    return spans.set_column(at, "sources_id", ids)


def _charge_and_store(
    session: duckdb.DuckDBPyConnection,
    incoming: pa.Table,
    changed: Moved | None,
    replaced: pa.Table,
    terms: Terms,
) -> Counter[str]:
    """How many of the new calls have each cost_status."""
    calls = priceable(incoming, terms)
    recharged = to_recharge(replaced, incoming)
    if changed:
        calls = pa.concat_tables([calls, priceable(changed.to_charge, terms)], promote_options="default")
        recharged = pa.concat_tables([recharged, changed.recharged])
    charge_into(session, calls, terms)
    with registered(session, priceable=calls, recharged=recharged):
        now = datetime.now(UTC).replace(tzinfo=None)
        session.execute(statement("store_charges"), {"now": now}).fetchall()
    _take_away(session, changed, replaced)
    with registered(session, incoming=incoming.drop_columns(["row", "failed"])):
        if not rollups.are_open(session, incoming):
            rollups.open_calls(session, "incoming")
        session.execute(statement("store_spans")).fetchall()
        found = session.execute(statement("cost_statuses_of_new" if changed else "cost_statuses")).fetchall()
    if changed:
        with registered(session, moved=changed.rows.drop_columns(["row", "failed", "started_at"])):
            session.execute(statement("put_back")).fetchall()
    return Counter(dict(found))


def _take_away(session: duckdb.DuckDBPyConnection, changed: Moved | None, replaced: pa.Table) -> None:
    """The stored rows that make room: aside those that are put back with other values, gone those that are replaced."""
    gone = replaced.select(STORED_IDS)
    if changed:
        gone = pa.concat_tables([gone, changed.rows.select(STORED_IDS)])
        with registered(session, moved=changed.rows.select(STORED_IDS)):
            session.execute(statement("take_out")).fetchall()
        rollups.open_calls(session, "taken_out")
    if replaced.num_rows:
        with registered(session, replaced_ids=replaced.select(STORED_IDS)):
            # By days: the body that goes may have begun at another hour, and is seldom anybody's.
            rollups.open_days(session, "(select project, stored_day as day from replaced_ids)")
    if gone.num_rows:
        with registered(session, replaced_ids=gone):
            session.execute(statement("replace")).fetchall()
