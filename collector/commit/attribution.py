"""Whom calls are for where their telemetry does not say it, or says it wrongly: by the rules that people recorded.

What telemetry said stays as it is (`tenant_id`); the tenant by a rule stands beside it and goes before it. Settling never
sees it, so it is worked out again whenever a row is written, and the order of arrival makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from store.dimensions import BUILT_IN
from store.tenants import AttributionRule
from store.terms import Terms

COLUMNS = ("attributed_tenant_id", "attributed_by")
# What of a span the rules read; beside these `dims`, and `new_dims` which goes before it.
READ = (
    "project",
    "role",
    "started_at",
    "model_requested",
    "model_answered",
    *(name for name in BUILT_IN if name != "model"),
)
_NONE, _FIRST_US, _LAST_US = -1, -(2**63), 2**63 - 1

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def attribute(spans: pa.Table, terms: Terms) -> pa.Table:
    """The spans with `attributed_tenant_id` and `attributed_by`: the tenant that a rule says, and that rule's id.

    Spans have the columns of READ, settled; both are NULL where no rule is about the span, and for what is no call.
    """
    rules = [rule for rule in terms.attribution if rule.dimension]
    decided = _deciding_rules(spans, rules) if rules else np.full(spans.num_rows, _NONE)
    at = pa.array(decided, mask=decided == _NONE)
    kept = spans.drop_columns([name for name in COLUMNS if name in spans.column_names])
    for name, values in zip(
        COLUMNS, ([rule.tenant_id for rule in rules], [rule.rule_id for rule in rules]), strict=True
    ):
        kept = kept.append_column(name, pa.array(values, pa.string()).take(at))
    return kept


def final_tenant(spans: pa.Table) -> pa.ChunkedArray:
    """Whom each span is for, of spans that went through `attribute`."""
    return pc.coalesce(spans.column("attributed_tenant_id"), spans.column("tenant_id"))


def _deciding_rules(spans: pa.Table, rules: Sequence[AttributionRule]) -> Rows:
    """For each span the number of the rule that decides, the last recorded that is about it, or -1."""
    is_call = pc.equal(spans.column("role"), "call").fill_null(False).to_numpy()
    is_open = is_call & pc.is_null(spans.column("tenant_id")).to_numpy()
    projects = _Coded.of(spans.column("project").combine_chunks())
    started_us = spans.column("started_at").cast(pa.int64()).to_numpy()
    decided = np.full(spans.num_rows, _NONE)
    values = {name: _Coded.of(dimension_values(spans, name)) for name in {rule.dimension for rule in rules}}
    for number, rule in enumerate(rules):
        concerned = is_call if rule.dimension == "tenant_id" else is_open
        rows = np.flatnonzero(
            concerned & values[rule.dimension].equal(rule.value) & projects.equal(rule.project)
        )
        begins, ends = _us(rule.valid_from, _FIRST_US), _us(rule.valid_to, _LAST_US)
        decided[rows[(started_us[rows] >= begins) & (started_us[rows] < ends)]] = number
    return decided


@dataclass(frozen=True)
class _Coded:
    """A column of texts as numbers: a text is looked up once, and not compared with every row."""

    codes: Rows
    numbers: Mapping[str, int]

    @classmethod
    def of(cls, texts: pa.Array) -> _Coded:
        """Of texts without NULL."""
        encoded = texts.dictionary_encode()
        numbers = {text: number for number, text in enumerate(encoded.dictionary.to_pylist())}
        return cls(encoded.indices.to_numpy(), numbers)

    def equal(self, text: str) -> Flags:
        """Which rows have this text."""
        found: Flags = self.codes == self.numbers.get(text, _NONE)
        return found


def dimension_values(spans: pa.Table, dimension: str) -> pa.Array:
    """The value of each span in a dimension, empty where it has none; as the macro `dimension_value` has it."""
    if dimension == "model":
        values = pc.coalesce(spans.column("model_answered"), spans.column("model_requested"))
    elif dimension in BUILT_IN:
        values = spans.column(dimension)
    else:
        maps = [spans.column(name) for name in ("new_dims", "dims") if name in spans.column_names]
        looked_up = [pc.map_lookup(one.combine_chunks(), dimension, "first") for one in maps]
        values = pc.coalesce(*looked_up) if looked_up else pa.nulls(spans.num_rows, pa.string())
    values = pc.fill_null(values.cast(pa.string()), "")
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _us(moment: datetime | None, otherwise: int) -> int:
    if moment is None:
        return otherwise
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
