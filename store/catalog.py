"""Named queries: one `.sql` file each, self-describing, in `store/queries/`.

The header is the contract, checked by a test over the whole folder:

    -- purpose: one sentence.
    -- param month date: first day of the month, UTC
    -- param model text optional: only this answered model
    -- column cost_usd usd: list cost of what could be priced

`$scope` is always there: the project the caller may see. A query reads nothing outside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Literal

from errors import QueryError

ParamType = Literal["text", "integer", "date", "time"]
ParamValue = str | int | date | datetime | None


@dataclass(frozen=True)
class Param:
    name: str
    type: ParamType
    optional: bool
    meaning: str


@dataclass(frozen=True)
class Column:
    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class NamedQuery:
    name: str
    purpose: str
    params: tuple[Param, ...]
    columns: tuple[Column, ...]
    sql: str

    @property
    def reads_contents(self) -> bool:
        """Whether it reads what people and models wrote, which not everyone who may ask queries may see."""
        return _CONTENTS.search(_COMMENT.sub("", self.sql)) is not None


_COMMENT = re.compile(r"--.*")
_CONTENTS = re.compile(r'\b(?:from|join|,)\s+(?:\w+\.)*"?contents\b', re.I)
_PURPOSE = re.compile(r"^-- purpose: (.+)$", re.M)
_PARAM = re.compile(r"^-- param (\w+) (text|integer|date|time)( optional)?: (.+)$", re.M)
_COLUMN = re.compile(r"^-- column (\w+) (\S+): (.+)$", re.M)


@cache
def named_queries() -> Mapping[str, NamedQuery]:
    """Every named query by name."""
    found = [
        _parse(path.name.removesuffix(".sql"), path.read_text("utf-8"))
        for path in files("store").joinpath("queries").iterdir()
        if path.name.endswith(".sql")
    ]
    return {query.name: query for query in sorted(found, key=lambda query: query.name)}


def named_query(name: str) -> NamedQuery:
    """The query of that name; raises QueryError that lists what there is."""
    queries = named_queries()
    if name not in queries:
        raise QueryError(f"there is no query named {name!r}. There are: {', '.join(queries)}.")
    return queries[name]


def bind(query: NamedQuery, scope: str, given: Mapping[str, str | None]) -> dict[str, ParamValue]:
    """The parameters of one execution, parsed from text; names every one that is wrong or missing."""
    known = {param.name: param for param in query.params}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise QueryError(
            f"query {query.name!r} has no parameter {unknown[0]!r}. It has: {', '.join(known) or 'none'}."
        )
    missing = [param.name for param in query.params if not param.optional and given.get(param.name) is None]
    if missing:
        param = known[missing[0]]
        raise QueryError(
            f"query {query.name!r} needs {param.name} ({param.type}: {param.meaning}). Give it as "
            f"--param {param.name}=…"
        )
    values = {param.name: _value(query.name, param, given.get(param.name)) for param in query.params}
    return {"scope": scope, **values}


def _value(query: str, param: Param, text: str | None) -> ParamValue:
    if text is None:
        return None
    try:
        match param.type:
            case "text":
                return text
            case "integer":
                return int(text)
            case "date":
                return date.fromisoformat(text)
            case "time":
                return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        examples = {"integer": "50", "date": "2026-10-01", "time": "2026-10-01T00:00:00Z"}
        raise QueryError(
            f"query {query!r}: {param.name} is {text!r}, not a {param.type}. For example: "
            f"{param.name}={examples[param.type]}"
        ) from None


def _parse(name: str, text: str) -> NamedQuery:
    purpose = _PURPOSE.search(text)
    if purpose is None:
        raise ValueError(f"store/queries/{name}.sql has no `-- purpose:` line")
    return NamedQuery(
        name=name,
        purpose=purpose[1],
        params=tuple(Param(p[0], p[1], bool(p[2]), p[3]) for p in _PARAM.findall(text)),
        columns=tuple(Column(*c) for c in _COLUMN.findall(text)),
        sql=text,
    )
