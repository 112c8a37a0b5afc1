"""Export requests that are encoded once and sent many times: only ids and times are patched into the bytes.

A trace is an agent's step with a retrieval, a tool and model calls below it; about 22 attributes a span, from a few
models, tenants, prompts and sessions, so that values repeat as they do in life. What must differ between two
requests (trace, span and response ids, times) has its place in the bytes noted when the request is encoded.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SPANS_PER_TRACE = 8
_BETWEEN_STARTS_NS = 4_000_000
_RESPONSE_ID_HEX = 24
# (provider, model, host, share of the traffic)
_MODELS = (
    ("openai", "gpt-4o", "api.openai.com", 5),
    ("openai", "gpt-4o-mini", "api.openai.com", 8),
    ("openai", "text-embedding-3-small", "api.openai.com", 2),
    ("anthropic", "claude-sonnet-4-5", "api.anthropic.com", 4),
    ("anthropic", "claude-haiku-4-5", "api.anthropic.com", 3),
    ("gcp.gemini", "gemini-2.5-flash", "generativelanguage.googleapis.com", 3),
    ("aws.bedrock", "meta.llama3-70b-instruct-v1:0", "bedrock-runtime.us-east-1.amazonaws.com", 1),
)
_SERVICES = ("support-agent", "search-rag", "checkout-bot", "doc-summary", "sql-copilot")
_SYLLABLES = (
    "in",
    "voice",
    "re",
    "fund",
    "ship",
    "ment",
    "or",
    "der",
    "pol",
    "icy",
    "cus",
    "tom",
    "er",
    "late",
)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Template:
    """One encoded request and where in it each span's own bytes stand."""

    body: npt.NDArray[np.uint8]
    trace_of_span: Offsets
    parent_of_span: Offsets  # the span's own number for a root, which has no parent bytes
    trace_ids: Offsets
    span_ids: Offsets
    parent_ids: Offsets  # of the spans `has_parent`
    has_parent: Offsets
    starts: Offsets
    ends: Offsets
    start_after_ns: Offsets  # behind the start of the whole request
    duration_ns: Offsets
    response_ids: Offsets  # of the spans that are model calls

    @property
    def n_spans(self) -> int:
        return len(self.span_ids)


def templates(n: int, spans_per_request: int, *, content_bytes: int = 0, seed: int = 7) -> list[Template]:
    """`n` different requests of that many spans; `content_bytes` of prompt and as many of answer on each call."""
    rng = random.Random(seed)
    return [_template(rng, spans_per_request, content_bytes) for _ in range(n)]


def fresh(many: list[Template]) -> Iterator[tuple[bytes, int]]:
    """(request, spans in it) for ever: new ids and the time of now in every one. About 0.5 µs a span."""
    run = np.frombuffer(os.urandom(8), dtype=np.uint8)
    numbers = itertools.count(1)
    for template in itertools.cycle(many):
        yield _patched(template, run, next(numbers)), template.n_spans


def _patched(template: Template, run: npt.NDArray[np.uint8], number: int) -> bytes:
    n = template.n_spans
    body = template.body
    # An id is the run's random bytes, the request's number and the span's: unique without asking for randomness.
    span_ids = ((np.uint64(number) << np.uint64(20)) + np.arange(1, n + 1, dtype=np.uint64)).astype(">u8")
    raw = span_ids.view(np.uint8).reshape(n, 8) ^ run
    trace_raw = np.concatenate([np.broadcast_to(run, (n, 8)), raw[template.trace_of_span]], axis=1)
    _put(body, template.trace_ids, trace_raw)
    _put(body, template.span_ids, raw)
    _put(body, template.parent_ids, raw[template.parent_of_span[template.has_parent]])
    started = template.start_after_ns + time.time_ns() - int(template.start_after_ns[-1])
    _put(body, template.starts, started.astype("<i8").view(np.uint8).reshape(n, 8))
    _put(body, template.ends, (started + template.duration_ns).astype("<i8").view(np.uint8).reshape(n, 8))
    n_calls = len(template.response_ids)
    if n_calls:
        unique = np.concatenate([raw[:n_calls], np.broadcast_to(run[:4], (n_calls, 4))], axis=1)
        text = np.stack([_HEX[unique >> 4], _HEX[unique & 15]], axis=2).reshape(n_calls, _RESPONSE_ID_HEX)
        _put(body, template.response_ids, text)
    return body.tobytes()


def _put(body: npt.NDArray[np.uint8], offsets: Offsets, values: npt.NDArray[np.uint8]) -> None:
    body[offsets[:, None] + np.arange(values.shape[1])] = values


def _template(rng: random.Random, n_spans: int, content_bytes: int) -> Template:
    spans, trace_of_span, parent_of_span = [], [], []
    for number in range(n_spans):
        trace, place = divmod(number, SPANS_PER_TRACE)
        root = trace * SPANS_PER_TRACE
        if place == 0:
            owner = _owner(rng)
        spans.append(_span(rng, place, owner, content_bytes, alone=n_spans == 1))
        trace_of_span.append(root)
        parent_of_span.append(root)
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add()
    block.resource.attributes.extend(
        _attributes(
            {
                "service.name": rng.choice(_SERVICES),
                "service.version": "1.4.2",
                "deployment.environment.name": "production",
                "telemetry.sdk.language": "python",
            }
        )
    )
    scope = block.scope_spans.add()
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.genai.openai", "1.3b0"
    scope.spans.extend(spans)
    return _located(request, np.array(trace_of_span), np.array(parent_of_span))


def _located(request: Any, trace_of_span: Offsets, parent_of_span: Offsets) -> Template:
    """The request's bytes, and in them the places of what each span has of its own."""
    spans = request.resource_spans[0].scope_spans[0].spans
    body = request.SerializeToString()
    places: dict[str, list[int]] = {
        key: [] for key in ("trace", "span", "parent", "start", "end", "response")
    }
    at = 0
    for span in spans:
        sought = {
            "trace": span.trace_id,
            "span": span.span_id,
            "parent": span.parent_span_id,
            "start": span.start_time_unix_nano.to_bytes(8, "little"),
            "end": span.end_time_unix_nano.to_bytes(8, "little"),
        }
        if any(pair.key == "gen_ai.response.id" for pair in span.attributes):
            sought["response"] = b"chatcmpl-"
        for key, mark in sought.items():  # in the order of their fields on the wire
            if mark:
                at = body.index(mark, at) + len(mark)
                places[key].append(at if key == "response" else at - len(mark))
    starts = np.array([span.start_time_unix_nano for span in spans], dtype=np.int64)
    ends = np.array([span.end_time_unix_nano for span in spans], dtype=np.int64)
    found = {key: np.array(values, dtype=np.int64) for key, values in places.items()}
    return Template(
        body=np.frombuffer(bytearray(body), dtype=np.uint8),
        trace_of_span=trace_of_span,
        parent_of_span=parent_of_span,
        trace_ids=found["trace"],
        span_ids=found["span"],
        parent_ids=found["parent"],
        has_parent=np.flatnonzero([bool(span.parent_span_id) for span in spans]),
        starts=found["start"],
        ends=found["end"],
        start_after_ns=np.arange(len(starts), dtype=np.int64) * _BETWEEN_STARTS_NS,
        duration_ns=ends - starts,
        response_ids=found["response"],
    )


def _span(rng: random.Random, place: int, owner: dict[str, str], content_bytes: int, *, alone: bool) -> Span:
    """Of the trace's spans the first is the agent, two are no calls, the others are."""
    operation = {0: "invoke_agent", 2: "execute_tool", 3: "retrieval"}.get(place, "chat")
    if alone:
        operation = "chat"
    is_call = operation == "chat"
    provider, model, host, _ = rng.choices(_MODELS, [share for *_, share in _MODELS])[0]
    if model.startswith("text-embedding"):
        operation = "embeddings" if is_call else operation
    failed = is_call and rng.random() < 0.02
    start = rng.getrandbits(62)  # a mark to be found by; the true time is patched in
    input_tokens, output_tokens = int(rng.lognormvariate(6.6, 0.9)), int(rng.lognormvariate(5.3, 0.8))
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "server.address": host,
        "server.port": 443,
        "gen_ai.conversation.id": owner["session"],
        "session.id": owner["session"],
        "user.id": owner["user"],
        "tenant.id": owner["tenant"],
        "app.feature": owner["feature"],
        "gen_ai.prompt.name": owner["prompt"],
        "gen_ai.prompt.version": owner["version"],
        "gen_ai.agent.name": owner["agent"],
        "thread.id": 140_000 + rng.randrange(8),
        "thread.name": f"worker-{rng.randrange(8)}",
    }
    if is_call:
        attributes |= {
            "gen_ai.response.model": model,
            "gen_ai.response.id": "chatcmpl-" + "0" * _RESPONSE_ID_HEX,
            "gen_ai.response.finish_reasons": ["error" if failed else "stop"],
            "gen_ai.request.temperature": rng.choice((0.0, 0.2, 0.7)),
            "gen_ai.request.max_tokens": 2048,
            "gen_ai.usage.input_tokens": input_tokens,
            "gen_ai.usage.output_tokens": output_tokens,
            "gen_ai.usage.cache_read.input_tokens": input_tokens // 4,
        }
    else:
        attributes |= {
            f"app.step.{name}": rng.randrange(50) for name in ("index", "retries", "hits", "depth")
        }
    if failed:
        attributes["error.type"] = rng.choice(("RateLimitError", "APITimeoutError", "InternalServerError"))
    if content_bytes and is_call:
        attributes["gen_ai.input.messages"] = _messages("user", _prose(rng, content_bytes))
        attributes["gen_ai.output.messages"] = _messages("assistant", _prose(rng, content_bytes))
    return Span(
        trace_id=rng.randbytes(16),
        span_id=rng.randbytes(8),
        parent_span_id=rng.randbytes(8) if place else b"",
        name=f"{operation} {model}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(rng.lognormvariate(6.9, 0.7) * 1e6) + output_tokens * 2_000_000,
        attributes=_attributes(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
    )


def _owner(rng: random.Random) -> dict[str, str]:
    """Whose trace it is: a few tenants and sessions are busy, most are not."""
    tenant = min(int(rng.paretovariate(1.2)), 40)
    user = f"user-{tenant:02d}-{rng.randrange(200):03d}"
    return {
        "tenant": f"tenant-{tenant:02d}",
        "user": user,
        "session": f"session-{user[5:]}-{rng.randrange(20):02d}",
        "feature": rng.choice(("answer", "summarise", "classify", "extract")),
        "prompt": f"prompt-{rng.randrange(12):02d}",
        "version": f"v{rng.randrange(1, 6)}",
        "agent": rng.choice(("planner", "researcher", "writer")),
    }


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _prose(rng: random.Random, n_bytes: int) -> str:
    words = ("".join(rng.choices(_SYLLABLES, k=rng.randrange(1, 4))) for _ in range(n_bytes))
    return " ".join(itertools.islice(words, n_bytes // 6))[:n_bytes].ljust(n_bytes, ".")


def _attributes(given: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in given.items()]


def _value(value: Any) -> AnyValue:
    match value:
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
        case _:
            return AnyValue(string_value=value)
