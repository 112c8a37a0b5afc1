"""The list "Needs attention": findings of every kind as sentences, each with the page of its evidence, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from dashboard import formats
from dashboard.formats import count, duration, money
from dashboard.insight.anomalies import Anomaly
from dashboard.insight.asking import Row
from dashboard.insight.budgets import Position, State
from dashboard.insight.forecast import Forecast
from dashboard.pipeline import Trouble
from store.dimensions import BUILT_IN, short_name

Severity = Literal["critical", "warning", "notice"]
Kind = Literal["ingest", "errors", "volume", "spend", "budget", "gate", "latency", "unpriced", "held_price"]

# Of equal severity what loses data or answers goes first, then money, then what waits for a person.
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "notice")
_KINDS: tuple[Kind, ...] = (
    "ingest", "errors", "volume", "spend", "budget", "gate", "latency", "unpriced", "held_price",
)  # fmt: skip
_RECENT = timedelta(hours=24)  # what ended before that is told, but presses nobody
_MANY_FAIL = 0.2
_MANY_TIMES = 5.0
_MOST_NAMED = 3
_IN_ADDRESSES = {"environment": "env"}
_WITH_A_FILTER = ("tenant_id", "model", "prompt_name", "environment")


@dataclass(frozen=True)
class Link:
    """A page of ours by its path, what its address says, and the half-open window it should show; None = its usual one."""

    page: str
    params: Mapping[str, str] = field(default_factory=dict)
    window: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Item:
    """One finding. `title` and `detail` are plain text, with names from telemetry in them: not yet fit for Markdown."""

    severity: Severity
    kind: Kind
    title: str
    detail: str
    link: Link
    weight: float = 0.0  # among those of its severity and kind, the heavier first


def in_order(items: Iterable[Item]) -> list[Item]:
    """The worst first."""
    return sorted(
        items,
        key=lambda item: (
            _SEVERITIES.index(item.severity),
            _KINDS.index(item.kind),
            -item.weight,
            item.title,
        ),
    )


def of_anomalies(found: Sequence[Anomaly], now: datetime) -> Iterator[Item]:
    """Anomalies; a rise in volume that shows as spend as well is told as spend only."""
    dearer = {(one.dimension, one.value, one.began_at.date()) for one in found if one.metric == "spend"}
    for one in found:
        same = (one.dimension, one.value, one.began_at.date()) in dearer
        if one.metric == "volume" and one.excess > 0 and same:
            continue
        yield Item(
            _severity_of(one, now), one.metric, _title_of(one), _detail_of(one), _link_of(one), one.score
        )


def _link_of(one: Anomaly) -> Link:
    """Where it shows: spend in its month, with what it went to; everything else in its hours."""
    who = address_of(one.dimension, one.value)
    if one.metric == "spend":
        return Link("spend", {"month": formats.month_name(one.began_at.date()), **who})
    return Link("traces" if one.metric == "volume" else "reliability", who, (one.began_at, one.ended_at))


def _severity_of(one: Anomaly, now: datetime) -> Severity:
    if one.confidence == "low" or one.ended_at < now - _RECENT:
        return "notice"
    fails = one.metric == "errors" and one.observed >= _MANY_FAIL
    silent = one.metric == "volume" and one.observed == 0 and one.dimension == ""
    dear = one.metric == "spend" and one.factor >= _MANY_TIMES
    return "critical" if one.is_ongoing and (fails or silent or dear) else "warning"


def _title_of(one: Anomaly) -> str:
    who = of_whom(one.dimension, one.value)
    times = f"{one.factor:.1f}× the usual"
    match one.metric:
        case "errors":
            return f"{who}: {100 * one.observed:.3g} % of calls failed"
        case "spend":
            return f"{who}: {times} spend"
        case "latency":
            return f"{who}: {times} latency"
        case "volume" if one.observed == 0:
            return f"{who}: no requests"
        case "volume" if one.excess > 0:
            return f"{who}: {times} requests"
        case "volume":
            return f"{who}: requests at {100 * one.factor:.0f} % of the usual"


def _detail_of(one: Anomaly) -> str:
    match one.metric:
        case "errors":
            said = f"{count(one.n_errors)} of {count(one.n_calls)} calls, usually {100 * one.expected:.2g} %"
        case "spend":
            said = f"{_usd(one.observed)}, usually {_usd(one.expected)}"
        case "latency":
            said = f"p95 {duration(round(one.observed))}, usually {duration(round(one.expected))}"
        case "volume":
            said = f"{count(round(one.observed))} requests, usually {count(round(one.expected))}"
    return f"{_when(one)} · {said} · confidence {one.confidence}, by {one.n_days} days before"


def _when(one: Anomaly) -> str:
    began = formats.moment(one.began_at)
    if one.is_ongoing:
        return f"since {began}"
    ended = one.ended_at
    return (
        f"{began} to {ended:%H:%M}"
        if ended.date() == one.began_at.date()
        else f"{began} to {formats.moment(ended)}"
    )


def of_whom(dimension: str, value: str) -> str:
    """Whose calls, in words: `tenant hooli`, `no tenant`, `all calls`."""
    if not dimension:
        return "all calls"
    name = formats.in_dimension(value, dimension)
    return f"{formats.dimension(dimension)} {name}" if value else name


def address_of(dimension: str | None, value: str) -> dict[str, str]:
    """The part of an address that narrows a page to these calls; empty for all."""
    if not dimension:
        return {}
    offered = value or formats.no_value(dimension)
    if dimension in _WITH_A_FILTER:
        return {_IN_ADDRESSES.get(dimension, short_name(dimension)): offered}
    return {"dim": short_name(dimension) if dimension in BUILT_IN else dimension, "value": offered}


def of_unpriced(rows: Sequence[Row], window: tuple[datetime, datetime]) -> Iterator[Item]:
    """Rows of `unpriced_models`: what is missing in every amount, as one finding."""
    if not rows:
        return
    models = list(dict.fromkeys(formats.model(row["model"]) for row in rows))
    n_calls = sum(row["n_calls"] for row in rows)
    named = ", ".join(models[:_MOST_NAMED])
    more = f" and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
    tokens = formats.short_count(sum(row["tokens"] for row in rows))
    yield Item(
        "warning",
        "unpriced",
        f"{_plural(len(models), 'model')} without a price",
        f"{named}{more} · {count(n_calls)} calls with {tokens} tokens are in no amount since {formats.moment(window[0])}",
        Link("setup"),
        float(n_calls),
    )


_OF_STATES: Mapping[State, Severity] = {
    "over": "critical",
    "will exceed": "warning",
    "may exceed": "notice",
    "past soft": "notice",
}


def of_budgets(found: Sequence[Position], project_words: str = "the whole project") -> Iterator[Item]:
    """Budgets that are exceeded, will be, or may be."""
    for one in found:
        if one.state == "on track":
            continue
        budget = one.budget
        whose = of_whom(budget.dimension, budget.value) if budget.dimension else project_words
        yield Item(
            _OF_STATES[one.state],
            "budget",
            f"Budget of {whose}: {_state_words(one)}",
            f"{money(one.spent_usd)} of {money(budget.monthly_usd)} spent{_foretold(one)}",
            Link(
                "spend",
                {
                    "month": formats.month_name(one.forecast.month),
                    **address_of(budget.dimension, budget.value),
                },
            ),
            float(one.used),
        )


def _state_words(one: Position) -> str:
    match one.state:
        case "over":
            return "exceeded"
        case "will exceed":
            return f"will be exceeded on {one.exceeds_on:%d %b}" if one.exceeds_on else "will be exceeded"
        case "may exceed":
            return "may be exceeded"
        case _:
            return f"{100 * one.used:.0f} % used"


def _foretold(one: Position) -> str:
    if not isinstance(one.forecast, Forecast) or not one.forecast.path:
        return ""
    low, high = money(one.forecast.low_usd), money(one.forecast.high_usd)
    return f" · forecast {money(one.forecast.expected_usd)} ({low} to {high} in 8 cases of 10)"


def of_gates(runs: Sequence[Row]) -> Iterator[Item]:
    """Rows of `runs`, newest first: of every suite and prompt what its newest verdict says, where that is not PASS."""
    seen = set()
    for run in runs:
        key = (run["suite"], run["prompt_name"])
        if run["verdict"] is None or key in seen:
            continue
        seen.add(key)
        if run["verdict"] == "PASS":
            continue
        blocked = run["verdict"] == "FAIL"
        name = formats.shortened(run["prompt_name"] or run["suite"])
        version = formats.version(run["candidate_version"])
        yield Item(
            "warning" if blocked else "notice",
            "gate",
            f"Gate {'blocked' if blocked else 'undecided'}: {name} {version}",
            f"{formats.moment(run['decided_at'])} · {formats.shortened(run['reason'] or 'no reason given', 160)}",
            Link("gates", {"run": run["run_id"]}),
            run["decided_at"].timestamp() if run["decided_at"] else 0.0,
        )


def of_trouble(troubles: Iterable[Trouble]) -> Iterator[Item]:
    """What the collector says of itself."""
    for one in troubles:
        severity: Severity = "critical" if one.level == "error" else "warning"
        yield Item(severity, "ingest", one.what, one.advice, Link("setup"))


def of_rejects(rows: Sequence[Row], window: tuple[datetime, datetime]) -> Iterator[Item]:
    """Rows of `rejects_by_reason`: what was refused or could not be read, as one finding."""
    if not rows:
        return
    n_refusals = sum(row["n_refusals"] for row in rows)
    n_items = sum(row["n_items"] or 0 for row in rows)
    largest = max(rows, key=lambda row: row["n_items"] or row["n_refusals"])
    reason = formats.shortened(str(largest["reason"]), 120)
    items = f", {count(n_items)} items" if n_items else ""
    yield Item(
        "warning",
        "ingest",
        f"{_plural(n_refusals, 'request')} refused or not readable{items}",
        f"since {formats.moment(window[0])} · mostly: {reason}",
        Link("setup"),
        float(n_refusals),
    )


def of_held_prices(rows: Sequence[Row]) -> Iterator[Item]:
    """Rows of `held_cards`: prices that wait for somebody to approve them."""
    if not rows:
        return
    used = [row for row in rows if row["n_calls"]]
    named = ", ".join(
        dict.fromkeys(formats.shortened(f"{row['provider']}/{row['model']}") for row in used or rows)
    )
    n_calls = sum({row["model"]: row["n_calls"] for row in used}.values())
    concern = f"{count(n_calls)} calls have these models" if used else "no call has these models"
    yield Item(
        "warning" if used else "notice",
        "held_price",
        f"{_plural(len(rows), 'price')} waiting for approval",
        f"{formats.shortened(named, 120)} · {concern} · `steelyard prices report`",
        Link("setup"),
        float(n_calls),
    )


def _plural(n: int, word: str) -> str:
    return f"{count(n)} {word}" if n == 1 else f"{count(n)} {word}s"


def _usd(amount: float) -> str:
    return money(Decimal(repr(amount)).quantize(Decimal("0.000001")))
