"""Repricing: stored calls charged by what is known now; only what differs is written, and a closed month stays as it is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.repricing import task
from collector.repricing.months import first_open_after
from collector.repricing.preview import Preview, Question, preview
from collector.repricing.worker import Repricing
from collector.server.scopes import Scope, narrow
from store.catalog import bind, named_query
from store.pricing_scope import PricingScope, ScopeError
from tests.spans import USAGE_OUT, a_call, export
from tests.stores import Store, gpt_4o_book, open_store

# 1,000 tokens in and 100 out: at $2 in and $10 out a million 0.002 + 0.001
AT_2_AND_10 = Decimal("0.003")
AT_4_AND_20 = Decimal("0.006")
# The same call of gpt-4o, at 2.50 and 10
GPT_4O = Decimal("0.0035")


BOOK = gpt_4o_book()


class World:
    """A project of a shared store, and a provider of its own: prices are of no project."""

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.project = f"p{number}"
        self.provider = f"cluster-{number}"

    def call(self, day: str, model: str = "tiny-llama", **attributes: Any) -> Span:
        """A call of a model that no shipped book has, at noon of that UTC day."""
        named = {"gen_ai__request__model": model, "gen_ai__response__model": model}
        return a_call(started_ns=on(day), gen_ai__provider__name=self.provider, **named, **attributes)

    def receive(self, *spans: Span) -> None:
        self.store.send(export(*spans), project=self.project)
        self.store.commit()

    def record(self, kind: str, **fields: Any) -> None:
        """Store one record, as a client sends it."""
        self.store.send(json.dumps(fields).encode(), project=self.project, signal=f"records/{kind}")
        self.store.commit()

    def price(self, dollars_in: str, dollars_out: str, **fields: Any) -> str:
        """Set what `tiny-llama` costs, in USD a million tokens; the card's own key."""
        rates = [
            {"unit": unit, "tier_from_tokens": 0, "per_million": amount}
            for unit, amount in (("uncached_input", dollars_in), ("output", dollars_out))
        ]
        about = {"provider": self.provider, "model": "tiny-llama", "layer": "override", "rates": rates}
        key = {"card_key": os.urandom(8).hex(), "valid_from": "2025-01-01T00:00:00Z", "recorded_by": "test"}
        self.record("rate_cards", **(key | about | fields))
        return key["card_key"]

    def ask(self, pricing_run: str = "run-1", **scope: str) -> None:
        """Ask for a repricing without working on it."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self.record(
            "pricing_runs", pricing_run=pricing_run, scope=scope, requested_at=now, requested_by="test"
        )

    def work(self) -> None:
        """Do all that is asked for."""
        repricing = Repricing(self.store.session, BOOK)
        while repricing.step():
            pass

    def reprice(self, pricing_run: str = "run-1", **scope: str) -> dict[str, Any]:
        """Ask for a repricing and do it; what it came to."""
        self.ask(pricing_run, **scope)
        self.work()
        return self.query("pricing_runs", pricing_run=pricing_run)[0]

    def preview(self) -> Preview:
        return preview(self.store.session, BOOK, Question.read({"project": self.project}))

    def close(self, month: str, status: str = "closed") -> None:
        key = f"{month} {time.time_ns()}"
        self.record("periods", period_key=key, month=month, status=status, recorded_by="test")
        self.work()

    def query(self, name: str, **params: str) -> list[dict[str, Any]]:
        """The rows of a named query."""
        named = named_query(name)
        found = self.store.session.sql(named.sql, params=bind(named, self.project, params)).to_arrow_table()
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT that sees this project only."""
        session = self.store.session.cursor()
        session.execute("use store")
        narrow(session, Scope(self.project))
        found: list[dict[str, Any]] = session.sql(sql).to_arrow_table().to_pylist()
        session.close()
        return found

    def value(self, sql: str) -> Any:
        return next(iter(self.rows(sql)[0].values()))

    def costs(self) -> dict[str, Decimal | None]:
        """What each call costs, by its day."""
        found = self.rows("select started_at, effective_cost_usd from calls")
        return {f"{row['started_at']:%Y-%m-%d}": row["effective_cost_usd"] for row in found}

    def official(self) -> Decimal:
        """The sum of the newest charge of each call; as a check, the same as that of the calls themselves."""
        newest = (
            "from charges qualify row_number() over (partition by trace_id, span_id order by seq desc) = 1"
        )
        ledger = self.value(f"select coalesce(sum(list_cost_usd), 0) from ({newest})")
        calls = self.value("select coalesce(sum(list_cost_usd), 0) from calls")
        assert ledger == calls
        return Decimal(calls)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("data"), gpt_4o_book()) as opened:
        yield opened


_numbers = count()


@pytest.fixture
def world(store: Store) -> World:
    return World(store, next(_numbers))


def on(day: str) -> int:
    """Noon of that UTC day, in nanoseconds."""
    return int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()) * 1_000_000_000


def test_a_price_added_for_one_month_reprices_only_the_calls_of_that_month(world: World) -> None:
    world.receive(
        world.call("2025-08-31"),
        world.call("2025-09-15"),
        world.call("2025-10-01"),
        a_call(started_ns=on("2025-09-16")),
    )
    before = world.costs()
    world.price("2", "10", valid_from="2025-09-01T00:00:00Z", valid_to="2025-10-01T00:00:00Z")
    run = world.reprice()
    assert (run["n_calls"], run["n_changed"], run["n_corrected"]) == (4, 1, 0)
    assert world.costs() == {**before, "2025-09-15": AT_2_AND_10}
    assert world.official() == AT_2_AND_10 + GPT_4O
    assert world.rows("select pricing_run, seq, supersedes from charges where pricing_run <> 'ingest'") == [
        {"pricing_run": "run-1", "seq": 1, "supersedes": None}
    ]


def test_a_preview_says_by_tenant_and_model_what_the_run_then_does_and_changes_nothing(world: World) -> None:
    world.receive(
        world.call("2025-09-01", tenant__id="acme"),
        world.call("2025-09-02", tenant__id="acme"),
        world.call("2025-09-03"),
        a_call(),
    )
    world.price("2", "10")
    [acme, nobody] = world.preview().document()["differences"]
    assert (acme["tenant_id"], acme["model"], acme["n_changed"]) == ("acme", "tiny-llama", 2)
    assert (acme["n_calls_before"], acme["n_calls_after"]) == (2, 2)
    assert (acme["n_priced_before"], acme["n_priced_after"]) == (0, 2)
    assert (acme["effective_before_usd"], Decimal(acme["effective_after_usd"])) == (None, 2 * AT_2_AND_10)
    assert (nobody["tenant_id"], Decimal(nobody["list_after_usd"])) == (None, AT_2_AND_10)
    assert world.value("select count(*) from charges") == 1
    assert world.reprice()["n_changed"] == 3
    again = world.preview()
    assert (again.n_calls, again.n_changed, again.differences.num_rows) == (4, 0, 0)


def test_a_changed_price_supersedes_the_charge_and_leaves_all_else_of_the_call_as_it_was(
    world: World,
) -> None:
    world.price("2", "10")
    world.receive(world.call("2025-09-01", tenant__id="acme", gen_ai__response__id="r1"))
    told = "select * exclude (effective_cost_usd, list_cost_usd, rate_card), attributes, events from spans"
    before = world.rows(told)
    world.price("4", "20")
    assert world.costs() == {"2025-09-01": AT_2_AND_10}
    world.reprice()
    assert world.costs() == {"2025-09-01": AT_4_AND_20}
    assert world.rows(told) == before
    assert world.rows("select seq, supersedes, pricing_run, list_cost_usd from charges order by seq") == [
        {"seq": 1, "supersedes": None, "pricing_run": "ingest", "list_cost_usd": AT_2_AND_10},
        {"seq": 2, "supersedes": 1, "pricing_run": "run-1", "list_cost_usd": AT_4_AND_20},
    ]


def test_a_run_charges_by_what_was_known_when_it_was_asked_for(world: World) -> None:
    world.receive(world.call("2025-09-01"))
    world.price("2", "10")
    world.ask()
    world.price("4", "20")
    world.receive(world.call("2025-09-02"))
    world.work()
    # The second call came later, and was charged by more than the run knows.
    assert world.costs() == {"2025-09-01": AT_2_AND_10, "2025-09-02": AT_4_AND_20}


def test_of_two_runs_that_wait_each_charges_by_what_was_known_when_it_was_asked_for(world: World) -> None:
    world.receive(world.call("2025-09-01"))
    world.price("2", "10")
    world.ask("run-1")
    world.price("4", "20")
    world.ask("run-2")
    world.work()
    assert world.rows("select pricing_run, list_cost_usd from charges order by seq") == [
        {"pricing_run": "run-1", "list_cost_usd": AT_2_AND_10},
        {"pricing_run": "run-2", "list_cost_usd": AT_4_AND_20},
    ]
    assert world.costs() == {"2025-09-01": AT_4_AND_20}


def test_a_run_that_a_crash_cut_short_is_finished_by_the_next_process_and_charges_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "CALLS_IN_A_PIECE", 2)
    world.receive(*(world.call(f"2025-09-{day:02}") for day in range(1, 10)))
    world.price("2", "10")
    world.ask(cost_status="unpriced")
    first = Repricing(world.store.session, BOOK)
    for _ in range(4):  # taken up, planned, two pieces
        assert first.step()
    n_done = world.value("select count(*) from charges where pricing_run = 'run-1'")
    assert 0 < n_done < 9
    world.store.reopen()
    world.work()
    [run] = world.query("pricing_runs")
    assert (run["n_calls"], run["n_changed"]) == (9, 9)
    assert world.value("select count(*) from charges") == 9
    assert world.official() == 9 * AT_2_AND_10


def test_ingest_goes_on_between_the_pieces_of_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "CALLS_IN_A_PIECE", 1)
    trace, span = b"t" * 16, b"spanspan"
    few = {"trace_id": trace, "span_id": span, USAGE_OUT: 10}
    world.receive(world.call("2025-09-01"), world.call("2025-09-02", **few))
    world.price("2", "10")
    world.ask()
    repricing = Repricing(world.store.session, BOOK)
    while repricing.step():
        # A fuller body of a call comes while the run is under way, and again after it: charged once for each.
        world.receive(world.call("2025-09-02", trace_id=trace, span_id=span))
    assert world.costs() == {"2025-09-01": AT_2_AND_10, "2025-09-02": AT_2_AND_10}
    assert world.official() == 2 * AT_2_AND_10
    assert world.value("select count(*) from spans") == 2


@pytest.fixture(scope="module")
def five_calls(store: Store) -> World:
    """A call on each of the first five days of September 2025."""
    world = World(store, next(_numbers))
    world.receive(
        world.call("2025-09-01", tenant__id="acme"),
        world.call("2025-09-02"),
        world.call("2025-09-03", "tiny-mistral", tenant__id="acme"),
        world.call("2025-09-04", "other"),
        a_call(started_ns=on("2025-09-05")),
    )
    return world


@pytest.mark.parametrize(
    ("scope", "days"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"since": "2025-09-02T12:00:00Z"}, [2, 3, 4, 5]),
        ({"until": "2025-09-02T12:00:00Z"}, [1]),
        ({"provider": "openai"}, [5]),
        ({"model": "tiny-llama"}, [1, 2]),
        ({"model": "tiny*"}, [1, 2, 3]),
        ({"tenant_id": "acme"}, [1, 3]),
        ({"tenant_id": ""}, [2, 4, 5]),
        ({"cost_status": "unpriced"}, [1, 2, 3, 4]),
        ({"cost_status": "priced"}, [5]),
        ({"model": "tiny*", "tenant_id": "acme", "since": "2025-09-03T00:00:00Z"}, [3]),
    ],
)
def test_every_condition_narrows_a_scope(
    five_calls: World, monkeypatch: pytest.MonkeyPatch, scope: dict[str, str], days: list[int]
) -> None:
    monkeypatch.setattr(task, "CALLS_IN_A_PIECE", 1)
    session = five_calls.store.session
    task.prepare_session(session)
    asked = task.Task(five_calls.project, PricingScope.read(scope), datetime.now(UTC).replace(tzinfo=None))
    assert [piece.began_at.day for piece in task.pieces(session, asked)] == days


@pytest.mark.parametrize(
    ("scope", "problem"),
    [
        ({"modle": "x"}, "no 'modle'"),
        ({"model": 7}, "not a text"),
        ({"since": "2025-09-31T00:00:00Z"}, "not a time"),
        ({"since": "2025-09-01"}, "not a time"),
        ({"since": "2025-09-02T00:00:00Z", "until": "2025-09-02T00:00:00Z"}, "not after"),
        ({"cost_status": "wrong"}, "none of unpriced"),
        ("all", "not an object"),
    ],
)
def test_a_condition_that_is_not_understood_never_widens_a_scope(scope: object, problem: str) -> None:
    with pytest.raises(ScopeError, match=problem):
        PricingScope.read(scope)


def test_a_closed_month_keeps_its_charges_and_the_difference_is_booked_in_the_next_open_month(
    world: World,
) -> None:
    world.price("2", "10")
    world.receive(
        world.call("2025-08-10", tenant__id="acme"),
        world.call("2025-09-10", tenant__id="acme"),
        world.call("2025-10-10"),
    )
    world.close("2025-08-01")
    world.close("2025-09-01")
    world.price("4", "20")
    assert world.reprice()["n_corrected"] == 2
    assert world.costs() == {"2025-08-10": AT_2_AND_10, "2025-09-10": AT_2_AND_10, "2025-10-10": AT_4_AND_20}
    booked = world.query("corrections")
    assert [
        (row["call_month"], row["booked_month"], row["tenant_id"], row["effective_delta_usd"])
        for row in booked
    ] == [
        (date(2025, 9, 1), date(2025, 10, 1), "acme", AT_4_AND_20 - AT_2_AND_10),
        (date(2025, 8, 1), date(2025, 10, 1), "acme", AT_4_AND_20 - AT_2_AND_10),
    ]
    # What is booked counts: nothing is left to book, and a further price only by what it differs from that.
    assert world.reprice("run-2")["n_corrected"] == 0
    world.price("2", "20")
    assert world.reprice("run-3")["n_corrected"] == 2
    [september, _] = world.query("corrections", pricing_run="run-3")
    assert september["list_delta_usd"] == Decimal("0.004") - AT_4_AND_20


def test_a_call_of_a_closed_month_that_was_another_tenants_is_given_back_to_one_and_booked_to_the_other(
    world: World,
) -> None:
    world.receive(a_call(started_ns=on("2025-09-10"), tenant__id="acme"))
    world.close("2025-09-01")
    rule = {"tenant_id": "zeta", "dimension": "tenant_id", "dimension_value": "acme"}
    world.record("attribution_rules", rule_id="r1", **rule)
    seen = world.preview().document()["differences"]
    assert {
        row["tenant_id"]: (row["n_calls_after"], Decimal(row["effective_after_usd"])) for row in seen
    } == {
        "acme": (0, Decimal(0)),
        "zeta": (1, GPT_4O),
    }
    assert world.reprice()["n_corrected"] == 1
    assert {row["tenant_id"]: row["effective_delta_usd"] for row in world.query("corrections")} == {
        "acme": -GPT_4O,
        "zeta": GPT_4O,
    }
    assert world.value("select tenant_id from calls") == "acme"
    assert world.reprice("run-2")["n_corrected"] == 0


def test_a_month_that_is_opened_again_is_repriced_itself_and_what_was_booked_is_taken_back(
    world: World,
) -> None:
    world.price("2", "10")
    world.receive(world.call("2025-09-10"))
    world.close("2025-09-01")
    world.price("4", "20")
    world.reprice()
    world.close("2025-09-01", status="open")
    world.reprice("run-2")
    assert world.costs() == {"2025-09-10": AT_4_AND_20}
    assert world.value("select sum(effective_delta_usd) from corrections") == 0
    assert {row["booked_month"] for row in world.query("corrections")} == {date(2025, 10, 1)}


def test_a_call_that_loses_its_price_is_unpriced_in_an_open_month_and_kept_as_booked_in_a_closed_one(
    world: World,
) -> None:
    card = world.price("2", "10")
    world.receive(world.call("2025-09-10"), world.call("2025-10-10"))
    world.close("2025-09-01")
    [row] = world.rows(f"select rate_card from rate_cards where card_key = '{card}'")
    world.record("rate_cards", card_key=f"no {card}", withdraws=row["rate_card"], recorded_by="test")
    assert world.reprice()["n_changed"] == 1
    assert world.costs() == {"2025-09-10": AT_2_AND_10, "2025-10-10": None}
    assert world.query("corrections") == []
    assert world.official() == AT_2_AND_10


def test_a_closed_month_says_what_it_came_to_beside_what_came_late(world: World) -> None:
    world.receive(a_call(started_ns=on("2025-09-10")), world.call("2025-09-11"))
    world.close("2025-09-01")
    world.receive(a_call(started_ns=on("2025-09-12")))
    [september] = world.query("periods", month="2025-09-01")
    assert (september["status"], september["n_calls"], september["effective_cost_usd"]) == (
        "closed",
        2,
        GPT_4O,
    )
    assert (september["n_calls_now"], september["effective_cost_now_usd"]) == (3, 2 * GPT_4O)
    assert (september["n_unpriced_now"], september["recorded_by"]) == (1, "test")
    assert september["price_book"] == BOOK.version


def test_a_month_is_closed_after_the_repricing_that_was_asked_for_before(world: World) -> None:
    world.receive(world.call("2025-09-10"))
    world.price("2", "10")
    world.ask()
    world.close("2025-09-01")
    assert world.query("corrections") == []
    assert world.query("periods", month="2025-09-01")[0]["effective_cost_usd"] == AT_2_AND_10


def test_a_repricing_that_cannot_be_done_says_why_and_stops_nothing_else(world: World) -> None:
    world.receive(world.call("2025-09-10"))
    world.ask("bad", modle="x")  # the receiver would have refused it
    world.price("2", "10")
    assert world.reprice("good")["n_changed"] == 1
    [bad] = world.query("pricing_runs", pricing_run="bad")
    assert bad["finished_at"] is not None
    assert "no 'modle'" in bad["note"]


def test_only_the_repriced_project_changes(world: World) -> None:
    world.receive(world.call("2025-09-10"))
    world.store.send(export(world.call("2025-09-11")), project="other")
    world.store.commit()
    world.price("2", "10")
    world.reprice()
    assert world.costs() == {"2025-09-10": AT_2_AND_10}
    assert world.store.rows("select cost_status from calls where project = 'other'") == [
        {"cost_status": "unpriced_model"}
    ]


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ([], date(2025, 10, 1)),
        (["2025-10-01"], date(2025, 11, 1)),
        (["2025-10-01", "2025-11-01", "2025-12-01"], date(2026, 1, 1)),
        (["2025-11-01"], date(2025, 10, 1)),
    ],
)
def test_a_difference_is_carried_by_the_first_open_month_after_the_call(
    closed: list[str], expected: date
) -> None:
    assert first_open_after(date(2025, 9, 1), {date.fromisoformat(month) for month in closed}) == expected
