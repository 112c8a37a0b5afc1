"""Of each column of the view `calls`: its value, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collector.decode.columns import DIMENSION
from collector.server.explain_again import NO_ROW, Again
from collector.server.explain_neighbours import Neighbours, sources_of
from collector.server.explain_words import in_words

# What no attribute says: the span's own fields, and what follows from other columns.
_ITSELF = {
    "project": "the access key that it came with, or the receiver's default",
    "trace_id": "the span itself",
    "span_id": "the span itself",
    "parent_span_id": "the span itself",
    "started_at": "the span itself",
    "duration_ns": "the span's start and end",
    "status": "the span's status",
    "service_name": "resource service.name",
    "emitter": "the family whose mark fits",
    "request_id": "its own span id: no other attempt of it is known",
    "usage_semantics": "the family's way of counting",
}
_USAGE_SOURCES = {
    "reported": "the emitter sent the counts",
    "reconstructed": "a part of the counts follows from the others",
    "estimated": "worked out from what there is of the call: no count was sent",
    "none": "no count was sent",
}
_PRICED = {
    "cost_status",
    "cost_estimated",
    "list_cost_usd",
    "effective_cost_usd",
    "saved_cost_usd",
    "rate_card",
    "billed_to",
    "agreement",
}
_CONFIDENCE = {
    "rule": "a rule for this emitter and provider",
    "arithmetic": "the counts themselves: read another way they would not add up",
    "convention": "what the conventions of OpenTelemetry say; nothing else tells",
}


def columns_of(
    row: Mapping[str, Any], names: Sequence[str], again: Again, neighbours: Neighbours
) -> list[dict[str, Any]]:
    """One entry a column: column, value, kind, from (words or an attribute), rule and span where another span said it.

    kind: attribute | span | rule | itself | price_book | nobody | unrecorded; a rule is one of settling, or one that was
    recorded. `said_itself` is there when the span alone said something else.
    """
    return [_column(name, value, row, again, neighbours) for name, value in _values(row, names)]


def _values(row: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name == "dims":
            yield from ((f"{DIMENSION}{key}", value) for key, value in sorted((row["dims"] or {}).items()))
        else:
            yield name, row["span_id"] if name == "request_id" and row[name] is None else row[name]


def _column(
    name: str, value: Any, row: Mapping[str, Any], again: Again, neighbours: Neighbours
) -> dict[str, Any]:
    found = {"column": name, "value": value}
    if name in ("tenant_id", "attributed_by") and row["attributed_by"]:
        return found | _by_attribution(name, row)
    why = again.why(name)
    if why is not None and value is not None:
        return found | _by_rule(name, why.rule, why.row, again, neighbours)
    if name in _PRICED:
        return found | {"kind": "price_book", "from": "see cost"}
    if value is None:
        return found | {"kind": "nobody", "from": "not said by anybody"}
    if place := sources_of(row["sources"]).get(name):
        # The decision what a count is, is told by the rule that made it.
        return found | {"kind": "attribute", "from": place}
    if name == "usage_source":
        return found | {"kind": "itself", "from": _USAGE_SOURCES.get(value, value)}
    if name == "usage_confidence":
        return found | {"kind": "itself", "from": _CONFIDENCE.get(value, value)}
    if name in _ITSELF:
        return found | {"kind": "itself", "from": _ITSELF[name]}
    return found | {"kind": "unrecorded", "from": "not recorded: stored by an older version, or imported"}


def _by_attribution(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Whom a recorded rule says that the call is for; it goes before telemetry."""
    if name == "attributed_by":
        return {"kind": "itself", "from": "the rule that says whom the call is for, see cost"}
    found = {
        "value": row["attributed_tenant_id"],
        "kind": "rule",
        "from": f"rule {row['attributed_by']}, see cost",
    }
    return found if row["tenant_id"] is None else found | {"said_itself": row["tenant_id"]}


def _by_rule(name: str, rule: str, source: int, again: Again, neighbours: Neighbours) -> dict[str, Any]:
    alone = again.said(name, again.at)
    found: dict[str, Any] = {"rule": rule}
    if alone is not None:
        found["said_itself"] = alone
    if source == NO_ROW:
        return found | {"kind": "rule", "from": in_words(rule)}
    if rule == "its resource" and source == again.at:
        return found | {"kind": "attribute", "from": "an attribute of its resource"}
    place = "an attribute of its resource" if rule == "its resource" else neighbours.sources(source).get(name)
    return found | {"kind": "span", "from": place, "because": in_words(rule), "span": neighbours.ref(source)}
