"""Spans of a commit in the shape that pricing/charge.sql charges, and the charging of them."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.commit.statements import registered, statement
from pricing.charge import charge_input, distinct, values_at
from pricing.layout import Layout
from pricing.units import COUNTS
from store.terms import Terms

# What decides about a price: when one of these changes, the call is charged again. Whose the call is does too, where the
# terms tell tenants apart.
PRICED = (
    "provider",
    "host_provider",
    "model_requested",
    "model_answered",
    "service_tier",
    "region",
    *COUNTS,
    "usage_source",
    "cache_hit",
    "key_owner",
    "reported_cost_usd",
)
_NAMES = ("provider", "model_answered", "model_requested", "host_provider")
_IDS = ("row", "project", "trace_id", "span_id", "started_at")
_US = "us"


def priceable(spans: pa.Table, terms: Terms) -> pa.Table:
    """The calls among these spans, each with the key of its model in the price book and whose account pays for it."""
    calls = spans.filter(pc.equal(spans.column("role"), "call"))
    names = [name for name in PRICED if name not in (*_NAMES, "reported_cost_usd", "key_owner")]
    tenants = calls.column("tenant_id")
    if "attributed_tenant_id" in calls.column_names:
        tenants = pc.coalesce(calls.column("attributed_tenant_id"), tenants)
    found = pa.table(
        {name: calls.column(name) for name in (*_IDS, *names)}
        | {
            "day": calls.column("started_at").cast(pa.date32(), safe=False),
            "model_key": _model_keys(calls, terms),
            "tenant_id": tenants,
            "status": pc.if_else(calls.column("failed"), "error", "ok"),
            "reported_cost_usd": calls.column("reported_cost_usd").cast(pa.float64()),
        }
    )
    billed_to = pc.coalesce(calls.column("key_owner"), _by_records(found, terms.billing), _US)
    return found.append_column("billed_to", billed_to)


def charge_into(session: duckdb.DuckDBPyConnection, calls: pa.Table, terms: Terms) -> None:
    """Charge the calls (of `priceable`) by these terms: a row each in the temp table `charged`, with the columns of `charges`
    but for the day, and those that say which run charged it and when.
    """
    prices = terms.prices
    _charge(session, "charged", calls, prices.list_layout, prices.version)
    if prices.contract_layout is None:
        return
    agreed = pa.array(sorted(prices.contract_layout.agreed_models), pa.string())
    concerned = calls.filter(pc.is_in(calls.column("model_key"), agreed))
    if concerned.num_rows:
        _charge(session, "charged_by_contract", concerned, prices.contract_layout, prices.version)
        session.execute(statement("put_contract_prices")).fetchall()
        session.execute("drop table charged_by_contract").fetchall()


def _charge(
    session: duckdb.DuckDBPyConnection, into: str, calls: pa.Table, layout: Layout, version: str
) -> None:
    ready = charge_input(calls, layout)
    with registered(session, priceable=ready.priceable, price_sheets=ready.price_sheets):
        session.execute(
            f"create or replace temp table {into} as select *, $version::varchar as price_book from ({ready.sql})",
            {"version": version},
        ).fetchall()


def _by_records(calls: pa.Table, billing: pa.Table) -> pa.Array:
    """Whose account the provider bills for each call by what is recorded of its tenant at the time; NULL = nothing is.

    An as-of join: records and calls in one order, and the last record before each call.
    """
    if not billing.num_rows:
        return pa.nulls(calls.num_rows, pa.string())
    whose = ("project", "tenant_id")
    both = pa.concat_tables([table.select([*whose]) for table in (billing, calls)])
    times = pa.concat_tables(
        [billing.select(["valid_from"]), calls.select(["started_at"]).rename_columns(["valid_from"])]
    )
    codes, _ = distinct([both.column(name) for name in whose])
    at_us = times.column("valid_from").cast(pa.int64()).to_numpy()
    is_call = np.arange(len(codes)) >= billing.num_rows
    order = np.lexsort((is_call, at_us, codes))
    last = np.maximum.accumulate(np.where(is_call[order], -1, np.arange(len(order))))
    record = np.where(last >= 0, order[last], -1)
    of_call = np.empty(len(codes), dtype=np.int64)
    of_call[order] = np.where((last >= 0) & (codes[order] == codes[record]), record, -1)
    found = of_call[billing.num_rows :]
    return billing.column("billed_to").combine_chunks().take(pa.array(found, mask=found < 0))


def _model_keys(calls: pa.Table, terms: Terms) -> pa.Array:
    """The book's key of each call's model, NULL where it knows none: asked once for each name that occurs."""
    names = [calls.column(name) for name in _NAMES]
    codes, first = distinct(names)
    keys = [terms.prices.book.resolve_call(*values) for values in values_at(names, first)]
    return pa.array(keys, pa.string()).take(pa.array(codes))
