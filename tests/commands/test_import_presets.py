"""Exports of other tools, as they document them: which rows are calls, and that every value arrives in its unit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from commands.importing import mapping, projection, reading
from commands.importing.canonical import CANONICAL
from commands.importing.presets import PRESETS, Preset
from tests.commands.importing import FILES, Ran, run_import
from tests.servers import Server, start_server

MS = 1_000_000  # ns
PROJECTS = {
    "langfuse_blob.jsonl": "lf",
    "langfuse_ui.csv": "lf-pages",
    "langfuse_api.json": "lf-api",
    "litellm_spend_logs.csv": "llm",
    "helicone.jsonl": "hel",
    "helicone.csv": "hel-csv",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("presets") / "data") as running:
        yield running


_DONE: dict[tuple[str, str], Ran] = {}


def imported(server: Server, file: Path, project: str) -> tuple[Ran, list[dict[str, Any]]]:
    """(what the command did, the calls of the project in the order of time); done once for all tests."""
    if (server.receiver_url, project) not in _DONE:
        _DONE[server.receiver_url, project] = run_import(server, file, project=project)
        server.wait_until_committed()
    return _DONE[server.receiver_url, project], calls_of(server, project)


def calls_of(server: Server, project: str) -> list[dict[str, Any]]:
    return server.rows(f"select * from calls where project = '{project}' order by started_at")


def values(call: dict[str, Any], *columns: str) -> tuple[Any, ...]:
    return tuple(call[column] for column in columns)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_speaks_of_names_that_calls_have(preset: Preset) -> None:
    assert set(preset.columns) | set(preset.computed) <= set(CANONICAL)
    assert all(name.startswith("_") for name in (*preset.helpers, *preset.documents))
    assert "started_at" in preset.columns
    assert "read November 2026" in (
        __import__(f"commands.importing.presets.{preset.name}", fromlist=["_"]).__doc__ or ""
    )


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_rows_of_an_export_pass_through_one_by_one_and_are_never_kept(name: str) -> None:
    db = reading.connect()
    source = reading.open_source(db, FILES / name, None)
    resolved = mapping.resolve(db, source, mapping.read_wanted(None, (), None))
    assert resolved.preset
    db.execute(resolved.preset.macros)
    wanted = projection.projection(source, resolved, with_content=True)
    [(_, plan)] = db.execute(f"explain {wanted}").fetchall()
    assert "projection" in plan.lower()
    assert "join" not in plan.lower()


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_an_export_is_known_by_its_columns_and_importing_it_twice_adds_nothing(
    server: Server, name: str
) -> None:
    ran, first = imported(server, FILES / name, PROJECTS[name])
    assert f"read as an export of {Path(name).stem.partition('_')[0]} (by its columns)" in ran.stderr
    assert first
    run_import(server, FILES / name, project=PROJECTS[name])
    server.wait_until_committed()
    assert calls_of(server, PROJECTS[name]) == first


def test_langfuse_generations_and_embeddings_are_calls_and_nothing_else_is(server: Server) -> None:
    ran, stored = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    assert [call["operation"] for call in stored] == ["chat", "chat", "chat", "embeddings"]
    assert "2 rows skipped, which are no model calls: SPAN 1, EVENT 1" in ran.stderr


def test_langfuse_buckets_add_up_to_counts_that_include_each_other(server: Server) -> None:
    _, [openai, claude, failed, embedding] = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    tokens = (
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
    )
    assert values(openai, *tokens) == (17_903, 17_817, None, 188, 38)
    assert values(claude, *tokens) == (2_512, 2_000, 500, 90, None)
    assert values(failed, *tokens) == (None, None, None, None, None)
    assert values(embedding, *tokens) == (640, None, None, None, None)


def test_what_a_source_says_a_call_cost_stands_beside_what_the_books_say(server: Server) -> None:
    _, [openai, claude, failed, _] = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    assert openai["reported_cost_usd"] == Decimal("0.02436625")
    assert claude["reported_cost_usd"] == Decimal("0.004")
    assert failed["reported_cost_usd"] is None  # 0 in the file, where no cost was known
    assert (openai["cost_status"], claude["cost_status"]) == ("priced", "priced")


def test_langfuse_says_whose_call_it_was_and_how_long_it_took(server: Server) -> None:
    _, [openai, claude, failed, embedding] = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    assert values(openai, "trace_id", "span_id") == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert values(openai, "tenant_id", "user_id", "session_id", "feature") == (
        "acme",
        "ada",
        "chat-7",
        "support-chat",
    )
    assert values(openai, "prompt_name", "prompt_version", "environment") == (
        "support-answer",
        "4",
        "production",
    )
    assert values(openai, "duration_ns", "ttft_ns", "stream") == (2500 * MS, 400 * MS, True)
    assert values(claude, "ttft_ns", "session_id") == (None, None)
    assert values(failed, "status", "model_requested", "model_answered") == ("error", "gpt-4o", None)
    assert embedding["environment"] == "staging"


def test_langfuse_pages_and_api_give_the_same_calls_as_its_blob_storage(server: Server) -> None:
    _, blob = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    _, pages = imported(server, FILES / "langfuse_ui.csv", "lf-pages")
    compared = (
        "span_id",
        "started_at",
        "duration_ns",
        "input_tokens",
        "output_tokens",
        "tenant_id",
        "feature",
    )
    assert [values(call, *compared) for call in pages] == [values(call, *compared) for call in blob[:2]]
    _, [api] = imported(server, FILES / "langfuse_api.json", "lf-api")
    assert values(api, "input_tokens", "output_tokens", "ttft_ns") == (98, 68, 120 * MS)


def test_a_langfuse_parquet_with_maps_is_read_like_its_json(server: Server, tmp_path: Path) -> None:
    parquet = tmp_path / "observations.parquet"
    duckdb.sql(
        f"copy (select * replace (start_time::timestamp as start_time, end_time::timestamp as end_time, "
        "completion_start_time::timestamp as completion_start_time, "
        "from_json(usage_details, '\"MAP(VARCHAR,UBIGINT)\"') as usage_details) "
        f"from read_json('{FILES}/langfuse_blob.jsonl', maximum_depth = 2, "
        "columns = {id: 'varchar', trace_id: 'varchar', type: 'varchar', start_time: 'varchar', end_time: 'varchar', "
        "completion_start_time: 'varchar', provided_model_name: 'varchar', level: 'varchar', usage_details: 'json', "
        f"metadata: 'map(varchar, varchar)'}})) to '{parquet}'"
    )
    _, blob = imported(server, FILES / "langfuse_blob.jsonl", "lf")
    _, stored = imported(server, parquet, "lf-parquet")
    compared = (
        "span_id",
        "started_at",
        "duration_ns",
        "ttft_ns",
        "input_tokens",
        "cached_input_tokens",
        "tenant_id",
    )
    assert [values(call, *compared) for call in stored] == [values(call, *compared) for call in blob]


def test_litellm_rows_become_calls_without_the_key_and_without_content(server: Server) -> None:
    ran, stored = imported(server, FILES / "litellm_spend_logs.csv", "llm")
    assert "1 row skipped, which is no model call: aimage_generation 1" in ran.stderr
    assert [call["operation"] for call in stored] == ["chat", "chat", "chat", "chat", "embeddings"]
    everything = json.dumps(server.rows("select * from spans where project = 'llm'"), default=str)
    for left_behind in ("88dc28d0f030", "10.1.2.3", "Where is my order"):
        assert left_behind not in everything


def test_litellm_counts_include_what_the_cache_read_and_wrote(server: Server) -> None:
    _, [openai, claude, failed, cached, _] = imported(server, FILES / "litellm_spend_logs.csv", "llm")
    tokens = (
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
    )
    assert values(openai, *tokens) == (1000, 640, None, 200, 64)
    assert values(claude, *tokens) == (31 + 1253, 0, 1253, 467, None)
    assert values(failed, *tokens) == (None, None, None, None, None)  # the table has 0 where it does not know
    assert values(cached, "cache_hit", "cost_status", "response_id") == (True, "cache_hit", None)


def test_litellm_says_which_model_was_asked_for_and_which_answered(server: Server) -> None:
    _, [openai, claude, failed, *_] = imported(server, FILES / "litellm_spend_logs.csv", "llm")
    assert values(openai, "provider", "model_requested", "model_answered") == ("openai", "fast", "gpt-4o")
    assert values(openai, "tenant_id", "user_id", "session_id") == ("team-search", "ada", "req-1")
    assert values(openai, "duration_ns", "ttft_ns", "response_id") == (3000 * MS, 750 * MS, "chatcmpl-A1")
    assert values(claude, "ttft_ns", "stream") == (None, None)  # its first token was its last
    assert values(failed, "status", "error_class", "http_status", "error_type") == (
        "error",
        "rate_limit",
        429,
        "RateLimitError",
    )


def test_helicone_requests_are_calls_and_tools_are_not(server: Server) -> None:
    ran, stored = imported(server, FILES / "helicone.jsonl", "hel")
    assert "1 row skipped, which is no model call: tool 1" in ran.stderr
    [openai, limited, timed_out, cached, embedding] = stored
    assert values(openai, "input_tokens", "cached_input_tokens", "output_tokens") == (1324, 1024, 110)
    assert values(openai, "duration_ns", "ttft_ns", "provider") == (2000 * MS, 350 * MS, "openai")
    assert values(openai, "tenant_id", "user_id", "session_id", "feature") == (
        "acme",
        "ada",
        "s-1",
        "onboarding",
    )
    assert values(openai, "prompt_name", "prompt_version", "cache_hit") == ("greeting", "3", False)
    assert values(limited, "status", "error_class", "input_tokens", "provider") == (
        "error",
        "rate_limit",
        None,
        "anthropic",
    )
    assert values(timed_out, "status", "error_class", "http_status") == ("error", "timeout", None)
    assert cached["cache_hit"] is True
    assert values(embedding, "operation", "input_tokens") == ("embeddings", 700)


def test_the_helicone_csv_has_its_documents_quoted_twice_and_is_read_all_the_same(server: Server) -> None:
    _, [openai, limited] = imported(server, FILES / "helicone.csv", "hel-csv")
    assert values(openai, "tenant_id", "session_id", "duration_ns") == ("acme", "s-1", 2200 * MS)
    assert values(limited, "http_status", "input_tokens") == (429, None)


def test_a_column_of_ones_own_goes_before_the_preset(server: Server) -> None:
    run_import(server, FILES / "langfuse_blob.jsonl", "--map", "tenant_id=user_id", project="lf-own")
    server.wait_until_committed()
    assert server.rows("select distinct tenant_id from calls where project = 'lf-own' order by all nulls last") == [
        {"tenant_id": "ada"}, {"tenant_id": "grace"}, {"tenant_id": None},
    ]  # fmt: skip


def test_metadata_that_is_no_json_is_told_because_its_cached_tokens_are_missing(server: Server) -> None:
    # As `pandas.DataFrame.to_csv` writes a column of dicts.
    ran = run_import(
        server,
        "request_id,call_type,spend,startTime,endTime,model,prompt_tokens,completion_tokens,metadata\n"
        "chatcmpl-Z,acompletion,0.1,2026-10-06 08:00:00,2026-10-06 08:00:01,gpt-4o,10,5,\"{'additional_usage_values': None}\"\n",
        project="repr",
    )
    assert "1 row with a metadata that is no JSON" in ran.stderr
