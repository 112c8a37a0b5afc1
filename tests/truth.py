"""What the captured calls really were, and how a stored call is held against it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.receiver.otlp import read_traces
from tests.captures import expected, trace_captures

Id = tuple[str, str]  # (trace id, span id), hex
Row = Mapping[str, Any]
# right: the truth · wrong: something else · missing: a span of the call says it and the row does not · not_sent: no span
# of the call says it · fault: wrong as the emitter sends it (FAULTS) · nothing: the client saw no usage and the row has
# none; or the truth is 0 and the row says nothing, as NULL is "not said" · estimated: the client saw none, because it left
# the stream or the stream broke off, and the row says that its count is an estimate. as_sent: see `field_of`.
Verdict = Literal["right", "wrong", "missing", "not_sent", "fault", "nothing", "estimated", "as_sent"]

# Column of the truth -> column of `calls`.
TOKENS = {
    "input_tokens": "input_tokens",
    "cached_input_tokens": "cached_input_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_tokens",
}
IDENTITY = {
    "tenant": "tenant_id",
    "session_id": "session_id",
    "user_id": "user_id",
    "prompt_version": "prompt_version",
}
# Emitters that send a wrong number, or none where there was one: nobody can put it right afterwards.
FAULTS: tuple[tuple[str, str, Callable[[Row], bool]], ...] = (
    # It adds what the answer's start said to the final count.
    ("openllmetry-anthropic", "output_tokens", lambda call: bool(call["stream"])),
    # It leaves the cache out of what it says of a stream, and out of its input.
    *(
        ("openlit", column, lambda call: bool(call["stream"]) and call["provider"] == "anthropic")
        for column in ("input_tokens", "cached_input_tokens", "cache_creation_tokens")
    ),
)
_FINISH_REASONS = {"end_turn": "stop", "STOP": "stop", "tool_use": "tool_calls"}
_ERROR_CLASSES = {"server_error": "server"}
# Column of `calls` -> what the truth says of it, by its canonical name.
FIELDS: dict[str, Callable[[Row], str | None]] = {
    "provider": lambda call: call["provider"],
    "model_requested": lambda call: call["model_requested"],
    "model_answered": lambda call: call["model_answered"],
    "finish_reason": lambda call: _FINISH_REASONS.get(
        call["finish_reason_provider"], call["finish_reason_provider"]
    ),
    "error_class": lambda call: _ERROR_CLASSES.get(call["error_class"], call["error_class"]),
    "response_id": lambda call: call["response_id"],
}


def id_of(record: Row) -> Id:
    """The span that a record of the truth is about."""
    return record["trace_id"], record["span_id"]


def calls() -> list[dict[str, Any]]:
    """The calls that must be rows."""
    return [one for one in expected() if one["record"] == "llm_call"]


def no_calls() -> list[dict[str, Any]]:
    """The spans that must be no rows: wrappers, and duplicates of calls."""
    return [one for one in expected() if one["record"] in ("wrapper", "duplicate")]


def tokens_of(call: Row, column: str, row: Row) -> Verdict:
    """What the row says of a count (`column` as in the truth)."""
    truth, stored = call[column], row[TOKENS[column]]
    is_sent = call["usage_on_span"] or call.get("usage_carrier_span_id")
    if truth is None or not is_sent:
        if stored is not None:
            return "estimated" if row["usage_source"] == "estimated" and call["stream"] else "wrong"
        return "nothing" if truth is None else "not_sent"
    if stored == truth:
        return "right"
    if any(
        call["emitter"].startswith(emitter) and column == named and fits(call)
        for emitter, named, fits in FAULTS
    ):
        return "fault"
    if stored is not None:
        return "wrong"
    if truth == 0:
        return "nothing"
    return "missing" if truth in numbers_of(call) else "not_sent"


def field_of(call: Row, column: str, stored: object) -> Verdict:
    """What the row says of a column of FIELDS. `as_sent`: the emitter itself names another, and never the truth."""
    truth = FIELDS[column](call)
    if truth is None:
        return "nothing"
    if stored == truth:
        return "right"
    if _says(call, column):
        return "missing" if stored is None else "wrong"
    return "not_sent" if stored is None else "as_sent"


def _says(call: Row, column: str) -> bool:
    """Whether any span of the call says the truth in so many words."""
    if column == "finish_reason":
        # Such words are everywhere; only one that is called a reason is one.
        said = rf"(finish|stop)_?reasons?\W+{re.escape(call['finish_reason_provider'])}\b"
    elif column.startswith("model_") and call["model_requested"] == call["model_answered"]:
        # One name for both: that it is there somewhere does not say which of the two it is.
        return False
    else:
        said = rf"(?<![\w.-]){re.escape(str(FIELDS[column](call)))}(?![\w.-])"
    return any(re.search(said, _texts()[one], re.IGNORECASE) for one in _spans_of_call()[id_of(call)])


def numbers_of(call: Row) -> set[int]:
    """Every whole number that any span of the call says, wherever: its own, its usage's, its duplicates'."""
    said: set[int] = set()
    for one in _spans_of_call()[id_of(call)]:
        said |= _numbers()[one]
    return said


@cache
def span_ids() -> Mapping[Id, str]:
    """Every captured span, and the emitter that it is of."""
    return {
        (span.trace_id.hex(), span.span_id.hex()): emitter
        for emitter, request in _requests()
        for span in _spans(request)
    }


@cache
def _spans_of_call() -> Mapping[Id, Sequence[Id]]:
    found: dict[Id, list[Id]] = defaultdict(list)
    of_span = {id_of(one): one for one in calls()}
    by_span_id = {one["span_id"]: id_of(one) for one in calls()}
    carriers = {
        one["usage_carrier_span_id"]: id_of(one) for one in calls() if one.get("usage_carrier_span_id")
    }
    duplicates = {
        id_of(one): by_span_id[one["duplicate_of"]]
        for one in no_calls()
        if one.get("duplicate_of") in by_span_id
    }
    for one in span_ids():
        call = one if one in of_span else carriers.get(one[1]) or duplicates.get(one)
        if call:
            found[call].append(one)
    return found


@cache
def _numbers() -> Mapping[Id, set[int]]:
    return {
        (span.trace_id.hex(), span.span_id.hex()): set(_numbers_in(span))
        for _, request in _requests()
        for span in _spans(request)
    }


@cache
def _texts() -> Mapping[Id, str]:
    """All that a span says, attribute names included, as one text."""
    return {
        (span.trace_id.hex(), span.span_id.hex()): "\n".join(
            f"{one.key} {one.value}" for holder in (span, *span.events) for one in holder.attributes
        ).replace("\\", "")
        for _, request in _requests()
        for span in _spans(request)
    }


def _numbers_in(span: Span) -> Iterator[int]:
    values = [one.value for one in span.attributes]
    values += [one.value for event in span.events for one in event.attributes]
    for value in values:
        yield from _of_value(value)


def _of_value(value: AnyValue) -> Iterator[int]:
    kind = value.WhichOneof("value")
    if kind == "int_value":
        yield value.int_value
    elif kind == "double_value" and value.double_value.is_integer():
        yield int(value.double_value)
    elif kind == "string_value":
        # A number alone, or a member of a document.
        for text in re.findall(r"(?:^|:\s*\"?)(\d{1,9})(?=$|[\",}\s\]])", value.string_value):
            yield int(text)
    elif kind == "array_value":
        for one in value.array_value.values:
            yield from _of_value(one)
    elif kind == "kvlist_value":
        for pair in value.kvlist_value.values:
            yield from _of_value(pair.value)


def _requests() -> Iterator[tuple[str, ExportTraceServiceRequest]]:
    for one in trace_captures():
        body = read_traces(one.body, one.media).body
        yield one.name.split("/")[0], ExportTraceServiceRequest.FromString(body)


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    return (
        span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    )
