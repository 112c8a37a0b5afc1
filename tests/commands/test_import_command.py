"""`steelyard import` on a real server: what it stores, that it stores it once, and what it says of the rest."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from commands.importing.command import command
from steelyard import COMMANDS
from tests.commands.importing import run_import
from tests.servers import Server, start_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("import") / "data"
    with start_server(data, env={"STEELYARD_CAPTURE_PROJECTS": "kept"}) as running:
        yield running


HEADER = "started_at,duration_ms,model,input_tokens,output_tokens,tenant_id\n"
ROW = "2026-10-05T12:00:00Z,1500,gpt-4o,1000,100,acme\n"


def calls(server: Server, project: str) -> list[dict[str, Any]]:
    server.wait_until_committed()
    return server.rows(
        f"select * from calls where project = '{project}' order by started_at, tenant_id, span_id"
    )


def test_the_help_line_of_the_command_is_the_one_of_the_front_door() -> None:
    assert command.get_short_help_str(limit=200) == COMMANDS["Run it"]["import"]


def test_a_table_with_our_own_names_needs_no_mapping(server: Server) -> None:
    ran = run_import(server, HEADER + ROW, project="own-names")
    assert ran.returncode == 0
    assert "1 call from 2026-10-05 to 2026-10-05 imported" in ran.stderr
    [call] = calls(server, "own-names")
    assert str(call["started_at"]) == "2026-10-05 12:00:00"
    assert call["duration_ns"] == 1_500_000_000
    assert (call["operation"], call["model_requested"], call["tenant_id"]) == ("chat", "gpt-4o", "acme")
    assert (call["input_tokens"], call["output_tokens"], call["status"]) == (1000, 100, "ok")


def test_an_imported_call_is_priced_like_any_other(server: Server) -> None:
    run_import(
        server,
        "started_at,provider,model_requested,model_answered,input_tokens,output_tokens\n"
        "2026-10-05T12:00:00Z,openai,gpt-4o,gpt-4o,1000,100\n",
        project="priced",
    )
    [call] = calls(server, "priced")
    # gpt-4o: 2.50 USD per million in, 10.00 out
    assert (call["cost_status"], call["list_cost_usd"]) == ("priced", Decimal("0.0035"))


def test_importing_twice_adds_nothing(server: Server) -> None:
    content = HEADER + ROW + ROW + ROW.replace("acme", "hooli")
    run_import(server, content, project="twice")
    first = calls(server, "twice")
    run_import(server, content, project="twice", name="a-copy-of-another-name.csv")
    # Two equal rows without an id are two calls.
    assert [call["tenant_id"] for call in first] == ["acme", "acme", "hooli"]
    assert [call["span_id"] for call in calls(server, "twice")] == [call["span_id"] for call in first]


def test_a_longer_file_adds_only_what_is_new(server: Server) -> None:
    run_import(server, HEADER + ROW, project="longer")
    run_import(server, HEADER + ROW.replace("acme", "hooli") + ROW + ROW, project="longer")
    assert [call["tenant_id"] for call in calls(server, "longer")] == ["acme", "acme", "hooli"]


def test_rows_with_one_id_and_one_time_are_one_call(server: Server) -> None:
    rows = "id,started_at,model\n7,1791201600,gpt-4o\n7,1791201600,gpt-4o\n7,1791201660,gpt-4o\n"
    ran = run_import(server, rows, project="ids")
    assert "2 rows with the id of a row before" in ran.stderr
    assert len(calls(server, "ids")) == 2


def test_ids_of_opentelemetry_are_kept(server: Server) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    run_import(server, f"id,trace_id,started_at\n{span},{trace},1791201600\n", project="otel-ids")
    [call] = calls(server, "otel-ids")
    assert (call["trace_id"], call["span_id"]) == (trace, span)


def test_columns_are_mapped_by_flags_with_paths_into_documents(server: Server) -> None:
    rows = [
        {"ts": 1791201600123, "llm": {"name": "gpt-4o"}, "usage": {"in": 10, "out": None}, "region": "eu"},
        {"ts": "2026-10-05T14:00:01+02:00", "llm": {"name": "gpt-4o"}, "usage": '{"in": 20}'},
    ]
    maps = ("started_at=ts", "model_requested=llm.name", "input_tokens=usage.in", "output_tokens=usage.out")
    run_import(
        server,
        "".join(json.dumps(row) + "\n" for row in rows),
        *(word for one in (*maps, "attribute:app.region=region") for word in ("--map", one)),
        project="paths",
        name="calls.jsonl",
    )
    stored = calls(server, "paths")
    assert [str(call["started_at"]) for call in stored] == [
        "2026-10-05 12:00:00.123000",
        "2026-10-05 12:00:01",
    ]
    assert [(call["input_tokens"], call["output_tokens"]) for call in stored] == [(10, None), (20, None)]
    assert (
        server.value(
            "select attributes ->> 'app.region' from spans where project = 'paths' order by started_at"
        )
        == "eu"
    )


def test_a_mapping_file_names_columns_and_constants(server: Server, tmp_path: Path) -> None:
    mapping = tmp_path / "billing.toml"
    mapping.write_text(
        'name = "billing"\n[columns]\nstarted_at = "ts"\nduration_s = "took"\nreported_cost_usd = "usd"\n'
        '[constants]\nprovider = "openai"\nservice_name = "billing"\n'
    )
    run_import(server, "ts,took,usd\n1791201600,0.25,0.5\n", "--mapping", str(mapping), project="mapped")
    [call] = calls(server, "mapped")
    assert (call["provider"], call["service_name"], call["duration_ns"]) == ("openai", "billing", 250_000_000)
    resource = server.value(
        "select resource ->> 'steelyard.imported_from' from spans where project = 'mapped'"
    )
    assert resource == "billing"


def test_json_arrays_parquet_and_gzip_are_read_alike(server: Server, tmp_path: Path) -> None:
    rows = [{"id": str(n), "started_at": f"2026-10-05T12:00:0{n}Z", "input_tokens": n} for n in range(3)]
    (tmp_path / "rows.json").write_text(json.dumps(rows, indent=1))
    duckdb.sql(f"copy (from '{tmp_path}/rows.json') to '{tmp_path}/rows.parquet'")
    packed = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    (tmp_path / "rows.jsonl.gz").write_bytes(packed)
    for name in ("rows.json", "rows.parquet", "rows.jsonl.gz"):
        assert run_import(server, tmp_path / name, project="alike").returncode == 0
    # Their rows bear ids, so three files are the same three calls.
    assert [call["input_tokens"] for call in calls(server, "alike")] == [0, 1, 2]


def test_what_is_not_told_stays_unknown(server: Server) -> None:
    run_import(
        server, "started_at,input_tokens,output_tokens,tenant_id\n1791201600,,null,None\n", project="unknown"
    )
    [call] = calls(server, "unknown")
    for column in (
        "input_tokens",
        "output_tokens",
        "tenant_id",
        "duration_ns",
        "model_requested",
        "service_name",
    ):
        assert call[column] is None, column
    assert call["cost_status"] == "no_usage"


def test_counts_that_leave_out_the_cache_are_added_up(server: Server) -> None:
    run_import(
        server,
        "started_at,input_tokens_without_cache,cached_input_tokens,cache_write_tokens,"
        "output_tokens_without_reasoning,reasoning_tokens\n1791201600,10,200,30,5,7\n",
        project="apart",
    )
    [call] = calls(server, "apart")
    assert (call["input_tokens"], call["cached_input_tokens"], call["cache_write_tokens"]) == (240, 200, 30)
    assert (call["output_tokens"], call["reasoning_tokens"]) == (12, 7)


def test_a_failed_call_says_what_failed(server: Server) -> None:
    run_import(
        server,
        "started_at,status,http_status,error_type\n1791201600,success,200,\n1791201601,,429,RateLimitError\n1791201602,failure,,\n",
        project="failed",
    )
    stored = calls(server, "failed")
    assert [call["status"] for call in stored] == ["ok", "error", "error"]
    assert [call["error_class"] for call in stored] == [None, "rate_limit", "other"]


def test_rows_that_cannot_be_read_are_named_and_stop_nothing(server: Server, tmp_path: Path) -> None:
    bad = (
        ",1500,gpt-4o,1,1,acme\n"  # no time
        "05.10.2026,1500,gpt-4o,1,1,acme\n"  # a time that could be two
        '2026-10-05T12:00:00Z,1500,gpt-4o,"1,000",1,acme\n'
        "2026-10-05T12:00:00Z,-5,gpt-4o,1,1,acme\n"
        "2026-10-05T12:00:00Z,1500,gpt-4o,12.5,1,acme\n"
        "2026-10-05T12:00:00Z,1500\n"
    )
    rejects = tmp_path / "rejects.csv"
    ran = run_import(server, HEADER + bad + ROW, "--rejects", str(rejects), project="bad-rows")
    assert ran.returncode == 0
    assert len(calls(server, "bad-rows")) == 1
    with rejects.open(newline="") as file:
        told = [(row["row"], row["column"], row["value"]) for row in csv.DictReader(file)]
    assert told == [
        ("1", "started_at", ""),
        ("2", "started_at", "05.10.2026"),
        ("3", "input_tokens", "1,000"),
        ("4", "duration_ms", "-5"),
        ("5", "input_tokens", "12.5"),
        ("7", "(the line)", "Expected Number of Columns: 6 Found: 2"),
    ]
    assert (
        "2 rows left out, the first is row 3, input_tokens = '1,000': a count is a whole number" in ran.stderr
    )


def test_an_end_before_the_start_is_left_out(server: Server) -> None:
    ran = run_import(
        server, "started_at,ended_at\n1791201600,1791201599\n1791201600,1791201600\n", project="backwards"
    )
    assert "ended_at = '1791201599': it ended before it started" in ran.stderr
    assert [call["duration_ns"] for call in calls(server, "backwards")] == [0]


def test_nothing_to_import_ends_with_3(server: Server) -> None:
    ran = run_import(server, HEADER + ",,,,,\n", project="nothing")
    assert ran.returncode == 3
    assert "nothing was imported" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_dry_run_shows_the_first_rows_and_sends_nothing(server: Server) -> None:
    ran = run_import(server, HEADER + ROW * 5 + ",,,,,\n", "--dry-run", project="dry")
    assert ran.returncode == 0
    assert "5 calls from 2026-10-05 to 2026-10-05 would be imported" in ran.stderr
    assert "1 row left out" in ran.stderr
    assert "model_requested  model" in ran.stdout
    assert "call 3" in ran.stdout
    assert "call 4" not in ran.stdout
    assert calls(server, "dry") == []


def test_prompts_and_answers_are_sent_only_when_asked_and_then_the_policy_decides(server: Server) -> None:
    rows = "id,started_at,input_messages\n1,1791201600,Where is my parcel?\n"
    run_import(server, rows, project="kept")
    server.wait_until_committed()
    assert server.value("select count(*) from contents where project = 'kept'") == 0
    run_import(server, rows.replace("1,179", "2,179"), "--with-content", project="kept")
    run_import(server, rows, "--with-content", project="not-captured")
    server.wait_until_committed()
    captured = server.rows("select project, body from contents")
    assert [(row["project"], row["body"]) for row in captured] == [("kept", "Where is my parcel?")]
    assert "parcel" not in str(server.rows("select attributes, events, resource from spans"))
