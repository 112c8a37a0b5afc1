"""Spans that came before: twice in one commit, or stored already. Of all bodies of one span one stays.

Nearly every commit has none, and finding that out must cost next to nothing: ids only, and only where times agree.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.statements import registered, statement

# Two bodies of one span are looked for this far apart in time, and stored spans this close are read in one go.
_MARGIN_US = 2 * 60 * 1_000_000
_APART_US = 60 * 60 * 1_000_000
# Each stretch is a query of its own, so there is a limit to how many a batch may cause.
_MOST_STRETCHES = 12
# Odd, and with bits all over: each part of an id moves every bit of the sum.
_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64
)


def each_once(session: duckdb.DuckDBPyConnection, spans: pa.Table) -> pa.Table:
    """Of spans that came more than once in this commit one body each."""
    if not may_repeat(spans):
        return spans
    with registered(session, incoming=spans):
        others = session.sql(statement("repeated")).to_arrow_table()
    return _without(spans, others.column("row"))


def may_repeat(spans: pa.Table) -> bool:
    """False only when every (project, trace id, span id) is there once, told by 64 bits made of them."""
    trace_ids = spans.column("trace_id").combine_chunks().storage
    halves = np.frombuffer(
        trace_ids.buffers()[1], np.uint64, 2 * len(trace_ids), trace_ids.offset * 16
    ).reshape(-1, 2)
    span_ids = spans.column("span_id").combine_chunks().fill_null(0).to_numpy()
    projects = (
        spans.column("project").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.uint64)
    )
    mixed: npt.NDArray[np.uint64] = (
        halves[:, 0] * _MIX[0] ^ halves[:, 1] * _MIX[1] ^ span_ids * _MIX[2] ^ projects * _MIX[3]
    )
    return len(np.unique(mixed)) < len(mixed)


def meet_stored_spans(session: duckdb.DuckDBPyConnection, spans: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(the spans to store, those of them that replace a stored body, with the `stored_day` of it)

    A stored body that is replaced is deleted here.
    """
    met = _met(session, spans)
    rivals = spans.take(pc.index_in(met.column("row"), spans.column("row").combine_chunks()))
    rivals = rivals.append_column("stored_day", met.column("day"))
    if not rivals.num_rows:
        return spans, rivals
    with registered(session, incoming=rivals):
        weighed = session.sql(statement("weigh")).to_arrow_table()
    fuller = weighed.filter(weighed.column("fresh_stays")).column("row")
    replacing = rivals.filter(pc.is_in(rivals.column("row"), fuller.combine_chunks()))
    with registered(session, replaced_ids=replacing):
        session.execute(statement("replace")).fetchall()
    lesser = weighed.filter(pc.invert(weighed.column("fresh_stays"))).column("row")
    return _without(spans, lesser), replacing


def _met(session: duckdb.DuckDBPyConnection, spans: pa.Table) -> pa.Table:
    """(row, day of the stored span) of the spans that are stored."""
    found = [pa.table({"row": pa.array([], pa.int64()), "day": pa.array([], pa.date32())})]
    ids = spans.select(["row", "project", "trace_id", "span_id", "started_at"])
    with registered(session, incoming_ids=ids):
        for first, last in stretches(spans.column("started_at")):
            bounds = {"from": first, "until": last}
            found.append(session.sql(statement("rivals"), params=bounds).to_arrow_table())
    return pa.concat_tables(found)


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


def _without(spans: pa.Table, rows: pa.ChunkedArray) -> pa.Table:
    return (
        spans.filter(pc.invert(pc.is_in(spans.column("row"), rows.combine_chunks()))) if len(rows) else spans
    )
