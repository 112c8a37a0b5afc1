"""Store the log records, metric points and scores of one commit, each once however often it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.meet import stretches
from collector.commit.statements import statement

# A row without a time of its own takes that of its arrival, so it may come again at another time: until then.
_AGAIN_WITHIN = timedelta(days=1)
# Equal rows have equal times.
_ROUNDED_US = 1_000


@dataclass(frozen=True)
class Signals:
    """Decoded rows of one commit, by where they go; None where there are none."""

    logs: pa.Table | None = None
    points: pa.Table | None = None
    scores: pa.Table | None = None


@dataclass(frozen=True)
class StoredSignals:
    """How many of them were new."""

    n_log_records: int = 0
    n_metric_points: int = 0
    n_scores: int = 0

    def __add__(self, other: StoredSignals) -> StoredSignals:
        return StoredSignals(
            self.n_log_records + other.n_log_records,
            self.n_metric_points + other.n_metric_points,
            self.n_scores + other.n_scores,
        )


@dataclass(frozen=True)
class _Kind:
    """Where one kind goes, and the column that tells two of its rows apart."""

    table: str
    identity: str
    statement: str


_LOGS = _Kind("log_records", "record_hash", "fresh_logs")
_POINTS = _Kind("metric_points", "point_hash", "fresh_points")
_SCORES = _Kind("scores", "score_id", "fresh_scores")


def together(signals: Sequence[Signals]) -> Signals:
    """The rows of several as one."""
    return Signals(
        logs=concatenated([one.logs for one in signals]),
        points=concatenated([one.points for one in signals]),
        scores=concatenated([one.scores for one in signals]),
    )


def concatenated(tables: Sequence[pa.Table | None]) -> pa.Table | None:
    """The tables that there are as one, a column that some lack NULL there; None when there is none."""
    present = [table for table in tables if table is not None]
    return pa.concat_tables(present, promote_options="default") if present else None


def store_signals(session: duckdb.DuckDBPyConnection, signals: Signals) -> StoredSignals:
    """Store what is new among these rows; the caller owns the transaction."""
    return StoredSignals(
        n_log_records=_store(session, _LOGS, signals.logs),
        n_metric_points=_store(session, _POINTS, signals.points),
        n_scores=_store(session, _SCORES, signals.scores),
    )


def _store(session: duckdb.DuckDBPyConnection, kind: _Kind, rows: pa.Table | None) -> int:
    if rows is None or not rows.num_rows:
        return 0
    session.register("incoming_signal", rows)
    try:
        session.execute(statement(kind.statement))
    finally:
        session.unregister("incoming_signal")
    for first, last in _windows(rows):
        session.execute(
            f"delete from fresh_signal using {kind.table} as stored "
            f"where stored.project = fresh_signal.project and stored.{kind.identity} = fresh_signal.{kind.identity} "
            "and stored.occurred_at between $from and $until and fresh_signal.occurred_at between $from and $until",
            {"from": first, "until": last},
        )
    [(n_stored,)] = session.execute(
        f"insert into {kind.table} by name select * from fresh_signal order by project, occurred_at"
    ).fetchall()
    return int(n_stored)


def _windows(rows: pa.Table) -> list[tuple[datetime, datetime]]:
    """The times that rows equal to these can be stored at: their own where they have one, so that the search stays
    small; a day around their arrival where they have none."""
    has_time = rows.column("said_at").is_valid()
    at_us = rows.filter(has_time).column("occurred_at").cast(pa.int64()).to_numpy()
    windows = stretches(at_us - _ROUNDED_US, at_us + _ROUNDED_US)
    arrived = rows.filter(pc.invert(has_time)).column("occurred_at")
    if len(arrived):
        span = pc.min_max(arrived).as_py()
        windows.append((span["min"] - _AGAIN_WITHIN, span["max"] + _AGAIN_WITHIN))
    return windows
