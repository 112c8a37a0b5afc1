"""What a key may see, held by the session that its queries run on.

Two walls, one behind the other. `$scope`, which every named query filters by, is the key's project whatever the
request says. And on the session of a keyed query each relation is shadowed by a temporary view of the same name that
holds only what the key is bound to: a query that forgets its filter still shows nothing of others.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from threading import Lock

import duckdb

from store.backends import file

# Narrowed sessions that wait for their key's next query.
KEPT_SESSIONS = 16
# What is the same for everybody: the price book, and names of attributes. Every other table without a project is empty for a key.
_SHARED = ("rate_cards", "rates", "fx_rates", "span_sources")
# What we agreed with a provider is nobody's business whom we serve.
_HIDDEN_FROM_TENANTS = {
    "rate_cards": "layer is distinct from 'agreement'",
    "rates": "rate_card not in (select rate_card from store.main.rate_cards where layer = 'agreement')",
}
# What people and models wrote, for a scope without contents.
_CONTENTS = ("contents",)
_CREATE = re.compile(r"create or replace (view|macro)")


@dataclass(frozen=True)
class Scope:
    """The rows that a key may see; "" where it is not bound."""

    project: str
    tenant: str = ""
    environment: str = ""
    has_contents: bool = True  # what people and models wrote


class Sessions:
    """Sessions that show one scope each. Narrowing one costs 25 ms, so an idle one is used again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = Lock()
        self._idle: list[tuple[Scope, duckdb.DuckDBPyConnection]] = []  # the longest idle first

    @contextlib.contextmanager
    def on(self, scope: Scope | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session for one query; without a scope it sees the store as it is."""
        session = self._taken(scope) or file.cursor(self._connection)
        try:
            yield session
        except BaseException:
            session.close()
            raise
        if scope is None:
            session.close()
        else:
            self._put_back(scope, session)

    def _taken(self, scope: Scope | None) -> duckdb.DuckDBPyConnection | None:
        if scope is None:
            return None
        with self._lock:
            at = next((at for at, (kept, _) in enumerate(self._idle) if kept == scope), None)
            if at is not None:
                return self._idle.pop(at)[1]
        session = file.cursor(self._connection)
        narrow(session, scope)
        return session

    def _put_back(self, scope: Scope, session: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._idle.append((scope, session))
            surplus = self._idle.pop(0)[1] if len(self._idle) > KEPT_SESSIONS else None
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        with self._lock:
            for _, session in self._idle:
                session.close()
            self._idle.clear()


def narrow(session: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    """Shadow every relation of the store on this session with what the scope may see.

    Names resolve to temporary views first (a test holds every named query to it), and the store's own views and
    macros are made anew over them. It costs 25 ms, so sessions are kept and used again.
    """
    for table, columns in _tables(session).items():
        session.execute(f'create or replace temp view "{table}" as {_visible(table, columns, scope)}')
    for path in sorted(files("store").joinpath("views").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".sql"):
            session.execute(_CREATE.sub(r"create or replace temp \1", path.read_text("utf-8")))


def _tables(session: duckdb.DuckDBPyConnection) -> Mapping[str, set[str]]:
    found = session.execute(
        "select table_name, list(column_name) from duckdb_columns() "
        "where database_name = 'store' and table_name in "
        "(select table_name from duckdb_tables() where database_name = 'store') group by table_name"
    ).fetchall()
    return {str(table): set(columns) for table, columns in found}


def _visible(table: str, columns: set[str], scope: Scope) -> str:
    """The SELECT of what the scope may see. What cannot be told apart is not shown at all."""
    rows = f'select * from store.main."{table}"'
    if table in _SHARED:
        hidden = _HIDDEN_FROM_TENANTS.get(table) if scope.tenant else None
        return f"{rows} where {hidden}" if hidden else rows
    if table in _CONTENTS and not scope.has_contents:
        return f"{rows} where false"
    wanted = {"project": scope.project, "tenant_id": scope.tenant, "environment": scope.environment}
    bound = {column: value for column, value in wanted.items() if value}
    if not bound.keys() <= columns:
        return f"{rows} where false"
    is_bound = [f"{_said(column, columns)} = {_literal(value)}" for column, value in bound.items()]
    return " where ".join([rows, " and ".join(is_bound)] if is_bound else [rows])


def _said(column: str, columns: set[str]) -> str:
    """Whose a row is: of a call that a rule gives to a tenant, that tenant."""
    is_attributed = column == "tenant_id" and "attributed_tenant_id" in columns
    return "coalesce(attributed_tenant_id, tenant_id)" if is_attributed else column


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
