"""Settled spans as rows of the store: the new ones, and the stored ones that are different now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.attribution import COLUMNS as ATTRIBUTED
from collector.commit.attribution import READ as WHOSE
from collector.commit.attribution import attribute, final_tenant
from collector.commit.charging import PRICED
from collector.commit.related import Related
from collector.decode.columns import DIMENSION, RESOURCE_DIMENSION
from collector.settle.as_sent import as_sent, differing, same
from collector.settle.columns import ONLY_READ, READ, settled_columns
from store.terms import Terms

STORED_IDS = ("stored_day", "project", "trace_id", "span_id")
_DIMS = pa.map_(pa.string(), pa.string())
# Columns of a decoded span that settling needs and the store does not have.
_NOT_STORED = {*ONLY_READ, *(name for name in READ if name.startswith("resource_"))}


@dataclass(frozen=True)
class Moved:
    """Stored spans that other spans changed."""

    # The ids of each, its settled columns, and whether it is charged anew (or no more).
    rows: pa.Table
    # Of these the calls whose price may be another now, with what is priced.
    to_charge: pa.Table
    # Those whose earlier charge, if any, no longer stands (ids, is_void).
    recharged: pa.Table


def to_store(
    fresh: pa.Table, own: pa.Table, settled: pa.Table, touched: Sequence[str], terms: Terms
) -> pa.Table:
    """New spans with the columns of the table, and two that pricing reads: `row` and `failed`."""
    columns = {name: fresh.column(name) for name in fresh.column_names if _is_stored(name)}
    columns |= {
        name: settled.column(name) for name in ("role", "duplicate_of", "doubt", *touched) if _is_stored(name)
    }
    columns["day"] = fresh.column("started_at").cast(pa.date32(), safe=False)
    columns["status"] = pc.if_else(fresh.column("failed"), "error", "ok")
    columns["as_sent"] = as_sent(own, settled, touched)
    dims = dimensions_map(settled)
    return attribute(pa.table(columns if dims is None else columns | {"dims": dims}), terms)


def to_recharge(replaced: pa.Table, incoming: pa.Table) -> pa.Table:
    """Spans of which a fuller body came: what they were charged before no longer stands. A body that is no call of its own
    leaves nothing in its place.
    """
    calls = incoming.filter(pc.equal(incoming.column("role"), "call")).column("row")
    is_void = pc.invert(pc.is_in(replaced.column("row"), calls.combine_chunks()))
    return replaced.select(STORED_IDS).append_column("is_void", is_void)


def moved(
    known: Related, settled: pa.Table, touched: Sequence[str], first_row: int, terms: Terms
) -> Moved | None:
    """Which of the stored spans are different now, and how; None when none is. Numbered from `first_row` on."""
    changed = pa.array(np.flatnonzero(differing(known.stored, settled)))
    if not len(changed):
        return None
    stored, own, settled = (one.take(changed) for one in (known.stored, known.own, settled))
    was_call, is_call = (pc.equal(one.column("role"), "call").to_numpy() for one in (stored, settled))
    whose = _attributed(stored, settled, terms)
    repriced = ~same(final_tenant(stored), final_tenant(whose)) & terms.tell_tenants_apart
    for name in PRICED:
        repriced |= ~same(stored.column(name), settled.column(name))
    is_charged = is_call & (repriced | ~was_call)
    is_void = was_call & ~is_call
    ids = {name: stored.column(name) for name in STORED_IDS}
    values = {name: settled.column(name) for name in settled_columns([])}
    rows = pa.table(
        ids
        | values
        | {
            "row": np.arange(first_row, first_row + len(changed)),
            "started_at": stored.column("started_at"),
            "failed": stored.column("failed"),
            "as_sent": as_sent(own, settled, touched),
            "is_recharged": is_charged | is_void,
            "new_dims": whose.column("new_dims"),
        }
        | {name: whose.column(name) for name in ATTRIBUTED}
    )
    recharged = pa.table(ids | {"is_void": is_void}).filter(pa.array(is_charged | is_void))
    return Moved(rows, rows.filter(pa.array(is_charged)), recharged)


def _attributed(stored: pa.Table, settled: pa.Table, terms: Terms) -> pa.Table:
    """Of stored spans with other values now, whose they are by the rules; `new_dims` are the dimensions to add."""
    dims = dimensions_map(settled)
    read = {name: (settled if name in settled.column_names else stored).column(name) for name in WHOSE}
    read["new_dims"] = pa.nulls(settled.num_rows, _DIMS) if dims is None else dims
    return attribute(pa.table(read | {"dims": stored.column("dims")}), terms)


def dimensions_map(spans: pa.Table) -> pa.Array | None:
    """The configured dimensions of each span as one MAP, with the names that have a value; None when none is configured."""
    names = [name for name in spans.column_names if name.startswith(DIMENSION)]
    if not names:
        return None
    columns = [spans.column(name).combine_chunks() for name in names]
    known = np.stack([column.is_valid().to_numpy(zero_copy_only=False) for column in columns], axis=1)
    rows, which = np.nonzero(known)
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    keys = pa.array([name.removeprefix(DIMENSION) for name in names], pa.string()).take(pa.array(which))
    values = pa.concat_arrays(columns).take(pa.array(which * spans.num_rows + rows))
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, values)


def _is_stored(name: str) -> bool:
    return name not in _NOT_STORED and not name.startswith((DIMENSION, RESOURCE_DIMENSION))
