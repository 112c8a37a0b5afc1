"""One transaction: the rows of decoded segments and their batch ids, all of it or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.memory import Memory
from collector.commit.statements import statement
from collector.commit.store_signals import StoredSignals, store_signals
from collector.commit.store_spans import Stored, store_spans
from collector.commit.unpack import Group
from store import erase, insert
from store.terms import Terms


@dataclass(frozen=True)
class Added:
    """What a commit added: rows by table, its calls by cost_status, and the terms that it brought (None: none)."""

    rows: Counter[str] = field(default_factory=Counter)
    cost_statuses: Counter[str] = field(default_factory=Counter)
    terms: Terms | None = None

    def __add__(self, other: Added) -> Added:
        return Added(
            self.rows + other.rows, self.cost_statuses + other.cost_statuses, other.terms or self.terms
        )


def store_groups(
    session: duckdb.DuckDBPyConnection, groups: Sequence[Group], terms: Terms, memory: Memory
) -> Added:
    """Commit the groups. Nothing of them is stored when it raises."""
    session.execute("begin transaction")
    try:
        added = _store(session, groups, terms, memory)
        session.execute("commit")
    except BaseException:
        _roll_back(session)
        raise
    return added


def try_groups(session: duckdb.DuckDBPyConnection, groups: Sequence[Group], terms: Terms) -> None:
    """Do all of it and take it back."""
    session.execute("begin transaction")
    try:
        _store(session, groups, terms, Memory())
    finally:
        _roll_back(session)


def stored_batches(session: duckdb.DuckDBPyConnection, batch_ids: Sequence[str]) -> set[str]:
    """Which of these segments are stored already."""
    rows = session.execute(
        "select batch_id from batches where batch_id in (select unnest(?))", [list(batch_ids)]
    ).fetchall()
    return {row[0] for row in rows}


def _store(
    session: duckdb.DuckDBPyConnection, groups: Sequence[Group], terms: Terms, memory: Memory
) -> Added:
    added = Added()
    for group in groups:
        added += _store_group(session, group, added.terms or terms, memory)
    return added


def _store_group(session: duckdb.DuckDBPyConnection, group: Group, terms: Terms, memory: Memory) -> Added:
    stored, signals, n_records = Stored(), StoredSignals(), 0
    changed = None
    for step in group.steps:
        if step.erase is not None:
            erase.erase(session, step.erase)
        if step.spans is not None:
            stored += store_spans(session, step.spans, terms, memory)
        if step.contents is not None:
            _store_contents(session, step.contents)
        signals += store_signals(session, step.signals)
        for (kind, project), rows in step.rows.items():
            n_records += insert.records(session, kind, project, rows)
        if step.changes_terms:
            terms = changed = terms.read_again(session)
    now = datetime.now(UTC).replace(tzinfo=None)
    # The counts belong to the group; its first batch carries them, so that sums over batches are right.
    counts = [stored.n_spans, stored.n_calls, stored.n_duplicates, n_records]
    counts += [signals.n_log_records, signals.n_metric_points, signals.n_scores]
    for one in group.files:
        session.execute(
            "insert into batches values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [one.segment.batch_id, now, *counts]
        )
        counts = [0] * len(counts)
    by_table = {
        "spans": stored.n_spans,
        "records": n_records,
        "log_records": signals.n_log_records,
        "metric_points": signals.n_metric_points,
        "scores": signals.n_scores,
    }
    return Added(Counter(by_table), stored.cost_statuses, changed)


def _store_contents(session: duckdb.DuckDBPyConnection, contents: pa.Table) -> None:
    days = pc.min_max(contents.column("day")).as_py()
    session.register("incoming_contents", contents)
    try:
        session.execute(statement("store_contents"), {"first": days["min"], "last": days["max"]}).fetchall()
    finally:
        session.unregister("incoming_contents")


def _roll_back(session: duckdb.DuckDBPyConnection) -> None:
    try:
        session.execute("rollback")
    except duckdb.Error:
        return  # no transaction is left to roll back: the error that brought us here ended it
