"""Canonical columns: every kind of entry of a table, and what is derived from what tables find."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import ptars
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.configure import load_settings
from collector.conventions import columns as conventions
from collector.conventions import otel_current, otel_old
from collector.conventions.columns import (
    Always,
    Counted,
    Entry,
    FromAttributes,
    FromDocument,
    FromEvent,
    FromEventAttributes,
    FromPattern,
    Is,
    Unsaid,
)
from collector.conventions.dimensions import Dimensions
from collector.conventions.families import FAMILIES
from collector.decode import canonical, derive_sampling
from collector.decode.attributes import Attributes
from collector.decode.canonical import Spans
from collector.decode.classify import Classified, Conditions, Names
from collector.decode.columns import CANONICAL
from collector.decode.events import Events
from collector.decode.found import Found
from collector.decode.readings import TYPES
from collector.decode.requests import Request
from collector.decode.spans import decode
from collector.privacy.kept import KEPT_MAX_CHARACTERS
from collector.privacy.policy import policy_of
from tests import hostile
from tests.spans import a_call, any_value, export

HANDLER = ptars.HandlerPool([trace_pb2.DESCRIPTOR]).get_for_message(Span.DESCRIPTOR)
NOTHING_CAPTURED = policy_of(load_settings())
START_NS = 1_795_262_400 * 10**9  # 2026-11-21T12:00:00Z


def decoded(*bodies: bytes, dimensions: Dimensions | None = None, **of_key: str) -> list[dict[str, Any]]:
    requests = [Request(body, "default", 1_000_000, "batch", **of_key) for body in bodies]
    rows: list[dict[str, Any]] = decode(
        requests, NOTHING_CAPTURED, dimensions or Dimensions()
    ).spans.to_pylist()
    return rows


def one(failed: bool = False, **attributes: Any) -> dict[str, Any]:
    [row] = decoded(export(a_call(failed=failed, started_ns=START_NS, **attributes)))
    return row


def an_event(name: str, at_ns: int, **attributes: Any) -> Span.Event:
    event = Span.Event(name=name, time_unix_nano=at_ns)
    for key, value in attributes.items():
        event.attributes.add(key=key.replace("__", ".")).value.CopyFrom(any_value(value))
    return event


def applied(entry: Entry, *spans: Span) -> Found:
    """What one entry finds on some spans."""
    read = HANDLER.array_to_record_batch(pa.array([span.SerializeToString() for span in spans], pa.binary()))
    attributes = Attributes(read.column("attributes"))
    failed = pa.array([span.status.code == 2 for span in spans])
    names = read.column("name")
    conditions = Conditions(
        attributes, names, Names(pa.array(["scope"] * len(spans))), pa.array(["client"] * len(spans)), failed
    )
    raw = Spans(
        attributes,
        Events(read.column("events")),
        conditions,
        names,
        pa.array([span.status.message for span in spans]),
        read.column("trace_state"),
        read.column("start_time_unix_nano").to_numpy().astype(np.int64),
    )
    everyone = np.zeros(len(spans), dtype=np.int16)
    family = conventions.Family("any", 1, (Is(),), ((Is(), "call"),), (entry,))
    classified = Classified([family], everyone, everyone.astype(np.int8) + 1, everyone, ["call"])
    found = Found(len(spans))
    canonical.apply_families(classified, raw, found)
    return found


def values(entry: Entry, *spans: Span) -> list[Any]:
    found = applied(entry, *spans)
    reading = getattr(entry, "reading", "count")
    result: list[Any] = found.get(entry.column, TYPES[reading]).to_pylist()
    return result


# --- the kinds of entries -------------------------------------------------------------------------------------------


def test_the_first_key_that_has_a_value_counts_and_is_the_source() -> None:
    entry = FromAttributes("session_id", ("first", "second"), "text")
    spans = [a_call(first="a", second="b"), a_call(first="", second="b"), a_call(second="b"), a_call()]
    found = applied(entry, *spans)
    assert found.get("session_id", pa.string()).to_pylist() == ["a", "b", "b", None]
    assert [found.place_names()[number] for number in found.origins("session_id")] == [
        "first",
        "second",
        "second",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"usage": {"input": 7}}', 7),
        ("{'usage': {'input': 7, 'other': None, 'flag': True}}", 7),  # a Python repr
        ('{"usage": "{\\"input\\": 7}"}', 7),  # a document in a document
        ('{"usage": [{"no": 1}], "items": [0, 7]}', 7),
        ('{"usage": {"input": "7"}}', 7),
        ('{"usage": {"input": null}, "items": [0, 7]}', 7),
        ('{"usage": {"input": -7}}', None),
        ('{"usage": {"input": NaN}}', None),
        ('{"usage": {"input": 1e300}}', None),
        ('{"usage": {"input": true}}', None),
        ('{"usage": ', None),
        ("__import__('os').getcwd()", None),
        ("[" * 100_000, None),
        ("{" + "'a': {" * 9_000, None),
        ("7", None),
        ("", None),
    ],
)
def test_a_document_gives_the_first_path_that_has_a_value(text: str, read: int | None) -> None:
    entry = FromDocument("input_tokens", "doc", ("usage.input", "items.1"), "count")
    assert values(entry, a_call(doc=text)) == [read]


def test_a_document_that_is_a_map_and_no_text_is_read_too() -> None:
    entry = FromDocument("input_tokens", "doc", ("usage.input",), "count")
    assert values(entry, a_call(doc={"usage": {"input": 7}}), a_call()) == [7, None]


def test_what_is_taken_out_of_a_document_is_kept_short_and_without_credentials() -> None:
    entry = FromDocument("session_id", "doc", ("id",), "text")
    long, secret = "x" * (KEPT_MAX_CHARACTERS + 1), "sk-proj-" + "a1B2" * 12
    found = values(entry, *(a_call(doc=json.dumps({"id": text})) for text in (long, secret, "fine")))
    assert found[0] == f"({len(long)} characters, not stored)"
    assert secret not in found[1]
    assert found[2] == "fine"


def test_a_pattern_gives_its_first_group() -> None:
    entry = FromPattern("response_id", "log", r"id=(\w+)", "text")
    assert values(entry, a_call(log="got id=abc, ok"), a_call(log="nothing"), a_call()) == ["abc", None, None]


def test_a_pattern_can_look_at_the_name_and_the_status_of_a_span() -> None:
    failed = a_call(failed=True)
    failed.status.message = "HTTP 503 from upstream"
    assert values(
        FromPattern("model_requested", conventions.SPAN_NAME, r"^chat (\S+)", "text"), a_call()
    ) == ["gpt-4o"]
    in_status = FromPattern("http_status", conventions.STATUS_MESSAGE, r"HTTP (\d{3})", "count")
    assert values(in_status, failed, a_call()) == [503, None]


def test_an_event_gives_the_seconds_to_its_first_one() -> None:
    span = a_call(started_ns=START_NS)
    span.events.extend(
        [
            an_event("token", START_NS + 700_000_000),
            an_event("token", START_NS + 250_000_000),
            an_event("other", START_NS),
        ]
    )
    early = a_call(started_ns=START_NS)
    early.events.append(an_event("token", START_NS - 1))
    found = applied(FromEvent("ttft_s", "token"), span, early, a_call())
    assert found.get("ttft_s", pa.float64()).to_pylist() == [0.25, None, None]


def test_an_event_s_attribute_is_that_of_the_last_one_that_has_it() -> None:
    span = a_call()
    span.events.extend(
        [an_event("choice", 1, why="length"), an_event("choice", 2, why="stop"), an_event("choice", 3)]
    )
    entry = FromEventAttributes("finish_reason", "choice", ("absent", "why"), "text")
    assert values(entry, span, a_call()) == ["stop", None]


def test_a_text_is_searched_for_how_often_something_occurs() -> None:
    entry = Counted("tool_calls", '"tool_call"', ("absent", "messages"))
    assert values(entry, a_call(messages='["tool_call","tool_call"]'), a_call(messages="[]"), a_call()) == [
        2,
        0,
        None,
    ]


def test_names_of_attributes_are_counted_and_none_is_not_known() -> None:
    entry = Counted("tool_calls", r"^calls\.\d+\.name$", of_names=True)
    assert values(entry, a_call(calls__0__name="a", calls__12__name="b", calls__0__id="c"), a_call()) == [
        2,
        None,
    ]


def test_a_known_value_is_of_the_spans_that_fit_only() -> None:
    entry = Always("stream", value=True, when=Is(has=("mark",)))
    assert values(entry, a_call(mark=1), a_call()) == [True, None]


def test_a_wrapper_s_documents_are_read_for_whose_it_was_and_not_for_what_its_calls_said() -> None:
    quoted = {"output.value": '{"id": "chatcmpl-of-a-call"}', "metadata": '{"user_id": "u-7"}'}
    rows = [
        one(openinference__span__kind=kind, output__mime_type="application/json", **quoted)
        for kind in ("LLM", "AGENT")
    ]
    assert [row["response_id"] for row in rows] == ["chatcmpl-of-a-call", None]
    assert [row["user_id"] for row in rows] == ["u-7", "u-7"]


def test_what_a_span_does_not_say_is_not_read_from_any_table() -> None:
    entry = Unsaid("response_id", Is(failed=True))
    spans = [a_call(failed=True, gen_ai__response__id="own"), a_call(gen_ai__response__id="theirs")]
    found = applied(entry, *spans)
    found.fill("response_id", pa.array(["own", "theirs"]), "gen_ai.response.id")
    assert found.get("response_id", pa.string()).to_pylist() == [None, "theirs"]


@pytest.mark.parametrize(
    ("text", "read"), [('"stop"', "stop"), ('["stop", "length"]', "stop"), ("[stop]", "[stop]"), ("[]", None)]
)
def test_a_text_in_quotes_or_a_list_in_a_text_is_what_it_holds(text: str, read: str | None) -> None:
    assert one(gen_ai__response__finish_reasons=text)["finish_reason"] == read


@pytest.mark.parametrize("sent", [-1, -1.0, "-1", 2**60, 1e18, math.nan])
def test_what_can_be_no_count_is_not_known(sent: Any) -> None:
    assert one(**{"gen_ai.usage.output_tokens": sent})["output_tokens"] is None


# --- what tables may say ---------------------------------------------------------------------------------------------


def test_every_entry_of_every_table_names_a_column_that_there_is_and_reads_it_as_its_type() -> None:
    working = {name: TYPES[reading] for name, reading in conventions.WORKING_COLUMNS.items()}
    tables = {family.name: family.mapping for family in FAMILIES}
    tables |= {"otel_current": otel_current.MAPPING, "otel_old": otel_old.MAPPING}
    for name, table in tables.items():
        for entry in table:
            kind = {**CANONICAL, **working}.get(entry.column)
            assert kind is not None, f"{name}: no column {entry.column}"
            assert kind == _kind_of(entry, kind), f"{name}: {entry.column}"


def _kind_of(entry: Entry, kind: pa.DataType) -> pa.DataType:
    match entry:
        case Unsaid():
            return kind
        case Always(value=value):
            return pa.scalar(value).type
        case Counted():
            return pa.int64()
        case FromEvent():
            return pa.float64()
        case _:
            return TYPES[entry.reading]


# --- what is derived -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "requested", "settled"),
    [
        ("openai.chat", "gpt-4o", ("openai", "gpt-4o")),
        ("OpenAI", "gpt-4o", ("openai", "gpt-4o")),
        ("langchain", "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        (None, "gpt-4.1-mini", ("openai", "gpt-4.1-mini")),
        (None, "openai/gpt-4o", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        ("openrouter", "openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("gcp.gemini", "models/gemini-2.5-flash", ("gcp.gemini", "gemini-2.5-flash")),
        (None, "meta-llama/Llama-3-70b", (None, "meta-llama/Llama-3-70b")),
        ("a.new.one", "their-model", ("a.new.one", "their-model")),
        (None, None, (None, None)),
    ],
)
def test_providers_and_models_have_one_name_each(
    provider: str | None, requested: str | None, settled: tuple[str | None, str | None]
) -> None:
    row = one(
        **{
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": requested,
            "gen_ai.response.model": None,
        }
    )
    assert (row["provider"], row["model_requested"]) == settled


@pytest.mark.parametrize("said", ["acompletion", "completion", "chat"])
def test_operations_and_finish_reasons_have_one_name_each(said: str) -> None:
    row = one(gen_ai__operation__name=said, gen_ai__response__finish_reasons=["tool_use"])
    assert (row["operation"], row["finish_reason"]) == ("chat", "tool_calls")


def test_a_model_of_the_outcome_is_the_answering_one_on_success_and_the_wanted_one_on_failure() -> None:
    nothing = {
        "gen_ai.request.model": None,
        "gen_ai.response.model": None,
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "gpt-4o-2024",
    }
    row, failed = one(**nothing), one(failed=True, **nothing)
    assert (row["model_answered"], failed["model_answered"]) == ("gpt-4o-2024", None)
    assert (row["model_requested"], failed["model_requested"]) == (None, "gpt-4o-2024")


CACHED, WRITTEN = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"


def test_an_input_that_holds_its_cached_tokens_stays_as_it_is() -> None:
    row = one(**{CACHED: 900, WRITTEN: 50})
    assert (row["input_tokens"], row["usage_semantics"], row["usage_source"]) == (
        1000,
        "inclusive",
        "reported",
    )


def test_more_cached_than_all_of_the_input_proves_that_the_input_leaves_it_out() -> None:
    row = one(**{CACHED: 9000, WRITTEN: 50})
    assert (row["input_tokens"], row["usage_semantics"]) == (1000 + 9000 + 50, "exclusive")
    assert json.loads(row["sources"])["input_tokens"] == "gen_ai.usage.input_tokens + cached and written"


def test_without_usage_nothing_is_counted_and_nothing_is_zero() -> None:
    row = one(**{"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None})
    assert (row["input_tokens"], row["output_tokens"]) == (None, None)
    assert (row["usage_source"], row["usage_semantics"]) == ("none", None)


def test_cached_tokens_without_an_input_make_no_input() -> None:
    row = one(**{"gen_ai.usage.input_tokens": None, CACHED: 5})
    assert (row["input_tokens"], row["cached_input_tokens"]) == (None, 5)


def test_seconds_to_the_first_chunk_are_nanoseconds() -> None:
    assert one(gen_ai__response__time_to_first_chunk=0.25)["ttft_ns"] == 250_000_000
    assert one(gen_ai__response__time_to_first_chunk=-1.0)["ttft_ns"] is None
    assert one(gen_ai__response__time_to_first_chunk=1e300)["ttft_ns"] is None


@pytest.mark.parametrize(
    ("said", "ttft_ns"),
    [
        (250, 250_000_000),  # whole and large: milliseconds
        (0.05, 50_000_000),  # seconds
        (40.0, 40_000_000),  # longer than the span of 0.1 s: milliseconds
    ],
)
def test_a_time_without_a_unit_is_what_the_span_can_hold(said: float, ttft_ns: int) -> None:
    assert one(gen_ai__server__time_to_first_token=said)["ttft_ns"] == ttft_ns


def test_a_span_longer_than_a_double_can_count_breaks_nothing() -> None:
    row = one(gen_ai__server__time_to_first_token=3, duration_ms=2**54 // 1_000_000 + 1)
    assert row["ttft_ns"] == 3_000_000_000


@pytest.mark.parametrize(
    ("attributes", "status", "class_"),
    [
        ({"http.response.status_code": 429}, 429, "rate_limit"),
        ({"error.type": "429"}, 429, "rate_limit"),
        ({"error.type": "openai.RateLimitError"}, None, "rate_limit"),
        ({"error.type": "rate_limit_error"}, None, "rate_limit"),
        ({"error.type": "Exception", "error.code": "503"}, 503, "server"),
        ({"error.type": "BadRequestError", "http.response.status_code": 401}, 401, "auth"),
        ({"error.type": "content_filter", "http.response.status_code": 400}, 400, "content_filter"),
        ({"error.type": "APITimeoutError"}, None, "timeout"),
        ({"error.type": "TheirOwn"}, None, "other"),
        ({"http.response.status_code": 0, "error.type": "500"}, 500, "server"),
        ({}, None, "other"),
    ],
)
def test_an_error_is_classed_by_its_status_then_by_its_name(
    attributes: dict[str, Any], status: int | None, class_: str
) -> None:
    row = one(failed=True, **attributes)
    assert (row["http_status"], row["error_class"]) == (status, class_)


def test_a_status_in_the_text_of_an_error_is_read_and_the_text_is_not_stored() -> None:
    in_status, in_event = a_call(failed=True), a_call(failed=True)
    in_status.status.message = "openai.RateLimitError: Error code: 429 - {'error': 'the prompt was secret'}"
    in_event.events.append(
        an_event("exception", 1, exception__type="APIError", exception__message="status_code: 502, secret")
    )
    rows = decoded(export(in_status, in_event))
    assert [(row["http_status"], row["error_class"]) for row in rows] == [
        (429, "rate_limit"),
        (502, "server"),
    ]
    assert [row["error_type"] for row in rows] == ["openai.RateLimitError", "APIError"]
    assert "secret" not in json.dumps(rows, default=str)


def test_the_name_of_an_error_goes_before_a_status_that_its_text_quotes() -> None:
    span = a_call(failed=True, error__type="APITimeoutError")
    span.status.message = "gave up; upstream had said: Error code: 503"
    [row] = decoded(export(span))
    assert (row["error_class"], row["http_status"]) == ("timeout", 503)


@pytest.mark.parametrize(
    ("text", "class_"),
    [
        ("Request timed out.", "timeout"),
        ("Rate limit reached", "rate_limit"),
        ("boom", "other"),
        ("x" * 200 + "timed out", "other"),  # far behind: may be a prompt's words
    ],
)
def test_an_error_without_status_and_known_name_is_classed_by_its_words(text: str, class_: str) -> None:
    span = a_call(failed=True, error__type="TheirOwn")
    span.status.message = text
    [row] = decoded(export(span))
    assert (row["error_class"], row["error_type"]) == (class_, "TheirOwn")


def test_only_failed_calls_have_an_error() -> None:
    row = one(**{"error.type": "RateLimitError", "http.response.status_code": 200})
    assert (row["error_type"], row["error_class"], row["http_status"]) == (None, None, 200)


@pytest.mark.parametrize(
    ("state", "rate"),
    [
        ("ot=th:8", 0.5),
        ("ot=th:c", 0.25),
        ("vendor=1,ot=rv:abcdef01234567;th:fd70a4", 1 - 0xFD70A4 / 2**24),
        ("ot=p:3", 0.125),
        ("ot=th:0", 1.0),
        ("ot=th:xyz", None),
        ("other=th:8", None),
        ("", None),
    ],
)
def test_a_trace_state_says_which_share_was_kept(state: str, rate: float | None) -> None:
    assert derive_sampling.rate_of(state) == rate
    span = a_call()
    span.trace_state = state
    [row] = decoded(export(span))
    assert row["sampling_rate"] == (rate if rate != 1 else None)


@pytest.mark.parametrize(
    ("attributes", "rate"),
    [
        ({"SampleRate": 20}, 0.05),  # one in twenty
        ({"logfire.sample_rate": 0.1}, 0.1),
        ({"logfire.sample_rate": 1.0}, None),
        ({"SampleRate": 0}, None),
        ({"sampler.type": "probabilistic", "sampler.param": 0.01}, 0.01),
        ({"sampler.type": "const", "sampler.param": 1}, None),
        ({"sampler.type": "ratelimiting", "sampler.param": 0.5}, None),
    ],
)
def test_a_sampler_says_a_share_or_one_in_how_many(attributes: dict[str, Any], rate: float | None) -> None:
    assert one(**attributes)["sampling_rate"] == rate


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_the_tenant_of_the_key_goes_before_what_telemetry_says() -> None:
    [row] = decoded(export(a_call(tenant__id="theirs")), tenant="bound", environment="live")
    assert (row["tenant_id"], row["environment"]) == ("bound", "live")
    assert json.loads(row["attributes"])["tenant.id"] == "theirs"
    assert json.loads(row["sources"])["tenant_id"] == "access key"


def test_configured_keys_go_before_those_of_the_conventions() -> None:
    dimensions = Dimensions.read(
        {"tenant": ["app.customer", "resource:customer"], "team": ["app.team", "resource:team"]}
    )
    body = export(
        a_call(app__customer="acme", tenant__id="other", app__team="search"),
        a_call(tenant__id="other"),
        customer="of-resource",
        team="all",
    )
    rows = decoded(body, dimensions=dimensions)
    assert [row["tenant_id"] for row in rows] == ["acme", "other"]
    assert [row["resource_tenant_id"] for row in rows] == ["of-resource", "of-resource"]
    assert [row["dim:team"] for row in rows] == ["search", None]
    assert [row["resource_dim:team"] for row in rows] == ["all", "all"]
    assert json.loads(rows[0]["attributes"])["tenant.id"] == "other"
    assert json.loads(rows[1]["attributes"])["tenant.id"] == "(in tenant_id)"


# --- any spans -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(st.lists(hostile.spans(), min_size=1, max_size=6))
def test_no_attributes_of_any_type_break_a_batch(spans: list[Span]) -> None:
    rows = decoded(export(*spans))
    assert len(rows) == len(spans)
    for row in rows:
        for column, kind in CANONICAL.items():
            if pa.types.is_int64(kind):
                assert row[column] is None or row[column] >= 0, column
        assert json.loads(row["sources"])["family"] == row["emitter"]


@settings(deadline=None, max_examples=12)
@given(st.lists(hostile.spans(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_span_says_the_same_in_any_batch(spans: list[Span], random: Any) -> None:
    numbered = []
    for number, span in enumerate(spans):
        span.span_id = (number + 1).to_bytes(8, "big")
        numbered.append(span)
    together = {row["span_id"]: row for row in decoded(export(*numbered))}
    random.shuffle(numbered)
    cut = random.randrange(len(numbered))
    apart = decoded(export(*numbered[:cut])) + decoded(export(*numbered[cut:]))
    for row in apart:
        _same(row, together[row["span_id"]])


def _same(row: dict[str, Any], other: dict[str, Any]) -> None:
    # Keys stand in the order in which a batch first has them; what they say is the same.
    for column in ("attributes", "resource", "events", "sources"):
        assert json.loads(row[column]) == json.loads(other[column]), column
    rest = row.keys() - {"attributes", "resource", "events", "sources"}
    assert {name: row[name] for name in rest} == {name: other[name] for name in rest}
