"""Why a stored span is what it is: which attribute, span and rule gave each column, what was folded into it, its cost.

Of this only `sources` is stored: where the span alone had its values from. What its neighbours did to it is found again:
settling is a pure function, and all that it was given is still there.

Whoever asks is shown a span that their key sees. Of the spans around it they are shown those that it sees too; of the
others, and only where one of them gave the call something, that there is one.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from collector.server.explain_again import NO_ROW, Again, Target, settled_again
from collector.server.explain_columns import columns_of
from collector.server.explain_cost import Facts, cost_of, disagreement
from collector.server.explain_neighbours import Neighbours
from collector.server.explain_reprice import repriced
from collector.server.explain_sql import statement
from collector.server.explain_words import STANDS, doubt_of, in_words, role_of, sampling_of
from errors import QueryError
from store.execute import TIMEOUT_S
from store.terms import Terms

_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}")
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
# A trace may have thousands: of those below a span the first are told, and how many there are.
MOST_BELOW = 50
_MOST_TRACES = 20
_OF_SPAN = (
    *(
        "project",
        "trace_id",
        "span_id",
        "parent_span_id",
        "span_name",
        "span_kind",
        "service_name",
        "scope_name",
    ),
    *(
        "scope_version",
        "started_at",
        "duration_ns",
        "status",
        "received_at",
        "batch_id",
        "dropped_attributes_count",
    ),
)


class NoSuchSpanError(QueryError):
    """No span that the caller may see has this id."""


class SeveralSpansError(QueryError):
    """Spans of several traces have this id."""


@dataclass(frozen=True)
class Asked:
    """Which span to explain."""

    project: str
    span_id: int
    trace_id: str | None  # hex


def asked_for(project: str, span: str | None, trace: str | None) -> Asked:
    """From what a person typed. Raises QueryError that says what an id looks like."""
    if not span or not _SPAN_ID.fullmatch(span.strip()):
        raise QueryError(
            f"{(span or '')[:100]!r} is not a span id: 16 hexadecimal digits, as in the column span_id of `calls`"
        )
    if trace and not _TRACE_ID.fullmatch(trace.strip().replace("-", "")):
        raise QueryError(f"{trace[:100]!r} is not a trace id: 32 hexadecimal digits")
    return Asked(project, int(span.strip(), 16), uuid.UUID(trace.strip()).hex if trace else None)


def explain(
    seen: duckdb.DuckDBPyConnection, whole: duckdb.DuckDBPyConnection, asked: Asked, terms: Terms
) -> dict[str, Any]:
    """The explanation as JSON has it: times are text, amounts are text, NULL is null.

    `seen` is a session that shows what the caller may see, `whole` one that shows all and is closed afterwards; `terms` are
    what a call would be charged by now. Raises NoSuchSpanError, SeveralSpansError, or QueryError past the deadline.
    """
    with _within(TIMEOUT_S, seen, whole):
        day, trace_id = _find(seen, asked)
        ids = {"day": day, "project": asked.project, "trace_id": trace_id, "span_id": asked.span_id}
        # One state of the store, whatever is committed meanwhile.
        whole.execute("begin transaction")
        try:
            row = next(iter(_rows(whole, "row", ids)), None)
            again = row and _again(whole, row, asked.span_id)
            if not row or not again:
                raise _no_such(asked)
            charges = _rows(whole, "charges", ids)
            names = whole.sql("select * from calls limit 0").columns
            facts = _facts(seen, whole, row, ids, terms)
        finally:
            whole.execute("rollback")
        neighbours = Neighbours(again, seen, _mentioned(again))
        if not neighbours.visible([again.at]):
            # It has become somebody else's since it was looked up.
            raise _no_such(asked)
    explained: dict[str, Any] = _plain(_explained(row, names, again, neighbours, charges, facts))
    return explained


def _explained(
    row: Mapping[str, Any],
    names: Sequence[str],
    again: Again,
    neighbours: Neighbours,
    charges: Sequence[Mapping[str, Any]],
    facts: Facts,
) -> dict[str, Any]:
    folded = [
        neighbours.ref(at) | {"rule": rule, "because": in_words(rule), "gave": again.given().get(at, [])}
        for at, rule in again.folded()
    ]
    is_folded = dict(again.folded())
    below = neighbours.visible(at for at in again.descendants() if at not in is_folded)
    return {
        "span": {name: row[name] for name in _OF_SPAN},
        "role": role_of(row, again, neighbours),
        "columns": columns_of(row, names, again, neighbours),
        "folded": folded,
        "stands": STANDS if folded else None,
        "above": [_skipped(at, again, neighbours) for at in neighbours.visible(again.ancestors())],
        "below": [_skipped(at, again, neighbours) for at in below[:MOST_BELOW]],
        "n_below": len(below),
        "attempts": [
            neighbours.ref(at) | {"attempt": again.value("attempt", at), "is_this": at == again.at}
            for at in neighbours.visible(again.attempts())
        ],
        "doubt": doubt_of(row),
        "sampling": sampling_of(row),
        "cost": cost_of(row, charges, facts),
        "check": _check(row, again, charges),
    }


def _facts(
    seen: duckdb.DuckDBPyConnection,
    whole: duckdb.DuckDBPyConnection,
    row: Mapping[str, Any],
    ids: Mapping[str, Any],
    terms: Terms,
) -> Facts:
    """What the cost is explained by, beside the row: read in the same state of the store."""
    rules = _rows(whole, "rule", {"project": row["project"], "rule_id": row["attributed_by"]})
    [closed] = _rows(whole, "closed", {"project": row["project"], "day": ids["day"]})
    asked = {"rate_cards": [row["agreement"]], "agreement": row["agreement"]}
    visible = {one["name"] for one in _rows(seen, "visible", asked)} if row["agreement"] else set()
    return Facts(
        prices=terms.prices,
        may_see=visible.__contains__,
        rule=rules[0] if rules else None,
        closed_at=closed["closed_at"],
        repriced=repriced(whole, row, ids, terms),
    )


def _skipped(at: int, again: Again, neighbours: Neighbours) -> dict[str, Any]:
    """A span above or below, and why it is counted or not."""
    why = again.why("duplicate_of", at) or again.why("role", at)
    return neighbours.ref(at) | {"rule": in_words(why.rule) if why else neighbours.sources(at).get("rule")}


def _check(row: Mapping[str, Any], again: Again, charges: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = [
        {"column": name, "stored": stored, "settled_again": now} for name, stored, now in again.differences()
    ]
    if other := disagreement(row, charges):
        found.append({"column": "list_cost_usd", "stored": other[0], "charged": other[1]})
    return {
        "is_same": not found,
        "differences": found,
        "means": "settling the stored spans again gives this row"
        if not found
        else "settling the stored spans again gives another row: an older version stored it, or related spans are no "
        "longer there (retention, an erasure). If neither is so, it is a bug: please report it with this output",
    }


def _mentioned(again: Again) -> list[int]:
    winner = again.why("duplicate_of")
    return [
        again.at,
        *again.given(),
        *(at for at, _ in again.folded()),
        *([winner.row] if winner and winner.row != NO_ROW else []),
        *again.ancestors(),
        *again.descendants(),
        *again.attempts(),
    ]


def _again(whole: duckdb.DuckDBPyConnection, row: Mapping[str, Any], span_id: int) -> Again | None:
    when = {name: row[name] for name in ("day", "started_at", "duration_ns")}
    return settled_again(
        whole, Target(project=row["project"], trace_id=row["trace_id"], span_id=span_id, **when)
    )


def _find(seen: duckdb.DuckDBPyConnection, asked: Asked) -> tuple[date, str]:
    """(day, trace id) of the one span that is meant."""
    bodies = _rows(
        seen,
        "find",
        {"project": asked.project, "span_id": asked.span_id, "trace_id": asked.trace_id},
    )
    traces = list(dict.fromkeys(body["trace_id"] for body in bodies))
    if not traces:
        raise _no_such(asked)
    if len(traces) > 1:
        listed = ", ".join(traces[:_MOST_TRACES]) + (" and more" if len(traces) > _MOST_TRACES else "")
        raise SeveralSpansError(
            f"span {asked.span_id:016x} is in {len(traces)} traces of project {asked.project}: {listed}. "
            "Name one (--trace ID)."
        )
    return bodies[0]["day"], traces[0]


def _no_such(asked: Asked) -> NoSuchSpanError:
    where = f"trace {asked.trace_id} of project" if asked.trace_id else "project"
    return NoSuchSpanError(
        f"there is no span {asked.span_id:016x} in {where} {asked.project} that you may see. Compare the id with the "
        "column span_id of `calls` (`steelyard query latest_calls`), name another project (--project), or wait a second: "
        "what has just been sent may not be stored yet."
    )


def _rows(session: duckdb.DuckDBPyConnection, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    result = session.sql(statement(name), params=dict(params))
    found: list[dict[str, Any]] = result.to_arrow_table().to_pylist(maps_as_pydicts="lossy")
    return found


@contextlib.contextmanager
def _within(seconds: float, *sessions: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Stop what the sessions do when it takes longer; then raises QueryError."""
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        for session in sessions:
            session.interrupt()

    deadline = threading.Timer(seconds, stop)
    deadline.daemon = True
    deadline.start()
    try:
        yield
    except duckdb.InterruptException as stopped:
        if not expired.is_set():
            raise
        raise QueryError(
            f"the explanation was stopped after {seconds:g} s. Name the trace (--trace)."
        ) from stopped
    finally:
        deadline.cancel()


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case datetime():
            return value.isoformat() + "Z"
        case date() | uuid.UUID():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
