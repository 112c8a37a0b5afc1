"""The rules of settling, and what a row says of itself, in words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.server.explain_again import NO_ROW, Again
from collector.server.explain_neighbours import Neighbours, sources_of

# By the names that the rules have in collector/settle/; a test holds that none is missing.
RULES = {
    "nested": "directly within it, of the same model, the same counts or the same response id",
    "same response": "the same response id at the same time, by another instrumentation",
    "same time": "the SDK's own span beside an instrumentation's: one service and model, start and end within 50 ms",
    "usage of a stream": "brings usage and duration of a stream that began where the call's span ended",
    "a call around calls": "it stands around several calls, or around embeddings that have the usage",
    "tells of another call again": "tells of another call again",
    "the call's own span is not here": "it has the usage of a call whose own span is not stored",
    "the end of the stream": "until the end of the stream",
    "another span of the same call": "another span of the same call",
    "nearest ancestor": "the nearest ancestor that says it",
    "the only one in its trace": "all in its trace that say it say the same",
    "its resource": "the resource, as no span says it nearer",
    "attempts side by side under one parent": "attempts of one request, side by side under one parent",
    "ambiguous_duplicate": "it may be a duplicate, and several calls fit",
    "estimated: the stream broke off": "the stream broke off before its usage came: worked out from what arrived of the answer, "
    "and from the length of the request",
}
STANDS = (
    "Of several spans of one call the one stands for it that knows most of whose call it is; an SDK's own span only "
    "where there is no other, a carrier never beside one."
)
_DOUBTS = {
    "ambiguous_duplicate": "may be counted twice: it may tell of a call that another row tells of too, several fit, and "
    "nothing tells them apart",
}
_ROLES = {
    "call": "counted and priced",
    "duplicate": "not counted: it tells of another row's call again",
    "carrier": "not counted: it brings usage for another row's call",
    "wrapper": "not counted: it stands around calls, or is a part of one",
    "context": "not counted: no family of emitters knows it as a call or as a part of one",
}


def in_words(rule: str) -> str:
    """A rule of settling as a sentence's end."""
    return RULES.get(rule, rule)


def role_of(row: Mapping[str, Any], again: Again, neighbours: Neighbours) -> dict[str, Any]:
    """What the span is, by which rule of its family and which of settling, and of which call where it is none itself."""
    sources = sources_of(row["sources"])
    alone = str(again.said("role", again.at))
    why = again.why("role")
    fold = again.why("duplicate_of")
    is_of_call = fold is not None and fold.row != NO_ROW
    decided = fold if is_of_call else why
    return {
        "role": row["role"],
        "means": _ROLES.get(row["role"], row["role"]),
        "family": sources.get("family") or row["emitter"],
        "family_rule": sources.get("rule"),
        "role_alone": alone,
        "rule": decided and decided.rule,
        "because": decided and in_words(decided.rule),
        "call": neighbours.ref(fold.row) if fold is not None and is_of_call else None,
    }


def doubt_of(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The flag, and what it means; None where there is no doubt."""
    doubt = row["doubt"]
    return None if doubt is None else {"doubt": doubt, "means": _DOUBTS.get(doubt, doubt)}


def sampling_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The share that was kept of such calls, and what that makes of a sum."""
    rate = row["sampling_rate"]
    if rate is None:
        means = "not sampled, or nobody says so"
    elif rate >= 1:
        means = "every call was kept"
    else:
        means = (
            f"stands for {1 / rate:,.3g} calls; sums over it are estimates"
            if rate > 0
            else "a rate of 0 says nothing"
        )
    return {"rate": rate, "means": means, "from": sources_of(row["sources"]).get("sampling_rate")}
