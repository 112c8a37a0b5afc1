"""From segments to what a transaction can store: records decoded, neighbours put together.

An erasure is a point in the order of arrival: what came before it goes, what came after it stays. So is a record that
changes the terms (a price, a tenant, a rule): what came after it is charged by it. So a segment is cut at these into
steps, and only segments without any are stored in one go.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from collector.commit.store_signals import Signals, concatenated, together
from collector.decode import logs, metrics, scores
from collector.decode.requests import Request
from collector.decode.rules import Rules
from collector.decode.spans import decode
from collector.keys import LOCAL_KEY_ID
from collector.privacy.records import scrub_record
from collector.spool.segments import Record, Segment
from store.erase import Erasure
from store.terms import TERMS_KINDS

# Rows of records by (kind, project).
Rows = dict[tuple[str, str], list[dict[str, Any]]]
_ERASURES = "records/erasures"
_TERMS = frozenset(f"records/{kind}" for kind in TERMS_KINDS)
_AT_ONCE_BYTES = 8_000_000


@dataclass(frozen=True)
class Step:
    """What can be stored together, decoded; or an erasure; or records that change the terms."""

    spans: pa.Table | None = None
    contents: pa.Table | None = None
    signals: Signals = field(default_factory=Signals)
    rows: Rows = field(default_factory=dict)
    erase: Erasure | None = None

    @property
    def changes_terms(self) -> bool:
        """Whether what comes after it is charged by other terms: by new records, or without those of an erased tenant."""
        return self.erase is not None or any(kind in TERMS_KINDS for kind, _ in self.rows)

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


class _Arrived(NamedTuple):
    """A record, and the segment that brought it."""

    record: Record
    batch_id: str


@dataclass(frozen=True)
class Group:
    """Segments that one pass stores, and the steps of that pass."""

    files: Sequence[SpoolFile]
    steps: Sequence[Step]


def groups(files: Iterable[SpoolFile], rules: Rules, max_rows: int | None = None) -> list[Group]:
    """The segments decoded, in order; raises whatever the decoder does on one of them.

    Stops behind the segment that makes it `max_rows`: how many spans are in a megabyte is only known then.
    """
    found: list[Group] = []
    n_rows = 0
    for neighbours in _neighbours(files):
        steps = _steps(neighbours, rules)
        found.append(Group([one.decoded() for one in neighbours], steps))
        n_rows += sum(step.n_rows for step in steps)
        if max_rows is not None and n_rows >= max_rows:
            break
    return _joined(found)


def _neighbours(files: Iterable[SpoolFile]) -> Iterator[list[SpoolFile]]:
    """Segments that are decoded in one go, up to the limit; one with an erasure or other terms stands alone.

    Decoding takes 28 ms however little there is, and under load a segment is a fifth of a second of telemetry.
    """
    run: list[SpoolFile] = []
    n_bytes = 0
    for one in files:
        if any(record.signal == _ERASURES or record.signal in _TERMS for record in one.segment.records):
            if run:
                yield run
            yield [one]
            run, n_bytes = [], 0
            continue
        run.append(one)
        n_bytes += sum(len(record.body) for record in one.segment.records)
        if n_bytes >= _AT_ONCE_BYTES:
            yield run
            run, n_bytes = [], 0
    if run:
        yield run


def _steps(files: Sequence[SpoolFile], rules: Rules) -> list[Step]:
    """The segments' records decoded, cut at erasures and where the terms change. Raises whatever the decoder does."""
    arrived = (_Arrived(record, one.segment.batch_id) for one in files for record in one.segment.records)
    steps: list[Step] = []
    for signal, some in itertools.groupby(arrived, lambda one: _cut_at(one.record)):
        if signal == _ERASURES:
            steps += [Step(erase=erasure) for one in some for erasure in _erasures(one.record)]
        else:
            steps.append(_decode(list(some), rules))
    return steps or [_decode([], rules)]


def _cut_at(record: Record) -> str:
    """The same for neighbours that are stored together."""
    if record.signal == _ERASURES:
        return _ERASURES
    return "terms" if record.signal in _TERMS else ""


def _erasures(record: Record) -> list[Erasure]:
    """Not rows like other records: the id of whom they erase is not stored."""
    received_at = datetime.fromtimestamp(record.received_at_us / 1e6, UTC)
    found = json.loads(record.body)
    found = found if isinstance(found, list) else [found]
    return [Erasure.of_record(record.project, row, received_at) for row in found]


def _decode(arrived: Sequence[_Arrived], rules: Rules) -> Step:
    traces = [
        Request(
            record.body, record.project, record.received_at_us, batch_id, record.tenant, record.environment
        )
        for record, batch_id in arrived
        if record.signal == "traces"
    ]
    rows: Rows = {}
    for record, _ in arrived:
        kind = record.signal.removeprefix("records/")
        if record.signal == "rejects" or record.signal.startswith("records/"):
            received_at = datetime.fromtimestamp(record.received_at_us / 1e6, UTC)
            found = json.loads(scrub_record(record.body))
            found = found if isinstance(found, list) else [found]
            rows.setdefault((kind, record.project), []).extend(
                {**row, "received_at": received_at, "key_id": _access_key(record)} for row in found
            )
    from_logs, signals = _decode_signals(arrived, traces, rules)
    calls = from_logs.calls if from_logs else None
    decoded = decode(traces, rules.content, rules.dimensions) if traces else None
    return Step(
        spans=concatenated([decoded.spans if decoded else None, calls]),
        contents=concatenated([one.contents for one in (decoded, from_logs) if one]),
        signals=signals,
        rows=rows,
    )


def _access_key(record: Record) -> str:
    """The key that vouches for the sender; "" for the owner of the data directory, and where no key is asked for."""
    return "" if record.key_id == LOCAL_KEY_ID else record.key_id


def _decode_signals(
    arrived: Sequence[_Arrived], traces: Sequence[Request], rules: Rules
) -> tuple[logs.DecodedLogs | None, Signals]:
    """(what the logs say, the rows of tables of their own)"""
    said = {
        signal: [
            Request(
                record.body,
                record.project,
                record.received_at_us,
                batch_id,
                record.tenant,
                record.environment,
            )
            for record, batch_id in arrived
            if record.signal == signal
        ]
        for signal in ("logs", "metrics")
    }
    decoded = logs.decode(said["logs"], rules.content, rules.dimensions) if said["logs"] else None
    found = scores.from_span_events(traces)
    return decoded, Signals(
        logs=decoded.records if decoded else None,
        points=metrics.decode(said["metrics"], rules.dimensions) if said["metrics"] else None,
        scores=concatenated([decoded.scores if decoded else None, found]),
    )


def _joined(found: Sequence[Group]) -> list[Group]:
    """Neighbours of one step each as one; a group that was cut as it is."""
    joined: list[Group] = []
    for is_plain, some in itertools.groupby(found, _is_plain):
        if is_plain:
            plain = list(some)
            files = [one for group in plain for one in group.files]
            joined.append(Group(files, [_merged([group.steps[0] for group in plain])]))
        else:
            joined.extend(some)
    return joined


def _is_plain(group: Group) -> bool:
    return len(group.steps) == 1 and not group.steps[0].changes_terms


def _merged(steps: Sequence[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]
    rows: Rows = {}
    for step in steps:
        for key, found in step.rows.items():
            rows.setdefault(key, []).extend(found)
    return Step(
        spans=concatenated([step.spans for step in steps]),
        contents=concatenated([step.contents for step in steps]),
        signals=together([step.signals for step in steps]),
        rows=rows,
    )
