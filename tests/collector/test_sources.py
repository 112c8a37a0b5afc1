"""Every column says which place it is from, and no source says a value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from collector.configure import load_settings
from collector.decode.columns import NAMED, OF_CALLS, WHOSE
from collector.decode.found import Found
from collector.decode.requests import Request
from collector.decode.sources import Ruling, sources
from collector.decode.spans import decode
from collector.privacy.policy import policy_of
from collector.receiver.otlp import read_traces
from tests.captures import trace_captures
from tests.spans import a_call, export

NOTHING_CAPTURED = policy_of(load_settings())
# What is not found but concluded, from columns that have a source.
_CONCLUDED = {"usage_source", "usage_semantics", "usage_confidence"}


def decoded(*bodies: bytes) -> pa.Table:
    requests = [Request(body, "default", 1_000_000, "batch") for body in bodies]
    return decode(requests, NOTHING_CAPTURED).spans


def captured() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = decoded(
        *(read_traces(capture.body, capture.media).body for capture in trace_captures())
    ).to_pylist()
    return rows


def test_a_call_says_which_attribute_gave_each_column() -> None:
    [row] = decoded(export(a_call(session__id="s"))).to_pylist()
    assert json.loads(row["sources"]) == {
        "family": "otel",
        "rule": "call: gen_ai.operation.name is chat or generate_content …",
        "session_id": "session.id",
        "operation": "gen_ai.operation.name",
        "provider": "gen_ai.provider.name",
        "model_requested": "gen_ai.request.model",
        "model_answered": "gen_ai.response.model",
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
    }


def test_on_every_capture_a_column_has_a_source_exactly_when_it_has_a_value() -> None:
    rows = captured()
    assert len(rows) > 450
    for row in rows:
        said = json.loads(row["sources"])
        columns = {column for column in (*WHOSE, *NAMED, *OF_CALLS) if row[column] is not None} - _CONCLUDED
        assert said.keys() - {"family", "rule"} == columns, row["span_name"]


def test_spans_that_were_read_alike_have_the_same_text() -> None:
    spans = [
        a_call(session__id=f"session-{number}", gen_ai__response__id=f"id-{number}") for number in range(50)
    ]
    rows = decoded(export(*spans, a_call())).to_pylist()
    assert len({row["sources"] for row in rows[:50]}) == 1
    assert rows[50]["sources"] != rows[0]["sources"]


def test_no_source_says_what_a_column_holds() -> None:
    for row in captured():
        places = [
            place for name, place in json.loads(row["sources"]).items() if name not in ("family", "rule")
        ]
        for column in ("session_id", "user_id", "tenant_id", "response_id"):
            assert row[column] is None or row[column] not in places


def test_more_combinations_than_a_number_can_hold_are_told_apart() -> None:
    n_rows, n_columns = 300, 90
    found = Found(n_rows)
    for column in range(n_columns):
        for place in range(3):
            rows = [row if (row * (column + 3) + column) % 4 == place else None for row in range(n_rows)]
            found.fill(f"column {column}", pa.array(rows, pa.int64()), f"place {place}")
    names = [f"column {column}" for column in range(n_columns)]
    same = np.zeros(n_rows, dtype=np.int8)
    nobody = Ruling(same, [None], same, ["any"])
    for row, text in enumerate(sources(found, names, nobody).to_pylist()):
        places = {f"column {column}": (row * (column + 3) + column) % 4 for column in range(n_columns)}
        wanted = {name: f"place {place}" for name, place in places.items() if place < 3}
        assert json.loads(text) == {"family": None, "rule": "any", **wanted}
