"""Charging a batch of calls: the SQL, and the tables that it reads. For whoever owns a database.

ready = charge_input(calls, layout)
connection.register("priceable", ready.priceable), connection.register("price_sheets", ready.price_sheets)
connection.sql(ready.sql)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pricing.layout import MINUTES_A_DAY, Layout, Segment, Sheet, variant_of
from pricing.leaves import used
from pricing.units import STANDARD, UNITS
from pricing.usage import MOST_COUNTED

_SQL: str = (files("pricing") / "charge.sql").read_text(encoding="utf-8")

# A rate for one, not for a million: 6 + 6 decimals are exact. A digit wider than needed, because DuckDB multiplies in 64 bits
# what fits into 18 digits, and fails where the product does not.
_RATE = pa.decimal128(19, 12)
_FOR_ONE = Decimal("0.000001")
_TOO_DEAR = 10**11  # for a million; no amount of the store holds the price of ten
_EVER_AFTER = datetime.max  # noqa: DTZ901 - UTC, as the store has it
SHEETS_SCHEMA = pa.schema(
    [
        ("price_key", pa.int64()),
        ("valid_from", pa.timestamp("us")),
        ("valid_to", pa.timestamp("us")),
        ("from_minute", pa.int64()),
        ("to_minute", pa.int64()),
        ("above_tokens", pa.int64()),
        ("up_to_tokens", pa.int64()),
        ("rate_card", pa.string()),
        ("is_estimate", pa.bool_()),
        ("is_free", pa.bool_()),
        ("has_output", pa.bool_()),
        ("has_images_apart", pa.bool_()),
        ("makes_dearer_images", pa.bool_()),
        ("currency", pa.string()),
        ("is_plain", pa.bool_()),  # in USD, and nothing left to multiply by
        ("factor", pa.decimal128(9, 6)),  # the region's multiplier where the rates do not have it in them
        ("usd_per_unit", pa.decimal128(18, 9)),  # of the currency: 1 for USD, NULL = it has no rate
        ("fx_rate", pa.decimal128(18, 9)),
        ("fx_source", pa.string()),
        ("region_multiplier", pa.decimal128(9, 6)),
        ("agreement", pa.string()),
        ("agreement_multiplier", pa.decimal128(9, 6)),
        *[(f"{unit}_rate", _RATE) for unit in UNITS],
    ]
)


_AS_THEY_ARE = ("project", "trace_id", "span_id", "started_at", "billed_to", "reported_cost_usd")


class PriceKey(NamedTuple):
    """What a price is looked up by, beside the time; `region` only where the model's price depends on it."""

    model_key: str
    variant: str
    terms_of: str
    region: str


@dataclass(frozen=True)
class ChargeInput:
    """The tables that `sql` reads by their names."""

    priceable: pa.Table
    price_sheets: pa.Table
    sql: str


def charge_input(calls: pa.Table, layout: Layout) -> ChargeInput:
    """What charges these calls by this layout.

    `calls` have project, trace_id, span_id, started_at (UTC), model_key (NULL = unknown), service_tier, region, tenant_id,
    billed_to, reported_cost_usd DOUBLE, and what `leaves.used` reads.
    """
    known, counts = used(calls)
    counts["request"] = pa.chunked_array([pa.repeat(pa.scalar(1, pa.int32()), calls.num_rows)])
    price_keys, sheets = _price_keys(calls, layout)
    started_us = calls.column("started_at").cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    priceable = {name: calls.column(name) for name in _AS_THEY_ARE}
    priceable |= {name: known.column(name) for name in known.column_names}
    priceable |= {"price_key": price_keys, "minute": started_us // 60_000_000 % MINUTES_A_DAY} | counts
    needed = [*SHEETS_SCHEMA.names[: -len(UNITS)], *(f"{unit}_rate" for unit in counts)]
    return ChargeInput(pa.table(priceable), sheets.select(needed), charge_sql(tuple(counts)))


@cache
def charge_sql(units: tuple[str, ...]) -> str:
    """The statement for calls that used these units."""
    besides = tuple(unit for unit in UNITS if unit not in units)
    return "".join(
        each.replace("UNIT", unit)
        for line in _SQL.splitlines(keepends=True)
        if not line.startswith("--")
        for each, of in [_each(line, units, besides)]
        for unit in of
    )


def _each(line: str, units: tuple[str, ...], besides: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The line without its mark, and the units that it is written out for."""
    for mark, of in ((" -- each UNIT\n", units), (" -- each UNIT besides\n", besides)):
        if line.endswith(mark):
            return line.removesuffix(mark) + "\n", of
    return line, ("",)


def _price_keys(calls: pa.Table, layout: Layout) -> tuple[pa.Array, pa.Table]:
    """For each call the number of what its price is looked up by, and the sheets of these numbers."""
    names = [calls.column(name) for name in ("model_key", "service_tier", "region")]
    tenants = calls.column("tenant_id")
    if layout.tenants:
        apart = pc.is_in(tenants, pa.array(sorted(layout.tenants), pa.string()))
        names.append(pc.if_else(apart, tenants, None))
    codes, first = distinct(names)
    found = [_price_key(layout, *values) for values in values_at(names, first)]
    keys = sorted({key for key in found if key is not None})
    number = {key: at for at, key in enumerate(keys)}
    of_code = pa.array([None if key is None else number[key] for key in found], pa.int64())
    return of_code.take(pa.array(codes)), _of_the_time(_sheets(layout, tuple(keys)), calls)


def _of_the_time(sheets: pa.Table, calls: pa.Table) -> pa.Table:
    """The sheets that may hold for one of the calls: each call is compared with every sheet of its key."""
    if not calls.num_rows:
        return sheets
    started = pc.min_max(calls.column("started_at")).as_py()
    begun = pc.less_equal(sheets.column("valid_from"), started["max"])
    return sheets.filter(pc.and_(begun, pc.greater(sheets.column("valid_to"), started["min"])))


def distinct(columns: Sequence[pa.ChunkedArray]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each row the number of its combination of values, and for each combination the first row that has it."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        joined = codes * (len(encoded.dictionary) + 1) + encoded.indices.to_numpy()
        codes = pa.array(joined).dictionary_encode().indices.to_numpy().astype(np.int64)
    first = np.zeros(codes.max(initial=-1) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several writes to one place the last stays
    return codes, first


def values_at(columns: Sequence[pa.ChunkedArray], rows: npt.NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
    """The values of these rows."""
    at = pa.array(rows)
    return zip(*(column.take(at).to_pylist() for column in columns), strict=True)


def _price_key(
    layout: Layout,
    model_key: str | None,
    service_tier: str | None,
    region: str | None,
    tenant_id: str | None = None,
) -> PriceKey | None:
    if model_key is None:
        return None
    terms_of = layout.terms_of(tenant_id)
    return PriceKey(
        model_key, variant_of(service_tier), terms_of, layout.priced_region(model_key, region) or ""
    )


@lru_cache(maxsize=8)
def _sheets(layout: Layout, keys: tuple[PriceKey, ...]) -> pa.Table:
    """Everything that holds for these keys at any time. One commit after another has the same few."""
    columns: list[list[Any]] = [[] for _ in SHEETS_SCHEMA]
    for number, key in enumerate(keys):
        for row in _rows(layout, key):
            for column, value in zip(columns, (number, *row), strict=True):
                column.append(value)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SHEETS_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SHEETS_SCHEMA)


def _rows(layout: Layout, key: PriceKey) -> Iterator[tuple[Any, ...]]:
    segments = layout.segments(key.model_key, key.variant, key.terms_of)
    for segment in segments:
        multiplier = segment.region_multiplier(key.region)
        for sheet in segment.sheets:
            yield _row(segment, sheet, multiplier)
    if key.variant != STANDARD:
        for begins, ends, from_minute, to_minute in _holes(layout, key, segments):
            yield (begins, ends, from_minute, to_minute, *_NO_CARD)


# Every call, whatever its input, finds here that its model has prices, but none for its variant.
_NO_CARD = (-1, MOST_COUNTED) + (None,) * (len(SHEETS_SCHEMA) - 7)


def _row(segment: Segment, sheet: Sheet, multiplier: Decimal | None) -> tuple[Any, ...]:
    rates, factor = _rates_for_one(sheet, Decimal(1) if multiplier is None else multiplier)
    return (
        segment.valid_from,
        segment.valid_to or _EVER_AFTER,
        segment.from_minute,
        segment.to_minute,
        sheet.above_tokens or -1,
        sheet.up_to_tokens or MOST_COUNTED,
        segment.card.rate_card,
        segment.card.estimated_because is not None,
        sheet.is_free,
        "output" in sheet.rates,
        sheet.prices_images_apart,
        sheet.makes_dearer_images,
        segment.card.currency,
        segment.is_in_usd and factor == 1,
        factor,
        Decimal(1) if segment.is_in_usd else segment.fx and segment.fx.usd_per_unit,
        segment.fx and segment.fx.usd_per_unit,
        segment.fx and segment.fx.source,
        multiplier,
        segment.agreement_name,
        segment.agreement_multiplier,
        *rates,
    )


def _rates_for_one(sheet: Sheet, multiplier: Decimal) -> tuple[list[Decimal | None], Decimal]:
    """The rate for one of each unit, and what every amount is still to be multiplied by.

    A multiplier that leaves every rate exact is in the rates: nothing is rounded then, which is most of the work.
    """
    rates = [_rate_for_one(sheet, unit) for unit in UNITS]
    multiplied = [None if rate is None else rate * multiplier for rate in rates]
    is_exact = all(rate is None or rate == round(rate, 12) for rate in multiplied)
    return (multiplied, Decimal(1)) if is_exact else (rates, multiplier)


def _rate_for_one(sheet: Sheet, unit: str) -> Decimal | None:
    """A call without a fee of its own has none; any other unit without a rate is not priced."""
    rate = sheet.rates.get(unit, Decimal(0) if unit == "request" else None)
    return None if rate is None or rate >= _TOO_DEAR else rate * _FOR_ONE


Span = tuple[datetime, datetime, int, int]  # [from, to) and of each day [from_minute, to_minute)


def _holes(layout: Layout, key: PriceKey, covered: Iterable[Segment]) -> list[Span]:
    """When the model has a standard price and none for this variant."""
    holes = [_span(one) for one in layout.segments(key.model_key, STANDARD, key.terms_of)]
    for one in covered:
        holes = [rest for hole in holes for rest in _less(hole, _span(one))]
    return holes


def _span(one: Segment) -> Span:
    return one.valid_from, one.valid_to or _EVER_AFTER, one.from_minute, one.to_minute


def _less(hole: Span, other: Span) -> Iterator[Span]:
    """What is left of `hole` without `other`: nothing overlaps, so at most four pieces."""
    begins, ends, from_minute, to_minute = hole
    since, until, first, last = other
    if since >= ends or until <= begins or first >= to_minute or last <= from_minute:
        yield hole
        return
    if begins < since:
        yield begins, since, from_minute, to_minute
    if until < ends:
        yield until, ends, from_minute, to_minute
    inside = max(begins, since), min(ends, until)
    if from_minute < first:
        yield *inside, from_minute, first
    if last < to_minute:
        yield *inside, last, to_minute
