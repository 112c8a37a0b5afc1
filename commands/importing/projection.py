"""From the texts of a file to the values of calls: one SELECT, written from the mapping, over the macros.

Step by step: `said` (the text that each name was given), `made` (what a preset computes from them), `typed` (numbers and
times). A row that cannot be read keeps the first name at fault as `problem` with its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from commands.importing.canonical import CANONICAL, Canonical, Kind, canonical
from commands.importing.mapping import Resolved
from commands.importing.reading import Source, identifier, text
from commands.importing.texts import Texts

# Columns of the projection that are about the row; after them come `attributes`.
ROW_COLUMNS = (
    "key",  # of the row: "id:…" or "row:" and a hash of all it says
    "key_hash",  # the same as a number, that of `keys`
    "problem",  # the name at fault, NULL when the row can be read
    "problem_value",
    "unread",  # a column that should be a document and is none; what is inside of it is missing
    "skipped",  # an operation that is no model call
    "started_us",
    "ended_ns",  # NULL: not known
    "operation",
    "failed",
    "id",
    "trace_id",
    "service_name",
    "environment",
)
BROKEN = "(no object)"  # a line of JSON that is none
ENDED_EARLY = "(ended before it started)"
_TOKENS = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
)
_NUMERIC = ("time", "duration", "count", "number")


def attributes(resolved: Resolved, *, with_content: bool) -> list[Canonical]:
    """What is sent as an attribute, in the order of the projection."""
    extra = [canonical(name) for name in resolved.columns if name not in CANONICAL]
    extra += [canonical(name) for name in resolved.constants if name not in CANONICAL]
    every = [*CANONICAL.values(), *(one for one in extra if one)]
    return [one for one in every if one.attribute and (with_content or one.kind != "content")]


def projection(source: Source, resolved: Resolved, *, with_content: bool) -> str:
    """SELECT of ROW_COLUMNS and `attributes`, a row a row of the file, in its order."""
    sent = attributes(resolved, with_content=with_content)
    names = _names(sent, with_content=with_content)
    texts = Texts(source)
    said = _said(texts, resolved, names)
    unread = _unread(texts)
    # Not materialized: by default DuckDB would keep every step of the whole file.
    return f"""
with said as not materialized (
    select {", ".join(said)}, {unread} as "_unread", {_hash_where_no_id(texts, resolved)} as "_row",
        {texts.row} is null as "_is_broken"
    from ({texts.relation()})
),
made as not materialized (select * {_computed(resolved, names)} from said),
numbered as not materialized (select *, {", ".join(_numbers(names))} from made),
moments as not materialized (select *, {", ".join(_times(names))} from numbered),
typed as not materialized (select {", ".join(_typed(names))}, "_unread", "_row", "_is_broken" from moments),
timed as not materialized (
    select *, {_ended_ns()} as ended_ns, {_stated_operation(resolved)} as stated_operation from typed
),
checked as not materialized (
    select *, {_problem(names)} as problem, {_problem_value(names)} as problem_value from timed
),
counted as not materialized (select * replace ({_counts(resolved)}) from checked)
select
    {_KEY},
    hash(key) as key_hash,
    problem,
    case when problem is not null then left(problem_value, 80) end as problem_value,
    "_unread" as unread,
    case when operation is not null and stated_operation is null then operation end as skipped,
    started_at as started_us,
    ended_ns,
    coalesce(stated_operation, 'chat') as operation,
    coalesce(is_failure(status), false) or coalesce(http_status >= 400, false) or error_type is not null as failed,
    id,
    trace_id,
    service_name,
    environment,
    {", ".join(_sent(one) for one in sent)}
from counted
"""


def keys(source: Source, resolved: Resolved) -> str:
    """SELECT of (a hash of the key, whether it is an id) of every row."""
    texts = Texts(source)
    found = _given(texts, resolved, "id")
    row = _hash_where_no_id(texts, resolved)
    every = f'select {found} as id, {row} as "_row" from ({texts.relation()})'
    return (
        f"select hash(key) as key_hash, starts_with(key, 'id:') as is_id from (select {_KEY} from ({every}))"
    )


_KEY = """case when id is null then 'row:' || "_row" else 'id:' || id end as key"""


def _hash_where_no_id(texts: Texts, resolved: Resolved) -> str:
    return f"case when {_given(texts, resolved, 'id')} is null then md5(coalesce({texts.row}, '')) end"


def _names(sent: Sequence[Canonical], *, with_content: bool) -> list[str]:
    own = [name for name, one in CANONICAL.items() if with_content or one.kind != "content"]
    return own + [one.name for one in sent if one.name not in CANONICAL]


def _computed(resolved: Resolved, names: Sequence[str]) -> str:
    """The preset's expressions, but for names that the user gave a column or a value."""
    computed = resolved.preset.computed if resolved.preset else {}
    replaced = ", ".join(
        f"({expression}) as {identifier(name)}"
        for name, expression in computed.items()
        if name in names and name not in resolved.constants and name not in resolved.own
    )
    return f"replace ({replaced})" if replaced else ""


def _said(texts: Texts, resolved: Resolved, names: Sequence[str]) -> list[str]:
    given = [(name, _given(texts, resolved, name)) for name in names]
    if preset := resolved.preset:
        given += [(name, _first_said(texts, columns)) for name, columns in preset.helpers.items()]
        given += [
            (name, _first(texts.document(column) for column in columns if texts.has(column)))
            for name, columns in preset.documents.items()
        ]
    return [f"{expression} as {identifier(name)}" for name, expression in given]


def _given(texts: Texts, resolved: Resolved, name: str) -> str:
    if name in resolved.constants:
        return text(resolved.constants[name])
    return _first_said(texts, resolved.columns.get(name, ()))


def _first_said(texts: Texts, columns: Sequence[str]) -> str:
    """The first of these columns that says something in this row."""
    return _first(f"said({texts.value(column)})" for column in columns if texts.has(column))


def _first(expressions: Iterable[str]) -> str:
    found = list(expressions)
    return f"coalesce({', '.join(found)})" if found else "null::varchar"


def _unread(texts: Texts) -> str:
    """The first column that should be a document, says something and is none. After every value was asked for."""
    cases = [
        f"when said({value}) is not null and {document} is null then {text(root)}"
        for root, value, document in texts.documents()
    ]
    return f"case {' '.join(cases)} end" if cases else "null::varchar"


def _numbers(names: Sequence[str]) -> list[str]:
    """Each text that may be a number as one, beside it."""
    return [f"number_of({identifier(name)}) as {_number(name)}" for name in names if _kind(name) in _NUMERIC]


def _times(names: Sequence[str]) -> list[str]:
    return [
        f"us_of({identifier(name)}, {_number(name)}) as {_time(name)}"
        for name in names
        if _kind(name) == "time"
    ]


def _typed(names: Sequence[str]) -> list[str]:
    """The value of each name, and beside what is not text the text it was read from."""
    columns: list[str] = []
    for name in names:
        read = _reading(name)
        columns += [identifier(name)] if read is None else [f"{read} as {identifier(name)}", _text_of(name)]
    return columns


def _reading(name: str) -> str | None:
    """The expression of the value; None for what stays text."""
    match _kind(name):
        case "time":
            return f"likely_time({_time(name)})"
        case "duration":
            return f"ns_of({_number(name)}, {CANONICAL[name].scale})"
        case "count":
            return f"count_of({_number(name)})"
        case "number":
            return f"finite_of({_number(name)})"
        case "flag":
            return f"flag_of({identifier(name)})"
        case _:
            return None


def _kind(name: str) -> Kind:
    return CANONICAL[name].kind if name in CANONICAL else "text"


def _number(name: str) -> str:
    return identifier(f"{name} as number")


def _time(name: str) -> str:
    return identifier(f"{name} as time")


def _text_of(name: str) -> str:
    return f"{identifier(name)} as {identifier('_' + name)}"


def _counts(resolved: Resolved) -> str:
    """Token counts as OpenTelemetry means them: the input with what the cache read and wrote, output with reasoning."""
    cache = "coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)"
    # Less than its own parts: whoever counted left them out.
    whole = f"case when {cache} > input_tokens then input_tokens + {cache} else input_tokens end"
    rules = {
        "input_tokens": f"coalesce({whole}, input_tokens_without_cache + {cache})",
        "output_tokens": "coalesce(output_tokens, output_tokens_without_reasoning + coalesce(reasoning_tokens, 0))",
    }
    if not (resolved.preset and resolved.preset.zero_is_unknown):
        return ", ".join(f"{rule} as {name}" for name, rule in rules.items())
    none_counted = " and ".join(
        f"coalesce({name}, 0) = 0" for name in (*_TOKENS, "input_tokens_without_cache")
    )
    none_counted += " and coalesce(output_tokens_without_reasoning, 0) = 0"
    unknown = {name: f"case when not ({none_counted}) then {rules.get(name, name)} end" for name in _TOKENS}
    unknown["reported_cost_usd"] = (
        f"case when not ({none_counted} and reported_cost_usd = 0) then reported_cost_usd end"
    )
    return ", ".join(f"{rule} as {name}" for name, rule in unknown.items())


def _ended_ns() -> str:
    durations = [one.name for one in CANONICAL.values() if one.kind == "duration"]
    return f"coalesce(ended_at * 1000, started_at * 1000 + coalesce({', '.join(durations)}))"


def _stated_operation(resolved: Resolved) -> str:
    cases = " ".join(f"when {text(said)} then {text(known)}" for said, known in resolved.operations.items())
    return f"case lower(operation) {cases} end"


def _unreadable(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(condition, name) of every name that was given a text that it cannot be read from."""
    for name in names:
        if _reading(name):
            yield f"{identifier('_' + name)} is not null and {identifier(name)} is null", name


def _problem(names: Sequence[str]) -> str:
    cases = " ".join(f"when {condition} then '{name}'" for condition, name in _unreadable(names))
    return f"""case when "_is_broken" then '{BROKEN}' when started_at is null then 'started_at' {cases}
        when ended_ns < started_at * 1000 then '{ENDED_EARLY}' end"""


def _problem_value(names: Sequence[str]) -> str:
    cases = " ".join(
        f"when {condition} then {identifier('_' + name)}" for condition, name in _unreadable(names)
    )
    return f"case when started_at is null then _started_at {cases} else _ended_at end"


def _sent(one: Canonical) -> str:
    started = "started_at"
    is_within = f"first_token_at > {started} and first_token_at * 1000 < ended_ns"
    special = {
        "stream": f"coalesce(stream, case when {is_within} then true end)",
        "ttft_s": f"coalesce(ttft_s, ttft_ms / 1000, case when {is_within} then (first_token_at - {started}) / 1e6 end)",
    }
    expression = special.get(one.name, identifier(one.name))
    return f"{expression} as {identifier(one.name)}"
