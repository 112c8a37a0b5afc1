"""The demo's spans: what is on the wire, without a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from commands.demo import story, traffic
from commands.demo.story import Edition
from pricing.book import load_book

EDITION = Edition(calls=6_000, until=datetime(2026, 11, 21, 18, 30, tzinfo=UTC))


@cache
def the_spans() -> list[tuple[dict[str, str], Span, dict[str, Any]]]:
    """(resource attributes, span, its attributes) of every span of the edition."""
    return [found for batch in traffic.batches(EDITION) for found in decoded(batch.body)]


def decoded(body: bytes) -> Iterator[tuple[dict[str, str], Span, dict[str, Any]]]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {pair.key: pair.value.string_value for pair in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield resource, span, {pair.key: value_of(pair.value) for pair in span.attributes}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return (
        [item.string_value for item in value.array_value.values]
        if kind == "array_value"
        else getattr(value, kind)
    )


def the_calls() -> list[tuple[Span, dict[str, Any]]]:
    return [(span, attributes) for _, span, attributes in the_spans() if "gen_ai.request.model" in attributes]


def started_at(span: Span) -> datetime:
    return datetime.fromtimestamp(span.start_time_unix_nano / 1e9, UTC)


def failed(span: Span) -> bool:
    return bool(span.status.code == Status.STATUS_CODE_ERROR)


def test_an_edition_is_the_same_to_the_byte_every_time() -> None:
    small = Edition(calls=500, until=EDITION.until)
    assert [b.body for b in traffic.batches(small)] == [b.body for b in traffic.batches(small)]


def test_an_edition_is_named_so_that_its_name_gives_it_back() -> None:
    assert Edition.parse(f'{{"steelyard.demo": "{EDITION.name}"}}') == EDITION


def test_every_resource_says_that_it_is_the_demo_and_which_edition() -> None:
    assert {resource[story.EDITION_ATTRIBUTE] for resource, _, _ in the_spans()} == {EDITION.name}


def test_the_number_of_calls_is_the_number_asked_for() -> None:
    assert EDITION.calls <= len(the_calls()) <= EDITION.calls + 8


def test_the_batches_count_what_they_hold() -> None:
    batches = list(traffic.batches(EDITION))
    assert sum(batch.n_spans for batch in batches) == len(the_spans())
    assert sum(batch.n_calls for batch in batches) == len(the_calls())


def test_no_two_spans_share_an_id() -> None:
    assert len({(span.trace_id, span.span_id) for _, span, _ in the_spans()}) == len(the_spans())


def test_no_two_calls_share_a_response_id() -> None:
    ids = [
        attributes["gen_ai.response.id"]
        for _, attributes in the_calls()
        if "gen_ai.response.id" in attributes
    ]
    assert len(set(ids)) == len(ids)


def test_every_parent_is_in_the_trace_of_its_children() -> None:
    spans = {(span.trace_id, span.span_id) for _, span, _ in the_spans()}
    parents = {(span.trace_id, span.parent_span_id) for _, span, _ in the_spans() if span.parent_span_id}
    assert parents <= spans


def test_no_message_content_is_sent() -> None:
    keys = {key for _, _, attributes in the_spans() for key in attributes}
    content = (
        "message",
        "content",
        "instructions",
        "definitions",
        "prompt.variable",
        "input.value",
        "output.value",
    )
    assert [key for key in keys if any(word in key for word in content)] == []
    assert not any(span.events for _, span, _ in the_spans())


def test_every_span_ends_after_it_starts_and_starts_in_the_ninety_days() -> None:
    for _, span, _ in the_spans():
        assert span.end_time_unix_nano > span.start_time_unix_nano
        assert EDITION.since <= started_at(span) <= EDITION.until + timedelta(minutes=2)


def test_the_price_book_knows_every_model_but_the_self_hosted_one() -> None:
    book = load_book()
    unpriced = [model.requested for model in story.MODELS if not book.resolve(model.provider, model.answered)]
    assert unpriced == ["acme-internal-8b"]


def test_cached_and_reasoning_tokens_are_within_the_totals_they_belong_to() -> None:
    for _, attributes in the_calls():
        read, written = (
            attributes.get(f"gen_ai.usage.cache_{kind}.input_tokens", 0) for kind in ("read", "write")
        )
        assert read + written <= attributes.get("gen_ai.usage.input_tokens", 0)
        reasoning = attributes.get("gen_ai.usage.reasoning.output_tokens", 0)
        assert reasoning <= attributes.get("gen_ai.usage.output_tokens", 0)


def test_the_first_chunk_of_a_stream_comes_before_its_last() -> None:
    for span, attributes in the_calls():
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        assert attributes.get("gen_ai.response.time_to_first_chunk", 0) <= seconds


def test_failed_calls_report_no_usage() -> None:
    assert not any(
        failed(span) and "gen_ai.usage.input_tokens" in attributes for span, attributes in the_calls()
    )


def test_some_streams_report_no_usage() -> None:
    without = [a for span, a in the_calls() if not failed(span) and "gen_ai.usage.input_tokens" not in a]
    assert without
    assert all(attributes["gen_ai.request.stream"] for attributes in without)


def test_attempts_of_one_request_are_numbered_under_one_parent_and_only_the_last_may_succeed() -> None:
    requests: dict[str, list[tuple[Span, dict[str, Any]]]] = {}
    for span, attributes in the_calls():
        if "steelyard.request_id" in attributes:
            requests.setdefault(attributes["steelyard.request_id"], []).append((span, attributes))
    retried = [attempts for attempts in requests.values() if len(attempts) > 1]
    assert retried
    for attempts in retried:
        attempts.sort(key=lambda attempt: attempt[0].start_time_unix_nano)
        assert [attributes["steelyard.attempt"] for _, attributes in attempts] == list(
            range(1, len(attempts) + 1)
        )
        assert len({(span.trace_id, span.parent_span_id) for span, _ in attempts}) == 1
        assert all(failed(span) for span, _ in attempts[:-1])


def test_a_gateway_cache_hit_carries_the_usage_that_it_saved() -> None:
    hits = [attributes for _, attributes in the_calls() if attributes.get("steelyard.cache_hit") is True]
    assert hits
    assert all(attributes["gen_ai.usage.input_tokens"] > 0 for attributes in hits)


def test_one_call_in_a_hundred_has_no_tenant() -> None:
    without = sum("tenant.id" not in attributes for _, attributes in the_calls())
    assert 0.005 < without / len(the_calls()) < 0.02


def test_fourteen_tenants_and_the_three_largest_have_half_the_calls() -> None:
    tenants = Counter(attributes.get("tenant.id") for _, attributes in the_calls())
    del tenants[None]
    assert len(tenants) == 14
    assert sum(n for _, n in tenants.most_common(3)) > 0.5 * tenants.total()


def test_in_the_incident_two_calls_in_five_to_its_provider_fail_and_the_others_do_not() -> None:
    tally: Counter[tuple[bool, bool]] = Counter()
    for span, attributes in calls_around_the_incident():
        if story.INCIDENT.covers(started_at(span), EDITION.until):
            tally[attributes["gen_ai.provider.name"] == story.INCIDENT.provider, failed(span)] += 1
    assert 0.25 < tally[True, True] / (tally[True, True] + tally[True, False]) < 0.55
    assert tally[False, True] / (tally[False, True] + tally[False, False]) < 0.08


def calls_around_the_incident() -> list[tuple[Span, dict[str, Any]]]:
    """Of a larger edition: in a small one these hours hold a dozen calls."""
    larger = Edition(calls=12_000, until=EDITION.until)
    begins = story.INCIDENT.begins(larger.until)
    return [
        (span, attributes)
        for batch in list(traffic.batches(larger))[-8:]  # the last week
        for _, span, attributes in decoded(batch.body)
        if abs(started_at(span) - begins) < timedelta(days=1) and "gen_ai.request.model" in attributes
    ]


def test_every_kind_of_failure_happens() -> None:
    seen = {attributes["error.type"] for span, attributes in the_calls() if failed(span)}
    assert seen == {failure.error_type for failure in story.FAILURES}


def test_a_prompt_version_makes_the_spend_of_one_tenant_step_up() -> None:
    live_at = EDITION.until - timedelta(days=26)
    before, after = tokens_per_call("initech", live_at, -20, 0), tokens_per_call("initech", live_at, 4, 24)
    assert after > 1.7 * before


def tokens_per_call(tenant: str, around: datetime, from_day: int, to_day: int) -> float:
    tokens = [
        attributes.get("gen_ai.usage.input_tokens", 0)
        for span, attributes in the_calls()
        if attributes.get("tenant.id") == tenant
        and around + timedelta(days=from_day) <= started_at(span) < around + timedelta(days=to_day)
    ]
    return sum(tokens) / len(tokens)


def test_nights_and_weekends_are_quiet() -> None:
    by_weekday = Counter(started_at(span).weekday() for span, _ in the_calls())
    by_hour = Counter(started_at(span).hour for span, _ in the_calls())
    assert by_weekday[5] < 0.6 * by_weekday[2]
    assert by_hour[3] < 0.3 * by_hour[14]
