"""What spans are to each other: which is the call, which tells of it again, whose it is.

A pure function of the spans it is given. It is given all that could matter to one another, so that the result does
not depend on the order or the company in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from collector.settle import attempts, gaps, identity, interrupted, roles
from collector.settle.draft import Draft, Note
from collector.settle.folds import Pairs, nested, same_response, wrappers_among_calls
from collector.settle.forest import Flags
from collector.settle.groups import Groups
from collector.settle.in_time import beside_natives, carried
from collector.settle.scene import Scene


@dataclass(frozen=True)
class Settled:
    """The spans with settled columns, a row each as they came; and why."""

    spans: pa.Table
    # The columns that are not what the span itself said, for some rows at least.
    touched: Sequence[str]
    notes: Sequence[Note]


def settle(spans: pa.Table) -> Settled:
    """`spans` as `settle_input` gives them: whole traces, and whatever may tell of their calls again."""
    scene = Scene(spans)
    wrappers = wrappers_among_calls(scene)
    is_call = scene.is_call.copy()
    is_call[wrappers] = False
    pairs = _pairs(scene, is_call)
    groups = Groups(scene, is_call, pairs)
    draft = Draft(scene)
    roles.write(draft, scene, groups, wrappers, pairs)
    gaps.fill(draft, scene, groups)
    interrupted.estimate(draft, scene, groups)
    identity.inherit(draft, scene, groups)
    attempts.number(draft, scene, groups.winners)
    for name in draft.touched:
        spans = spans.set_column(spans.schema.get_field_index(name), name, draft.column(name))
    return Settled(spans, draft.touched, draft.notes)


def _pairs(scene: Scene, is_call: Flags) -> list[Pairs]:
    inside = nested(scene, is_call)
    answered = same_response(scene, is_call, inside)
    timed = beside_natives(scene, is_call, (inside, answered))
    return [inside, answered, timed, carried(scene, is_call)]
