"""What spans are to each other, told span by span: small scenes with known truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.spans import USAGE_IN, USAGE_OUT, a_call, export
from tests.stores import Store, gpt_4o_book, open_store

NOW_NS = 1_795_000_000_000_000_000
MS = 1_000_000
NATIVE = "com.anthropic.sdk.python"
OPENLLMETRY = "opentelemetry.instrumentation.anthropic"
FAILED: dict[str, Any] = {"failed": True, USAGE_IN: None, USAGE_OUT: None}
FAILED_CLAUDE = FAILED | {"gen_ai__provider__name": "anthropic"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("scenes"), gpt_4o_book()) as store:
        yield store


@pytest.fixture
def store(shared: Store) -> Store:
    shared.session.execute("delete from spans")
    shared.session.execute("delete from charges")
    return shared


def span(name: str, *, parent: Span | None = None, at_ms: int = 0, ms: int = 100, **attributes: Any) -> Span:
    """A span that says only this."""
    made = Span(
        trace_id=parent.trace_id if parent else name.ljust(16, "-").encode()[:16],
        span_id=name.ljust(8, "-").encode()[:8],
        parent_span_id=parent.span_id if parent else b"",
        name=name,
        start_time_unix_nano=NOW_NS + at_ms * MS,
        end_time_unix_nano=NOW_NS + (at_ms + ms) * MS,
    )
    made.attributes.extend(a_call(**attributes).attributes[6:])
    return made


def call(name: str, *, parent: Span | None = None, at_ms: int = 0, ms: int = 100, **attributes: Any) -> Span:
    """A model call of 1,000 tokens in and 100 out, unless told otherwise."""
    made = span(name, parent=parent, at_ms=at_ms, ms=ms)
    failed = bool(attributes.pop("failed", False))
    made.attributes.extend(a_call(**attributes).attributes)
    made.kind = Span.SPAN_KIND_CLIENT
    if failed:
        made.status.code = made.status.STATUS_CODE_ERROR
    return made


def sent(span: Span, scope: str = "tests", **resource: str) -> bytes:
    """The span in a request of its own."""
    request = ExportTraceServiceRequest.FromString(export(span, **resource))
    request.resource_spans[0].scope_spans[0].scope.name = scope
    return request.SerializeToString()


def calls(store: Store, columns: str) -> list[dict[str, Any]]:
    return store.rows(f"select {columns} from calls order by started_at, span_id")


def each(store: Store, *bodies: bytes) -> None:
    """A commit for each request."""
    for body in bodies:
        store.send(body)
        store.commit()


def test_two_real_calls_in_the_same_millisecond_stay_two(store: Store) -> None:
    each(store, sent(call("one")), sent(call("two")))
    assert len(calls(store, "span_id")) == 2


def test_two_failed_calls_in_the_same_millisecond_stay_two(store: Store) -> None:
    failed = FAILED | {"error__type": "429"}
    each(store, sent(call("one", **failed)), sent(call("two", **failed)))
    assert len(calls(store, "span_id")) == 2


def test_one_response_id_from_two_instrumentations_is_one_call(store: Store) -> None:
    each(
        store,
        sent(call("outer", gen_ai__response__id="r1", gen_ai__response__model=None), OPENLLMETRY),
        sent(call("native", at_ms=1, ms=98, gen_ai__response__id="r1", gen_ai__request__stream=True), NATIVE),
    )
    assert calls(store, "model_answered, stream, input_tokens") == [
        {"model_answered": "gpt-4o", "stream": True, "input_tokens": 1000}
    ]


def test_one_response_id_twice_from_one_instrumentation_is_two_calls(store: Store) -> None:
    bodies = [sent(call(name, gen_ai__response__id="chatcmpl-mock")) for name in ("one", "two")]
    each(store, *bodies)
    assert len(calls(store, "span_id")) == 2


def test_one_response_id_at_other_times_is_two_calls(store: Store) -> None:
    each(
        store,
        sent(call("one", gen_ai__response__id="r1"), OPENLLMETRY),
        sent(call("two", at_ms=60_000, gen_ai__response__id="r1"), NATIVE),
    )
    assert len(calls(store, "span_id")) == 2


def test_one_response_id_of_two_tenants_is_two_calls(store: Store) -> None:
    each(
        store,
        sent(call("one", gen_ai__response__id="r1", tenant__id="a"), OPENLLMETRY),
        sent(call("two", gen_ai__response__id="r1", tenant__id="b"), NATIVE),
    )
    assert len(calls(store, "span_id")) == 2


def test_an_app_and_its_gateway_are_one_call_with_what_both_know(store: Store) -> None:
    each(
        store,
        sent(call("app", ms=200, gen_ai__response__id="r1", user__id="u1"), "app.scope", service__name="app"),
        sent(
            call("gate", at_ms=20, gen_ai__response__id="r1", tenant__id="acme"),
            "gate",
            service__name="gateway",
        ),
    )
    assert calls(store, "service_name, user_id, tenant_id") == [
        {"service_name": "app", "user_id": "u1", "tenant_id": "acme"}
    ]


def test_a_failed_call_of_an_sdk_beside_its_instrumentation_is_one_call(store: Store) -> None:
    each(
        store,
        sent(call("outer", **FAILED_CLAUDE), OPENLLMETRY),
        sent(call("native", at_ms=3, ms=95, error__type="rate_limit_error", **FAILED_CLAUDE), NATIVE),
    )
    assert calls(store, "status, error_class") == [{"status": "error", "error_class": "rate_limit"}]


def test_failed_calls_that_cannot_be_told_apart_all_stay_and_say_so(store: Store) -> None:
    each(
        store,
        sent(call("outer", **FAILED_CLAUDE), OPENLLMETRY),
        sent(call("native1", at_ms=3, ms=95, **FAILED_CLAUDE), NATIVE),
        sent(call("native2", at_ms=4, ms=95, **FAILED_CLAUDE), NATIVE),
    )
    assert len(calls(store, "span_id")) == 3
    assert store.value("select count(*) from spans where doubt = 'ambiguous_duplicate'") == 2


def test_a_call_around_two_answered_calls_is_their_wrapper(store: Store) -> None:
    outer = call("outer", ms=500)
    each(
        store,
        sent(outer),
        sent(call("one", parent=outer, at_ms=10, gen_ai__response__id="r1")),
        sent(call("two", parent=outer, at_ms=200, gen_ai__response__id="r2")),
    )
    assert [row["span_id"] for row in calls(store, "span_id")] == [b"one-----".hex(), b"two-----".hex()]


def test_a_call_within_a_call_of_another_model_is_a_call(store: Store) -> None:
    outer = call("outer", ms=500)
    other = {
        "gen_ai__request__model": "omni-moderation",
        "gen_ai__response__model": None,
        USAGE_IN: 7,
        USAGE_OUT: 0,
    }
    each(store, sent(outer), sent(call("inner", parent=outer, at_ms=10, **other)))
    assert len(calls(store, "span_id")) == 2


@pytest.mark.parametrize("parent_first", [True, False])
def test_identity_comes_from_the_nearest_ancestor_whenever_it_arrives(
    store: Store, parent_first: bool
) -> None:
    root = span("root", ms=900, tenant__id="far", session__id="s1")
    agent = span("agent", parent=root, ms=800, tenant__id="near", gen_ai__agent__name="planner")
    leaf = call("leaf", parent=agent)
    order = [root, agent, leaf] if parent_first else [leaf, agent, root]
    each(store, *(sent(one) for one in order))
    assert calls(store, "tenant_id, session_id, agent_name, list_cost_usd is not null as priced") == [
        {"tenant_id": "near", "session_id": "s1", "agent_name": "planner", "priced": True}
    ]


def test_a_trace_with_one_tenant_gives_it_to_calls_beside(store: Store) -> None:
    root = span("root", ms=900)
    tool = span("tool", parent=root, tenant__id="acme")
    each(store, sent(call("leaf", parent=root)), sent(tool), sent(root))
    assert calls(store, "tenant_id") == [{"tenant_id": "acme"}]


def test_a_trace_with_two_tenants_gives_neither_to_calls_beside(store: Store) -> None:
    root = span("root", ms=900)
    each(
        store,
        sent(span("tool1", parent=root, tenant__id="a")),
        sent(span("tool2", parent=root, tenant__id="b")),
        sent(call("leaf", parent=root)),
    )
    assert calls(store, "tenant_id") == [{"tenant_id": None}]


def test_the_resource_says_whose_it_is_only_when_nothing_nearer_does(store: Store) -> None:
    root = span("root", ms=900, tenant__id="near")
    each(store, sent(call("leaf", parent=root), tenant__id="fallback"))
    assert calls(store, "tenant_id") == [{"tenant_id": "fallback"}]
    each(store, sent(root))
    assert calls(store, "tenant_id") == [{"tenant_id": "near"}]


def test_attempts_under_one_parent_are_one_request(store: Store) -> None:
    parent = span("wrapper", ms=900, ai__operationId="ai.generateText")
    leaf = {"ai__operationId": "ai.generateText.doGenerate", "gen_ai__operation__name": None}
    failed: dict[str, Any] = leaf | FAILED
    each(
        store,
        sent(call("third", parent=parent, at_ms=400, **leaf)),
        sent(call("second", parent=parent, at_ms=200, ms=50, **failed)),
        sent(parent),
        sent(call("first", parent=parent, at_ms=0, ms=50, **failed)),
        sent(call("next", parent=parent, at_ms=700, **leaf)),
    )
    first, following = b"first---".hex(), b"next----".hex()
    assert calls(store, "request_id, attempt, status") == [
        {"request_id": first, "attempt": 1, "status": "error"},
        {"request_id": first, "attempt": 2, "status": "error"},
        {"request_id": first, "attempt": 3, "status": "ok"},
        {"request_id": following, "attempt": None, "status": "ok"},
    ]


def test_folding_a_priced_call_voids_its_charge(store: Store) -> None:
    each(store, sent(call("native", gen_ai__response__id="r1"), NATIVE))
    assert store.value("select count(*) from charges") == 1
    each(store, sent(call("outer", gen_ai__response__id="r1", tenant__id="acme"), OPENLLMETRY))
    assert store.rows(
        "select cost_status, seq, supersedes, list_cost_usd is null as no_amount from charges order by all"
    ) == [
        {"cost_status": "priced", "seq": 1, "supersedes": None, "no_amount": False},
        {"cost_status": "priced", "seq": 1, "supersedes": None, "no_amount": False},
        {"cost_status": "void", "seq": 2, "supersedes": 1, "no_amount": True},
    ]
    newest = "select * from charges qualify row_number() over (partition by span_id order by seq desc) = 1"
    assert store.value(f"select sum(list_cost_usd) from ({newest})") == store.value(
        "select sum(list_cost_usd) from calls"
    )


def test_a_fuller_body_that_is_no_call_of_its_own_voids_the_charge_of_the_first(store: Store) -> None:
    native = call("native", gen_ai__response__id="r1")
    fuller = call("native", ms=120, gen_ai__response__id="r1", **{USAGE_OUT: 300})
    outer = call("outer", ms=130, gen_ai__response__id="r1", tenant__id="acme")
    each(store, sent(native, NATIVE))
    store.send(sent(fuller, NATIVE), sent(outer, OPENLLMETRY))
    store.commit()
    assert len(calls(store, "span_id")) == 1
    folded = "select span_id from spans where role = 'duplicate'"
    charges = store.rows(f"select cost_status from charges where span_id in ({folded}) order by seq")
    assert [row["cost_status"] for row in charges] == ["priced", "void"]
    newest = "select * from charges qualify row_number() over (partition by span_id order by seq desc) = 1"
    assert store.value(f"select sum(list_cost_usd) from ({newest})") == store.value(
        "select sum(list_cost_usd) from calls"
    )


def test_a_late_parent_changes_whose_a_call_is_and_not_what_it_cost(store: Store) -> None:
    root = span("root", ms=900, tenant__id="acme")
    each(store, sent(call("leaf", parent=root)))
    [before] = calls(store, "list_cost_usd, span_id")
    each(store, sent(root))
    assert calls(store, "list_cost_usd, span_id") == [before]
    assert store.value("select count(*) from charges") == 1


def test_spans_in_a_circle_settle(store: Store) -> None:
    one, two = call("one"), call("two")
    two.trace_id = one.trace_id
    one.parent_span_id, two.parent_span_id = two.span_id, one.span_id
    itself = call("self")
    itself.parent_span_id = itself.span_id
    each(store, sent(one), sent(two), sent(itself))
    assert 2 <= len(calls(store, "span_id")) <= 3
