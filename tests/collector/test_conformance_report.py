"""The conformance report notices what it is there to notice: each kind of wrong row, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.conformance.measure import Emitter, measured, stored_as_calls
from benchmarks.conformance.report import markdown
from tests.truth import FIELDS, IDENTITY, TOKENS, calls, id_of, no_calls

Rows = list[dict[str, Any]]


@pytest.fixture
def rows() -> Rows:
    """The rows of a collector that knows everything that was sent, and no more."""
    return [a_row(call) for call in calls()]


def a_row(call: dict[str, Any]) -> dict[str, Any]:
    is_sent = call["usage_on_span"] or call.get("usage_carrier_span_id")
    return {
        "trace_id": call["trace_id"],
        "span_id": call["span_id"],
        "stream": call["stream"],
        "ttft_ns": 1,
        "usage_source": "reported",
        **{named: call[column] if is_sent else None for column, named in TOKENS.items()},
        **{named: call.get(column) for column, named in IDENTITY.items()},
        **{named: of_truth(call) for named, of_truth in FIELDS.items()},
    }


def emitter(rows: Rows, name: str) -> Emitter:
    return next(one for one in measured(rows) if one.name == name)


def row_of(rows: Rows, name: str) -> dict[str, Any]:
    """A row of this emitter that has usage."""
    own = {id_of(call) for call in calls() if call["emitter"] == name and call["usage_on_span"]}
    return next(row for row in rows if id_of(row) in own)


def test_the_truth_itself_is_conforming(rows: Rows) -> None:
    assert [one.name for one in measured(rows) if not one.is_faultless] == []
    assert sum(one.n_stored for one in measured(rows)) == 319


def test_a_lost_row_is_noticed(rows: Rows) -> None:
    rows.remove(row_of(rows, "strands"))
    found = emitter(rows, "strands")
    assert (found.n_missing, found.is_faultless) == (1, False)


def test_a_row_that_is_there_twice_is_noticed(rows: Rows) -> None:
    rows.append(row_of(rows, "strands"))
    found = emitter(rows, "strands")
    assert (found.n_extra, found.is_faultless) == (1, False)


@pytest.mark.parametrize("record", ["wrapper", "duplicate"])
def test_what_is_no_call_and_is_a_row_is_noticed(rows: Rows, record: str) -> None:
    one = next(one for one in no_calls() if one["record"] == record)
    rows.append({**rows[0], "trace_id": one["trace_id"], "span_id": one["span_id"]})
    assert stored_as_calls(rows) == [one]
    assert emitter(rows, one["emitter"]).n_extra == 1


def test_a_wrong_count_is_noticed(rows: Rows) -> None:
    row_of(rows, "strands")["input_tokens"] += 1
    found = emitter(rows, "strands")
    assert (found.tokens["input_tokens"]["wrong"], found.is_faultless) == (1, False)


def test_a_count_that_was_sent_and_is_not_stored_is_noticed(rows: Rows) -> None:
    row_of(rows, "strands")["input_tokens"] = None
    found = emitter(rows, "strands")
    assert (found.tokens["input_tokens"]["missing"], found.is_faultless) == (1, False)


def test_a_count_that_nobody_sent_is_not_missing(rows: Rows) -> None:
    row_of(rows, "strands")["reasoning_tokens"] = None
    found = emitter(rows, "strands")
    assert (found.tokens["reasoning_tokens"]["not_sent"], found.is_faultless) == (1, True)


def test_a_count_where_the_client_saw_none_is_wrong_also_when_it_is_zero(rows: Rows) -> None:
    failed = next(call for call in calls() if call["status"] == "error")
    row = next(row for row in rows if id_of(row) == id_of(failed))
    row["output_tokens"] = 0
    assert not emitter(rows, failed["emitter"]).is_faultless


def test_a_named_fault_is_told_and_does_not_fail(rows: Rows) -> None:
    stream = next(call for call in calls() if call["emitter"] == "openllmetry-anthropic" and call["stream"])
    row = next(row for row in rows if id_of(row) == id_of(stream))
    row["output_tokens"] += 1
    found = emitter(rows, "openllmetry-anthropic")
    assert (found.tokens["output_tokens"]["fault"], found.is_faultless) == (1, True)
    assert "1 wrong (!)" in markdown([found], "")


def test_an_identity_of_somebody_else_is_told(rows: Rows) -> None:
    row = next(row for row in rows if row["tenant_id"] == "acme")
    row["tenant_id"] = "globex"
    assert "**1 wrong**" in markdown(measured(rows), "")
