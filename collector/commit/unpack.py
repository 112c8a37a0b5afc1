"""From segments to what a transaction can store: records decoded, neighbours put together.

An erasure is a point in the order of arrival: what came before it goes, what came after it stays. So a
segment is cut at its erasures into steps, and only segments without one are stored in one go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.commit.settle import decode_spans
from collector.commit.store_signals import Signals, concatenated, together
from collector.decode import agents, logs, metrics, scores
from collector.decode.envelope import SignalRequest
from collector.decode.spans import TraceRequest
from collector.privacy.policy import ContentPolicy
from collector.privacy.records import scrub_record
from collector.spool.segments import Record, Segment
from store.erase import Erasure

# Rows of records by (kind, project).
Rows = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Step:
    """What can be stored together, decoded; or an erasure."""

    spans: pa.Table | None = None
    contents: pa.Table | None = None
    signals: Signals = field(default_factory=Signals)
    rows: Rows = field(default_factory=dict)
    erase: Erasure | None = None

    @property
    def n_rows(self) -> int:
        tables = (self.spans, self.contents, self.signals.logs, self.signals.points)
        return sum(table.num_rows for table in tables if table is not None)


@dataclass(frozen=True)
class SpoolFile:
    """A segment and where it lies."""

    path: Path
    segment: Segment
    newest_received_at_us: int | None = None

    def decoded(self) -> SpoolFile:
        """What is still to be known of it when its records are decoded: those are many megabytes."""
        newest = max((record.received_at_us for record in self.segment.records), default=None)
        return SpoolFile(self.path, replace(self.segment, records=[]), newest)


@dataclass(frozen=True)
class Group:
    """Segments that one pass stores, and the steps of that pass."""

    files: Sequence[SpoolFile]
    steps: Sequence[Step]


def groups(files: Iterable[SpoolFile], policy: ContentPolicy, max_rows: int | None = None) -> list[Group]:
    """The segments decoded, in order; raises whatever the decoder does on one of them.

    Stops behind the segment that makes it `max_rows`: how many spans are in a megabyte is only known then.
    """
    found: list[tuple[list[SpoolFile], list[list[Step]]]] = []
    n_rows = 0
    for one in files:
        if max_rows is not None and n_rows >= max_rows:
            break
        steps = _steps(one.segment, policy)
        n_rows += sum(step.n_rows for step in steps)
        if found and len(steps) == 1 and len(found[-1][1][-1]) == 1:
            found[-1][0].append(one.decoded())
            found[-1][1].append(steps)
        else:
            found.append(([one.decoded()], [steps]))
    return [Group(together, _merged(steps)) for together, steps in found]


def _steps(segment: Segment, policy: ContentPolicy) -> list[Step]:
    """The segment's records decoded, cut at erasures. Raises whatever the decoder does."""
    steps: list[Step] = []
    pending: list[Record] = []
    for record in segment.records:
        if record.signal == "records/erasures":
            steps += [
                _decode(pending, segment.batch_id, policy),
                *(Step(erase=erasure) for erasure in _erasures(record)),
            ]
            pending = []
        else:
            pending.append(record)
    return [*steps, _decode(pending, segment.batch_id, policy)]


def _erasures(record: Record) -> list[Erasure]:
    """Not rows like other records: the id of whom they erase is not stored."""
    received_at = datetime.fromtimestamp(record.received_at_us / 1e6, UTC)
    found = json.loads(record.body)
    found = found if isinstance(found, list) else [found]
    return [Erasure.of_record(record.project, row, received_at) for row in found]


def _decode(records: Sequence[Record], batch_id: str, policy: ContentPolicy) -> Step:
    traces = [
        TraceRequest(
            record.body, record.project, record.received_at_us, batch_id, record.tenant, record.environment
        )
        for record in records
        if record.signal == "traces"
    ]
    rows: Rows = {}
    for record in records:
        kind = record.signal.removeprefix("records/")
        if record.signal == "rejects" or record.signal.startswith("records/"):
            received_at = datetime.fromtimestamp(record.received_at_us / 1e6, UTC)
            found = json.loads(scrub_record(record.body))
            found = found if isinstance(found, list) else [found]
            rows.setdefault((kind, record.project), []).extend(
                {**row, "received_at": received_at} for row in found
            )
    from_logs, signals = _decode_signals(records, batch_id, traces, policy)
    calls = from_logs.calls if from_logs else None
    decoded = decode_spans(traces, policy) if traces or calls is not None else None
    return Step(
        spans=spans_and_calls(decoded.spans, calls) if decoded else None,
        contents=concatenated([one.contents for one in (decoded, from_logs) if one]),
        signals=signals,
        rows=rows,
    )


def spans_and_calls(spans: pa.Table, calls: pa.Table | None) -> pa.Table:
    """What spans and the calls without a span settle from, with every column that settling reads."""
    for name, kind in agents.COLUMNS_OF_CALLS.items():
        if name not in spans.column_names:
            spans = spans.append_column(name, pa.nulls(spans.num_rows, kind))
    together = concatenated([spans, calls])
    assert together is not None
    return together


def _decode_signals(
    records: Sequence[Record], batch_id: str, traces: Sequence[TraceRequest], policy: ContentPolicy
) -> tuple[logs.DecodedLogs | None, Signals]:
    """(what the logs say, the rows of tables of their own)"""
    said = {
        signal: [
            SignalRequest(
                record.body,
                record.project,
                record.received_at_us,
                batch_id,
                record.tenant,
                record.environment,
            )
            for record in records
            if record.signal == signal
        ]
        for signal in ("logs", "metrics")
    }
    decoded = logs.decode(said["logs"], policy) if said["logs"] else None
    found = scores.from_span_events(traces)
    return decoded, Signals(
        logs=decoded.records if decoded else None,
        points=metrics.decode(said["metrics"]) if said["metrics"] else None,
        scores=concatenated([decoded.scores if decoded else None, found]),
    )


def _merged(steps: Sequence[Sequence[Step]]) -> Sequence[Step]:
    """Several segments of one step each as one step; a single segment as it is."""
    if len(steps) == 1:
        return steps[0]
    tables = [step.spans for (step,) in steps if step.spans is not None]
    rows: Rows = {}
    for (step,) in steps:
        for key, found in step.rows.items():
            rows.setdefault(key, []).extend(found)
    signals = together([step.signals for (step,) in steps])
    contents = concatenated([step.contents for (step,) in steps])
    return [Step(spans=concatenated(tables), contents=contents, signals=signals, rows=rows)]
