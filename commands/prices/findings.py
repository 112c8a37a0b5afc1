"""What is missing or doubtful about the costs of some calls, one finding each: in words, with the commands that mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from commands.moments import shown, wire
from commands.prices.known import known_prices
from dashboard.formats import count, money
from pricing.layout import USD, variant_of
from pricing.prices import Prices
from store import remedies
from store.reader import Reader

Row = Mapping[str, Any]
Kind = Literal["unpriced_model", "ambiguous_name", "unpriced_unit", "conflict", "drift", "held", "stale"]

HEADINGS: Mapping[Kind, str] = {
    "unpriced_model": "Models without a price",
    "ambiguous_name": "Names that may mean several models",
    "unpriced_unit": "Used, and without a rate",
    "conflict": "Counts that contradict each other",
    "drift": "Reported otherwise than computed at list prices",
    "held": "Prices that wait for approval",
    "stale": "Prices that nobody has checked for 90 days",
}
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "name", "provider", "model", "emitter", "says")),
        ("n_calls", pa.int64()),
        ("commands", pa.list_(pa.string())),
    ]
)
STALE_AFTER = timedelta(days=90)
_MOST_CANDIDATES = 5


@dataclass(frozen=True)
class Period:
    """The calls in question: of one project, started in [since, until), UTC."""

    project: str
    since: datetime
    until: datetime

    @property
    def params(self) -> dict[str, str | None]:
        return {"since": wire(self.since), "until": wire(self.until)}

    def reprice(self, model: str | None, *options: str) -> str:
        return remedies.reprice(self.project, f"--since {self.since:%Y-%m-%d}", model, *options)


@dataclass(frozen=True)
class Finding:
    """One thing that is missing or in doubt."""

    kind: Kind
    name: str
    says: str
    n_calls: int
    commands: Sequence[str]
    provider: str | None = None
    model: str | None = None
    emitter: str | None = None

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def findings(reader: Reader, period: Period) -> list[Finding]:
    """Everything that was found, by kind in the order of HEADINGS; what concerns most calls first."""
    found = [
        *_models(reader, period),
        *_units(reader, period),
        *_conflicts(reader, period),
        *_drift(reader, period),
        *_held(reader, period),
        *_stale(reader, period),
    ]
    order = list(HEADINGS)
    return sorted(found, key=lambda one: order.index(one.kind))


def _asked(reader: Reader, query: str, period: Period, **params: str | None) -> list[Row]:
    answer: list[Row] = reader.query(query, project=period.project, **params).to_pylist()
    return answer


def _models(reader: Reader, period: Period) -> Iterator[Finding]:
    unpriced = [
        row
        for row in _asked(reader, "unpriced_models", period, **period.params)
        if row["cost_status"] == "unpriced_model"
    ]
    if not unpriced:
        return
    prices = known_prices(reader)
    for row in unpriced:
        yield _model(row, prices, period)


def _model(row: Row, prices: Prices, period: Period) -> Finding:
    provider, model = row["provider"], row["model"]
    used = f"{count(row['n_calls'])} calls, {count(row['tokens'])} tokens"
    about = {"name": _name(row), "n_calls": row["n_calls"], "provider": provider, "model": model}
    if model is None:
        return Finding("unpriced_model", says=f"{used}; they name no model", commands=[], **about)
    key = prices.book.resolve(provider, model)
    candidates = () if key else prices.book.candidates(provider, model)
    if provider is None:
        # Without a provider nothing can be looked up, so no price would be found either.
        mend, why = [], "they name no provider: let the emitter send gen_ai.provider.name"
    else:
        override = remedies.override(provider, model, ("uncached_input", "output"), period.since)
        mend = [override, period.reprice(model, "--status unpriced")]
        why = f"no card of {key} holds" if key else f"the price book knows no such name of {provider}"
    if candidates:
        why += f"; it may mean {', '.join(candidates[:_MOST_CANDIDATES])}"
    kind: Kind = "ambiguous_name" if len(candidates) > 1 else "unpriced_model"
    return Finding(kind, says=f"{used}; {why}", commands=mend, **about)


def _units(reader: Reader, period: Period) -> Iterator[Finding]:
    for row in _asked(reader, "unpriced_units", period, **period.params):
        provider, model = row["provider"] or "PROVIDER", row["model"] or "MODEL"
        if row["rate_card"] is None:
            tier = variant_of(row["service_tier"])
            says = f"no price for service tier {tier}"
            command = remedies.override(
                provider, model, ("uncached_input", "output"), period.since, variant=tier
            )
        elif row["unit"] is None and row["currency"] == USD:
            says = f"by {row['rate_card']} an amount is beyond what a call can cost: counts or rates must be wrong"
            command = remedies.show(row["rate_card"].partition("@")[0].partition("+")[0])
        elif row["unit"] is None:
            says = f"{row['rate_card']} is in {row['currency']}, and no exchange rate for it is known"
            command = remedies.IMPORT_PRICES
        else:
            says = f"{row['rate_card']} has no rate for {row['unit']} ({count(row['n_units'])} used)"
            command = remedies.override(provider, model, (row["unit"],), period.since)
        yield Finding(
            "unpriced_unit",
            _name(row),
            f"{count(row['n_calls'])} calls; {says}",
            row["n_calls"],
            [
                remedies.explain(period.project, row["span_id"]),
                command,
                period.reprice(row["model"], "--status unpriced"),
            ],
            row["provider"],
            row["model"],
        )


def _conflicts(reader: Reader, period: Period) -> Iterator[Finding]:
    for row in _asked(reader, "usage_conflicts", period, **period.params):
        read = f"read as {row['usage_semantics']} by {row['usage_confidence'] or 'an older version'}"
        yield Finding(
            "conflict",
            _name(row),
            f"{count(row['n_calls'])} calls of {row['service_name'] or 'no service named'} by "
            f"{row['emitter'] or 'an unknown emitter'}, {read}",
            row["n_calls"],
            [remedies.explain(period.project, row["span_id"])],
            row["provider"],
            row["model"],
            row["emitter"],
        )


def _drift(reader: Reader, period: Period) -> Iterator[Finding]:
    for row in _asked(reader, "cost_drift", period, **period.params):
        yield Finding(
            "drift",
            f"{_name(row)} by {row['emitter'] or 'an unknown emitter'}",
            f"reported {money(row['reported_cost_usd'])}, computed {money(row['list_cost_usd'])} for "
            f"{count(row['n_calls'])} calls, of which {count(row['n_differ'])} differ by more than 1 %",
            row["n_differ"],
            [remedies.explain(period.project, row["span_id"])],
            row["provider"],
            row["model"],
            row["emitter"],
        )


def _held(reader: Reader, period: Period) -> Iterator[Finding]:
    for row in _asked(reader, "held_cards", period, since=wire(period.since)):
        by = f" by {row['recorded_by']}" if row["recorded_by"] else ""
        yield Finding(
            "held",
            row["rate_card"],
            f"{row['held_because']}; recorded {shown(row['recorded_at'])}{by}; {count(row['n_calls'])} calls of its model",
            row["n_calls"],
            [remedies.approve(row["rate_card"])],
            row["provider"],
            row["model"],
        )


def _stale(reader: Reader, period: Period) -> Iterator[Finding]:
    before = f"{period.until - STALE_AFTER:%Y-%m-%d}"
    for row in _asked(reader, "stale_cards", period, checked_before=before, **period.params):
        yield Finding(
            "stale",
            row["rate_card"],
            f"last checked {row['checked_on']}; {count(row['n_calls'])} calls, {money(row['cost_usd'])}; "
            f"its source is {row['source'] or 'not given'}",
            row["n_calls"],
            [remedies.show(row["model_key"])],
        )


def _name(row: Row) -> str:
    return " ".join(filter(None, (row["provider"], row["model"]))) or "no model named"
