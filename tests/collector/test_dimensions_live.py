"""Dimensions and sampling from the wire to the report, through a running collector."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from steelyard import cli
from tests.servers import Server, start_server
from tests.spans import a_call, export

# 2026-10-05T12:00:00Z
OCTOBER_NS = 1_791_201_600 * 10**9
DIMENSIONS = {
    "tenant": ["app.customer"],
    "team": ["app.team", "baggage:squad", "resource:team"],
    "plan": ["metadata.plan"],
}


def sampled(span: Span, threshold: str) -> Span:
    """The span with a sampling threshold in its trace state, as the W3C and OpenTelemetry have it."""
    span.trace_state = f"ot=th:{threshold}"
    return span


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector with three dimensions of its own, and four calls that say them in different places."""
    trace_id = os.urandom(16)
    agent = {"gen_ai.operation.name": "invoke_agent", "app.team": "ads"}
    root = a_call(trace_id=trace_id, started_ns=OCTOBER_NS, **agent)
    child = a_call(trace_id=trace_id, started_ns=OCTOBER_NS + 10_000_000, duration_ms=10)
    child.parent_span_id = root.span_id
    said = {"tenant__id": "acme", "app__team": "search", "metadata__plan": "gold"}
    calls = export(
        a_call(started_ns=OCTOBER_NS, app__customer="globex", **said),
        # A threshold of c000... keeps a quarter.
        sampled(a_call(started_ns=OCTOBER_NS, baggage__squad="search"), "c"),
        root,
        child,
    )
    env = {"STEELYARD_DIMENSIONS": json.dumps(DIMENSIONS)}
    with start_server(tmp_path_factory.mktemp("data") / "steelyard", env=env) as running:
        running.post("/v1/traces", calls)
        running.post("/v1/traces", export(a_call(started_ns=OCTOBER_NS), team="from the resource"))
        running.wait_until_committed()
        yield running


def spend(collector: Server, *words: str) -> list[dict[str, Any]]:
    asked = ["spend", "--month", "2026-10", "--format", "json", "--data", str(collector.data_dir), *words]
    ran = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_a_dimension_is_found_on_the_span_its_ancestor_and_the_resource(collector: Server) -> None:
    found = {row["team"]: row["n_calls"] for row in spend(collector, "--by", "team")}
    # The call of the agent says no team: the agent does.
    assert found == {"search": 2, "ads": 1, "from the resource": 1}


def test_a_configured_key_comes_before_the_conventions_own(collector: Server) -> None:
    assert {row["tenant_id"] for row in spend(collector)} == {"globex", None}


def test_one_member_of_the_metadata_is_a_dimension_and_the_metadata_is_not_stored(collector: Server) -> None:
    (row,) = collector.rows(
        "select dims['plan'] as plan, attributes from spans where dims['plan'] is not null"
    )
    assert row["plan"] == "gold"
    assert "metadata.plan" not in str(row["attributes"])


def test_a_call_without_a_value_has_no_such_key(collector: Server) -> None:
    assert collector.value("select count(*) from calls where map_contains(dims, 'plan')") == 1


def test_a_sampled_call_makes_an_estimate_beside_the_sum(collector: Server) -> None:
    (row,) = spend(collector, "--by", "team", "--where", "team=search")
    # $0.0035 a call: two arrived, one of which stands for four.
    assert (row["n_calls"], row["n_sampled"], row["estimated_calls"]) == (2, 1, 5)
    assert (row["cost_usd"], row["estimated_cost_usd"]) == ("0.007000000000", "0.017500000000")


def test_the_ledger_holds_what_arrived_and_no_estimate(collector: Server) -> None:
    assert str(collector.value("select sum(list_cost_usd) from charges")) == "0.014000000000"
