"""A key sees its own rows in every query: not one named query lets another tenant's or project's shine through."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from collector.server.scopes import Scope, Sessions, narrow
from store.backends import file
from store.catalog import NamedQuery, ParamValue, named_queries
from store.execute import run_select

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).replace(tzinfo=None)
MINE = ("search", "acme", "prod")
# Everybody who shares two of the three with us, and some who share less.
OTHERS = [
    ("search", "globex", "prod"),
    ("search", "acme", "staging"),
    ("billing", "acme", "prod"),
    ("billing", "globex", "dev"),
    ("search", None, "prod"),
    ("search", "acme", None),
]
SCOPES = {
    "project": Scope("search"),
    "tenant": Scope("search", "acme"),
    "tenant and environment": Scope("search", "acme", "prod"),
}
Owner = tuple[str | None, str | None, str | None]


def sees(scope: Scope, owner: Owner, columns: set[str]) -> bool:
    """Whether a row of this owner in a table of these columns is the scope's to see, by the rule in words."""
    for column, value, wanted in zip(
        ("project", "tenant_id", "environment"),
        owner,
        (scope.project, scope.tenant, scope.environment),
        strict=True,
    ):
        if wanted and (column not in columns or value != wanted):
            return False
    return True


def a_value(column: str, kind: str, owner: Owner) -> Any:
    """Something of this owner that another's would differ from, whatever the column's type."""
    seed = zlib.crc32(repr(owner).encode()) % 997 + 1
    fixed = {
        "role": "call",
        "status": "ok",
        "variant": "candidate",
        "metric": "exact",
        "cost_status": "priced",
    }
    if column in fixed:
        return fixed[column]
    match kind.split("(")[0]:
        case "VARCHAR":
            return f"{column} of {owner}"
        case "JSON":
            return f'{{"of": "{seed}"}}'
        case "UUID":
            return UUID(int=seed)
        case "TIMESTAMP":
            return NOW - timedelta(minutes=seed)
        case "DATE":
            return NOW.date()
        case "BOOLEAN":
            return False
        case "DECIMAL":
            return Decimal(seed)
        case "DOUBLE":
            return float(seed)
        case "MAP":
            return {"of": str(seed)}
        case _:
            return seed


def whose(owner: Owner) -> dict[str, str | None]:
    """Whom a span is for: some say it themselves, of some a rule says it, against what they say."""
    tenant, environment = owner[1], owner[2]
    if tenant == "globex" or environment == "staging":
        said = "acme" if tenant == "globex" else "globex"
        return {"tenant_id": said, "attributed_tenant_id": tenant}
    return {"tenant_id": tenant, "attributed_tenant_id": None}


def fill(session: duckdb.DuckDBPyConnection, owners: list[Owner], scope: Scope | None) -> None:
    """A row of each owner in every table, or only those that the scope may see."""
    found = session.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = 'store' "
        "and table_name in (select table_name from duckdb_tables() where database_name = 'store')"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        tables.setdefault(table, {})[column] = kind
    session.execute("begin")
    for table, columns in tables.items():
        if table in ("meta", "rate_cards", "rates", "fx_rates"):
            continue
        for owner in owners:
            if scope is not None and not sees(scope, owner, set(columns)):
                continue
            row = {column: a_value(column, kind, owner) for column, kind in columns.items()}
            row |= {
                column: value
                for column, value in zip(("project", "tenant_id", "environment"), owner, strict=True)
                if column in columns
            }
            if "attributed_tenant_id" in columns:
                row |= whose(owner)
            session.execute(
                f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()),
            )
    session.execute("commit")


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with rows of two projects, two tenants, two environments."""
    connection = file.open_for_writing(tmp_path_factory.mktemp("everybody") / "store.duckdb")
    fill(file.cursor(connection), [MINE, *OTHERS], None)
    yield connection
    connection.close()


@pytest.fixture(scope="module", params=SCOPES.values(), ids=SCOPES.keys())
def scoped(
    request: pytest.FixtureRequest,
    everybody: duckdb.DuckDBPyConnection,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Scope, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]]:
    """A scope, a session that is narrowed to it, and a store that never held anything else."""
    alone = file.open_for_writing(tmp_path_factory.mktemp("alone") / "store.duckdb")
    fill(file.cursor(alone), [MINE, *OTHERS], request.param)
    session = file.cursor(everybody)
    narrow(session, request.param)
    yield request.param, session, file.cursor(alone)
    session.close()
    alone.close()


def asked(query: NamedQuery, owner: Owner) -> dict[str, ParamValue]:
    """Parameters that find this owner's rows, wherever a query asks for something by name."""
    by_type: dict[str, ParamValue] = {"integer": 100, "date": date(2026, 11, 1), "time": NOW}
    given: dict[str, ParamValue] = {
        param.name: None if param.optional else by_type.get(param.type, a_value(param.name, "VARCHAR", owner))
        for param in query.params
    }
    times = {"since": NOW - timedelta(days=10), "until": NOW + timedelta(days=1), "month": date(2026, 11, 1)}
    return given | {name: value for name, value in times.items() if name in given}


def rows_of(session: duckdb.DuckDBPyConnection, query: NamedQuery, scope: str, owner: Owner) -> list[Any]:
    found: list[Any] = run_select(session, query.sql, {"scope": scope, **asked(query, owner)}).to_pylist()
    return found


@pytest.mark.parametrize("query", named_queries().values(), ids=named_queries().keys())
def test_a_query_answers_a_key_as_if_nobody_else_were_there(
    scoped: tuple[Scope, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], query: NamedQuery
) -> None:
    scope, session, alone = scoped
    # Many a query asks for nothing by name: then it is the same whoever asks.
    by_name = asked(query, MINE) != asked(query, OTHERS[0])
    for owner in (MINE, OTHERS[0]) if by_name else (MINE,):
        mine = rows_of(session, query, scope.project, owner)
        assert mine == rows_of(alone, query, scope.project, owner)


@pytest.mark.parametrize("query", named_queries().values(), ids=named_queries().keys())
def test_a_query_that_forgot_its_filter_would_still_show_nothing_of_another_project(
    scoped: tuple[Scope, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], query: NamedQuery
) -> None:
    _, session, alone = scoped
    theirs = OTHERS[2]
    assert rows_of(session, query, "billing", theirs) == rows_of(alone, query, "billing", theirs)


def test_what_a_scope_hides_is_there_for_the_owner(everybody: duckdb.DuckDBPyConnection) -> None:
    query = named_queries()["latest_calls"]
    session = file.cursor(everybody)
    assert len(rows_of(session, query, "search", MINE)) == 5
    assert len(rows_of(session, query, "billing", MINE)) == 2
    narrow(session, Scope("search", "acme", "prod"))
    assert len(rows_of(session, query, "search", MINE)) == 1


# A dimension, and what somebody else has in it.
THEIRS = {
    "of": a_value("dims", "MAP", OTHERS[0])["of"],
    "tenant_id": OTHERS[0][1],
    "user_id": a_value("user_id", "VARCHAR", OTHERS[0]),
}


@pytest.mark.parametrize("by", THEIRS)
def test_grouping_and_filtering_by_any_dimension_stays_within_the_scope(
    scoped: tuple[Scope, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], by: str
) -> None:
    scope, session, alone = scoped
    for name in ("spend_month", "top_tenants", "spend_series", "filter_values"):
        query = named_queries()[name]
        given = {"scope": scope.project, **asked(query, MINE), "limit": 100}
        grouped = {
            name: value
            for name, value in (given | {"by": by, "dimension": by}).items()
            if name == "scope" or name in {param.name for param in query.params}
        }
        # Not only what others have in a dimension, but that they have it at all.
        for value in (None, "", THEIRS[by]):
            told = run_select(session, query.sql, grouped | {"dimension_value": value}).to_pylist()
            assert told == run_select(alone, query.sql, grouped | {"dimension_value": value}).to_pylist()
    (seen,) = session.execute(
        "select count(distinct dims['of']) from calls_by('of', null, null, null)"
    ).fetchall()
    assert seen == alone.execute("select count(distinct dims['of']) from calls").fetchone()


# Prices, and the names of attributes.
SAME_FOR_ALL = ("rate_cards", "rates", "fx_rates", "span_sources")


def test_every_relation_is_shadowed(
    scoped: tuple[Scope, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection],
) -> None:
    scope, session, _ = scoped
    relations = session.execute(
        "select table_name from duckdb_tables() where database_name = 'store' "
        "union select view_name from duckdb_views() where database_name = 'store'"
    ).fetchall()
    assert len(relations) > 15
    for (relation,) in relations:
        columns = {str(row[0]) for row in session.execute(f'describe "{relation}"').fetchall()}
        shown = session.sql(f'select * from "{relation}"').to_arrow_table().to_pylist()
        if "project" in columns:
            assert {row["project"] for row in shown} <= {scope.project}
        elif relation not in SAME_FOR_ALL:
            assert shown == []
        if scope.tenant and relation not in SAME_FOR_ALL:
            finally_for = {row.get("attributed_tenant_id") or row.get("tenant_id") for row in shown}
            assert finally_for <= {scope.tenant}


def test_a_trace_of_another_tenant_is_not_found_by_its_id(everybody: duckdb.DuckDBPyConnection) -> None:
    session = file.cursor(everybody)
    theirs = session.execute("select trace_id from calls where tenant_id = 'globex'").fetchall()[0][0]
    assert session.execute("select count(*) from trace(?)", [theirs]).fetchall() == [(1,)]
    narrow(session, Scope("search", "acme"))
    assert session.execute("select count(*) from trace(?)", [theirs]).fetchall() == [(0,)]


def test_a_tenants_key_does_not_see_what_we_agreed_with_a_provider(tmp_path: Path) -> None:
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    session = file.cursor(connection)
    session.execute(
        "insert into rate_cards (rate_card, layer) values ('list', 'snapshot'), ('ours', 'agreement')"
    )
    session.execute("insert into rates (rate_card, unit) values ('list', 'output'), ('ours', 'output')")
    for scope, cards in ((Scope("search"), ["list", "ours"]), (Scope("search", "acme"), ["list"])):
        narrowed = file.cursor(connection)
        narrow(narrowed, scope)
        for table in ("rate_cards", "rates"):
            shown = narrowed.execute(f"select rate_card from {table} order by rate_card").fetchall()
            assert [card for (card,) in shown] == cards
        narrowed.close()
    connection.close()


def test_a_value_with_a_quote_is_a_value(everybody: duckdb.DuckDBPyConnection) -> None:
    session = file.cursor(everybody)
    narrow(session, Scope("search", "x' or '1' = '1"))
    assert session.execute("select count(*) from spans").fetchall() == [(0,)]


def test_sessions_of_two_keys_are_never_mixed_up(everybody: duckdb.DuckDBPyConnection) -> None:
    sessions = Sessions(everybody)
    for _ in range(3):
        for scope, n_spans in ((Scope("search", "acme"), 3), (Scope("billing"), 2), (None, 7)):
            with sessions.on(scope) as session:
                assert session.execute("select count(*) from spans").fetchall() == [(n_spans,)]
    sessions.close()


@pytest.mark.parametrize("query", named_queries().values(), ids=named_queries().keys())
def test_no_named_query_goes_around_the_scope(query: NamedQuery) -> None:
    said = re.sub(r"--.*", "", query.sql)
    assert not re.search(r"\b(store|main)\s*\.|information_schema|duckdb_\w+\(|pragma_", said, re.I)
