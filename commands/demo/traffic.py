"""From the story to OTLP: the same edition always gives the same bytes, ids included.

A request of the product is one trace: perhaps a parent span (an HTTP route or an agent), and under it one or
more model calls, each of one or more attempts. No message content anywhere. Made hour by hour, oldest first:
the store receives times in order, as it would from real services.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Generic, TypeVar

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from commands import wire
from commands.demo import story
from commands.demo.story import Edition, Failure, Model, Prompt, Tenant, Version, Workload
from commands.wire import attribute, repeated_attribute

SPANS_PER_BATCH = 1_000
SCOPE_NAME = "steelyard.demo"
MS = 1_000_000  # ns

_Source = tuple[str, str]  # service, environment
_T = TypeVar("_T")


@dataclass(frozen=True)
class Batch:
    """One OTLP export request, serialised."""

    body: bytes
    n_spans: int
    n_calls: int


def batches(edition: Edition, spans_per_batch: int = SPANS_PER_BATCH) -> Iterator[Batch]:
    """The whole edition as export requests, about `edition.calls` model calls in all (at most 8 more)."""
    pending: dict[_Source, list[bytes]] = {}
    n_spans = n_calls = 0
    for trace in _traces(edition):
        pending.setdefault(trace.source, []).extend(trace.spans)
        n_spans += len(trace.spans)
        n_calls += trace.n_calls
        if n_spans >= spans_per_batch:
            yield Batch(_body(edition, pending), n_spans, n_calls)
            pending, n_spans, n_calls = {}, 0, 0
    if n_spans:
        yield Batch(_body(edition, pending), n_spans, n_calls)


def _body(edition: Edition, spans: dict[_Source, list[bytes]]) -> bytes:
    return wire.export_request(
        (
            wire.resource(
                {
                    "service.name": service,
                    "deployment.environment.name": environment,
                    story.EDITION_ATTRIBUTE: edition.name,
                }
            ),
            SCOPE_NAME,
            of_source,
        )
        for (service, environment), of_source in spans.items()
    )


@dataclass(frozen=True)
class _Trace:
    source: _Source
    spans: list[bytes]
    n_calls: int


class _Wheel(Generic[_T]):
    """Weighted choice, with the weights summed once."""

    def __init__(self, weights: Sequence[tuple[_T, float]]) -> None:
        self._items = [item for item, _ in weights]
        self._cumulative = list(accumulate(weight for _, weight in weights))

    def spin(self, rng: random.Random) -> _T:
        return rng.choices(self._items, cum_weights=self._cumulative)[0]


_TENANTS = _Wheel([(tenant, tenant.share) for tenant in story.TENANTS])
_WORKLOADS = {
    tenant.name: _Wheel(
        [(work, work.share * tenant.favours.get(work.feature, 1.0)) for work in story.WORKLOADS]
    )
    for tenant in story.TENANTS
}
_MODELS = {work.feature: _Wheel(list(work.models.items())) for work in story.WORKLOADS}
_FAILURES = _Wheel([(failure, failure.share) for failure in story.FAILURES])
_OUTAGE_FAILURES = _Wheel([(failure, failure.share) for failure in story.OUTAGE_FAILURES])
_ENVIRONMENTS = _Wheel([("prod", 1 - story.STAGING), ("staging", story.STAGING)])
_CALLS_OF_AN_AGENT = _Wheel([(1, 0.72), (2, 0.2), (3, 0.08)])


def _traces(edition: Edition) -> Iterator[_Trace]:
    rng = random.Random(edition.name)
    hours = [edition.since + timedelta(hours=hour) for hour in range(story.DAYS * 24)]
    weather = {hour.date(): rng.lognormvariate(0, 0.07) for hour in hours}  # no two days are alike
    busyness = list(accumulate(story.busyness(hour, edition) * weather[hour.date()] for hour in hours))
    made = 0
    for hour, so_far in zip(hours, busyness, strict=True):
        quota = round(edition.calls * so_far / busyness[-1])
        while made < quota:
            trace = _trace(rng, edition, hour + timedelta(seconds=3600 * rng.random()))
            made += trace.n_calls
            yield trace


@dataclass
class _Scene:
    """What the spans of one trace share. `now_ns` moves on as its calls are made."""

    rng: random.Random
    edition: Edition
    work: Workload
    version: Version | None
    trace_id: bytes
    parent_id: bytes
    identity: bytes  # attributes: tenant, user, session
    call_attributes: bytes  # attributes: prompt, feature, agent, operation
    now_ns: int

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ns / 1e9, UTC)


def _trace(rng: random.Random, edition: Edition, at: datetime) -> _Trace:
    tenant = _TENANTS.spin(rng)
    work = _WORKLOADS[tenant.name].spin(rng)
    version = _version_at(rng, edition, work.prompt, at) if work.prompt else None
    has_parent = work.route is not None or work.agent is not None
    began_ns = int(at.timestamp() * 1e6) * 1_000
    scene = _Scene(
        rng=rng,
        edition=edition,
        work=work,
        version=version,
        trace_id=rng.randbytes(16),
        parent_id=rng.randbytes(8) if has_parent else b"",
        identity=_identity(rng, tenant, work, at),
        call_attributes=_call_attributes(work, version),
        now_ns=began_ns + rng.randrange(2 * MS, 30 * MS),
    )
    n_logical = _CALLS_OF_AN_AGENT.spin(rng) if work.agent else 1
    spans: list[bytes] = []
    for step in range(n_logical):
        spans += _attempts(scene, last_step=step == n_logical - 1)
    n_calls = len(spans)
    if has_parent:
        spans.append(_parent_span(scene, began_ns))
    return _Trace((work.service, _ENVIRONMENTS.spin(rng)), spans, n_calls)


def _version_at(rng: random.Random, edition: Edition, prompt: Prompt, at: datetime) -> Version:
    """The newest version whose roll-out has reached this request; the first one has all that is left."""
    for version in reversed(prompt.versions[1:]):
        if version.live_days_ago is None:
            continue
        live_at = edition.until - timedelta(days=version.live_days_ago)
        if rng.random() < (at - live_at) / story.ROLLOUT:
            return version
    return prompt.versions[0]


def _identity(rng: random.Random, tenant: Tenant, work: Workload, at: datetime) -> bytes:
    if rng.random() < story.WITHOUT_TENANT:
        return b""
    user = f"{tenant.name}-user-{int(tenant.users * rng.random() ** 2):03d}"  # squared: some users are keen
    known = repeated_attribute("tenant.id", tenant.name) + repeated_attribute("user.id", user)
    if work.agent is None and work.feature != "sql copilot":
        return known
    session = f"{user}-{at:%m%d}-{rng.randrange(3)}"
    return known + attribute("gen_ai.conversation.id", session)


def _call_attributes(work: Workload, version: Version | None) -> bytes:
    parts = [
        repeated_attribute("gen_ai.operation.name", work.operation),
        repeated_attribute("steelyard.feature", work.feature),
    ]
    if work.prompt and version:
        parts.append(repeated_attribute("gen_ai.prompt.name", work.prompt.name))
        parts.append(repeated_attribute("gen_ai.prompt.version", version.version))
    if work.agent:
        parts.append(repeated_attribute("gen_ai.agent.name", work.agent))
    return b"".join(parts)


def _attempts(scene: _Scene, *, last_step: bool) -> list[bytes]:
    """One logical call: attempts until one succeeds, trying again is no use, or it is the last allowed."""
    rng, work = scene.rng, scene.work
    model = _MODELS[work.feature].spin(rng)
    request_id = f"req-{rng.getrandbits(80):020x}" if work.gateway else None
    if request_id and rng.random() < work.cache_hits:
        return [_cache_hit(scene, model, request_id)]
    spans: list[bytes] = []
    for attempt in range(1, story.MAX_ATTEMPTS + 1):
        failure = _failure(scene, model)
        numbered = _numbered(request_id, attempt)
        if failure is None:
            spans.append(_success(scene, model, numbered, last_step=last_step))
            break
        spans.append(_failed(scene, model, numbered, failure))
        if request_id is None or not failure.retried:
            break
        scene.now_ns += int(rng.uniform(0.5, 1.0) * 2**attempt * 250 * MS)  # back-off with jitter
    return spans


def _failure(scene: _Scene, model: Model) -> Failure | None:
    rng, incident = scene.rng, story.INCIDENT
    if model.provider == incident.provider and incident.covers(scene.now, scene.edition.until):
        return _OUTAGE_FAILURES.spin(rng) if rng.random() < incident.error_share else None
    return _FAILURES.spin(rng) if rng.random() < story.ERROR_SHARE else None


def _numbered(request_id: str | None, attempt: int) -> bytes:
    if request_id is None:
        return b""
    return attribute("steelyard.request_id", request_id) + repeated_attribute("steelyard.attempt", attempt)


def _success(scene: _Scene, model: Model, numbered: bytes, *, last_step: bool) -> bytes:
    rng, work = scene.rng, scene.work
    output_tokens = max(1, int(rng.lognormvariate(0, 0.6) * work.output_tokens)) if work.output_tokens else 0
    slower = story.INCIDENT.slower if _during_incident(scene, model) else 1.0
    first_token_ns = int(rng.lognormvariate(0, 0.45) * model.first_token_ms * slower * MS)
    duration_ns = first_token_ns + int(
        output_tokens * model.ms_per_output_token * rng.lognormvariate(0, 0.2) * MS
    )
    streamed = rng.random() < work.streamed
    parts = [numbered, attribute("gen_ai.response.id", f"resp-{rng.getrandbits(96):024x}")]
    parts.append(repeated_attribute("gen_ai.response.model", model.answered))
    if work.operation == "chat":
        parts.append(repeated_attribute("gen_ai.response.finish_reasons", (_finish_reason(rng, last_step),)))
    if streamed:
        parts.append(repeated_attribute("gen_ai.request.stream", True))
        parts.append(attribute("gen_ai.response.time_to_first_chunk", first_token_ns / 1e9))
    if not (streamed and rng.random() < work.without_usage):
        parts.append(_usage(scene, model, output_tokens))
    return _call_span(scene, model, duration_ns, parts)


def _during_incident(scene: _Scene, model: Model) -> bool:
    return model.provider == story.INCIDENT.provider and story.INCIDENT.covers(scene.now, scene.edition.until)


def _finish_reason(rng: random.Random, last_step: bool) -> str:
    if not last_step:
        return "tool_calls"
    return "length" if rng.random() < 0.015 else "stop"


def _usage(scene: _Scene, model: Model, output_tokens: int) -> bytes:
    """Token counts as OpenTelemetry has them: input includes cached and written, output reasoning."""
    rng, work = scene.rng, scene.work
    factor = scene.version.input_factor if scene.version else 1.0
    input_tokens = max(8, int(rng.lognormvariate(0, 0.55) * work.input_tokens * factor))
    parts = [attribute("gen_ai.usage.input_tokens", input_tokens)]
    if work.operation == "chat":
        parts.append(attribute("gen_ai.usage.output_tokens", output_tokens))
    if model.reasoning_share:
        reasoning_tokens = int(output_tokens * model.reasoning_share * rng.random() * 1.4)
        parts.append(attribute("gen_ai.usage.reasoning.output_tokens", reasoning_tokens))
    in_blocks = input_tokens * 7 // 10 // 128 * 128  # provider caches work on whole blocks
    if in_blocks and rng.random() < work.cached_input:
        parts.append(attribute("gen_ai.usage.cache_read.input_tokens", in_blocks))
    elif in_blocks and work.cached_input and model.writes_cache:
        parts.append(attribute("gen_ai.usage.cache_write.input_tokens", in_blocks))
    return b"".join(parts)


def _cache_hit(scene: _Scene, model: Model, request_id: str) -> bytes:
    """Answered from the gateway's own cache, with the usage that it saved; no response id: none was made."""
    rng, work = scene.rng, scene.work
    output_tokens = max(1, int(rng.lognormvariate(0, 0.6) * work.output_tokens))
    parts = [
        _numbered(request_id, 1),
        repeated_attribute("steelyard.cache_hit", True),
        repeated_attribute("gen_ai.response.model", model.answered),
        repeated_attribute("gen_ai.response.finish_reasons", ("stop",)),
        _usage(scene, model, output_tokens),
    ]
    return _call_span(scene, model, int(rng.lognormvariate(0, 0.4) * 3 * MS), parts)


def _failed(scene: _Scene, model: Model, numbered: bytes, failure: Failure) -> bytes:
    parts = [numbered, repeated_attribute("error.type", failure.error_type)]
    if failure.http_status is not None:
        parts.append(repeated_attribute("http.response.status_code", failure.http_status))
    duration_ns = int(scene.rng.lognormvariate(0, 0.15) * failure.median_ms * MS)
    return _call_span(scene, model, duration_ns, parts, error=failure.error_type)


def _call_span(
    scene: _Scene, model: Model, duration_ns: int, parts: list[bytes], error: str | None = None
) -> bytes:
    span = Span(
        trace_id=scene.trace_id,
        span_id=scene.rng.randbytes(8),
        parent_span_id=scene.parent_id,
        name=f"{scene.work.operation} {model.requested}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=scene.now_ns,
        end_time_unix_nano=scene.now_ns + duration_ns,
        status=Status(code=Status.STATUS_CODE_ERROR, message=error) if error else None,
    )
    scene.now_ns += duration_ns + scene.rng.randrange(MS, 12 * MS)
    return b"".join(
        [
            span.SerializeToString(),
            repeated_attribute("gen_ai.provider.name", model.provider),
            repeated_attribute("gen_ai.request.model", model.requested),
            scene.call_attributes,
            scene.identity,
            *parts,
        ]
    )


def _parent_span(scene: _Scene, began_ns: int) -> bytes:
    """What the calls happened in: context, never billed."""
    work = scene.work
    if work.agent:
        kind, name = Span.SPAN_KIND_INTERNAL, f"invoke_agent {work.agent}"
        own = repeated_attribute("gen_ai.operation.name", "invoke_agent") + repeated_attribute(
            "gen_ai.agent.name", work.agent
        )
    else:
        kind, name = Span.SPAN_KIND_SERVER, f"POST {work.route}"
        own = repeated_attribute("http.request.method", "POST") + repeated_attribute(
            "http.route", str(work.route)
        )
    span = Span(
        trace_id=scene.trace_id,
        span_id=scene.parent_id,
        name=name,
        kind=kind,
        start_time_unix_nano=began_ns,
        end_time_unix_nano=scene.now_ns,
    )
    return b"".join([span.SerializeToString(), own, scene.identity])
