"""What a repricing would change, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from collector.repricing.compare import compared
from collector.repricing.statements import statement
from collector.repricing.task import Piece, Task, pieces, prepare_session
from collector.repricing.transactions import transaction, utc_now
from errors import QueryError
from pricing.book import Book
from store import terms as recorded
from store.pricing_scope import PricingScope, ScopeError
from store.projects import DEFAULT_PROJECT, is_project
from store.record_checks import rule_problems
from store.records import KINDS, problems
from store.tenants import AttributionRule
from store.terms import Terms

_DIFFERENCES = """
    create or replace temp table differences (
        tenant_id varchar, provider varchar, model varchar, is_closed boolean,
        n_calls_before bigint, n_calls_after bigint, n_priced_before bigint, n_priced_after bigint, n_changed bigint,
        list_before_usd decimal(38, 12), list_after_usd decimal(38, 12),
        effective_before_usd decimal(38, 12), effective_after_usd decimal(38, 12)
    )
"""


@dataclass(frozen=True)
class Question:
    """What to preview: the calls of a project within a scope, with `rules` as if they were recorded last, and without
    the `withdrawn` ones.
    """

    project: str
    scope: PricingScope
    rules: Sequence[AttributionRule] = ()
    withdrawn: Set[str] = frozenset()

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> Question:
        """From JSON: `project`, `rules` as records of attribution rules, and the members of a scope. Raises QueryError."""
        of_scope = {name: value for name, value in asked.items() if name not in ("project", "rules")}
        project, rules = asked.get("project", DEFAULT_PROJECT), asked.get("rules") or []
        if not isinstance(project, str) or not is_project(project):
            raise QueryError(f"project {project!r} is not a project name")
        if not isinstance(rules, list):
            raise QueryError("rules is not a list of attribution rules")
        wrong = problems(KINDS["attribution_rules"], rules) or rule_problems(rules, project)
        if wrong:
            raise QueryError(f"rules: {'; '.join(wrong[:5])}")
        try:
            scope = PricingScope.read(of_scope)
        except ScopeError as wrong_scope:
            raise QueryError(str(wrong_scope)) from None
        added = [_rule(project, rule) for rule in rules if not rule.get("withdraws")]
        return cls(project, scope, added, {rule["withdraws"] for rule in rules if rule.get("withdraws")})

    def attribution(self, recorded_rules: Sequence[AttributionRule]) -> tuple[AttributionRule, ...]:
        """The rules that would count, in the order they count."""
        kept = (rule for rule in recorded_rules if rule.rule_id not in self.withdrawn)
        return (*kept, *self.rules)


@dataclass(frozen=True)
class Preview:
    """What would change. `differences` has a row per tenant, provider, model and whether the month is closed: the calls in
    scope and what they cost before and after, in USD, with what is booked for closed months; only where that differs.
    """

    n_calls: int  # in scope
    n_changed: int  # charged or attributed otherwise; in closed months: with a difference to book
    differences: pa.Table

    def document(self) -> dict[str, Any]:
        """As JSON: amounts are text, unknown ones null."""
        rows = [
            {
                name: value if value is None or isinstance(value, (bool, int)) else str(value)
                for name, value in row.items()
            }
            for row in self.differences.to_pylist()
        ]
        return {"n_calls": self.n_calls, "n_changed": self.n_changed, "differences": rows}


def preview(session: duckdb.DuckDBPyConnection, book: Book, question: Question) -> Preview:
    """What a repricing would change by all that is recorded now.

    Reads piece by piece, each in a transaction of its own: a long one would keep the store from being compacted.
    """
    task = Task(question.project, question.scope, utc_now())
    terms = recorded.load(session, book)
    terms = replace(terms, attribution=question.attribution(terms.attribution))
    prepare_session(session)
    session.execute(_DIFFERENCES)
    n_calls = sum(_add(session, task, piece, terms) for piece in pieces(session, task))
    found = session.sql(statement("sum_of_differences")).to_arrow_table()
    session.execute("drop table differences")
    return Preview(n_calls, sum(found.column("n_changed").to_pylist()), found)


def _add(session: duckdb.DuckDBPyConnection, task: Task, piece: Piece, terms: Terms) -> int:
    """Add the differences of one piece; how many calls it has."""
    with transaction(session), compared(session, task, piece, terms) as n_calls:
        session.execute(statement("differences")).fetchall()
    return n_calls


def _rule(project: str, record: Mapping[str, Any]) -> AttributionRule:
    begins, ends = (
        None if (text := record.get(name)) is None else datetime.fromisoformat(text).replace(tzinfo=None)
        for name in ("valid_from", "valid_to")
    )
    return AttributionRule(
        project=project,
        rule_id=record["rule_id"],
        tenant_id=record["tenant_id"],
        dimension=record["dimension"],
        value=record.get("dimension_value") or "",
        valid_from=begins,
        valid_to=ends,
    )
