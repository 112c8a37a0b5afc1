"""What each role is answered by a running collector, asked directly: no page is between."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from collector import keys
from collector.keys import read_local_token
from collector.narrowing import Narrowing
from collector.server.scopes import Scope, narrow
from store.backends import file
from store.catalog import NamedQuery, named_queries
from tests.servers import Server, start_server
from tests.spans import a_call, export

PROMPT = "what does hooli pay us"
VIEWER = Narrowing("viewer", "search", "hooli")
PEOPLE = {
    "viewer": Narrowing("viewer"),
    "viewer of hooli": VIEWER,
    "finance": Narrowing("finance"),
    "engineer": Narrowing("engineer"),
    "engineer of search": Narrowing("engineer", "search"),
    "admin": Narrowing("admin"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector with 1 call of hooli and 2 of acme in one project, and 1 call in another."""
    data = tmp_path_factory.mktemp("roles") / "steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        owner = read_local_token(data) or ""
        for project, tenant in (
            ("search", "hooli"),
            ("search", "acme"),
            ("search", "acme"),
            ("billing", "hooli"),
        ):
            body = export(a_call(tenant__id=tenant))
            sent = running.post("/v1/traces", body, x_api_key=owner, x_steelyard_project=project)
            assert sent[0] == 200
        running.wait_until_committed()
        yield running


def ask(
    server: Server,
    path: str,
    document: dict[str, Any] | None = None,
    *,
    to: Narrowing | str | None,
    key: str = "",
) -> tuple[int, Any]:
    """Ask the read API with the owner's key (or another) for somebody: status and answer."""
    headers = {"content-type": "application/json"}
    headers["authorization"] = f"Bearer {key or read_local_token(server.data_dir)}"
    if to is not None:
        headers["x-steelyard-as"] = to if isinstance(to, str) else to.header()
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(server.api_url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
            return answer.status, json.loads(said) if said.startswith((b"{", b"[")) else said
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def n_calls(server: Server, to: Narrowing | None, project: str = "search") -> int:
    status, rows = ask(
        server, "/api/v1/query/latest_calls", {"project": project, "params": {"limit": "50"}}, to=to
    )
    assert status == 200, rows
    return len(rows)


def test_a_viewer_of_a_tenant_sees_that_tenant_in_that_project_whatever_is_asked(server: Server) -> None:
    assert (n_calls(server, None), n_calls(server, VIEWER)) == (3, 1)
    asked = {"project": "search", "params": {"limit": "50", "tenant_id": "acme"}}
    status, rows = ask(server, "/api/v1/query/latest_calls", asked, to=VIEWER)
    assert (status, rows) == (200, [])
    status, said = ask(server, "/api/v1/query/latest_calls", {"project": "billing"}, to=VIEWER)
    assert (status, "'billing'" in said["detail"]) == (403, True)
    assert ask(server, "/api/v1/projects", to=VIEWER) == (200, ["search"])
    listed = {"project": "search", "params": {"limit": "50"}}
    _, values = ask(server, "/api/v1/query/filter_values", listed, to=VIEWER)
    assert {row["value"] for row in values if row["dimension"] == "tenant_id"} == {"hooli"}


def test_a_role_bound_to_nothing_sees_every_project(server: Server) -> None:
    viewer = PEOPLE["viewer"]
    assert (n_calls(server, viewer), n_calls(server, viewer, "billing")) == (3, 1)
    assert ask(server, "/api/v1/projects", to=viewer) == (200, ["billing", "search"])


def test_each_role_is_refused_what_is_not_its_own(server: Server) -> None:
    asked: dict[str, tuple[str, dict[str, Any] | None]] = {
        "calls": ("/api/v1/query/latest_calls", {"project": "search", "params": {"limit": "5"}}),
        "contents": ("/api/v1/query/erasure_preview", {"project": "search", "params": {"tenant": "hooli"}}),
        "sql": ("/api/v1/sql", {"sql": "select count(*) as n from calls"}),
        "pipeline": ("/api/v1/pipeline?project=search", None),
        "metrics": ("/metrics", None),
        "settings": ("/api/v1/settings", None),
        "rewrite": ("/api/v1/admin/rewrite", {}),
    }
    may = {
        who: {what for what, (path, body) in asked.items() if ask(server, path, body, to=to)[0] == 200}
        for who, to in PEOPLE.items()
    }
    looks, works = {"calls", "contents"}, {"calls", "contents", "pipeline", "metrics"}
    assert may == {
        "viewer": looks,
        "viewer of hooli": looks,
        "finance": {"calls"},
        "engineer": works | {"sql"},
        "engineer of search": works,
        "admin": works | {"sql", "settings", "rewrite"},
    }
    for path, body in (asked["sql"], asked["settings"]):
        assert ask(server, path, body, to=VIEWER)[0] == 403
    status, said = ask(server, *asked["contents"], to=PEOPLE["finance"])
    assert (status, "captured messages" in said["detail"]) == (403, True)
    names = {query["name"] for query in ask(server, "/api/v1/queries", to=PEOPLE["finance"])[1]}
    assert "erasure_preview" not in names
    assert "month_totals" in names


def test_a_narrowing_that_cannot_be_read_is_no_request(server: Server) -> None:
    for broken in ("role=owner", "role=viewer&tenant=hooli", "nonsense"):
        assert ask(server, "/api/v1/queries", to=broken)[0] == 400


def test_for_somebody_who_only_looks_nothing_is_written_with_the_best_key(server: Server) -> None:
    owner = read_local_token(server.data_dir) or ""
    to_send = export(a_call(tenant__id="acme"))
    for role in ("viewer", "finance", "engineer"):
        status, _ = server.post("/v1/traces", to_send, x_api_key=owner, x_steelyard_as=f"role={role}")
        assert status == 403
    status, _ = server.post("/v1/traces", to_send, x_api_key=owner, x_steelyard_as="role")
    assert status == 400


def save(server: Server, name: str, *, key: str, **headers: str) -> tuple[int, str]:
    """Save a view of this name with this key: status, and what the receiver says of a refusal."""
    record = {"saved_key": f"01K{name}", "kind": "view", "name": name, "status": "set", "page": "spend"}
    path = "/api/v1/records/saved?wait=commit"
    status, said = server.post(
        path, json.dumps([record]).encode(), "application/json", x_api_key=key, **headers
    )
    return status, json.loads(said).get("detail", "")


def test_who_may_save_a_view_saves_it_in_the_project_that_is_theirs(server: Server) -> None:
    owner = read_local_token(server.data_dir) or ""
    everywhere = {"x_steelyard_project": "search"}
    said = {
        "viewer": save(server, "a", key=owner, x_steelyard_as="role=viewer", **everywhere),
        "finance": save(server, "b", key=owner, x_steelyard_as="role=finance", **everywhere),
        "engineer of search": save(server, "c", key=owner, x_steelyard_as="role=engineer&project=search"),
        "admin": save(server, "d", key=owner, x_steelyard_as="role=admin", **everywhere),
        "engineer of hooli": save(
            server, "e", key=owner, x_steelyard_as="role=engineer&project=search&tenant=hooli"
        ),
        "engineer of search, elsewhere": save(
            server,
            "f",
            key=owner,
            x_steelyard_as="role=engineer&project=search",
            x_steelyard_project="billing",
        ),
        "ingest key": save(server, "g", key=a_known_key(server, "ingest")),
        "viewer's key": save(server, "h", key=a_known_key(server, "viewer")),
        "finance's key": save(server, "i", key=a_known_key(server, "finance")),
        "owner": save(server, "j", key=owner),
        "nobody": save(server, "k", key="sy_wrong"),
    }
    assert {who: status for who, (status, _) in said.items()} == {
        "viewer": 403,
        "finance": 200,
        "engineer of search": 200,
        "admin": 200,
        "engineer of hooli": 403,
        "engineer of search, elsewhere": 403,
        "ingest key": 403,
        "viewer's key": 403,
        "finance's key": 200,
        "owner": 200,
        "nobody": 401,
    }
    assert "roles engineer, read, finance, admin" in said["viewer"][1]
    assert "for a whole project" in said["engineer of hooli"][1]
    names = {
        whose: [row["name"] for row in ask(server, "/api/v1/query/saved", {"project": project}, to=to)[1]]
        for whose, project, to in (
            ("search", "search", PEOPLE["viewer"]),
            ("default", "default", PEOPLE["viewer"]),
            ("hooli", "search", VIEWER),
        )
    }
    assert names == {"search": ["b", "c", "d", "i"], "default": ["j"], "hooli": []}


def a_known_key(server: Server, role: str) -> str:
    """A key of the project `search` that the receiver knows by now."""
    _, token = keys.add_key(server.data_dir, role=role, project="search")
    give_up_at = time.monotonic() + 10
    while server.post("/v1/traces", b"", x_api_key=token)[0] == 401 and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return token


@pytest.mark.parametrize("role", ["viewer", "engineer", "finance"])
def test_a_key_of_a_role_says_what_it_may(server: Server, role: str) -> None:
    made, token = keys.add_key(server.data_dir, role=role, project="search", tenant="hooli")
    give_up_at = time.monotonic() + 10
    while (found := ask(server, "/api/v1/whoami", to=None, key=token))[
        0
    ] == 401 and time.monotonic() < give_up_at:
        time.sleep(0.05)
    said = found[1]
    assert said == {
        "key": made.key_id,
        "role": role,
        "rights": {
            "viewer": ["query", "contents"],
            "engineer": ["query", "contents", "sql", "pipeline", "save"],
            "finance": ["query", "save"],
        }[role],
        "project": "search",
        "tenant": "hooli",
        "environment": None,
    }


def test_settings_are_listed_with_what_they_mean_and_without_the_people(server: Server) -> None:
    _, listed = ask(server, "/api/v1/settings", to=PEOPLE["admin"])
    values = {setting["name"]: setting["value"] for setting in listed}
    assert values["require_keys"] is True
    assert values["data"] == str(server.data_dir)
    assert "dashboard_users" not in values
    assert all(setting["description"] for setting in listed)


def a_query(sql: str) -> NamedQuery:
    return NamedQuery("q", "for a test.", (), (), sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select body from contents where project = $scope",
        "select 1 from spans join contents using (span_id)",
        'select 1 from store.main."contents"',
        "select 1 from calls, contents",
        "SELECT 1\nFROM\n    Contents",
    ],
)
def test_a_query_that_reads_messages_is_told_from_its_text(sql: str) -> None:
    assert a_query(sql).reads_contents


def test_a_query_that_reads_none_is_not_taken_for_one_that_does() -> None:
    assert not a_query("-- what is from contents\nselect 'from' as contents from calls").reads_contents
    assert not named_queries()["spend_month"].reads_contents


@pytest.fixture
def store_with_a_message(tmp_path: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = file.open_for_writing(tmp_path / "store.duckdb")
    session = file.cursor(connection)
    known = dict(
        session.execute(
            "select column_name, data_type from duckdb_columns() where table_name = 'contents' and database_name = 'store'"
        ).fetchall()
    )
    row = {name: PROMPT for name, kind in known.items() if kind == "VARCHAR"} | {"project": "search"}
    session.execute(
        f"insert into contents ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
    )
    yield connection
    connection.close()


@pytest.mark.parametrize("scope", [Scope("search"), Scope("")])
def test_behind_the_refusal_is_a_session_without_messages(
    store_with_a_message: duckdb.DuckDBPyConnection, scope: Scope
) -> None:
    def n_messages(narrowed: Scope) -> int:
        session = file.cursor(store_with_a_message)
        narrow(session, narrowed)
        found = session.execute("select count(*) from contents").fetchone()
        assert found
        return int(found[0])

    assert n_messages(scope) == 1
    assert n_messages(Scope(scope.project, has_contents=False)) == 0
