"""Which family a span is of and what it is, from data: marks by precedence, then the family's roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ptars
import pyarrow as pa
import pytest
import re2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.configure import load_settings
from collector.conventions import families
from collector.conventions.columns import Family, FromPattern, Is
from collector.decode.attributes import Attributes
from collector.decode.classify import Conditions, Names, classify, in_words
from collector.decode.requests import Request
from collector.decode.spans import decode
from collector.privacy.policy import policy_of
from tests.spans import a_call, export

HANDLER = ptars.HandlerPool([trace_pb2.DESCRIPTOR]).get_for_message(Span.DESCRIPTOR)
NOTHING_CAPTURED = policy_of(load_settings())


def decoded(*spans: Span) -> list[dict[str, Any]]:
    request = Request(export(*spans), "default", 1_000_000, "batch")
    rows: list[dict[str, Any]] = decode([request], NOTHING_CAPTURED).spans.to_pylist()
    return rows


def a_span(**attributes: Any) -> Span:
    """A span that says nothing but these attributes."""
    wanted = {name.replace("__", ".") for name in attributes}
    span = a_call(**attributes)
    kept = [pair for pair in span.attributes if pair.key in wanted]
    del span.attributes[:]
    span.attributes.extend(kept)
    return span


def test_a_span_without_any_mark_is_context_of_no_family() -> None:
    [row] = decoded(a_span(http__route="/chat"))
    assert (row["role"], row["emitter"]) == ("context", None)


def test_a_chat_is_a_call_and_an_agent_a_wrapper() -> None:
    rows = decoded(a_call(), a_call(gen_ai__operation__name="invoke_agent"))
    assert [(row["emitter"], row["role"]) for row in rows] == [("otel", "call"), ("otel", "wrapper")]


def test_an_unknown_operation_is_not_billable() -> None:
    [row] = decoded(a_call(gen_ai__operation__name="search_memory"))
    assert row["role"] == "wrapper"


def test_the_more_specific_family_goes_before_the_names_of_opentelemetry() -> None:
    [row] = decoded(a_call(openinference__span__kind="AGENT"))
    assert (row["emitter"], row["role"]) == ("openinference", "wrapper")


def test_a_wrapper_has_no_tokens_and_no_model_whatever_its_attributes_say() -> None:
    [row] = decoded(a_call(gen_ai__operation__name="invoke_agent", session__id="s"))
    assert row["input_tokens"] is None
    assert row["model_requested"] is None
    assert row["usage_source"] is None
    assert row["session_id"] == "s"
    assert row["operation"] == "invoke_agent"


def conditions(scopes: list[str], names: list[str], **attributes: Any) -> Conditions:
    """Spans with the same attributes each, every second failed."""
    message = HANDLER.array_to_record_batch(
        pa.array([a_span(**attributes).SerializeToString() for _ in names], pa.binary())
    )
    kinds = pa.array(["client"] * len(names))
    failed = pa.array([number % 2 == 1 for number in range(len(names))])
    read = Attributes(message.column("attributes"))
    return Conditions(read, pa.array(names), Names(pa.array(scopes)), kinds, failed)


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (Is(has=("a.key",)), [True, True]),
        (Is(has=("another", "a.key")), [True, True]),
        (Is(has=("another",)), None),
        (Is(lacks=("another",)), [True, True]),
        (Is(lacks=("another", "a.key")), None),
        (Is(value=("a.key", ("7", "8"))), [True, True]),
        (Is(value=("a.key", ("8",))), None),
        (Is(scope="one"), [True, False]),
        (Is(scope="on$"), None),
        (Is(scope="ne"), None),  # from the start
        (Is(span_name=r"chat .+"), [False, True]),
        (Is(kinds=("client", "internal")), [True, True]),
        (Is(kinds=("internal",)), None),
        (Is(failed=True), [False, True]),
        (Is(has=("a.key",), scope="two", failed=True), [False, True]),
        (Is(has=("a.key",), scope="one", failed=True), None),
        (Is(), [True, True]),
    ],
)
def test_a_condition_fits_when_all_its_parts_do(condition: Is, fits: list[bool] | None) -> None:
    found = conditions(["one", "two"], ["embed", "chat gpt-4o"], a__key=7).where(condition)
    assert (None if found is None else found.tolist()) == fits


def test_names_match_alike_one_by_one_and_many_at_once() -> None:
    texts = [f"chat model-{number}" for number in range(1000)] + ["embed", "a chat"]
    pattern = r"chat model-\d*7$"
    many = Names(pa.array(texts)).matching(pattern)
    assert many.tolist() == [Names(pa.array([text])).matching(pattern).tolist() == [True] for text in texts]
    assert many.sum() == 100


def test_a_span_is_of_the_first_family_whose_mark_fits_and_of_its_first_role_that_fits() -> None:
    first = Family("first", 1, (Is(scope="one"),), ((Is(failed=True), "carrier"),), (), otherwise="context")
    second = Family("second", 2, (Is(has=("a.key",)),), ((Is(has=("a.key",)), "call"), (Is(), "carrier")), ())
    found = classify(conditions(["one", "two", "one"], ["a", "b", "c"], a__key=7), (first, second))
    assert found.emitters().to_pylist() == ["first", "second", "first"]
    assert found.roles().to_pylist() == ["context", "call", "context"]
    assert [found.rules[number] for number in found.rule_of] == [
        "context: no other rule of the family fits",
        "call: has a.key",
        "context: no other rule of the family fits",
    ]


def test_marks_whose_attributes_do_not_occur_leave_every_span_without_a_family() -> None:
    stranger = Family("stranger", 1, (Is(has=("nobody.has.this",)),), (), ())
    found = classify(conditions(["one"], ["a"], a__key=7), (stranger,))
    assert found.family_of.tolist() == [-1]
    assert found.present() == []


def test_a_rule_reads_as_words() -> None:
    rule = Is(has=("a", "b"), value=("c", ("x", "y", "z")), scope="s", failed=False)
    assert in_words(rule) == "has a or b and c is x or y … and scope like s and has not failed"


def test_every_file_of_the_folder_is_a_family_in_order_of_precedence() -> None:
    assert {"otel", "openinference"} <= {family.name for family in families.FAMILIES}
    precedences = [family.precedence for family in families.FAMILIES]
    assert precedences == sorted(precedences)
    assert families.discovered() == families.FAMILIES


def test_two_families_of_one_name_are_refused() -> None:
    first = families.FAMILIES[0]
    with pytest.raises(ValueError, match=f"2 families of emitters are named '{first.name}'"):
        families.by_precedence([first, replace(first, precedence=999)])


def test_every_condition_and_pattern_of_every_family_is_a_regular_expression() -> None:
    for family in families.FAMILIES:
        conditions_of = [*family.marks, *(rule for rule, _ in family.roles)]
        patterns = [text for one in conditions_of for text in (one.scope, one.span_name) if text]
        patterns += [entry.pattern for entry in family.mapping if isinstance(entry, FromPattern)]
        for pattern in patterns:
            assert re2.compile(pattern).groups >= 0, family.name
