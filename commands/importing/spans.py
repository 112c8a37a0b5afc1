"""From rows to OTLP: one span a call, with ids that are the same whenever the same row is imported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from commands import wire
from commands.importing.canonical import Canonical
from commands.importing.projection import ROW_COLUMNS

SPANS_PER_REQUEST = 512
SCOPE_NAME = "steelyard.import"
ORIGIN = "steelyard.imported_from"

# Ids of OpenTelemetry, as a source that received spans exports them. Kept, they meet the same span received live.
_TRACE_ID, _SPAN_ID = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
_FAILED = Status(code=Status.STATUS_CODE_ERROR)

Row = tuple[Any, ...]
(
    _KEY,
    _KEY_HASH,
    _PROBLEM,
    _PROBLEM_VALUE,
    _UNREAD,
    _SKIPPED,
    _STARTED,
    _ENDED,
    _OPERATION,
    _DID_FAIL,
    _ID,
    _TRACE,
    _SERVICE,
    _ENV,
) = range(len(ROW_COLUMNS))


@dataclass(frozen=True)
class Problem:
    """Why a row was left out. `row` counts from 1, without the header."""

    row: int
    column: str
    value: str | None


@dataclass
class Tally:
    """What became of the rows so far."""

    n_rows: int = 0
    n_spans: int = 0
    first_us: int | None = None
    last_us: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Writer:
    """Makes spans of rows. `repeated` has the hashes of keys of rows that occur more than once without an id."""

    mapping_name: str
    origin: str  # where it came from, in words without a path
    attributes: Sequence[Canonical]
    repeated: Set[int]
    tell: Callable[[Problem], None]

    def requests(self, batches: Iterable[pa.RecordBatch], tally: Tally) -> Iterator[bytes]:
        """Serialised export requests of at most SPANS_PER_REQUEST spans, in the order of the rows."""
        waiting: dict[tuple[str | None, str | None], list[bytes]] = {}
        n_waiting = 0
        for row in self.calls(batches, tally):
            waiting.setdefault((row[_SERVICE], row[_ENV]), []).append(self.span(row))
            n_waiting += 1
            if n_waiting == SPANS_PER_REQUEST:
                yield self._request(waiting)
                waiting, n_waiting = {}, 0
        if n_waiting:
            yield self._request(waiting)

    def calls(self, batches: Iterable[pa.RecordBatch], tally: Tally) -> Iterator[Row]:
        """The rows that are calls and can be read; what became of the others is tallied and told.

        The key of a row without an id, from the second that is the same, gets its number.
        """
        seen: Counter[int] = Counter()
        for batch in batches:
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                tally.n_rows += 1
                if row[_SKIPPED] is not None:
                    tally.skipped[row[_SKIPPED]] += 1
                    continue
                if row[_PROBLEM] is not None:
                    self.tell(Problem(tally.n_rows, row[_PROBLEM], row[_PROBLEM_VALUE]))
                    continue
                if row[_KEY_HASH] in self.repeated:
                    row = (_numbered(row, seen), *row[1:])
                _count(tally, row)
                yield row

    def span(self, row: Row) -> bytes:
        """One serialised span."""
        trace_id, span_id = self._ids(row)
        values = row[len(ROW_COLUMNS) :]
        started_ns = row[_STARTED] * 1_000
        model = values[self._model_at]
        span = Span(
            trace_id=trace_id,
            span_id=span_id,
            name=f"{row[_OPERATION]} {model}" if model else row[_OPERATION],
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=started_ns,
            # 0, as OTLP has it, where the end is not known.
            end_time_unix_nano=row[_ENDED] or 0,
            status=_FAILED if row[_DID_FAIL] else None,
        )
        parts = [span.SerializeToString(), wire.repeated_attribute("gen_ai.operation.name", row[_OPERATION])]
        for (write, key), value in zip(self._writers, values, strict=True):
            if value is not None:
                parts.append(write(key, value))
        return b"".join(parts)

    @cached_property
    def _writers(self) -> list[tuple[Callable[[str, Any], bytes], str]]:
        """For each attribute what serialises it, and its key."""
        return [(_writer(column), str(column.attribute)) for column in self.attributes]

    @cached_property
    def _model_at(self) -> int:
        return next(at for at, column in enumerate(self.attributes) if column.name == "model_requested")

    def _ids(self, row: Row) -> tuple[bytes, bytes]:
        source_id, source_trace = row[_ID] or "", row[_TRACE] or ""
        # The time is part of it: files of two services may both count their rows from 1.
        own = blake2b(f"{self.mapping_name}\0{row[_KEY]}\0{row[_STARTED]}".encode(), digest_size=24).digest()
        trace_id, span_id = own[:16], own[16:]
        if _TRACE_ID.fullmatch(source_trace):
            trace_id = bytes.fromhex(source_trace)
            if _SPAN_ID.fullmatch(source_id):
                span_id = bytes.fromhex(source_id)
        elif source_trace:
            trace_id = blake2b(f"{self.mapping_name}\0{source_trace}".encode(), digest_size=16).digest()
        return trace_id, span_id

    def _request(self, spans: Mapping[tuple[str | None, str | None], list[bytes]]) -> bytes:
        return wire.export_request(
            (wire.resource(self._resource(service, environment)), SCOPE_NAME, of_source)
            for (service, environment), of_source in spans.items()
        )

    def _resource(self, service: str | None, environment: str | None) -> dict[str, str]:
        named = {"service.name": service, "deployment.environment.name": environment, ORIGIN: self.origin}
        return {key: value for key, value in named.items() if value}


def _numbered(row: Row, seen: Counter[int]) -> str:
    """The first of equal rows keeps its key: a longer export of tomorrow may be the first to have it twice."""
    seen[row[_KEY_HASH]] += 1
    nth = seen[row[_KEY_HASH]]
    return f"{row[_KEY]}#{nth}" if nth > 1 else str(row[_KEY])


def _count(tally: Tally, row: Row) -> None:
    started_us = row[_STARTED]
    tally.n_spans += 1
    tally.first_us = started_us if tally.first_us is None else min(tally.first_us, started_us)
    tally.last_us = started_us if tally.last_us is None else max(tally.last_us, started_us)
    if row[_UNREAD] is not None:
        tally.unread[row[_UNREAD]] += 1


# Many distinct values: remembering what they look like serialised would not help.
_DISTINCT = frozenset(
    (
        "reported_cost_usd",
        "ttft_s",
        "request_id",
        "response_id",
        "session_id",
        "input_messages",
        "output_messages",
    )
)


def _writer(column: Canonical) -> Callable[[str, Any], bytes]:
    if column.name == "finish_reason":
        return lambda key, reason: wire.repeated_attribute(key, (reason,))
    return wire.attribute if column.name in _DISTINCT else wire.repeated_attribute
