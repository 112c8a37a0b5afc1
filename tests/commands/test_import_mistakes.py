"""What people get wrong with `steelyard import`: each is told in words, with the way out, and ends with 3."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.importing.canonical import CANONICAL
from commands.importing.command import command
from commands.importing.presets import PRESETS
from errors import ConfigError, UserError
from tests.front_door import front_door

HEADER = "ts,llm,prompt_tokens\n"
ROW = "2026-10-05T12:00:00Z,gpt-4o,10\n"


def test_the_manual_names_everything_that_a_mapping_may_name() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "import.md").read_text("utf-8")
    table = manual.partition("| name | what it is |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    named |= {f"duration{unit}" for unit in named if unit.startswith("_")}
    assert set(CANONICAL) <= named
    assert all(f"`{preset}`" in manual for preset in PRESETS)


def refused(tmp_path: Path, content: str | bytes, *words: str) -> str:
    """What a dry run of this file is refused with."""
    file = tmp_path / "calls.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = CliRunner().invoke(command, [str(file), "--dry-run", *words])
    assert isinstance(done.exception, UserError), done
    return str(done.exception)


def test_through_the_front_door_a_mistake_is_a_3_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("started_at\n2026-10-05\n")
    for words, said in (
        (["nothing.csv"], "nothing.csv cannot be read: No such file or directory"),
        (["."], "cannot be read: Is a directory"),
        (["calls.csv", "--data", "no-server-here"], "no server runs on"),
    ):
        ran = front_door("import", *words, cwd=tmp_path)
        assert ran.returncode == 3
        assert said in ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("content", ["", "  \n\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    assert "calls.csv is empty: nothing to import" in refused(tmp_path, content)


def test_a_header_alone_is_told(tmp_path: Path) -> None:
    assert "The file has no rows" in refused(tmp_path, HEADER, "--map", "started_at=ts")


def test_without_a_time_the_columns_and_both_ways_out_are_named(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + ROW)
    assert "--map started_at=COLUMN" in said
    assert "--from helicone|langfuse|litellm" in said
    assert "Its columns: ts, llm, prompt_tokens" in said


def test_an_unknown_column_names_those_near_it(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + ROW, "--map", "started_at=ts", "--map", "input_tokens=prompttokens")
    assert "no column 'prompttokens' for input_tokens. Near it: prompt_tokens." in said


def test_an_unknown_column_of_json_is_looked_for_in_every_row(tmp_path: Path) -> None:
    rows = '{"ts": 1791201600}\n' * 3_000 + '{"ts": 1791201600, "late": "gpt-4o"}\n'
    (tmp_path / "calls.jsonl").write_text(rows)
    words = [str(tmp_path / "calls.jsonl"), "--dry-run", "--map", "started_at=ts"]
    assert CliRunner().invoke(command, [*words, "--map", "model_requested=late"]).exit_code == 0
    done = CliRunner().invoke(command, [*words, "--map", "model_requested=never"])
    assert "no column 'never' for model_requested" in str(done.exception)


def test_an_unknown_name_is_told_with_those_near_it(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + ROW, "--map", "input_token=prompt_tokens")
    assert "Near it: input_tokens" in said
    assert "attribute:input_token=" in said


@pytest.mark.parametrize("flag", ["started_at", "=ts", "started_at="])
def test_half_a_mapping_is_told_with_an_example(tmp_path: Path, flag: str) -> None:
    assert "Example: --map input_tokens=prompt_tokens" in refused(tmp_path, HEADER + ROW, "--map", flag)


def test_the_wrong_delimiter_is_told(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + ROW, "--delimiter", "#", "--map", "started_at=ts")
    assert "name what separates them with --delimiter" in said
    assert "is not one character" in refused(tmp_path, HEADER + ROW, "--delimiter", "::")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_usual_delimiters_are_seen_by_the_header(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "calls.csv"
    file.write_text((HEADER + ROW).replace(",", delimiter))
    done = CliRunner().invoke(command, [str(file), "--dry-run", "--map", "started_at=ts"])
    assert done.exit_code == 0, done.exception


def test_an_export_without_what_its_preset_needs_is_told(tmp_path: Path) -> None:
    assert "no column startTime or start_time, so it is no langfuse export" in refused(
        tmp_path, HEADER + ROW, "--from", "langfuse"
    )


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    assert "is not UTF-8 (byte 3)" in refused(
        tmp_path, "ts,größe\n1,2\n".encode("latin-1")[:3] + b"\xf6,x\n" * 9
    )


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    assert "more than one column 'ts'" in refused(tmp_path, "ts,ts\n1,2\n")


def test_broken_parquet_and_broken_gzip_are_told(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, b"PAR1" + b"\0" * 100)
    assert "cannot be read" in refused(tmp_path, b"\x1f\x8b" + b"\0" * 100)


def test_a_broken_line_of_json_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(
        '{"started_at": 1791201600}\n{"started_at": \n{"started_at": 1791201600}\n'
    )
    done = CliRunner().invoke(command, [str(tmp_path / "calls.jsonl"), "--dry-run"])
    assert "1 row left out, the first is row 2: it is no JSON object" in done.stderr
    assert "2 calls" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("columns = ", "cannot be read"),
        ("colums = {}", "'colums' is not part of a mapping"),
        ('[columns]\nstart = "ts"', "Near it: status, started_at"),
        ('from = "datadog"', "There are helicone, langfuse, litellm"),
        ("[columns]\nattribute:x = 1", "cannot be read"),
        ('columns = "ts"', "must be a table"),
    ],
)
def test_a_mapping_file_that_cannot_be_used_is_told(tmp_path: Path, content: str, said: str) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(content)
    assert said in refused(tmp_path, HEADER + ROW, "--mapping", str(mapping))


def test_a_missing_mapping_file_and_a_rejects_file_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, HEADER + ROW, "--mapping", str(tmp_path / "none.toml"))
    rejects = str(tmp_path / "no" / "such" / "rejects.csv")
    assert "cannot be written" in refused(
        tmp_path, HEADER + ROW, "--map", "started_at=ts", "--rejects", rejects
    )


def test_a_project_that_can_be_none_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("started_at\n2026-10-05\n")
    done = CliRunner().invoke(command, [str(tmp_path / "calls.csv"), "--project", "No Such!"])
    assert isinstance(done.exception, ConfigError)
    assert "cannot name a project" in str(done.exception)
