"""What the spans around a call are called, as far as the caller's key sees them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from collector.commit.statements import registered
from collector.server.explain_again import Again
from collector.server.explain_sql import statement

HIDDEN = {"hidden": "a span that this access key does not see"}


class Neighbours:
    """Spans by their row in `again`. `seen` is a session that shows what the caller may see, and no more."""

    def __init__(self, again: Again, seen: duckdb.DuckDBPyConnection, rows: Collection[int]) -> None:
        self._again = again
        self._named = _named(again, seen, sorted(set(rows)))

    def ref(self, row: int) -> dict[str, Any]:
        """Which span it is; for one that the caller may not see, only that there is one."""
        named = self._named.get(row)
        if named is None:
            return dict(HIDDEN)
        told = ("trace_id", "span_id", "span_name", "service_name", "scope_name", "emitter", "status")
        return {name: named[name] for name in told} | {"role": self._again.value("role", row)}

    def visible(self, rows: Iterable[int]) -> list[int]:
        """Those of the rows that the caller may see."""
        return [row for row in rows if row in self._named]

    def sources(self, row: int) -> Mapping[str, str]:
        """Where the span alone had its values from; empty for a hidden one."""
        return sources_of(self._named.get(row, {}).get("sources"))


def sources_of(text: object) -> Mapping[str, str]:
    """The column `sources` read; empty where nothing was recorded."""
    found: Mapping[str, str] = json.loads(text) if isinstance(text, str) else {}
    return found


def _named(again: Again, seen: duckdb.DuckDBPyConnection, rows: list[int]) -> dict[int, dict[str, Any]]:
    if not rows:
        return {}
    stored = again.stored.take(pa.array(rows))
    hexes = [one.as_py().hex for one in stored.column("trace_id")]
    span_ids = stored.column("span_id").to_pylist()
    wanted = pa.table(
        {
            "day": stored.column("stored_day"),
            "project": stored.column("project"),
            "trace_id": hexes,
            "span_id": stored.column("span_id"),
        }
    )
    with registered(seen, wanted=wanted):
        found = seen.sql(statement("names")).to_arrow_table().to_pylist()
    row_of = dict(zip(zip(hexes, span_ids, strict=True), rows, strict=True))
    return {
        row_of[one["trace_id"], one["span_id"]]: one | {"span_id": f"{one['span_id']:016x}"} for one in found
    }
