"""An explanation (collector/server/explain.py) as text for a terminal: a section a question, short lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from commands.explained_cost import aligned, cost

Found = Mapping[str, Any]


def as_text(found: Found) -> str:
    """The whole explanation."""
    listed = {
        one["span_id"]
        for name in ("folded", "above", "below", "attempts")
        for one in found[name]
        if "span_id" in one
    }
    sections = (
        _span(found["span"]),
        _role(found["role"], found["doubt"]),
        _columns(found["columns"], found["span"]["span_id"], listed),
        _folded(found),
        _around("above it", found["above"], len(found["above"])),
        _around("below it", found["below"], found["n_below"]),
        _attempts(found["attempts"]),
        cost(found["cost"], found["sampling"]),
        _check(found["check"]),
    )
    return (
        _printable("\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))) + "\n"
    )


def _span(span: Found) -> Iterator[str]:
    yield f"span {span['span_id']} of trace {span['trace_id']}, project {span['project']}"
    scope = " ".join(filter(None, (span["scope_name"], span["scope_version"])))
    yield f"  {span['span_name']}, of service {span['service_name'] or 'unknown'}, by {scope or 'an unnamed scope'}"
    yield f"  {span['started_at']}, {_milliseconds(span['duration_ns'])}, {span['status']}"
    if span["dropped_attributes_count"]:
        yield f"  {span['dropped_attributes_count']} attributes were dropped before it was sent: values may be missing"


def _role(role: Found, doubt: Found | None) -> Iterator[str]:
    yield f"role: {role['role']}, {role['means']}"
    rule = str(role["family_rule"] or "no rule is recorded").removeprefix(f"{role['role_alone']}: ")
    yield f"  by itself  {role['role_alone']}: {rule} (family {role['family'] or 'none'})"
    if role["because"]:
        yield f"  settled    {role['because']}"
    if role["call"]:
        yield f"  its call   {_ref(role['call'])}"
    if doubt:
        yield f"  doubt      {doubt['means']}"


def _columns(columns: Sequence[Found], this: str, listed: Collection[str]) -> Iterator[str]:
    said = [one for one in columns if one["kind"] not in ("nobody", "price_book")]
    yield "columns"
    yield from aligned([(one["column"], _value(one["value"]), _origin(one, this, listed)) for one in said])
    if unsaid := [one["column"] for one in columns if one["kind"] == "nobody"]:
        yield "  not said by anybody:"
        yield from _wrapped(unsaid)


def _origin(one: Found, this: str, listed: Collection[str]) -> str:
    told = str(one["from"])
    if one["kind"] == "span":
        # Named in full where no section below lists it.
        span = one["span"]
        span_id = span.get("span_id")
        who = "this span" if span_id == this else f"span {span_id}" if span_id in listed else _ref(span)
        told = f"{who}{', ' + told if one['from'] else ''}: {one['because']}"
    itself = one.get("said_itself")
    return told if itself is None else f"{told} (itself: {_value(itself)})"


def _folded(found: Found) -> Iterator[str]:
    if not found["folded"]:
        return
    yield "folded into it"
    for one in found["folded"]:
        yield f"  {_ref(one)}"
        yield f"    {one.get('role', 'hidden')}: {one['because']}"
        yield f"    gave {', '.join(one['gave']) or 'nothing'}"
    yield f"  {found['stands']}"


def _around(title: str, spans: Sequence[Found], n_spans: int) -> Iterator[str]:
    if not spans:
        return
    yield title
    yield from aligned([(one["role"], _ref(one), _rule(one)) for one in spans])
    if n_spans > len(spans):
        yield f"  and {n_spans - len(spans)} more"


def _rule(one: Found) -> str:
    return str(one.get("rule") or "").removeprefix(f"{one['role']}: ")


def _attempts(attempts: Sequence[Found]) -> Iterator[str]:
    if not attempts:
        return
    yield "attempts of one request"
    for one in attempts:
        this = ", this one" if one["is_this"] else ""
        yield f"  {one['attempt']}  {_ref(one)}  {one['status']}{this}"


def _check(check: Found) -> Iterator[str]:
    yield f"check: {check['means']}"
    for one in check["differences"]:
        other = "settled_again" if "settled_again" in one else "charged"
        yield f"  {one['column']}  stored {_value(one['stored'])}, {other.replace('_', ' ')} {_value(one[other])}"


def _ref(span: Found) -> str:
    if "hidden" in span:
        return str(span["hidden"])
    return f"span {span['span_id']} {span['span_name']!r} ({span['scope_name'] or span['service_name'] or 'unnamed'})"


def _wrapped(names: Sequence[str], width: int = 96) -> Iterator[str]:
    line = "   "
    for name in names:
        if len(line) + len(name) > width:
            yield line
            line = "   "
        line += f" {name}"
    yield line


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _milliseconds(duration_ns: int | None) -> str:
    return "duration unknown" if duration_ns is None else f"{duration_ns / 1e6:,.0f} ms"


def _printable(text: str) -> str:
    """Names come from outside: what a terminal would obey is not passed on."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)
