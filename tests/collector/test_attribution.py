"""Whose a call is when a rule says it: in any order of arrival, and told apart from what telemetry says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.commit.attribution import attribute
from pricing.book import load_book
from pricing.cards import PriceRecords
from pricing.prices import prices_of
from store.record_checks import rule_problems, tenant_problems
from store.tenants import AttributionRule
from store.terms import Terms
from tests.spans import a_call, export
from tests.stores import Store, gpt_4o_book, open_store

NOON_NS = 1_793_534_400_000_000_000  # 2026-11-01T12:00:00Z
HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("attribution"), gpt_4o_book()) as store:
        yield store


@pytest.fixture
def store(shared: Store) -> Store:
    for table in ("spans", "charges", "attribution_rules", "tenants"):
        shared.session.execute(f"delete from {table}")
    return shared


def record(store: Store, kind: str, *records: dict[str, Any], project: str = "default") -> None:
    for one in records:
        store.send(json.dumps(one).encode(), project=project, signal=f"records/{kind}")
    store.commit()


def a_rule(
    rule_id: str = "r1", tenant: str = "acme", where: str = "service_name=bot", **more: Any
) -> dict[str, Any]:
    dimension, _, value = where.partition("=")
    return {"rule_id": rule_id, "tenant_id": tenant, "dimension": dimension, "dimension_value": value, **more}


def tenants(store: Store) -> list[str | None]:
    return [
        row["tenant_id"] for row in store.rows("select tenant_id from calls order by started_at, span_id")
    ]


def in_order(*calls: dict[str, Any]) -> list[Span]:
    """A call a second, so that they come back in this order."""
    return [a_call(started_ns=NOON_NS + n * 1_000_000_000, **one) for n, one in enumerate(calls)]


def test_a_rule_gives_calls_that_name_no_tenant_to_one_and_leaves_those_that_do(store: Store) -> None:
    record(store, "attribution_rules", a_rule())
    store.send(
        export(*in_order({}, {"tenant__id": "zeta"}), service__name="bot"), export(*in_order({}, {}, {})[2:])
    )
    store.commit()
    assert tenants(store) == ["acme", "zeta", None]
    said = "select tenant_id, attributed_tenant_id, attributed_by from spans order by started_at limit 1"
    assert store.rows(said) == [{"tenant_id": None, "attributed_tenant_id": "acme", "attributed_by": "r1"}]


def test_a_rule_about_the_tenant_itself_replaces_it_and_what_telemetry_said_stays(store: Store) -> None:
    record(store, "attribution_rules", a_rule(where="tenant_id=acme-old"), a_rule("r2", "rest", "tenant_id="))
    store.receive(*in_order({"tenant__id": "acme-old"}, {"tenant__id": "zeta"}, {}))
    assert tenants(store) == ["acme", "zeta", "rest"]
    assert store.value("select tenant_id from spans order by started_at limit 1") == "acme-old"


def test_a_rule_holds_from_its_first_moment_up_to_its_last(store: Store) -> None:
    record(
        store,
        "attribution_rules",
        a_rule(where="feature=search", valid_from="2026-11-01T12:00:00Z", valid_to="2026-11-01T13:00:00Z"),
    )
    around = (NOON_NS - 1000, NOON_NS, NOON_NS + HOUR_NS - 1000, NOON_NS + HOUR_NS)
    store.receive(*(a_call(started_ns=at, steelyard__feature="search") for at in around))
    assert tenants(store) == [None, "acme", "acme", None]


def test_of_two_rules_the_one_recorded_later_decides_until_it_is_withdrawn(store: Store) -> None:
    rules = a_rule("r1", "acme"), a_rule("r2", "zeta", "model=gpt-4o")
    withdrawal = {"rule_id": "r3", "tenant_id": "zeta", "withdraws": "r2"}
    for number, more in enumerate((rules, (withdrawal,))):
        record(store, "attribution_rules", *more)
        store.send(export(a_call(started_ns=NOON_NS + number * 1_000_000_000), service__name="bot"))
        store.commit()
    assert tenants(store) == ["zeta", "acme"]


def test_a_rule_is_about_its_own_project(store: Store) -> None:
    record(store, "attribution_rules", a_rule(where="service_name=test"), project="other")
    store.receive(a_call())
    assert tenants(store) == [None]


@pytest.mark.parametrize("parent_first", [True, False])
def test_a_tenant_that_another_span_of_the_trace_names_goes_before_a_rule_in_any_order(
    store: Store, *, parent_first: bool
) -> None:
    record(store, "attribution_rules", a_rule(where="service_name=test"))
    call = a_call(started_ns=NOON_NS)
    parent = a_call(
        trace_id=call.trace_id,
        started_ns=NOON_NS,
        tenant__id="zeta",
        **{"gen_ai.operation.name": "invoke_agent"},
    )
    call.parent_span_id = parent.span_id
    for span in (parent, call) if parent_first else (call, parent):
        store.receive(span)
    assert tenants(store) == ["zeta"]
    assert store.value("select count(attributed_by) from spans") == 0


def test_a_stored_call_that_turns_out_to_be_a_duplicate_is_nobodys_any_more(store: Store) -> None:
    record(store, "attribution_rules", a_rule(where="provider=openai"))
    inner = a_call(started_ns=NOON_NS + 1_000_000, duration_ms=98, gen_ai__response__id="resp-1")
    outer = a_call(started_ns=NOON_NS, gen_ai__response__id="resp-1", trace_id=inner.trace_id)
    inner.parent_span_id = outer.span_id
    store.receive(inner)
    store.receive(outer)
    assert tenants(store) == ["acme"]
    assert store.value("select count(*) from spans where attributed_by = 'r1'") == 1
    assert store.value("select sum(list_cost_usd) from calls") == store.value(
        "select sum(list_cost_usd) from (from charges qualify row_number() over (partition by span_id order by seq desc) = 1)"
    )


# One by one, as the rules are written: what the set-based statement is held against.
TERMS = Terms(prices_of(load_book(), PriceRecords()))
DAY = datetime(2026, 11, 1)  # noqa: DTZ001 - UTC, as the store has it
VALUES = st.sampled_from(["a", "b", None])
SPANS = st.lists(
    st.fixed_dictionaries(
        {
            "project": st.sampled_from(["p", "q"]),
            "role": st.sampled_from(["call", "call", "duplicate"]),
            "started_at": st.integers(0, 3).map(lambda hour: DAY + timedelta(hours=hour)),
            "tenant_id": VALUES,
            "service_name": VALUES,
            "model_answered": VALUES,
            "model_requested": VALUES,
            "team": VALUES,
        }
    ),
    min_size=1,
    max_size=8,
)
HOURS = st.one_of(st.none(), st.integers(0, 3).map(lambda hour: DAY + timedelta(hours=hour)))
RULES = st.lists(
    st.builds(
        AttributionRule,
        project=st.sampled_from(["p", "q"]),
        rule_id=st.just("r"),
        tenant_id=st.sampled_from(["x", "y"]),
        dimension=st.sampled_from(["tenant_id", "service_name", "model", "team", "no_such_dimension"]),
        value=st.sampled_from(["a", "b", ""]),
        valid_from=HOURS,
        valid_to=HOURS,
    ),
    max_size=6,
)


def is_about(rule: AttributionRule, span: dict[str, Any]) -> bool:
    said = {**span, "model": span["model_answered"] or span["model_requested"]}.get(rule.dimension) or ""
    return (
        span["role"] == "call"
        and span["project"] == rule.project
        and said == rule.value
        and (rule.dimension == "tenant_id" or span["tenant_id"] is None)
        and (rule.valid_from is None or rule.valid_from <= span["started_at"])
        and (rule.valid_to is None or span["started_at"] < rule.valid_to)
    )


def as_table(spans: list[dict[str, Any]]) -> pa.Table:
    names = (
        "user_id",
        "session_id",
        "feature",
        "environment",
        "provider",
        "prompt_name",
        "agent_name",
        "emitter",
    )
    columns = {
        name: pa.array(
            [span[name] for span in spans], pa.timestamp("us") if name == "started_at" else pa.string()
        )
        for name in spans[0]
        if name != "team"
    }
    dims = [None if span["team"] is None else [("team", span["team"])] for span in spans]
    return pa.table(
        columns
        | {name: pa.nulls(len(spans), pa.string()) for name in names}
        | {"dims": pa.array(dims, pa.map_(pa.string(), pa.string()))}
    )


@settings(max_examples=100, deadline=None)
@given(SPANS, RULES)
def test_rules_over_a_batch_decide_as_each_rule_read_for_each_call(
    spans: list[dict[str, Any]], rules: list[AttributionRule]
) -> None:
    rules = [AttributionRule(**{**vars(rule), "rule_id": f"r{number}"}) for number, rule in enumerate(rules)]
    expected = [[rule for rule in rules if is_about(rule, span)][-1:] for span in spans]
    found = attribute(as_table(spans), Terms(TERMS.prices, attribution=tuple(rules)))
    assert found.column("attributed_by").to_pylist() == [one[0].rule_id if one else None for one in expected]
    assert found.column("attributed_tenant_id").to_pylist() == [
        one[0].tenant_id if one else None for one in expected
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"dimension": "Service Name"}, "not a dimension"),
        ({"tenant_id": ""}, "`tenant_id` is empty"),
        ({"valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-11-01T00:00:00Z"}, "is not after"),
    ],
)
def test_a_rule_that_would_never_fit_is_refused(wrong: dict[str, str], told: str) -> None:
    [problem] = rule_problems([a_rule() | wrong], "default")
    assert told in problem
    assert rule_problems([a_rule()], "default") == []


def test_a_tenant_is_billed_to_us_or_to_the_customer() -> None:
    [problem] = tenant_problems([{"tenant_id": "acme", "billed_to": "them"}], "default")
    assert "not `us` or `customer`" in problem
    assert tenant_problems([{"tenant_id": "acme", "billed_to": "customer"}], "default") == []


def test_a_call_is_billed_as_its_span_says_else_as_its_tenants_record_of_that_time_says(store: Store) -> None:
    record(
        store,
        "tenants",
        {"tenant_key": "k1", "tenant_id": "acme", "valid_from": "2026-11-01T13:00:00Z", "billed_to": "us"},
        # Recorded again for the same beginning: the later record counts.
        {
            "tenant_key": "k2",
            "tenant_id": "acme",
            "valid_from": "2026-11-01T13:00:00Z",
            "billed_to": "customer",
        },
        # A record that says nothing of it leaves it as it is.
        {"tenant_key": "k3", "tenant_id": "acme", "valid_from": "2026-11-01T14:00:00Z", "plan": "pro"},
        {"tenant_key": "k4", "tenant_id": "acme", "valid_from": "2026-11-01T15:00:00Z", "billed_to": "us"},
    )
    record(store, "attribution_rules", a_rule(where="feature=search"))
    hours = [a_call(started_ns=NOON_NS + hour * HOUR_NS, tenant__id="acme") for hour in range(4)]
    ruled = a_call(started_ns=NOON_NS + HOUR_NS + 1000, steelyard__feature="search")
    said = a_call(started_ns=NOON_NS + HOUR_NS + 2000, tenant__id="acme", steelyard__key_owner="us")
    store.receive(*hours, ruled, said, a_call(started_ns=NOON_NS + 4 * HOUR_NS, tenant__id="zeta"))
    found = store.rows(
        "select billed_to, effective_cost_usd = 0 as is_free, list_cost_usd from calls order by started_at"
    )
    customer, us = ("customer", True), ("us", False)
    # By time: 12:00, 13:00, the one a rule gives, the one that says it itself, 14:00, 15:00, another tenant.
    billed = [us, customer, customer, us, customer, us, us]
    assert [(row["billed_to"], row["is_free"]) for row in found] == billed
    assert {row["list_cost_usd"] for row in found} == {Decimal("0.0035")}


def test_a_call_that_gets_its_tenant_later_is_charged_as_that_tenant_is_billed(store: Store) -> None:
    record(store, "tenants", {"tenant_key": "k1", "tenant_id": "acme", "billed_to": "customer"})
    call = a_call(started_ns=NOON_NS)
    parent = a_call(
        trace_id=call.trace_id,
        started_ns=NOON_NS,
        tenant__id="acme",
        **{"gen_ai.operation.name": "invoke_agent"},
    )
    call.parent_span_id = parent.span_id
    store.receive(call)
    assert store.value("select effective_cost_usd from calls") == Decimal("0.0035")
    store.receive(parent)
    assert store.rows("select billed_to, effective_cost_usd from calls") == [
        {"billed_to": "customer", "effective_cost_usd": 0}
    ]
    assert store.value("select effective_cost_usd from charges order by seq desc limit 1") == 0
