"""Whose call it is: on the call, on its duplicates, up the tree, in the trace, on the resource; the nearest counts."""

from __future__ import annotations

import numpy as np

from collector.decode.columns import DIMENSION, RESOURCE_DIMENSION
from collector.settle.columns import FROM_ANCESTORS_ONLY, FROM_RESOURCE, IDENTITY, dimensions_of
from collector.settle.components import n_distinct
from collector.settle.draft import Draft
from collector.settle.forest import Flags, Rows, codes
from collector.settle.gaps import RULE as FROM_DUPLICATE
from collector.settle.groups import Groups
from collector.settle.scene import Scene


def inherit(draft: Draft, scene: Scene, groups: Groups) -> None:
    """Give every call, and every other span of it, what is known of whose it is."""
    names = scene.spans.column_names
    for name in (*IDENTITY, *dimensions_of(names)):
        fallback = FROM_RESOURCE.get(name, RESOURCE_DIMENSION + name.removeprefix(DIMENSION))
        has = scene.has(name)
        if has.any():
            _inherit_from_spans(draft, scene, groups, name, has)
        if fallback in names and scene.has(fallback).any():
            _take_from_resource(draft, scene, groups, name, fallback)


def _inherit_from_spans(draft: Draft, scene: Scene, groups: Groups, name: str, has: Flags) -> None:
    open_rows = ~has[groups.rows]
    if not open_rows.any():
        return
    found = groups.first_having(has)
    rules = np.where(found >= 0, 0, -1)
    for number, level in enumerate((_from_ancestors, _from_trace), start=1):
        if level is _from_trace and name in FROM_ANCESTORS_ONLY:
            break
        lacking = found < 0
        if not lacking.any():
            break
        members = lacking[groups.group]
        sources = np.full(len(groups.rows), -1, dtype=np.int64)
        sources[members] = level(scene, name, has, groups.rows[members])
        found = np.where(lacking, groups.first_of(sources), found)
        rules = np.where(lacking & (found >= 0), number, rules)
    sources = np.where(open_rows, found[groups.group], -1)
    for number, rule in enumerate((FROM_DUPLICATE, "nearest ancestor", "the only one in its trace")):
        mine = open_rows & (rules[groups.group] == number)
        draft.take(name, groups.rows[mine], sources[mine], rule)


def _from_ancestors(scene: Scene, name: str, has: Flags, rows: Rows) -> Rows:
    return scene.forest.nearest(has, rows)


def _from_trace(scene: Scene, name: str, has: Flags, rows: Rows) -> Rows:
    """A span of the trace, where all that say something say the same: of two tenants none is guessed."""
    trace = scene.forest.trace
    said = codes(scene.column(name))
    is_only = n_distinct(trace, said) == 1
    speakers = np.flatnonzero(has & is_only)
    span_ids = scene.column("span_id").to_numpy(zero_copy_only=False)
    # The earliest, so that the explanation does not depend on arrival either.
    speakers = speakers[np.lexsort((span_ids[speakers], scene.start_us[speakers]))[::-1]]
    of_trace = np.full(int(trace.max(initial=0)) + 1, -1, dtype=np.int64)
    of_trace[trace[speakers]] = speakers
    return of_trace[trace[rows]]


def _take_from_resource(draft: Draft, scene: Scene, groups: Groups, name: str, fallback: str) -> None:
    is_open = ~draft.column(name).is_valid().to_numpy(zero_copy_only=False)
    found = groups.first_having(scene.has(fallback))
    mine = is_open[groups.rows]
    draft.take(name, groups.rows[mine], found[groups.group][mine], "its resource", of=fallback)
    # Also of what is no call: an erasure finds a tenant's spans by it.
    is_open[groups.rows] = False
    others = np.flatnonzero(is_open & scene.has(fallback))
    draft.take(name, others, others, "its resource", of=fallback)
