"""What the pages' queries cost at ten million calls: `python -m benchmarks.queries`.

Makes a store of the demo's traffic many times over (kept in a folder, shared with `benchmarks.pages`) and asks each query that
pages ask of a month of it: over rollups, as the store server runs it, and as its text stands, which reads every call. Beside
them the floor, one sum over the same calls, and the time that planning takes: the same query of a store without a call.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.pages.big_store import big_store
from store.backends import file
from store.catalog import ParamValue, bind, named_query
from store.execute import run_select
from store.projects import DEMO_PROJECT
from store.rolled import over_rollups

BUDGET_MS = 300
_MEMORY_MB = 4_000
_ROUNDS = 3
_FLOOR = """
    select sum(effective_cost_usd), count(*)
    from spans
    where project = $scope and role = 'call' and day >= $since and started_at >= $since and started_at < $until
"""
Question = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Took:
    """The least of some rounds."""

    wall_ms: float
    cpu_ms: float  # of all threads

    def __str__(self) -> str:
        return f"{self.wall_ms:8.0f} {self.cpu_ms:8.0f}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="What the pages' queries cost.")
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--store", type=Path, default=Path(".benchmark"), help="folder in which it is kept")
    parser.add_argument("--raw", action="store_true", help="also as their text stands: a minute more")
    options = parser.parse_args(argv)
    options.store.mkdir(parents=True, exist_ok=True)
    made = big_store(options.store, options.calls)
    with tempfile.TemporaryDirectory() as empty:
        _report(made.data / "store.duckdb", made.until, Path(empty) / "store.duckdb", raw=options.raw)


def asked(until: datetime) -> Iterator[Question]:
    """What pages ask of the thirty days before `until`, and of seven days that begin and end within an hour."""
    month = {"month": f"{until:%Y-%m}-01"}
    days = _window(until.replace(hour=0, minute=0, second=0, microsecond=0), 30)
    cut = _window(until.replace(minute=20), 7)
    yield "window_totals", days
    yield "window_totals", cut
    yield "window_totals", {**days, "tenant_id": "acme"}
    yield "window_series", {**cut, "bucket_minutes": "60"}
    yield "spend_series", {**days, "bucket_minutes": "1440", "top": "5"}
    yield "top_tenants", {**days, "top": "10"}
    yield "top_tenants", {**days, "top": "10", "by": "user_id"}
    yield "spend_month", month
    yield "spend_month", {**month, "then_by": "model"}
    yield "month_totals", month
    yield "spend_days", {**days, "top": "5"}
    yield "reliability_totals", days
    yield "error_series", {**days, "bucket_minutes": "360"}
    yield "latency_histogram", {**days, "bucket_minutes": "360"}
    yield "reliability_by", {**days, "then_by": "model"}
    yield "latency_series", {**days, "bucket_minutes": "360", "by": "model"}
    yield "anomaly_series", {**days, "top": "8"}
    yield "anomaly_latencies", {**days, "top": "8"}
    yield "tenants", {}
    yield "months", {}
    yield "filter_values", {"limit": "50"}
    yield "dimension_names", days


def _window(until: datetime, days: int) -> dict[str, str]:
    return {
        "since": f"{until - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{until:%Y-%m-%dT%H:%M:%SZ}",
    }


def _report(path: Path, until: datetime, empty: Path, *, raw: bool) -> None:
    with closing(file.open_for_writing(path, memory_limit_mb=_MEMORY_MB)) as many:
        with closing(file.open_for_writing(empty)) as none:
            print(
                f"{'':18} {'ms':>8} {'cpu ms':>8} {'planning':>8}  {'as it stands: ms, cpu ms' if raw else ''}"
            )
            for name, params in asked(until):
                _say(many, none, name, params, raw=raw)
        window = bind(named_query("window_totals"), DEMO_PROJECT, _window(until, 30))
        floor = {name: window[name] for name in ("scope", "since", "until")}
        print(
            f"{'floor':18} {_least(lambda: many.execute(_FLOOR, floor).fetchall())}  a sum over thirty days of calls"
        )


def _say(
    many: duckdb.DuckDBPyConnection,
    none: duckdb.DuckDBPyConnection,
    name: str,
    params: Mapping[str, str],
    *,
    raw: bool,
) -> None:
    query = named_query(name)
    bound = bind(query, DEMO_PROJECT, params)
    took = _least(lambda: run_select(many, query.sql, bound))
    planning = _least(lambda: run_select(none, query.sql, bound))
    text, _ = over_rollups(many, query.sql, bound)
    about = [
        " ".join(f"{key}={value}" for key, value in params.items() if key not in ("since", "until", "month"))
    ]
    about += ["from the calls"] if text == query.sql else []
    about += [f"over {BUDGET_MS} ms"] if took.wall_ms > BUDGET_MS else []
    stands = _least(lambda: _as_it_stands(many, query.sql, bound)) if raw else ""
    print(f"{name:18} {took} {planning.cpu_ms:8.0f}  {stands}  {' · '.join(filter(None, about))}", flush=True)


def _as_it_stands(session: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, ParamValue]) -> None:
    session.execute(sql, dict(params)).to_arrow_table()


def _least(once: Callable[[], object]) -> Took:
    rounds = []
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        once()
        rounds.append(((time.perf_counter() - wall) * 1_000, (time.process_time() - cpu) * 1_000))
    return Took(min(wall for wall, _ in rounds), min(cpu for _, cpu in rounds))


if __name__ == "__main__":
    main()
