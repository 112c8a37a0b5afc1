"""Which calls a repricing is about: every condition narrows it, none at all means every call of the project.

Plain data, without the database: the command writes a scope, the receiver checks it, the store server reads it.

    {"since": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z", "model": "ft:gpt-4o*", "cost_status": "unpriced"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

COST_STATUSES: Mapping[str, tuple[str, ...]] = {
    "unpriced": ("unpriced_model", "unpriced_unit"),
    **{
        name: (name,)
        for name in ("priced", "free", "cache_hit", "unpriced_model", "unpriced_unit", "no_usage", "conflict")
    },
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


class ScopeError(ValueError):
    """What is wrong with a scope, in one sentence."""


@dataclass(frozen=True)
class PricingScope:
    """The calls that started in [since, until) (UTC without a zone) and that every given condition fits.

    `provider` is who sold the call or where it ran; `model` the name that answered, else the one asked for, `*` at its
    end for every name that begins so; `tenant_id` the final tenant, empty = none; `cost_status` a key of COST_STATUSES.
    """

    since: datetime | None = None
    until: datetime | None = None
    provider: str | None = None
    model: str | None = None
    tenant_id: str | None = None
    cost_status: str | None = None

    @classmethod
    def read(cls, document: Any) -> PricingScope:
        """From JSON. Raises ScopeError: a condition that is not understood must not widen a scope."""
        if not isinstance(document, Mapping):
            raise ScopeError("the scope is not an object such as {}")
        known = cls.__dataclass_fields__
        if unknown := [name for name in document if name not in known]:
            raise ScopeError(f"the scope has no {unknown[0]!r}. It has: {', '.join(known)}")
        given = {name: value for name, value in document.items() if value is not None}
        if wrong := [name for name, value in given.items() if not isinstance(value, str)]:
            raise ScopeError(f"{wrong[0]!r} of the scope is {given[wrong[0]]!r}, not a text")
        times = {name: _moment(name, given[name]) for name in ("since", "until") if name in given}
        scope = cls(**(given | times))
        if scope.since and scope.until and scope.until <= scope.since:
            raise ScopeError(f"the scope ends at {given['until']}, not after it begins at {given['since']}")
        if scope.cost_status is not None and scope.cost_status not in COST_STATUSES:
            raise ScopeError(f"cost_status {scope.cost_status!r} is none of {', '.join(COST_STATUSES)}")
        return scope

    @classmethod
    def parse(cls, text: str) -> PricingScope:
        """From JSON text, as it is stored. Raises ScopeError."""
        try:
            return cls.read(json.loads(text))
        except json.JSONDecodeError as broken:
            raise ScopeError(f"the scope is not JSON: {broken}") from None

    def document(self) -> dict[str, str]:
        """As JSON, with the conditions that are given."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            name: f"{value.isoformat()}Z" if isinstance(value, datetime) else value
            for name, value in given.items()
        }

    def params(self) -> dict[str, Any]:
        """The parameters of the SQL that finds the calls."""
        prefix = self.model.removesuffix("*") if self.model and self.model.endswith("*") else None
        return {
            "since": self.since,
            "until": self.until,
            "provider": self.provider,
            "model": None if prefix is not None else self.model,
            "model_prefix": prefix,
            "tenant": self.tenant_id,
            "statuses": None if self.cost_status is None else list(COST_STATUSES[self.cost_status]),
        }


def _moment(name: str, text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass  # such as the 31st of February: said below like every other
    raise ScopeError(f"{name!r} of the scope is {text!r}, not a time such as 2026-10-01T00:00:00Z")
