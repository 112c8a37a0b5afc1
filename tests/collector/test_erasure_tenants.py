"""Erasure of a tenant that records and rules know: they go with it, and so do the calls that rules give it."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from typing import Any

from store.catalog import bind, named_query
from tests.collector.test_erasure import NOT_A_CALL, erase, shared, store, stored
from tests.spans import a_call, export
from tests.stores import Store

__all__ = ["shared", "store"]  # the fixtures


def record(store: Store, kind: str, *records: dict[str, Any]) -> None:
    store.send(json.dumps(records).encode(), signal=f"records/{kind}")
    store.commit()


def test_calls_that_a_rule_gives_to_a_tenant_go_with_it_and_so_do_its_records(store: Store) -> None:
    record(
        store,
        "tenants",
        {"tenant_key": "t1", "tenant_id": "acme", "name": "Acme Inc."},
        {"tenant_key": "t2", "tenant_id": "zeta"},
    )
    rules = [
        {"rule_id": "r1", "tenant_id": "acme", "dimension": "feature", "dimension_value": "search"},
        {"rule_id": "r2", "tenant_id": "acme", "withdraws": "r1"},
        {"rule_id": "r3", "tenant_id": "zeta", "dimension": "tenant_id", "dimension_value": "acme"},
        {"rule_id": "r4", "tenant_id": "zeta", "dimension": "user_id", "dimension_value": "ann"},
    ]
    for rule in rules[:1] + rules[3:]:
        record(store, "attribution_rules", rule)
    trace = os.urandom(16)
    store.send(
        export(
            a_call(trace_id=trace, steelyard__feature="search"),
            a_call(trace_id=trace, **NOT_A_CALL),
            a_call(user__id="ann"),
            a_call(),
        )
    )
    store.commit()
    assert store.value("select count(*) from calls where tenant_id = 'acme'") == 1
    record(store, "attribution_rules", *rules[1:3])
    query = named_query("erasure_preview")
    preview = dict(store.session.execute(query.sql, bind(query, "default", {"tenant": "acme"})).fetchall())
    erase(store, tenant_id="acme")
    removed = json.loads(store.value("select cast(removed as varchar) from erasures"))
    assert removed == preview
    assert {name: removed[name] for name in ("spans", "tenants", "attribution_rules")} == {
        "spans": 2,
        "tenants": 1,
        "attribution_rules": 3,
    }
    assert store.rows("select rule_id from attribution_rules") == [{"rule_id": "r4"}]
    assert store.rows("select tenant_id from tenants") == [{"tenant_id": "zeta"}]
    # The rules that are gone give no later call to anybody.
    store.receive(a_call(steelyard__feature="search"))
    assert store.value("select count(*) from calls where tenant_id = 'acme'") == 0


def test_a_call_that_a_rule_gives_to_another_tenant_does_not_go_with_its_trace(store: Store) -> None:
    record(
        store,
        "attribution_rules",
        {"rule_id": "r1", "tenant_id": "zeta", "dimension": "feature", "dimension_value": "search"},
    )
    trace = os.urandom(16)
    store.receive(
        a_call(trace_id=trace, tenant__id="acme"),
        a_call(trace_id=os.urandom(16), steelyard__feature="search", user__id="bob"),
        a_call(trace_id=os.urandom(16), steelyard__feature="search", user__id="ann"),
    )
    # In one trace from the start they would inherit the tenant that one of them names.
    store.session.execute("update spans set trace_id = (select trace_id from spans where tenant_id = 'acme')")
    erase(store, tenant_id="acme")
    assert store.rows("select tenant_id from calls") == [{"tenant_id": "zeta"}] * 2
    erase(store, "02K", user_id="ann")
    assert stored(store, "user_id") == ["bob"]


def test_a_repricing_that_was_about_the_tenant_forgets_its_name_and_stays_about_nobody_else(
    store: Store,
) -> None:
    store.session.execute(
        """
        insert into pricing_runs by name
        select 'default' as project, * from (values
            ('one', '{"tenant_id": "acme", "model": "gpt-4o"}'::json, 'for acme', now()::timestamp),
            ('two', '{"model": "gpt-4o"}', 'for all', now()::timestamp)
        ) as runs(pricing_run, scope, note, finished_at)
        """
    )
    erase(store, tenant_id="acme")
    told = store.rows("select cast(scope as varchar) as scope, note from pricing_runs order by pricing_run")
    assert [(json.loads(row["scope"]), row["note"]) for row in told] == [
        ({"tenant_id": "(erased)", "model": "gpt-4o"}, None),
        ({"model": "gpt-4o"}, "for all"),
    ]


def test_corrections_of_erased_calls_keep_their_sum_and_lead_to_nobody(store: Store) -> None:
    store.send(export(*(a_call(tenant__id="acme") for _ in range(3)), a_call(tenant__id="zeta")))
    store.commit()
    store.session.execute(
        "insert into corrections by name select project, 'run' as pricing_run, day, day as booked_month, trace_id, span_id, "
        "tenant_id, provider, 'gpt-4o' as model, 0.5 as list_delta_usd, 0.25 as effective_delta_usd from spans"
    )
    erase(store, tenant_id="acme")
    left = store.rows(
        "select tenant_id, list_delta_usd, effective_delta_usd, span_id = 0 as is_nobodys from corrections order by tenant_id"
    )
    assert [tuple(row.values()) for row in left] == [
        ("zeta", Decimal("0.5"), Decimal("0.25"), False),
        (None, Decimal("1.5"), Decimal("0.75"), True),
    ]
