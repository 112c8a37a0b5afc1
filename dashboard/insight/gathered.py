"""Everything that needs attention in a project, looked for now: the questions, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dashboard import pipeline
from dashboard.insight import anomalies, attention
from dashboard.insight.asking import Ask
from dashboard.insight.attention import Item
from dashboard.insight.budgets import positions

JUDGED = timedelta(days=7)  # anomalies that began before are old news, and part of what is usual
HISTORY = timedelta(days=35)  # five of each hour of the week
_SERIES = 8  # values of each dimension: 25 series take about 0.2 s of CPU
_RUNS = 100
_RECENT = timedelta(hours=24)
# In words, for whoever wonders what a short list leaves out.
LOOKED_AT = (
    "spend, failures, latency and volume of the last 7 days against the 5 weeks before, models without a price, budgets, "
    "gates, refused requests, prices that wait for approval and the collector itself"
)


def gather(ask: Ask, project: str, now: datetime, state: Mapping[str, Any] | None = None) -> list[Item]:
    """What needs attention, the worst first. `now` is UTC without a zone; `state` what the collector says of itself, if asked.

    Seven queries, and one more for each dimension with budgets. Worth keeping for a minute: nothing here is news sooner.
    """
    found = [item for look in _LOOKS for item in look(ask, project, now)]
    if state is not None:
        found += attention.of_trouble(pipeline.troubles(state))
    return attention.in_order(found)


def _anomalies(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    until = now.replace(minute=0, second=0, microsecond=0) + anomalies.HOUR
    since = until - JUDGED - HISTORY
    at: dict[str, Any] = {"since": since, "until": until, "top": _SERIES}
    series = anomalies.series_of(
        ask("anomaly_series", project, **at), ask("anomaly_latencies", project, **at), since, until
    )
    return attention.of_anomalies(anomalies.find(series, until - JUDGED, now), now)


def _unpriced(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    window = (_minute(now - JUDGED), _minute(now))
    return attention.of_unpriced(ask("unpriced_models", project, since=window[0], until=window[1]), window)


def _budgets(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    return attention.of_budgets(positions(ask, project, now.date().replace(day=1), now))


def _gates(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    return attention.of_gates(ask("runs", project, limit=_RUNS))


def _rejects(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    window = (_minute(now - _RECENT), _minute(now))
    return attention.of_rejects(ask("rejects_by_reason", project, since=window[0]), window)


def _held_prices(ask: Ask, project: str, now: datetime) -> Iterator[Item]:
    return attention.of_held_prices(ask("held_cards", project, since=_minute(now - JUDGED)))


_LOOKS: Sequence[Callable[[Ask, str, datetime], Iterable[Item]]] = (
    _anomalies,
    _unpriced,
    _budgets,
    _gates,
    _rejects,
    _held_prices,
)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
