"""Captured message bodies: the rows of table `contents`, only of projects that capture is on for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.privacy.kept import kept_values
from collector.privacy.policy import ContentPolicy

CONTENTS_SCHEMA = pa.schema(
    {
        "project": pa.string(),
        "day": pa.date32(),
        "trace_id": pa.uuid(),
        "span_id": pa.uint64(),
        "occurred_at": pa.timestamp("us"),
        "received_at": pa.timestamp("us"),
        "batch_id": pa.string(),
        "source": pa.string(),  # span | event | log | status
        "key": pa.string(),
        "body": pa.string(),
        "n_redactions": pa.int64(),
        "n_cut_characters": pa.int64(),
    }
)


def contents_table(
    policy: ContentPolicy,
    *,
    project: pa.Array,
    day: pa.Array,
    trace_id: pa.Array,
    span_id: pa.Array,
    occurred_at: pa.Array,
    received_at: pa.Array,
    batch_id: pa.Array,
    source: str,
    key: pa.Array,
    body: pa.Array,
) -> pa.Table:
    """One row per body, redacted and cut, of CONTENTS_SCHEMA; all arguments are of one length.

    Rows of projects that are not captured, and rows whose body is NULL or empty, are left out.
    """
    kept = pc.and_(
        captured(policy, project), pc.fill_null(pc.greater(pc.binary_length(body), 0), fill_value=False)
    )
    columns = {
        "project": project,
        "day": day,
        "trace_id": trace_id,
        "span_id": span_id,
        "occurred_at": occurred_at,
        "received_at": received_at,
        "batch_id": batch_id,
        "key": kept_values(key),
        "body": body,
    }
    taken = {name: column.filter(kept) for name, column in columns.items()}
    taken["source"] = pa.array(np.full(len(taken["body"]), source), pa.string())
    taken["body"], taken["n_redactions"], taken["n_cut_characters"] = storable(policy, taken["body"])
    return pa.table([_as(taken[field.name], field.type) for field in CONTENTS_SCHEMA], schema=CONTENTS_SCHEMA)


def captured(policy: ContentPolicy, projects: pa.Array) -> pa.Array:
    """Which rows are of a project whose content is stored."""
    distinct = pc.unique(projects)
    wanted = [name for name in distinct.to_pylist() if name is not None and policy.captures(name)]
    return pc.is_in(projects, pa.array(wanted, projects.type))


def storable(policy: ContentPolicy, bodies: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """(bodies redacted and cut, redactions, characters cut)."""
    limit = policy.max_characters
    lengths = pc.utf8_length(bodies)
    # Far beyond the limit nothing is kept, so nothing there is looked at. A little beyond it is: half of a key
    # would not be recognised.
    margin = limit + 10_000
    near = pc.utf8_slice_codeunits(bodies, 0, margin) if _any_longer(lengths, margin) else bodies
    unseen = pc.subtract(lengths, pc.utf8_length(near)) if near is not bodies else None
    redacted, n_redactions = policy.redactor.redact(near)
    n_left = pc.utf8_length(redacted)
    n_cut = pc.max_element_wise(pc.subtract(n_left, limit), 0)
    if _any_longer(n_left, limit):
        redacted = pc.utf8_slice_codeunits(redacted, 0, limit)
    if unseen is not None:
        n_cut = pc.add(n_cut, unseen)
    return redacted, n_redactions, n_cut


def _any_longer(lengths: pa.Array, limit: int) -> bool:
    longest = pc.max(lengths).as_py()
    return longest is not None and longest > limit


def _as(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    return column if column.type == wanted else column.cast(wanted)
