"""Rollups answer as the calls do: whatever came late, was priced again, erased or aged out, in any order."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest

from collector.repricing.worker import Repricing
from collector.retention import Retention, Table
from collector.server.scopes import Scope, narrow
from collector.upkeep.prune import prune_one
from store import rollups
from store.backends import file
from store.catalog import bind, named_queries, named_query
from store.rolled import over_rollups
from tests.dashboard.data import EVERY_CALL, a_store
from tests.spans import a_call as a_span
from tests.spans import export
from tests.stores import Store, gpt_4o_book, open_store

NOW = datetime(2026, 11, 21, 12, 30)  # noqa: DTZ001 - UTC, as the store has it
DAY = {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"}
# Begins and ends within hours, so that two of them are read from the calls.
ODD = {"since": "2026-11-19T22:40:00Z", "until": "2026-11-21T10:15:00Z"}
MONTH = {"month": "2026-11-01"}
# From buckets: at most 2.2 % off, where neighbours in rank are not far apart.
ESTIMATES = ("p50_ns", "p95_ns", "p99_ns", "ttft_p50_ns", "ttft_p95_ns")

WINDOW = "from window_"

Rows = list[dict[str, Any]]


def asked() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The queries that read rollups, with the groups and filters that they take."""
    groups: Sequence[Mapping[str, str]] = (
        {},
        {"by": "team"},
        {"by": "feature"},
        {"by": "user_id"},
        {"by": "provider"},
        {"by": "environment", "dimension": "team", "dimension_value": ""},
        {"by": "tenant_id", "dimension": "model", "dimension_value": "gpt-4o-2024-08-06"},
        {"by": "feature", "dimension": "team", "dimension_value": "search"},
    )
    for group in groups:
        yield "spend_month", {**MONTH, **group}
        only = {name: value for name, value in group.items() if name != "by"}
        yield "month_totals", {**MONTH, **only}
        for window, filters in product((DAY, ODD), ({}, {"tenant_id": "acme"}, {"environment": "staging"})):
            yield "window_totals", {**window, **filters, **only}
            yield "top_tenants", {**window, **filters, **group, "top": "2"}
            for minutes in ("60", "45", "360"):
                yield "window_series", {**window, **filters, **only, "bucket_minutes": minutes}
            yield "spend_series", {**window, **filters, **group, "bucket_minutes": "60", "top": "2"}
    yield "spend_month", {**MONTH, "then_by": "team"}
    yield "top_tenants", {**ODD, "prompt_name": "", "top": "5", "by": "model"}
    yield "months", {}
    yield "filter_values", {"limit": "9", "dimension": "team"}
    yield "tenants", {}


def asked_of_outcomes() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The queries that read how calls ended and how long they took."""
    for window, only in ((DAY, {}), (ODD, {"environment": "staging"}), (ODD, {"tenant_id": "acme"})):
        yield "reliability_totals", {**window, **only}
        yield "reliability_by", {**window, **only, "by": "model", "then_by": "provider"}
        yield "error_series", {**window, **only, "bucket_minutes": "60"}
        yield "latency_histogram", {**window, **only, "bucket_minutes": "360"}
        yield "latency_series", {**window, **only, "bucket_minutes": "360", "by": "model", "top": "1"}
        yield "anomaly_series", {**window, "top": "5"}
        yield "anomaly_latencies", {**window, "top": "5"}
    yield "spend_days", {**ODD, "top": "2", "by": "team"}


# Every eleventh meets each query, group, filter and width of bucket.
ASKED = tuple(asked())[::11] + tuple(asked_of_outcomes())


def roll_all(session: duckdb.DuckDBPyConnection, now: datetime = NOW) -> int:
    """Aggregate all that can be; how many hours that was."""
    n_hours = 0
    for piece in rollups.due(session, now, worth_calls=0):
        rollups.roll(session, piece)
        n_hours += len(piece.hours)
    return n_hours


def rows(session: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any]) -> Rows:
    return session.execute(sql, dict(params)).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def answer(session: duckdb.DuckDBPyConnection, name: str, params: Mapping[str, str], project: str) -> Rows:
    named = named_query(name)
    return rows(session, *over_rollups(session, named.sql, bind(named, project, params)))


def from_calls(
    session: duckdb.DuckDBPyConnection, name: str, params: Mapping[str, str], project: str
) -> Rows:
    """What the same query answers when its text is run as it stands."""
    named = named_query(name)
    return rows(session, named.sql, bind(named, project, params))


def assert_alike(
    session: duckdb.DuckDBPyConnection, questions: Sequence[Any], project: str = "default"
) -> None:
    for name, params in questions:
        rolled, raw = (ask(session, name, params, project) for ask in (answer, from_calls))
        exact = [
            [{k: v for k, v in row.items() if k not in ESTIMATES} for row in rows] for rows in (rolled, raw)
        ]
        assert exact[0] == exact[1], (name, params)


def n_open(session: duckdb.DuckDBPyConnection) -> int:
    [(n_hours,)] = session.execute("select count(*) from open_hours").fetchall()
    return int(n_hours)


def some_calls(n_calls: int) -> Rows:
    """Calls of every kind over three days, with values that are there and values that are not."""
    chance = random.Random(7)

    def one(values: Sequence[Any]) -> Any:
        return chance.choice(values)

    calls = []
    for number in range(n_calls):
        kind = EVERY_CALL[number % 7 if number % 7 < len(EVERY_CALL) else 0]
        own = {
            "tenant_id": one(["acme", "globex", None]),
            "attributed_tenant_id": one([None, None, "acme"]),
            "feature": one(["chat", "search", None]),
            "environment": one(["production", "staging", None]),
            "user_id": one(["ann", "bob", None]),
            "started_at": NOW - timedelta(minutes=chance.randrange(3 * 24 * 60), microseconds=number),
            "duration_ns": chance.randrange(10**8, 10**10),
            "ttft_ns": one([None, 10**7, 4 * 10**7]),
            "error_class": one(["timeout", "rate_limit", None]),
            "attempt": one([None, 1, 2]),
            "finish_reason": one(["stop", "length"]),
            "sampling_rate": one([None, None, 0.3]),
            "billed_to": one(["us", "customer"]),
            "reported_cost_usd": one([None, Decimal("0.004")]),
            "cache_hit": one([False, False, None, True]),
        }
        # On the first of the days nobody is of a team.
        own["dims"] = one([{"team": "search"}, {"team": "chat"}, {}]) if own["started_at"].day > 19 else {}
        calls.append(kind(**own))
    return calls


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store whose closed hours are rolled: all but the current one and the one before it."""
    path = a_store(tmp_path_factory.mktemp("rolled") / "store.duckdb", spans=some_calls(300))
    connection = file.open_for_writing(path)
    rollups.open_calls(connection, "calls")
    assert roll_all(connection) > 50
    yield connection
    connection.close()


@pytest.mark.parametrize(("name", "params"), ASKED)
def test_a_query_answers_from_rollups_what_it_answers_from_calls(
    rolled: duckdb.DuckDBPyConnection, name: str, params: Mapping[str, str]
) -> None:
    assert answer(rolled, name, params, "default")
    assert_alike(rolled, [(name, params)])


@pytest.mark.parametrize(
    "name", sorted(name for name, query in named_queries().items() if WINDOW in query.sql)
)
def test_a_query_over_whole_hours_is_planned_over_rollups(
    rolled: duckdb.DuckDBPyConnection, name: str
) -> None:
    query = named_query(name)
    examples = {"time": "2026-11-20T00:00:00Z", "date": "2026-11-01", "integer": "60"}
    given = {param.name: examples[param.type] for param in query.params if param.type != "text"}
    text, _ = over_rollups(rolled, query.sql, bind(query, "default", given))
    assert WINDOW not in text


def test_a_query_reads_no_call_of_a_rolled_day(rolled: duckdb.DuckDBPyConnection) -> None:
    before = answer(rolled, "window_totals", DAY, "default")
    rolled.execute("begin transaction")
    try:
        rolled.execute("delete from spans where day = '2026-11-20'")
        assert answer(rolled, "window_totals", DAY, "default") == before
    finally:
        rolled.execute("rollback")


def test_a_latency_from_rollups_is_within_its_stated_error(rolled: duckdb.DuckDBPyConnection) -> None:
    # The duration of that rank itself: between two neighbours quantile_cont would invent a third.
    [(median, tail)] = rolled.execute(
        "select quantile_disc(duration_ns, 0.5), quantile_disc(duration_ns, 0.95) from calls "
        "where started_at >= ? and started_at < ? and status = 'ok' and cache_hit is not true",
        [NOW.replace(day=20, hour=0, minute=0), NOW.replace(day=21, hour=0, minute=0)],
    ).fetchall()
    [found] = answer(rolled, "window_totals", DAY, "default")
    assert found["p50_ns"] == pytest.approx(median, rel=0.022)
    assert found["p95_ns"] == pytest.approx(tail, rel=0.022)


def test_a_key_of_one_tenant_sees_its_own_calls_and_no_rollup(rolled: duckdb.DuckDBPyConnection) -> None:
    session = file.cursor(rolled)
    narrow(session, Scope("default", tenant="acme"))
    [own] = answer(session, "window_totals", DAY, "default")
    [asked_for] = answer(rolled, "window_totals", {**DAY, "tenant_id": "acme"}, "default")
    session.close()
    assert (own["n_calls"], own["cost_usd"]) == (asked_for["n_calls"], asked_for["cost_usd"])
    assert own["n_calls"] < answer(rolled, "window_totals", DAY, "default")[0]["n_calls"]


class World:
    """A store with traffic, and what can happen to it."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.chance = random.Random(seed)
        self.seen: list[tuple[bytes, bytes, int]] = []

    def receive(self) -> None:
        """Calls that began in any hour of two days, most of them closed and perhaps rolled by now."""
        spans = []
        for _ in range(self.chance.randrange(1, 12)):
            ids = self.chance.randbytes(16), self.chance.randbytes(8), self._moment_ns()
            self.seen.append(ids)
            spans.append(self._span(*ids))
        self._send(*spans)

    def send_fuller(self) -> None:
        """Another body of a call that is stored: with more usage, perhaps from another hour."""
        if self.seen:
            trace_id, span_id, started_ns = self.chance.choice(self.seen)
            later = started_ns + self.chance.choice([0, 3_600_000_000_000])
            more = {"gen_ai__usage__input_tokens": 5_000, "gen_ai__usage__output_tokens": 700}
            self._send(self._span(trace_id, span_id, later, **more))

    def add_parent(self) -> None:
        """What a call inherits its tenant and feature from comes after it."""
        if self.seen:
            trace_id, span_id, started_ns = self.chance.choice(self.seen)
            child = self._span(trace_id, self.chance.randbytes(8), started_ns)
            child.parent_span_id = span_id
            self._send(child)

    def reprice(self) -> None:
        rates = [
            {"unit": unit, "tier_from_tokens": 0, "per_million": str(self.chance.randrange(1, 90))}
            for unit in ("uncached_input", "output")
        ]
        about = {"provider": "openai", "model": "gpt-4o", "layer": "override", "rates": rates}
        key = {"card_key": os.urandom(8).hex(), "valid_from": "2025-01-01T00:00:00Z", "recorded_by": "test"}
        self._record("rate_cards", **about, **key)
        self._rework()

    def attribute(self) -> None:
        rule = {
            "dimension": "user_id",
            "dimension_value": "ann",
            "tenant_id": self.chance.choice(["acme", "globex"]),
        }
        self._record("attribution_rules", rule_id=os.urandom(8).hex(), recorded_by="test", **rule)
        self._rework()

    def erase(self) -> None:
        whom = self.chance.choice([{"tenant_id": "acme"}, {"user_id": "ann"}, {"user_id": "bob"}])
        [scope] = [name.removesuffix("_id") for name in whom]
        self._record("erasures", erasure_id=os.urandom(8).hex(), scope=scope, **whom)

    def prune(self) -> None:
        """All days before this one are too old now."""
        while prune_one(self.store.session, Retention(dict.fromkeys(get_args(Table), 0)), NOW):
            pass

    def roll(self) -> None:
        roll_all(self.store.session)

    def _rework(self) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self._record(
            "pricing_runs", pricing_run=os.urandom(8).hex(), scope={}, requested_at=now, requested_by="test"
        )
        repricing = Repricing(self.store.session, gpt_4o_book())
        while repricing.step():
            pass

    def _moment_ns(self) -> int:
        minutes = self.chance.randrange(30 * 60)
        return int((NOW - timedelta(minutes=minutes)).replace(tzinfo=UTC).timestamp()) * 1_000_000_000

    def _span(self, trace_id: bytes, span_id: bytes, started_ns: int, **more: Any) -> Any:
        own = {
            "tenant__id": self.chance.choice(["acme", "globex", None]),
            "user__id": self.chance.choice(["ann", "bob", None]),
            **more,
        }
        return a_span(trace_id=trace_id, span_id=span_id, started_ns=started_ns, **own)

    def _send(self, *spans: Any) -> None:
        self.store.send(export(*spans))
        self.store.commit()

    def _record(self, kind: str, **fields: Any) -> None:
        self.store.send(json.dumps(fields).encode(), signal=f"records/{kind}")
        self.store.commit()


SUMS = """
    select coalesce(value, '') as value, bucket_at, '' as kind, sum(n_calls) as n, sum(n_priced), sum(tokens), sum(cost_usd),
        sum(list_cost_usd), coalesce(sum(n_attributed), 0), min(first_started_at), max(last_started_at)
    from window_tallies($scope, null, null, $minutes, null, null, null, null, null, null, 'tenant_id', null)
    group by all
    union all
    select value, bucket_at, coalesce(error_class, ''), sum(n_calls), sum(n_priced), sum(output_tokens), sum(cost_usd),
        0, 0, null, null
    from window_outcomes($scope, null, null, $minutes, null, null, null, null, null, null, 'model', null)
    group by all
    union all
    select value, bucket_at, cast(step as varchar), sum(n_calls), 0, 0, 0, 0, 0, null, null
    from window_steps($scope, null, null, $minutes, null, null, null, null, null, null, 'provider', null)
    group by all
    order by all
"""


@pytest.mark.parametrize("seed", range(2))
def test_late_data_repricing_attribution_retention_and_erasure_in_any_order_leave_rollups_right(
    tmp_path: Path, seed: int
) -> None:
    with open_store(tmp_path, gpt_4o_book()) as store:
        world = World(store, seed)
        world.receive()
        steps = [world.reprice, world.attribute, world.erase, world.prune, world.add_parent]
        steps += [world.send_fuller, world.receive]
        world.chance.shuffle(steps)
        for step in steps:
            world.roll()
            step()
            for minutes in (60, None):
                question = SUMS, {"scope": "default", "minutes": minutes}
                text, given = over_rollups(store.session, *question)
                assert text != SUMS
                assert rows(store.session, text, given) == rows(store.session, *question), step.__name__
        assert store.value("select count(*) from rollup_hours") > 0


def test_of_an_erased_tenant_no_rollup_knows_the_name(tmp_path: Path) -> None:
    with open_store(tmp_path, gpt_4o_book()) as store:
        world = World(store, 1)
        for _ in range(4):
            world.receive()
        world.roll()
        rest = "select count(*) from rollup_hours where value = 'acme'"
        assert store.value(rest) > 0
        world._record("erasures", erasure_id="01K", scope="tenant", tenant_id="acme")
        assert store.value(rest) == 0


def test_a_late_call_opens_its_hour_and_no_other(tmp_path: Path) -> None:
    with open_store(tmp_path, gpt_4o_book()) as store:
        world = World(store, 2)
        world.receive()
        world.roll()
        n_before = n_open(store.session)
        *_, started_ns = world.seen[0]
        world._send(world._span(os.urandom(16), os.urandom(8), started_ns))
        assert n_open(store.session) == n_before + 1


def test_a_dimension_that_begins_later_finds_the_calls_before_it_without_a_value(tmp_path: Path) -> None:
    spans = [EVERY_CALL[0](started_at=NOW.replace(day=20)), EVERY_CALL[0](dims={"squad": "a"})]
    connection = file.open_for_writing(a_store(tmp_path / "store.duckdb", spans=spans))
    rollups.open_calls(connection, "calls")
    for piece in reversed(list(rollups.due(connection, NOW, worth_calls=0))):
        rollups.roll(connection, piece)
    found = answer(connection, "spend_month", {**MONTH, "by": "squad"}, "default")
    assert {(row["value"], row["n_calls"]) for row in found} == {(None, 1), ("a", 1)}
    rollup = "select count(*) from rollup_hours where dimension = 'squad'"
    assert connection.execute(rollup).fetchall() == [(2,)]
    connection.close()


def test_a_project_of_few_calls_is_left_to_its_calls(rolled: duckdb.DuckDBPyConnection) -> None:
    rolled.execute("begin transaction")
    try:
        rolled.execute("delete from rolled_dimensions")
        rollups.open_calls(rolled, "calls")
        assert not list(rollups.due(rolled, NOW))
        assert list(rollups.due(rolled, NOW, worth_calls=300))
    finally:
        rolled.execute("rollback")


def test_a_dimension_with_as_many_values_as_calls_is_left_to_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "CELLS_IN_AN_HOUR", 1)
    calls = some_calls(60)
    for number, call in enumerate(calls):
        call["dims"] = {"ticket": f"t{number}"}
    connection = file.open_for_writing(a_store(tmp_path / "store.duckdb", spans=calls))
    roll_all(connection)
    [(n_rows,)] = connection.execute(
        "select count(*) from rollup_hours where dimension = 'ticket'"
    ).fetchall()
    assert n_rows == 0
    assert_alike(connection, [("spend_month", {**MONTH, "by": "ticket"}), ("window_totals", DAY)])
    connection.close()
