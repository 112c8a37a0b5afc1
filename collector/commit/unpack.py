"""From segments to what a transaction can store: records decoded, neighbours put together.

An erasure is a point in the order of arrival: what came before it goes, what came after it stays. So a
segment is cut at its erasures into steps, and only segments without one are stored in one go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.commit.settle import decode_spans
from collector.decode.spans import TraceRequest
from collector.spool.segments import Record, Segment

# Rows of records by (kind, project).
Rows = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Step:
    """What can be stored together, decoded; or the erasure of a project."""

    spans: pa.Table | None = None
    rows: Rows = field(default_factory=dict)
    erase_project: str | None = None


@dataclass(frozen=True)
class SpoolFile:
    """A segment and where it lies."""

    path: Path
    segment: Segment


@dataclass(frozen=True)
class Group:
    """Segments that one pass stores, and the steps of that pass."""

    files: Sequence[SpoolFile]
    steps: Sequence[Step]


def groups(files: Sequence[SpoolFile]) -> list[Group]:
    """The segments decoded, in order; raises whatever the decoder does on one of them."""
    found: list[tuple[list[SpoolFile], list[list[Step]]]] = []
    for one in files:
        steps = _steps(one.segment)
        if found and len(steps) == 1 and len(found[-1][1][-1]) == 1:
            found[-1][0].append(one)
            found[-1][1].append(steps)
        else:
            found.append(([one], [steps]))
    return [Group(together, _merged(steps)) for together, steps in found]


def _steps(segment: Segment) -> list[Step]:
    """The segment's records decoded, cut at erasures. Raises whatever the decoder does."""
    steps: list[Step] = []
    pending: list[Record] = []
    for record in segment.records:
        if record.signal == "records/erasures":
            steps += [
                _decode(pending, segment.batch_id),
                Step(erase_project=record.project),
                _decode([record], ""),
            ]
            pending = []
        else:
            pending.append(record)
    return [*steps, _decode(pending, segment.batch_id)]


def _decode(records: Sequence[Record], batch_id: str) -> Step:
    traces = [
        TraceRequest(record.body, record.project, record.received_at_us, batch_id)
        for record in records
        if record.signal == "traces"
    ]
    rows: Rows = {}
    for record in records:
        kind = record.signal.removeprefix("records/")
        if record.signal == "rejects" or record.signal.startswith("records/"):
            received_at = datetime.fromtimestamp(record.received_at_us / 1e6, UTC)
            found = json.loads(record.body)
            found = found if isinstance(found, list) else [found]
            rows.setdefault((kind, record.project), []).extend(
                {**row, "received_at": received_at} for row in found
            )
    return Step(spans=decode_spans(traces) if traces else None, rows=rows)


def _merged(steps: Sequence[Sequence[Step]]) -> Sequence[Step]:
    """Several segments of one step each as one step; a single segment as it is."""
    if len(steps) == 1:
        return steps[0]
    tables = [step.spans for (step,) in steps if step.spans is not None]
    rows: Rows = {}
    for (step,) in steps:
        for key, found in step.rows.items():
            rows.setdefault(key, []).extend(found)
    return [Step(spans=pa.concat_tables(tables) if tables else None, rows=rows)]
