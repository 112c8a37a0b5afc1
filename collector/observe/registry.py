"""One process, one registry of metrics, and the page that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

# A second series for every counter, saying when the process began, which process_start_time_seconds says once.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Not the library's own: that one brings the interpreter's version and garbage collector along.
REGISTRY = CollectorRegistry()
# Resident memory, CPU seconds, open files: read from /proc when somebody asks, at no cost until then.
ProcessCollector(registry=REGISTRY)

# Disk and socket work: from a fraction of a millisecond to the ten seconds after which exporters give up.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def exposition(accept: str) -> tuple[bytes, str]:
    """Every metric of this process and the content type: OpenMetrics for who asks for it, else Prometheus text."""
    if "application/openmetrics-text" in accept:
        return openmetrics.generate_latest(REGISTRY), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return generate_latest(REGISTRY), CONTENT_TYPE_PLAIN_0_0_4


def gauge(name: str, meaning: str, look: Callable[[], float], **labels: str) -> None:
    """A figure that is looked up when somebody asks for it. A later one of the same name and labels takes its place."""
    if name not in _gauges:
        _gauges[name] = Gauge(name, meaning, tuple(labels), registry=REGISTRY)
    (_gauges[name].labels(**labels) if labels else _gauges[name]).set_function(look)


_gauges: dict[str, Gauge] = {}
