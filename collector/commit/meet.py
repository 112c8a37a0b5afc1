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
from collector.settle.forest import Rows, codes, joint, storage_of

_IDS = ["project", "trace_id", "span_id"]
_FIRST_US, _LAST_US = -62_000_000_000_000_000, 250_000_000_000_000_000
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
    session.execute(statement("says"))
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


def meet_stored_spans(
    session: duckdb.DuckDBPyConnection, spans: pa.Table, stored: pa.Table
) -> tuple[pa.Table, pa.Table, Rows]:
    """(the spans to store; those of them that replace a stored body, with the `stored_day` of it; rows of `stored` that
    are gone with that)

    `stored` are stored spans, among them every stored body of these (collector/commit/related.py).
    """
    rows, bodies = _bodies_of(spans, stored)
    rivals = spans.take(pa.array(rows)).append_column(
        "stored_day", stored.column("stored_day").take(pa.array(bodies))
    )
    if not rivals.num_rows:
        return spans, rivals, bodies
    session.execute(statement("says"))
    with registered(session, incoming=rivals):
        weighed = session.sql(statement("weigh")).to_arrow_table()
    fuller = weighed.filter(weighed.column("fresh_stays")).column("row").combine_chunks()
    stays = pc.is_in(rivals.column("row"), fuller)
    lesser = weighed.filter(pc.invert(weighed.column("fresh_stays"))).column("row")
    gone: Rows = bodies[stays.to_numpy()]
    return _without(spans, lesser), rivals.filter(stays), gone


def no_rivals(spans: pa.Table) -> pa.Table:
    """None of these spans replaces a stored body."""
    nothing = spans.slice(0, 0)
    return nothing.append_column("stored_day", pa.nulls(0, pa.date32()))


def _bodies_of(spans: pa.Table, stored: pa.Table) -> tuple[Rows, Rows]:
    """Pairs of rows: a span, and a stored body of it. More than one is stored when they told of other times."""
    ids = pa.concat_tables([one.select(_IDS) for one in (spans, stored)]).combine_chunks()
    keys = joint(*(codes(storage_of(ids.column(name).chunk(0))) for name in _IDS))
    fresh, known = keys[: spans.num_rows], keys[spans.num_rows :]
    found = pc.index_in(pa.array(known), pa.array(fresh))
    bodies = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
    return found.drop_null().to_numpy().astype(np.int64), bodies


def stretches(first_us: Rows, last_us: Rows) -> list[tuple[datetime, datetime]]:
    """The times that these intervals cover, apart where nothing is between: one wild clock must not widen the search
    for the others to all of history.
    """
    if not len(first_us):
        return []
    order = np.argsort(first_us, kind="stable")
    firsts, lasts = first_us[order], np.maximum.accumulate(last_us[order])
    is_new = np.ones(len(firsts), dtype=np.bool_)
    is_new[1:] = firsts[1:] > lasts[:-1]
    begins = firsts[is_new]
    ends = lasts[np.append(np.flatnonzero(is_new)[1:] - 1, len(lasts) - 1)]
    while len(begins) > _MOST_STRETCHES:
        # Join the two that are nearest to each other.
        nearest = int(np.argmin(begins[1:] - ends[:-1]))
        begins, ends = np.delete(begins, nearest + 1), np.delete(ends, nearest)
    return [(_moment(begin), _moment(end)) for begin, end in zip(begins, ends, strict=True)]


def _moment(microseconds: int) -> datetime:
    # Years that Python's calendar has; nothing is stored beyond them.
    sane = min(max(int(microseconds), _FIRST_US), _LAST_US)
    return datetime(1970, 1, 1) + timedelta(microseconds=sane)  # noqa: DTZ001 - UTC, as the store has it


def _without(spans: pa.Table, rows: pa.ChunkedArray) -> pa.Table:
    return (
        spans.filter(pc.invert(pc.is_in(spans.column("row"), rows.combine_chunks()))) if len(rows) else spans
    )
