"""A run as rows of (what, value, unit): the table and the JSON hold the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ingest.floor import Floor
from benchmarks.ingest.run import Measured


@dataclass(frozen=True)
class Row:
    """One number; `value` is None where this run cannot know it."""

    name: str
    value: float | None
    unit: str


def rows(measured: Measured, floor: Floor, *, seconds: float, disk_bytes: int | None) -> list[Row]:
    """Everything that is reported of a run."""
    load, n_million = measured.load, measured.n_spans / 1e6
    return [
        Row("acked", load.acked_spans / load.seconds, "spans/s"),
        Row("acked_requests", load.acked_requests / load.seconds, "requests/s"),
        Row("visible", measured.visible_at_end / seconds, "spans/s during the load"),
        Row("visible_until_drained", measured.visible_in_all / measured.drained_after_s, "spans/s"),
        Row("drained_after", measured.drained_after_s, "s from the first request"),
        Row("lost", measured.lost, "spans acked and never visible"),
        *_percentiles("ack", load.ack_ms, (50, 95, 99, 100)),
        *_percentiles("ack_to_visible", measured.fresh_ms, (50, 99, 100)),
        Row("probes", len(measured.fresh_ms), "freshness probes"),
        *(
            row
            for cost in measured.costs
            for row in (
                Row(f"{cost.process}: cpu", _per(cost.cpu_s, n_million), "CPU-s per million spans"),
                Row(f"{cost.process}: memory", cost.peak_rss_mb, "MB at its peak"),
            )
        ),
        Row("load driver: cpu", _per(load.cpu_s, n_million), "CPU-s per million spans"),
        Row("load driver: busy", load.cpu_s / load.seconds, "of one core"),
        Row("disk", _per(disk_bytes, measured.n_spans), "bytes a span, after a checkpoint"),
        Row("wire", _per(load.wire_bytes, load.acked_spans), "bytes a span, as sent"),
        Row("refused", load.refused_requests, "requests, sent again as Retry-After asks"),
        Row("failed", load.failed_requests + load.broken_connections, "requests"),
        Row("others", measured.used_by_others * 100, "% of all cores used by other programs"),
        Row("floor: protobuf parse", floor.parse_spans_per_s, "spans/s on one core, nothing else done"),
        Row("floor: fsync", floor.fsyncs_per_s, "a second on this disk"),
    ]


def as_table(found: Sequence[Row]) -> str:
    """For reading."""
    width = max(len(row.name) for row in found)
    return "\n".join(f"{row.name:<{width}}  {_shown(row.value):>12}  {row.unit}" for row in found)


def as_json(measured: Measured, found: Sequence[Row]) -> str:
    """For programs: one object."""
    values = {row.name: {"value": row.value, "unit": row.unit} for row in found}
    return json.dumps({"subject": measured.subject, **values}, indent=2)


def _percentiles(name: str, values: Sequence[float], wanted: Sequence[int]) -> list[Row]:
    """Nearest rank; the hundredth is the slowest of all."""
    ordered = sorted(values)
    return [
        Row(
            f"{name} {'max' if percent == 100 else f'p{percent}'}",
            ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None,
            "ms",
        )
        for percent in wanted
    ]


def _per(amount: float | None, n: float) -> float | None:
    return None if amount is None or not n else amount / n


def _shown(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
