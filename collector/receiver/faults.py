"""What cannot be stored of a request that can be read, and how that is told: never a value, only what and where.

Messages are google.protobuf objects, whose classes have no types of use here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
# Times are counted in int64 nanoseconds: up to the year 2262.
_END_OF_TIME = 2**63
_NAME_MAX = 100
# A request can hold any number of services and scopes; an answer and a reject name this many.
_SHOWN = 10


@dataclass(frozen=True)
class Origin:
    """Where in a request an item was found."""

    service: str
    scope: str


@dataclass
class Faults:
    """The refused items of one request, counted by reason and origin."""

    counts: Counter[tuple[str, Origin]] = field(default_factory=Counter)

    def add(self, reasons: Counter[str], origin: Origin) -> None:
        for reason, n_items in reasons.items():
            self.counts[reason, origin] += n_items

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def n_items(self) -> int:
        return sum(self.counts.values())

    def by_reason(self) -> Counter[str]:
        """The refused items by reason, wherever they came from."""
        found: Counter[str] = Counter()
        for (reason, _), n_items in self.counts.items():
            found[reason] += n_items
        return found

    def reasons(self) -> str:
        """`invalid trace id: 3 (service shop, scope openai); …`, the most first."""
        shown = [
            f"{reason}: {n_items}{_place(origin)}"
            for (reason, origin), n_items in self.counts.most_common(_SHOWN)
        ]
        n_hidden = len(self.counts) - len(shown)
        return "; ".join([*shown, *([f"and {n_hidden} more kinds"] if n_hidden > 0 else [])])


class Pruned(NamedTuple):
    """What came of one scope block: items it held, those taken out by reason, and whether it was changed."""

    n_items: int
    reasons: Counter[str]
    changed: bool


# Nearly always nothing is wrong, and small requests are most of all requests: this is shared, never added to.
_NO_REASONS: Counter[str] = Counter()


def origin_of(resource: Any, scope: Any = None) -> Origin:
    """The origin of the items below a Resource and, where it is known, an InstrumentationScope message."""
    return Origin(_service_name(resource)[:_NAME_MAX], scope.name[:_NAME_MAX] if scope is not None else "")


def prune_spans(block: Any) -> Pruned:
    """Leave out of a ScopeSpans the spans that have no identity or no start."""
    spans = block.spans
    return _keep_sound(spans, len(spans), [_span_fault(span) for span in spans])


def prune_logs(block: Any) -> Pruned:
    """Leave out of a ScopeLogs the records of impossible times; clear ids that are none, as some senders' are empty."""
    records = block.log_records
    pruned = _keep_sound(records, len(records), [_log_fault(record) for record in records])
    cleared = [_clear_broken_ids(record) for record in records]
    return pruned._replace(changed=pruned.changed or any(cleared))


def prune_metrics(block: Any) -> Pruned:
    """Leave out of a ScopeMetrics the data points without a time. The items counted are data points."""
    reasons: Counter[str] = Counter()
    n_points = 0
    for metric in block.metrics:
        kind = metric.WhichOneof("data")
        if kind is not None:
            points = getattr(metric, kind).data_points
            n_points += len(points)
            reasons += _keep_sound(points, len(points), [_point_fault(point) for point in points]).reasons
    return Pruned(n_points, reasons, bool(reasons))


def _keep_sound(items: Any, n_items: int, faults: list[str]) -> Pruned:
    """Leave out the items that have a fault; each fault is a reason, "" is none."""
    if not any(faults):
        return Pruned(n_items, _NO_REASONS, changed=False)
    kept = [item for item, fault in zip(items, faults, strict=True) if not fault]
    # All out and some in again: taking them out one by one would move the rest each time.
    del items[:]
    items.extend(kept)
    return Pruned(n_items, Counter(filter(None, faults)), changed=True)


def _span_fault(span: Any) -> str:
    trace_id, span_id = span.trace_id, span.span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return "invalid trace id"
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return "invalid span id"
    if not 0 < span.start_time_unix_nano < _END_OF_TIME:
        return "invalid start time"
    return ""


def _log_fault(record: Any) -> str:
    wild = record.time_unix_nano >= _END_OF_TIME or record.observed_time_unix_nano >= _END_OF_TIME
    return "invalid time" if wild else ""


def _point_fault(point: Any) -> str:
    if not 0 < point.time_unix_nano < _END_OF_TIME:
        return "invalid time"
    if point.start_time_unix_nano >= _END_OF_TIME:
        return "invalid start time"
    return ""


def _clear_broken_ids(record: Any) -> bool:
    trace_id, span_id = record.trace_id, record.span_id
    broken_trace = bool(trace_id) and (len(trace_id) != 16 or trace_id == _NO_TRACE)
    broken_span = bool(span_id) and (len(span_id) != 8 or span_id == _NO_SPAN)
    if broken_trace:
        record.trace_id = b""
    if broken_span:
        record.span_id = b""
    return broken_trace or broken_span


def _service_name(resource: Any) -> str:
    for attribute in resource.attributes:
        if attribute.key == "service.name":
            name: str = attribute.value.string_value
            return name
    return ""


def _place(origin: Origin) -> str:
    named = [
        *([f"service {origin.service}"] if origin.service else []),
        *([f"scope {origin.scope}"] if origin.scope else []),
    ]
    return f" ({', '.join(named)})" if named else ""
