"""The read API: one read-only SELECT, for this machine only, in Arrow or JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from errors import QueryError, ServerError
from store.execute import is_truncated
from store.remote import StoreClient
from tests.servers import Server
from tests.spans import a_call, export


def ask(server: Server, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    named = {
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = urllib.request.Request(server.api_url + path, data=body, headers=named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def test_json_is_the_default_for_people(server: Server) -> None:
    assert ask(server, "/api/v1/sql", b'{"sql": "select 1 as one"}') == (200, b'[{"one": 1}]')


def test_arrow_keeps_types(server: Server) -> None:
    with server.reader() as reader:
        table = reader.sql("select cast(1.5 as decimal(18, 12)) as usd")
    assert str(table.schema.field("usd").type) == "decimal128(18, 12)"


@pytest.mark.parametrize(
    "sql",
    [
        "insert into meta values ('a', 'b')",
        "create table x (a int)",
        "copy calls to '/tmp/x.csv'",
        "attach '/tmp/x.duckdb'",
        "set memory_limit = '1GB'",
        "install httpfs",
        "pragma database_list",
        "select 1; drop table spans",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from 'x.parquet'",
        "select getenv('HOME')",
        "",
    ],
)
def test_nothing_but_a_select_on_the_store(server: Server, sql: str) -> None:
    with server.reader() as reader, pytest.raises(QueryError):
        reader.sql(sql)


def test_a_query_is_capped_in_rows_and_says_so(server: Server) -> None:
    with server.reader() as reader:
        part, whole = (reader.sql("select * from range(1000)", max_rows=most) for most in (10, 1000))
    assert (part.num_rows, is_truncated(part)) == (10, True)
    assert (whole.num_rows, is_truncated(whole)) == (1000, False)


def test_an_answer_is_as_fresh_as_the_last_commit(server: Server) -> None:
    before = server.value("select count(*) from calls")
    server.post("/v1/traces", export(a_call()))
    server.wait_until_committed()
    assert server.value("select count(*) from calls") == before + 1


def test_a_web_page_under_a_rebound_name_is_refused(server: Server) -> None:
    status, _ = ask(server, "/api/v1/sql", b'{"sql": "select 1"}', host="evil.example:4319")
    assert status == 400


def test_a_form_post_from_a_web_page_is_refused(server: Server) -> None:
    status, answer = ask(server, "/api/v1/sql", b'{"sql": "select 1"}', content_type="text/plain")
    assert status == 400
    assert json.loads(answer)["detail"] == "send the query as application/json"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"sql": "select 1", "max_rows": "many"}', b'{"sql": "select 1", "max_rows": -1}'],
)
def test_a_body_that_is_no_question_is_refused_in_words(server: Server, body: bytes) -> None:
    status, answer = ask(server, "/api/v1/sql", body)
    assert status == 400
    assert json.loads(answer)["detail"]


def test_a_query_sees_its_project_only(server: Server) -> None:
    server.post("/v1/traces", export(a_call()), x_steelyard_project="other")
    server.wait_until_committed()
    with server.reader() as reader:
        assert reader.query("latest_calls", project="nobody", limit="10").num_rows == 0
        assert reader.query("latest_calls", project="other", limit="10").num_rows == 1


def test_nobody_home_says_how_to_start(server: Server) -> None:
    del server
    with pytest.raises(ServerError, match="steelyard up"):
        StoreClient("http://127.0.0.1:9", timeout_s=1).health()
