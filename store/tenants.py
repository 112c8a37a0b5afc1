"""Whose a call is and who pays the provider for it, as far as records say: attribution rules and tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

# Whose provider account the calls of each tenant are billed to, where a record says so: disjoint half-open times.
BILLING_SCHEMA = pa.schema(
    {
        "project": pa.string(),
        "tenant_id": pa.string(),
        "valid_from": pa.timestamp("us"),
        "valid_to": pa.timestamp("us"),
        "billed_to": pa.string(),
    }
)
NO_BILLING = BILLING_SCHEMA.empty_table()
# Older than any call: what a record without a beginning begins with.
EVER = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as the store has it

_RULES = """
    select project, rule_id, tenant_id, dimension, coalesce(dimension_value, ''), valid_from, valid_to, received_at
    from attribution_rules
    where withdraws is null
        and (project, rule_id) not in (
            select (project, withdraws) from attribution_rules where withdraws is not null
        )
    order by received_at, rule_id
"""
# Of two records for the same beginning the later one counts.
_BILLING = """
    with said as (
        select project, tenant_id, coalesce(valid_from, $ever) as valid_from, billed_to
        from tenants
        where billed_to is not null
        qualify row_number() over (
            partition by project, tenant_id, coalesce(valid_from, $ever) order by received_at desc, tenant_key desc
        ) = 1
    )
    select
        project,
        tenant_id,
        valid_from,
        lead(valid_from) over (partition by project, tenant_id order by valid_from) as valid_to,
        billed_to
    from said
    order by project, tenant_id, valid_from
"""


@dataclass(frozen=True)
class AttributionRule:
    """Calls where a dimension has a value are for this tenant, within [valid_from, valid_to); None = no bound.

    An empty value stands for calls that have none. It fills in calls that name no tenant; only a rule about the
    dimension `tenant_id` itself replaces a tenant. Times are UTC without a zone.
    """

    project: str
    rule_id: str
    tenant_id: str
    dimension: str
    value: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    received_at: datetime | None = None


def attribution_rules(session: duckdb.DuckDBPyConnection) -> tuple[AttributionRule, ...]:
    """The rules that count, in the order they were recorded: of two for one call the later one decides."""
    return tuple(AttributionRule(*row) for row in session.execute(_RULES).fetchall())


def billing(session: duckdb.DuckDBPyConnection) -> pa.Table:
    """Whom the provider bills for each tenant's calls (BILLING_SCHEMA): what the record that began last says of it."""
    return session.sql(_BILLING, params={"ever": EVER}).to_arrow_table().cast(BILLING_SCHEMA)
