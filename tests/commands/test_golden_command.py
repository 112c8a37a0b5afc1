"""`steelyard golden add`: a stored call becomes a line of a golden set, or a sentence says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals import golden
from tests.dashboard.data import SPAN_ID, TRACE_ID, a_call, a_content, a_store
from tests.front_door import Done, front_door

CALL = {"trace_id": TRACE_ID, "span_id": int(SPAN_ID, 16), "session_id": "s-1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One captured call, one that was not captured, a span that is no call, and one id in two traces."""
    folder = tmp_path_factory.mktemp("data")
    spans = [
        a_call(**CALL),
        a_call(**CALL | {"span_id": 2}),
        a_call(**CALL | {"span_id": 3, "role": "context"}),
        a_call(span_id=4),
        a_call(span_id=4),
    ]
    answer = a_content(key="gen_ai.output.messages", body="At the depot.")
    a_store(folder / "store.duckdb", spans=spans, contents=[a_content(), answer])
    return folder


def add(data: Path, path: Path, span_id: str, *more: str) -> Done:
    return front_door("golden", "add", "--from-span", span_id, "--set", path, "--data", data, *more)


def test_a_captured_call_is_added_and_printed(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    done = add(data, path, SPAN_ID.upper())
    assert done.returncode == 0, done.stderr
    assert done.stdout == path.read_text()
    assert json.loads(done.stdout)["expected"] == "At the depot."
    (case,) = golden.load(path).cases
    assert case.input == {"input": "Where is my parcel?"}
    assert "correct it before you trust it" in done.stderr


def test_a_second_time_adds_nothing(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    before = add(data, path, SPAN_ID).stdout
    done = add(data, path, SPAN_ID, "--trace", TRACE_ID)
    assert done.returncode == 3
    assert "is already there. Nothing was added." in done.stderr
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("span_id", "says"),
    [
        ("0000000000000002", "no input to make a case of"),
        ("0000000000000003", "is no call of a model (its role is context)"),
        ("0000000000000004", "2 traces have a span 0000000000000004. Name one of them with --trace."),
        ("0000000000000005", "project default has no span '0000000000000005'"),
        ("nonsense", "project default has no span 'nonsense'"),
    ],
)
def test_what_makes_no_case_is_refused_and_no_file_begun(
    data: Path, tmp_path: Path, span_id: str, says: str
) -> None:
    done = add(data, tmp_path / "golden.jsonl", span_id)
    assert (done.returncode, done.stdout) == (3, "")
    assert says in done.stderr
    assert not (tmp_path / "golden.jsonl").exists()
