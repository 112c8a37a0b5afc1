"""What the store server counts while it answers queries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from collector.observe.registry import REGISTRY, SECONDS
from errors import QueryError

_queries = Counter(
    "steelyard_store_queries",
    "Queries by outcome: ok, refused (by the query's own fault or the deadline), failed, cached.",
    ("outcome",),
    registry=REGISTRY,
)
_query_seconds = Histogram(
    "steelyard_store_query_seconds",
    "Queries that ran, from the first statement to the last row.",
    buckets=SECONDS,
    registry=REGISTRY,
)


@contextmanager
def query() -> Iterator[None]:
    """Around a query that runs."""
    started, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "ok"
    except QueryError:
        outcome = "refused"
        raise
    finally:
        _queries.labels(outcome).inc()
        _query_seconds.observe(time.monotonic() - started)


def from_cache() -> None:
    """A query was answered with what another one had found."""
    _queries.labels("cached").inc()
