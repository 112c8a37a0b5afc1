"""Pages of a running Steelyard: what each takes of the server, alone and for many visitors at once."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.ingest.watch import Watch
from benchmarks.pages.visit import Run, Visitor

# Longer than a page's answers are kept (dashboard/source.py), so that a run asks anew.
_UNTIL_STALE_S = 3.2
_WINDOW = timedelta(days=30)


@dataclass(frozen=True)
class Subject:
    """The processes that are watched; the store server's are None where pages read nothing."""

    url: str
    dashboard_pid: int
    store_pid: int | None = None
    top_pid: int | None = None  # the process above all of them
    api_url: str | None = None

    def cpu_s(self) -> tuple[float, float]:
        """Of the dashboard and of the store server, so far."""
        return _cpu_s(self.dashboard_pid), _cpu_s(self.store_pid) if self.store_pid else 0.0

    def n_queries(self) -> int:
        """Answered by the store server so far, from its cache or not."""
        if self.api_url is None:
            return 0
        with urllib.request.urlopen(f"{self.api_url}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            counted = [
                sample.value
                for family in families
                for sample in family.samples
                if sample.name == "steelyard_store_queries_total"
            ]
        return round(sum(counted))


@dataclass(frozen=True)
class Cost:
    """Means over the runs of one page, one kind."""

    dashboard_ms: float
    store_ms: float
    seconds: float
    n_queries: float
    kilobytes: float
    n_figures: int

    @property
    def cpu_ms(self) -> float:
        return self.dashboard_ms + self.store_ms


@dataclass(frozen=True)
class Crowd:
    """Many visitors, each opening every page once, at the same time."""

    n_visitors: int
    n_runs: int
    seconds: float
    run_p50_s: float
    run_p95_s: float
    cpu_ms_per_run: float
    used_by_others: float  # share of the machine, 0 to 1


def address(until: datetime, minutes_earlier: int = 0, **more: str) -> str:
    """The query of a page over 30 days. Other minutes make other questions, which no cache can answer."""
    ends = until - timedelta(minutes=minutes_earlier)
    asked = {
        "project": "demo",
        "range": "custom",
        "from": f"{ends - _WINDOW:%Y-%m-%dT%H:%M}",
        "to": f"{ends:%Y-%m-%dT%H:%M}",
        **more,
    }
    return "&".join(f"{key}={value}" for key, value in asked.items())


def cost(subject: Subject, page: str, queries: Sequence[str]) -> Cost:
    """Mean cost of opening the page, each of `queries` by a visitor of its own, one after the other."""
    runs: list[Run] = []
    before, asked_before = subject.cpu_s(), subject.n_queries()
    for query in queries:
        with Visitor(subject.url) as visitor:
            runs.append(visitor.open(page, query))
    after, n = subject.cpu_s(), len(queries)
    _refuse_broken(page, runs)
    return Cost(
        dashboard_ms=(after[0] - before[0]) * 1e3 / n,
        store_ms=(after[1] - before[1]) * 1e3 / n,
        seconds=fmean(run.seconds for run in runs),
        n_queries=(subject.n_queries() - asked_before) / n,
        kilobytes=fmean(run.n_bytes for run in runs) / 1e3,
        n_figures=max(run.n_figures for run in runs),
    )


def crowd(subject: Subject, pages: Sequence[str], n_visitors: int, query: Callable[[int], str]) -> Crowd:
    """All of them at once; `query` is of the visitor's number."""
    watch, ours_before = Watch(subject.top_pid or subject.dashboard_pid), time.process_time()
    before, began_at = subject.cpu_s(), time.monotonic()
    with ThreadPoolExecutor(n_visitors) as pool:
        seconds = [
            run
            for runs in pool.map(lambda n: list(_tour(subject, pages, query(n))), range(n_visitors))
            for run in runs
        ]
    took, after = time.monotonic() - began_at, subject.cpu_s()
    ordered = sorted(seconds)
    return Crowd(
        n_visitors,
        len(seconds),
        took,
        median(ordered),
        ordered[len(ordered) * 95 // 100],
        (sum(after) - sum(before)) * 1e3 / len(seconds),
        watch.used_by_others(time.process_time() - ours_before),
    )


def let_answers_age() -> None:
    time.sleep(_UNTIL_STALE_S)


def _tour(subject: Subject, pages: Sequence[str], query: str) -> Iterator[float]:
    with Visitor(subject.url) as visitor:
        for page in pages:
            run = visitor.open(page, query)
            _refuse_broken(page, [run])
            yield run.seconds


def _refuse_broken(page: str, runs: Sequence[Run]) -> None:
    if broken := [said for run in runs for said in run.exceptions]:
        raise SystemExit(f"/{page} does not work, so what it costs means nothing: {broken[0]}")


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
