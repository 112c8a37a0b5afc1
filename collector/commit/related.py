"""The stored spans that the spans of a commit are settled with: all that could change them, or be changed by them.

Those are the spans of their traces; the calls with their response ids; and for the few that only time brings
together, what was stored of the same service at that time. What is found so has traces and answers of its own, so
the search goes on until it finds nothing new. Each search is bounded in time: a store of years is not read for it.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.meet import stretches
from collector.commit.seen import Ids, Seen
from collector.commit.statements import registered, statement
from collector.conventions.families import CARRIERS, NATIVE
from collector.decode.columns import DIMENSION
from collector.settle.as_sent import restored
from collector.settle.columns import settle_input
from collector.settle.folds import is_one_of
from collector.settle.forest import Rows, codes, joint, storage_of
from collector.settle.in_time import STREAM_BEGINS_US, goes_by_time, lonely, moments
from collector.settle.scene import Scene

# A span is related to spans of its trace that began this long before it, or while it lasted.
TRACE_MARGIN_US = 60 * 60 * 1_000_000
# Spans of one answer overlap, and no call is open for longer.
CALL_MARGIN_US = 60 * 60 * 1_000_000
_IDS = ["stored_day", "project", "trace_id", "span_id"]
# A trace of more spans than this within the margin is a process that never ends its trace: of such a one only the
# neighbours in time are read, or every commit would read all of it again.
MOST_OF_A_TRACE = 20_000
NEIGHBOURS_US = 60 * 1_000_000
# Chains end: an app, its gateway, and the SDK in each are three.
_MOST_ROUNDS = 8


def prepare_session(session: duckdb.DuckDBPyConnection) -> None:
    """Give the session the view that stored spans are read through."""
    session.execute(statement("settleable"))


class Related:
    """Stored spans as they are stored, and the same rows as each of them said it itself."""

    def __init__(self, stored: pa.Table) -> None:
        self.stored = stored
        self.own = settle_input(restored(stored))

    def without(self, rows: Rows) -> Related:
        """All but these rows."""
        kept = pa.array(np.setdiff1d(np.arange(self.stored.num_rows), rows))
        return Related(self.stored.take(kept))


def related(
    session: duckdb.DuckDBPyConnection, spans: pa.Table, seen: Seen, ids: Ids | None = None
) -> Related | None:
    """What is stored and belongs with these decoded spans; None when nothing is, as for nearly every commit.

    The session has had `prepare_session`; `ids` are those of the spans, where they are known already.
    """
    search = _Search(session, settle_input(spans), seen, ids or Ids.of(spans))
    for _ in range(_MOST_ROUNDS):
        search.by_traces()
        search.by_answers()
        search.by_time()
        if not search.moves_on():
            break
    return None if search.stored is None else Related(search.stored)


class _Search:
    """One search: what it began with, what it found, and what of that it has not followed yet."""

    def __init__(self, session: duckdb.DuckDBPyConnection, spans: pa.Table, seen: Seen, ids: Ids) -> None:
        self._session = session
        self._seen = seen
        self._keys = ids
        self._dimensions = [name for name in spans.column_names if name.startswith(DIMENSION)]
        self._pool = [spans]
        self._frontier = spans
        self._found: list[pa.Table] = []
        self.stored: pa.Table | None = None

    def by_traces(self) -> None:
        """The other spans of the same traces."""
        wanted = self._frontier
        # What was found in the store has its trace there too.
        if self._is_first:
            wanted = wanted.take(pa.array(np.flatnonzero(self._seen.may_hold_trace(self._keys))))
        start, end = _times(wanted)
        self._look("stored_of_traces", wanted, start - TRACE_MARGIN_US, end + TRACE_MARGIN_US)

    def by_answers(self) -> None:
        """The calls with the same response ids."""
        seen = self._seen
        may = seen.may_hold_answer(self._keys) if self._is_first else seen.may_repeat(Ids.of(self._frontier))
        is_call = pc.is_in(self._frontier.column("role"), pa.array(["call", "carrier"])).to_numpy()
        wanted = self._frontier.take(pa.array(np.flatnonzero(may & is_call)))
        start, end = _times(wanted)
        self._look("stored_of_answers", wanted, start - CALL_MARGIN_US, end + CALL_MARGIN_US)

    def by_time(self) -> None:
        """For spans that nothing but time can bring together with others: what was there at that time."""
        if not goes_by_time(self._frontier).any():
            return
        pool = Scene(pa.concat_tables([*self._pool, *self._found], promote_options="default"))
        n_before = sum(one.num_rows for one in self._pool) - self._frontier.num_rows
        rows = lonely(pool, np.arange(n_before, n_before + self._frontier.num_rows))
        if not len(rows):
            return
        at = moments(pool)[rows]
        wanted = pool.spans.take(pa.array(rows))
        # Of a stream the moment is its call's end, and the call may have begun long before.
        margin = np.where(is_one_of(pool, "emitter", CARRIERS)[rows], CALL_MARGIN_US, STREAM_BEGINS_US)
        self._look("stored_in_time", wanted, at - margin, at + margin, near=at)

    @property
    def _is_first(self) -> bool:
        return len(self._pool) == 1

    def moves_on(self) -> bool:
        """Go on with what was found; whether there is anything."""
        if not self._found:
            return False
        self._frontier = pa.concat_tables(self._found, promote_options="default")
        self._pool.append(self._frontier)
        self._found = []
        return True

    def _look(self, name: str, wanted: pa.Table, first: Rows, last: Rows, near: Rows | None = None) -> None:
        if not wanted.num_rows:
            return
        asked = wanted.select(["project", "trace_id", "response_id", "service_name"])
        with registered(self._session, wanted=asked):
            for begin, end in stretches(first, last):
                ids = self._ids(name, begin, end)
                if name == "stored_of_traces":
                    ids = _without_the_endless(ids, wanted)
                if ids.num_rows:
                    rows = self._fetch(ids)
                    self._add(rows if near is None else _close_to(rows, wanted, near))

    def _ids(self, name: str, begin: datetime, end: datetime) -> pa.Table:
        """Which spans these are. Ids only: a wide row is read for what is there, and mostly nothing is."""
        bounds: dict[str, object] = {"from": begin, "until": end}
        if name == "stored_in_time":
            bounds["natives"] = sorted(NATIVE)
        return self._session.sql(statement(name), params=bounds).to_arrow_table()

    def _fetch(self, ids: pa.Table) -> pa.Table:
        """The whole of these spans."""
        bounds = pc.min_max(ids.column("started_at")).as_py()
        with registered(self._session, found=ids):
            rows = self._session.sql(
                statement("settleable_rows"), params={"from": bounds["min"], "until": bounds["max"]}
            ).to_arrow_table()
        return _with_ids(rows)

    def _add(self, rows: pa.Table) -> None:
        fresh = self._expanded(rows if self.stored is None else _without(rows, self.stored))
        if fresh.num_rows:
            self.stored = fresh if self.stored is None else pa.concat_tables([self.stored, fresh])
            self._found.append(settle_input(restored(fresh)))

    def _expanded(self, rows: pa.Table) -> pa.Table:
        """With a column for each configured dimension."""
        maps = rows.column("dims").combine_chunks()
        for name in self._dimensions:
            values = pc.map_lookup(maps, name.removeprefix(DIMENSION), "first")
            rows = rows.append_column(name, values.cast(pa.string()))
        return rows


def _with_ids(rows: pa.Table) -> pa.Table:
    """With trace ids as decoded spans have them."""
    raw = rows.column("trace_bytes").combine_chunks().cast(pa.binary(16))
    at = rows.schema.get_field_index("trace_id")
    return rows.set_column(at, "trace_id", pa.ExtensionArray.from_storage(pa.uuid(), raw)).drop_columns(
        ["trace_bytes"]
    )


def _times(spans: pa.Table) -> tuple[Rows, Rows]:
    start: Rows = spans.column("started_at").cast(pa.int64()).to_numpy()
    return start, start + spans.column("duration_ns").fill_null(0).to_numpy() // 1000


def _without_the_endless(ids: pa.Table, wanted: pa.Table) -> pa.Table:
    """Of traces that are too long only what began within a minute of the wanted spans."""
    trace = codes(ids.column("trace_id").combine_chunks())
    counts = np.bincount(trace, minlength=1)
    if counts.max() <= MOST_OF_A_TRACE:
        return ids
    at, (start, end) = ids.column("started_at").cast(pa.int64()).to_numpy(), _times(wanted)
    is_near = (at >= start.min() - NEIGHBOURS_US) & (at <= end.max() + NEIGHBOURS_US)
    return ids.filter(pa.array(is_near | (counts[trace] <= MOST_OF_A_TRACE)))


def _close_to(rows: pa.Table, wanted: pa.Table, near: Rows) -> pa.Table:
    """The rows of which the moment is close to one of the same service."""
    if not rows.num_rows:
        return rows
    found = Scene(settle_input(restored(rows)))
    both = Scene(pa.concat_tables([wanted, found.spans], promote_options="default"))
    service, at = both.service, np.concatenate([near, moments(found)])
    n_wanted = wanted.num_rows
    order = np.lexsort((at[:n_wanted], service[:n_wanted]))
    is_close = np.zeros(rows.num_rows, dtype=np.bool_)
    for one in np.unique(service[n_wanted:]):
        mine = at[:n_wanted][order][service[:n_wanted][order] == one]
        if not len(mine):
            continue
        theirs = np.flatnonzero(service[n_wanted:] == one)
        moment = at[n_wanted:][theirs]
        after = np.searchsorted(mine, moment)
        gap = np.minimum(
            np.abs(mine[np.minimum(after, len(mine) - 1)] - moment),
            np.abs(mine[np.maximum(after - 1, 0)] - moment),
        )
        is_close[theirs] = gap <= STREAM_BEGINS_US
    return rows.filter(pa.array(is_close))


def _without(rows: pa.Table, known: pa.Table) -> pa.Table:
    """The rows that are not among the known ones, and each once."""
    ids = pa.concat_tables([known.select(_IDS), rows.select(_IDS)]).combine_chunks()
    keys = joint(*(codes(storage_of(ids.column(name).chunk(0))) for name in _IDS))
    first_at = np.unique(keys, return_index=True)[1]
    first_at = np.sort(first_at[first_at >= known.num_rows]) - known.num_rows
    return rows.take(pa.array(first_at))
