"""Erasure: what goes, what stays, what the receipt says, and that the bytes leave the directory."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from errors import ServerError
from store.catalog import bind, named_query
from store.erase import subject_sha256
from tests.servers import STEELYARD, Server, start_server
from tests.spans import a_call, export
from tests.stores import Store, gpt_4o_book, open_store

NOT_A_CALL = {"gen_ai.operation.name": "execute_tool"}
# 1,000 tokens in and 100 out of gpt-4o: 1,000 × 2.50 $ + 100 × 10 $ a million
ONE_CALL_USD = Decimal("0.0035")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("erasure") / "data", gpt_4o_book()) as opened:
        yield opened


@pytest.fixture
def store(shared: Store) -> Store:
    """Without anything of the tests before: opening one takes longer than most of them."""
    for project in ("default", "other"):
        everything = {"erasure_id": f"of {project} {time.time_ns()}", "scope": "project"}
        shared.send(json.dumps(everything).encode(), project=project, signal="records/erasures")
    shared.commit()
    shared.session.execute("delete from erasures")
    return shared


def erase(store: Store, erasure_id: str = "01K", **whom: str) -> None:
    [scope] = [name.removesuffix("_id") for name in whom]
    record = {"erasure_id": erasure_id, "scope": scope, **whom}
    store.send(json.dumps(record).encode(), signal="records/erasures")
    store.commit()


def stored(store: Store, column: str) -> list[Any]:
    return sorted(row[column] for row in store.rows(f"select {column} from spans where {column} is not null"))


def test_a_tenants_traces_go_whole_and_other_tenants_stay(store: Store) -> None:
    trace = os.urandom(16)
    store.send(
        export(
            a_call(trace_id=trace, tenant__id="acme"),
            a_call(trace_id=trace, **NOT_A_CALL),
            a_call(tenant__id="zeta"),
            a_call(),
        )
    )
    store.commit()
    erase(store, tenant_id="acme")
    assert stored(store, "tenant_id") == ["zeta"]
    assert store.value("select count(*) from spans") == 2


def test_of_a_trace_that_tenants_share_only_what_names_the_erased_one_goes(store: Store) -> None:
    trace = os.urandom(16)
    store.send(
        export(
            a_call(trace_id=trace, tenant__id="acme"),
            a_call(trace_id=trace, tenant__id="zeta"),
            a_call(trace_id=trace, **NOT_A_CALL),
        )
    )
    store.commit()
    erase(store, tenant_id="acme")
    assert stored(store, "tenant_id") == ["zeta"]
    assert store.value("select count(*) from spans") == 2


def test_a_user_goes_with_their_sessions_but_not_with_a_session_that_others_are_in(store: Store) -> None:
    store.send(
        export(
            a_call(user__id="ann", session__id="hers"),
            a_call(session__id="hers"),
            a_call(user__id="ann", session__id="shared"),
            a_call(user__id="bob", session__id="shared"),
            a_call(session__id="shared"),
        )
    )
    store.commit()
    erase(store, user_id="ann")
    assert stored(store, "user_id") == ["bob"]
    assert stored(store, "session_id") == ["shared", "shared"]


def test_another_project_is_untouched(store: Store) -> None:
    store.send(export(a_call(tenant__id="acme")), project="other")
    store.commit()
    erase(store, tenant_id="acme")
    assert stored(store, "tenant_id") == ["acme"]


def with_company(store: Store) -> None:
    """Calls of ann (acme) and of bob (zeta), each with what is stored about them in the other tables."""
    for user, tenant in (("ann", "acme"), ("bob", "zeta")):
        store.send(export(a_call(user__id=user, tenant__id=tenant, gen_ai__response__id=f"resp-{user}")))
    store.commit()
    store.session.execute(
        "insert into contents by name select project, day, trace_id, span_id, user_id as body from spans"
    )
    store.session.execute(
        "insert into log_records by name select project, day, trace_id, cast(null as ubigint) as span_id from spans"
    )
    for attribute in ("ann", "bob"):
        row = [json.dumps({"user.account": attribute})]
        for table in ("log_records", "metric_points"):
            store.session.execute(
                f"insert into {table} by name select 'default' as project, current_date as day, ?::json as attributes",
                row,
            )
    store.session.execute("insert into metric_points by name select project, day, tenant_id from spans")
    store.session.execute(
        "insert into scores by name select project, day, response_id, user_id as name from spans"
    )
    saved = "insert into saved by name select project, 'view' as kind, ? as name, ?::json as address, ? as statement from spans"
    store.session.execute(
        f"{saved} where user_id = 'ann'", ["mine", '{"tenant": "acme", "who": "ann"}', None]
    )
    store.session.execute(f"{saved} where user_id = 'bob'", ["of zeta", '{"who": "bob"}', "select 'annika'"])


@pytest.mark.parametrize(
    ("whom", "n_log_records", "n_metric_points"),
    # The log record and the metric point that name ann in an attribute name no tenant.
    [({"user_id": "ann"}, 2, 1), ({"tenant_id": "acme"}, 1, 1)],
)
def test_what_is_about_the_erased_one_goes_from_every_table_as_the_preview_said(
    store: Store, whom: dict[str, str], n_log_records: int, n_metric_points: int
) -> None:
    with_company(store)
    query = named_query("erasure_preview")
    given = {name.removesuffix("_id"): value for name, value in whom.items()}
    preview = dict(store.session.execute(query.sql, bind(query, "default", given)).fetchall())
    erase(store, **whom)
    removed = json.loads(store.value("select cast(removed as varchar) from erasures"))
    assert removed == preview
    assert removed == {
        "spans": 1,
        "charges": 1,
        "contents": 1,
        "scores": 1,
        "corrections": 0,
        "tenants": 0,
        "attribution_rules": 0,
        "budgets": 0,
        "saved": 1,
        "log_records": n_log_records,
        "metric_points": n_metric_points,
    }
    assert store.value("select string_agg(body) from contents") == "bob"
    assert store.value("select string_agg(name) from scores") == "bob"


def test_the_ledgers_sum_stays_and_nothing_in_it_leads_to_the_erased_calls(store: Store) -> None:
    store.send(export(*(a_call(tenant__id="acme") for _ in range(3)), a_call(tenant__id="zeta")))
    store.commit()
    before = {
        row["id"]
        for row in store.rows("select cast(trace_id as varchar) as id from spans where tenant_id = 'acme'")
    }
    erase(store, tenant_id="acme")
    assert store.value("select sum(list_cost_usd) from calls") == ONE_CALL_USD
    assert store.value("select sum(list_cost_usd) from charges") == 4 * ONE_CALL_USD
    assert store.rows("select list_cost_usd, output_usd from charges where pricing_run = 'erasure 01K'") == [
        {"list_cost_usd": 3 * ONE_CALL_USD, "output_usd": Decimal("0.003")}
    ]
    left = {row["id"] for row in store.rows("select cast(trace_id as varchar) as id from charges")}
    assert not left & before


def test_a_charge_that_was_replaced_is_not_counted_again(store: Store) -> None:
    ids = {"trace_id": os.urandom(16), "span_id": os.urandom(8), "started_ns": time.time_ns()}
    store.send(export(a_call(**ids, tenant__id="acme", **{"gen_ai.usage.input_tokens": 500})))
    store.commit()
    store.send(export(a_call(**ids, tenant__id="acme")))
    store.commit()
    assert store.value("select count(*) from charges") == 2
    erase(store, tenant_id="acme")
    assert store.value("select sum(list_cost_usd) from charges") == ONE_CALL_USD


def test_what_arrives_later_is_stored_again(store: Store) -> None:
    store.send(export(a_call(tenant__id="acme")))
    erase(store, tenant_id="acme")
    store.send(export(a_call(tenant__id="acme")))
    store.commit()
    assert stored(store, "tenant_id") == ["acme"]


def test_the_same_erasure_sent_again_takes_nothing_that_came_after_it(store: Store) -> None:
    erase(store, tenant_id="acme")
    store.send(export(a_call(tenant__id="acme")))
    erase(store, tenant_id="acme")
    assert stored(store, "tenant_id") == ["acme"]
    assert store.value("select count(*) from erasures") == 1


def test_the_receipt_can_be_checked_by_who_knows_the_id_and_names_nobody(store: Store) -> None:
    erase(store, user_id="ann@example.com")
    [receipt] = store.rows("select * from erasures")
    assert receipt["subject_sha256"] == subject_sha256("01K", "user", "ann@example.com")
    assert "ann@" not in str(receipt)
    assert receipt["physically_removed_at"] is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"scope": "tenant"}, "`tenant_id` is missing"),
        ({"scope": "user", "tenant_id": "acme"}, "`user_id` is missing"),
        ({"scope": "everything"}, "`scope` is 'everything'"),
        ({"scope": "project"}, "only project `demo`"),
    ],
)
def test_an_erasure_that_does_not_say_of_whom_is_refused(
    server: Server, record: dict[str, str], reason: str
) -> None:
    body = json.dumps({"erasure_id": "01K", **record}).encode()
    status, answer = server.post("/api/v1/records/erasures", body, "application/json")
    assert (status, reason in answer.decode()) == (400, True), answer


def holds(data: Path, marker: str) -> list[str]:
    """Files of the directory that hold the marker's bytes."""
    needle = marker.encode()
    return [
        str(path.relative_to(data))
        for path in data.rglob("*")
        if path.is_file() and needle in path.read_bytes()
    ]


def steelyard(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STEELYARD, *map(str, words)], capture_output=True, text=True, check=False, timeout=120
    )


def wait_for(true: Callable[[], bool], patience_s: float = 60.0) -> None:
    give_up_at = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def test_after_the_rewrite_no_file_of_the_directory_holds_the_erased_bytes(tmp_path: Path) -> None:
    # Letters that compress to nothing smaller, so that the store keeps them as they are and the search can find them.
    chance = random.Random(7)
    user, tenant = ("".join(chr(chance.randrange(0x4E00, 0x9F00)) for _ in range(200)) for _ in range(2))
    data = tmp_path / "data"
    with start_server(data) as server:
        others = [a_call(user__id=f"user-{n}", tenant__id=tenant) for n in range(500)]
        server.post("/v1/traces", export(*others, a_call(user__id=user, tenant__id=tenant)))
        server.wait_until_committed()
        # In the file and not only in its log, so that it is the file that has to let go of them.
        wait_for(lambda: not (data / "store.duckdb.wal").exists() and holds(data, user) == ["store.duckdb"])
        done = steelyard("erase", "--data", data, "--project", "default", "--user", user, "--yes", "--now")
        assert "out of the file      not yet" in done.stdout, done.stderr
        [erasure_id] = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Erasure ")]
        wait_for(lambda: bool(rewritten(server)))
        assert server.value("select count(*) from calls") == 500
        receipt = steelyard("erase", "--data", data, "--status", erasure_id).stdout
    assert f"{datetime.now(UTC):%Y-}" in receipt.split("out of the file")[1].splitlines()[0]
    assert holds(data, user) == []
    assert holds(data, tenant) == ["store.duckdb"]


def test_spans_that_arrive_during_a_rewrite_are_stored_once(server: Server) -> None:
    data = server.data_dir
    server.post("/v1/traces", export(a_call(tenant__id="acme")))
    server.wait_until_committed()
    steelyard("erase", "--data", data, "--project", "default", "--tenant", "acme", "--yes", "--now")
    sent = 0
    while server.process.poll() is None and sent < 100:
        status, _ = server.post("/v1/traces", export(*(a_call() for _ in range(5))))
        assert status == 200
        sent += 5
        time.sleep(0.02)
    wait_for(lambda: bool(rewritten(server)))
    server.wait_until_committed()
    assert server.value("select count(*) from calls") == sent
    assert server.value("select count(distinct span_id) from calls") == sent


def rewritten(server: Server) -> object:
    # While it swaps the file the server answers nobody.
    with contextlib.suppress(ServerError):
        return server.value("select physically_removed_at from erasures")
    return None
