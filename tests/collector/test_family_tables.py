"""The tables of the conventions are data, and hold together: columns that are read, patterns that compile, one spelling."""

from __future__ import annotations

import re2

from collector.conventions import names, otel_current, otel_old
from collector.conventions.agents import ERROR_WORDS
from collector.conventions.columns import (
    WORKING_COLUMNS,
    Counted,
    FromAttributes,
    FromPattern,
    Is,
)
from collector.conventions.families import FAMILIES, NATIVE, SPAN_PER_ATTEMPT
from collector.conventions.hosts import HOST_OF_PROVIDER, HOSTS
from collector.conventions.tiers import SERVICE_TIERS
from collector.conventions.usage_rules import USAGE_RULES
from collector.decode.columns import CANONICAL


def test_who_stands_beside_others_and_who_retries_is_known() -> None:
    assert sorted(NATIVE) == ["anthropic_sdk"]
    assert sorted(SPAN_PER_ATTEMPT) == ["vercel_6"]


def test_every_table_fills_columns_that_are_read() -> None:
    for table in (otel_current.MAPPING, otel_old.MAPPING, *(family.mapping for family in FAMILIES)):
        for entry in table:
            assert entry.column in CANONICAL or entry.column in WORKING_COLUMNS, entry


def test_every_pattern_of_the_tables_compiles() -> None:
    entries = [entry for family in FAMILIES for entry in family.mapping]
    patterns = [entry.pattern for entry in entries if isinstance(entry, FromPattern | Counted)]
    conditions = [
        condition
        for family in FAMILIES
        for condition in (
            *family.marks,
            *(when for when, _ in family.roles),
            *family.input_excludes_cache,
            *family.input_includes_cache,
            *family.output_excludes_reasoning,
        )
    ]
    conditions += [rule.when for rule in USAGE_RULES if rule.when is not None]
    patterns += [
        pattern for one in conditions for pattern in (one.scope, one.span_name) if pattern is not None
    ]
    patterns += [pattern for pattern, _ in (*names.ERROR_CLASSES, *ERROR_WORDS)]
    assert len(patterns) > 40
    for pattern in patterns:
        re2.compile(pattern)


def test_a_wrapper_can_be_recognised_as_one() -> None:
    """A family that knows calls only would leave its wrappers to another family, which may take them for calls."""
    for family in FAMILIES:
        calls = [condition for condition, role in family.roles if role == "call"]
        assert calls, family.name
        assert any(mark not in calls and mark != Is() for mark in family.marks), family.name


def test_identifiers_of_the_conventions_are_not_stored_twice() -> None:
    ids = ("response_id", "session_id", "user_id", "tenant_id")
    for entry in otel_current.MAPPING:
        if isinstance(entry, FromAttributes) and entry.column in ids:
            assert entry.moved, entry


def test_names_have_one_spelling() -> None:
    assert set(names.FINISH_REASONS.values()) == {"stop", "length", "tool_calls", "content_filter", "error"}
    classes = {name for _, name in (*names.ERROR_CLASSES, *ERROR_WORDS)}
    assert classes <= {
        "rate_limit", "timeout", "server", "auth", "bad_request", "content_filter", "cancelled", "connection"
    }  # fmt: skip
    for canonical in set(names.PROVIDERS.values()):
        assert names.PROVIDERS.get(canonical) == canonical, canonical
    assert not names.FRAMEWORKS & names.PROVIDERS.keys()
    assert {provider for _, provider in names.MODEL_PREFIXES} <= set(names.PROVIDERS.values())
    assert set(HOST_OF_PROVIDER) <= set(names.PROVIDERS.values())
    assert set(HOSTS.values()) - {"google"} <= set(names.PROVIDERS.values())
    lengths = [len(start) for start, _ in names.MODEL_PREFIXES]
    assert lengths == sorted(lengths, reverse=True)
    for table in (names.PROVIDERS, names.OPERATIONS, names.FINISH_REASONS, SERVICE_TIERS):
        assert all(said == said.lower() for said in table)
