"""A named query, planned over rollups where they can answer it (docs/rollups.md).

A query asks `window_tallies`, `window_outcomes`, `window_latencies` or `window_steps` (store/views), which read calls. Each has a
twin that reads closed hours from rollups and takes the hours that are open besides. Which of the two is asked is decided here,
before the query is planned: planning both, and deciding in SQL, took 40 ms a query on an empty store.

A call of a macro is read as text, so its arguments must be plain: a parameter, a literal, null or
`coalesce($parameter, 'literal')`; the bounds of the window also `cast($month as date)` with whole days or months added. What is
asked in other words is answered from the calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import duckdb

from store.catalog import ParamValue
from store.rollups import IN_EVERY_ROW

# As many days with open hours as the macros compare: with more, the calls are as fast.
_DAYS = 8
_MACRO = re.compile(r"\bwindow_(tallies|outcomes|latencies|steps)\(")
_COMMENT = re.compile(r"--[^\n]*")
_BOUNDS = ("project", "since", "until")
_FILTERS = ("minutes", "tenant", "model", "environment", "prompt", "only_name", "only_value")
_NAMES = (*_BOUNDS, *_FILTERS, "by_name", "then_name")
_PLAIN = frozenset(_NAMES) - {*_BOUNDS}
# What the rollups of outcomes and latencies are by.
_OF_OUTCOMES = IN_EVERY_ROW - {"emitter"}
# A project that is not rolled has many open hours, and nobody needs their list.
_OPEN = """
    select
        list(dimension),
        case when count(*) > 0 then (select list(distinct hour_at) from open_hours where project = $scope) end
    from rolled_dimensions
    where project = $scope and not is_wide
"""

Params = Mapping[str, "ParamValue | Sequence[datetime] | Sequence[date | None]"]


@dataclass(frozen=True)
class _Asked:
    """A call of one of the macros in the text of a query."""

    at: int
    macro: str
    given: Mapping[str, str]  # its arguments as text


@dataclass(frozen=True)
class _Answer:
    """How the twin of a call is asked."""

    asked: _Asked
    dimension: str  # of the rollup
    cut_hours: Sequence[datetime]  # that the window holds a part of


def over_rollups(
    session: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, ParamValue]
) -> tuple[str, Params]:
    """The query and its parameters, asking rollups where they answer the same; in the transaction that it is run in."""
    answers = [answer for asked in _all_asked(sql) if (answer := _answer(asked, params))]
    if not answers:
        return sql, params
    [(dimensions, open_hours)] = session.execute(_OPEN, {"scope": params["scope"]}).fetchall()
    answers = [answer for answer in answers if answer.dimension in (dimensions or ())]
    hours = {*(open_hours or ()), *(hour for answer in answers for hour in answer.cut_hours)}
    days = sorted({hour.date() for hour in hours})
    if not answers or len(days) > _DAYS:
        return sql, params
    return _rewritten(sql, answers), {
        **params,
        **{f"rolled_as_{n}": a.dimension for n, a in enumerate(answers) if a.asked.macro == "tallies"},
        "open_hours": sorted(hours),
        "open_days": [*days, *[None] * (_DAYS - len(days))],
    }


def _rewritten(sql: str, answers: Sequence[_Answer]) -> str:
    parts, done = [], 0
    for n, answer in enumerate(answers):
        asked = answer.asked
        by = f"$rolled_as_{n}, " if asked.macro == "tallies" else ""
        parts += [sql[done : asked.at], f"rolled_{asked.macro}($open_hours, $open_days, {by}"]
        done = asked.at + len(f"window_{asked.macro}(")
    return "".join([*parts, sql[done:]])


def _answer(asked: _Asked, params: Mapping[str, ParamValue]) -> _Answer | None:
    """How rollups answer it; None when only the calls can."""
    try:
        value = {name: _value(text, params) for name, text in asked.given.items() if name in _PLAIN}
        cut_hours = [hour for name in ("since", "until") for hour in _cut(asked.given[name], params)]
    except ValueError:
        return None
    names = {value.get(name) for name in ("only_name", "by_name", "then_name")}
    names |= {"tenant_id" if value["tenant"] is not None else None}
    names |= {"prompt_name" if value["prompt"] is not None else None}
    further = names - {None} - (IN_EVERY_ROW if asked.macro == "tallies" else _OF_OUTCOMES)
    minutes = value["minutes"]
    if len(further) > (asked.macro == "tallies") or (isinstance(minutes, int) and minutes % 60):
        return None
    return _Answer(asked, str(next(iter(further), "")), cut_hours)


def _value(text: str, params: Mapping[str, ParamValue]) -> ParamValue:
    """What an argument stands for; raises ValueError for what is not plain."""
    if text == "null":
        return None
    if found := re.fullmatch(r"\$(\w+)", text):
        return params[found[1]]
    if found := re.fullmatch(r"coalesce\(\$(\w+), '(\w*)'\)", text):
        given = params[found[1]]
        return found[2] if given is None else given
    if found := re.fullmatch(r"'(\w*)'", text):
        return found[1]
    return int(text)


def _cut(text: str, params: Mapping[str, ParamValue]) -> Iterator[datetime]:
    """The hour that this bound of a window cuts, if it does."""
    if text.startswith("cast($month as date)"):
        return
    moment = _value(text, params)
    if isinstance(moment, datetime):
        hour = moment.replace(minute=0, second=0, microsecond=0)
        if hour != moment:
            yield hour


@cache
def _all_asked(sql: str) -> Sequence[_Asked]:
    # Comments keep their length, so that places in the one text are places in the other.
    text = _COMMENT.sub(lambda comment: " " * len(comment[0]), sql)
    found = []
    for macro in _MACRO.finditer(text):
        given = _arguments(text, macro.end())
        named = dict(one.split(" := ") for one in given if " := " in one)
        in_order = zip(_NAMES, (one for one in given if " := " not in one), strict=False)
        found.append(_Asked(macro.start(), macro[1], dict(in_order) | named))
    return found


def _arguments(text: str, at: int) -> list[str]:
    """What stands between the parenthesis before `at` and the one that closes it, by its commas."""
    depth, arguments = 0, [""]
    for character in text[at:]:
        if character == ")" and depth == 0:
            break
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += character
    return [" ".join(one.split()) for one in arguments]
