"""What the address of the Traces page asks for, as parameters of its queries; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zlib import crc32

from dashboard import formats
from dashboard.filters import ERROR_CLASS, SPAN, TRACE, Filters, Own

STATUSES: Mapping[str, str] = {"errors": "error", "ok": "ok"}
ORDERS: Mapping[str, str] = {"newest": "time", "slowest": "duration", "dearest": "cost"}
UNPRICED = "unpriced"
COSTS = (
    UNPRICED,
    "priced",
    "free",
    "cache_hit",
    "no_usage",
    "unpriced_model",
    "unpriced_unit",
    "conflict",
)
# What `find` can name besides attributes: word -> parameter of the search.
NAMED: Mapping[str, str] = {
    "kind": "kind",
    "provider": "provider",
    "service": "service_name",
    "version": "prompt_version",
    "min_tokens": "min_tokens",
}
# As `search_calls` gives it: a time or an amount, a trace, a span.
_POSITION = re.compile(r"[0-9T:.e+-]+/[0-9a-f-]{36}/[0-9]{1,20}", re.ASCII)
_MOST_DIGITS = 12
_ATTRIBUTE = re.compile(r"([A-Za-z][\w.:/~-]*)=(.*)", re.DOTALL)

OWN = (
    Own("status", "Status", tuple(STATUSES), width=115, placeholder="Any status"),
    ERROR_CLASS,
    Own("cost", "Cost", COSTS, width=135, placeholder="Any cost"),
    Own("find", "Find", width=300, placeholder="id, text, attribute=value, kind=retried"),
    Own("min_ms", "At least so many ms", width=95, placeholder="min ms"),
    Own("min_usd", "At least so many US dollars", width=95, placeholder="min $"),
    Own("sort", "Order", tuple(ORDERS), width=115, placeholder="newest"),
    TRACE,
    SPAN,
    Own("after", "Page", visible=False),
)
# What narrows the list, and is therefore cleared with the filters.
NARROWING = ("status", "class", "cost", "find", "min_ms", "min_usd", "after")


@dataclass(frozen=True)
class Search:
    """A search: `params` of search_calls and search_totals, the order, in words what narrows it, and what was not understood."""

    params: Mapping[str, str]
    order: str
    described: str
    ignored: tuple[str, ...]
    fingerprint: str

    @property
    def found_by(self) -> str | None:
        """The id or text that is looked for."""
        return self.params.get("find")


@dataclass(frozen=True)
class Leaf:
    """A page of the list: its number, from 1, and the position in the list that it begins after."""

    number: int = 1
    after: str | None = None

    def text(self, search: Search) -> str | None:
        """As the address has it; None for the first."""
        return f"{self.number}~{search.fingerprint}~{self.after}" if self.after else None


def search_of(chosen: Filters) -> Search:
    """The search that the filters and the fields of the page make. Raises CannotNarrowError as `Filters.of` does."""
    own = chosen.own
    params = dict(chosen.of("search_calls"))
    words = [chosen.described] if chosen.described else []
    ignored = []
    if own["status"]:
        params["status"] = STATUSES[own["status"]]
        words.append("failed" if own["status"] == "errors" else "succeeded")
    if own["class"]:
        params["error_class"] = own["class"]
        words.append(f"error {own['class']}")
    if own["cost"]:
        params |= {"kind": UNPRICED} if own["cost"] == UNPRICED else {"cost_status": own["cost"]}
        words.append(f"cost {own['cost'].replace('_', ' ')}")
    for key, param, unit in (("min_ms", "min_duration_ms", "ms"), ("min_usd", "min_cost_usd", "US dollars")):
        written = own[key]
        if written and (least := _number(written, whole=unit == "ms")):
            params[param] = least
            words.append(f"at least {least} {unit}")
        elif written:
            ignored.append(f"{written!r} is no number of {unit}. Shown without it.")
    if own["find"]:
        found, described, wrong = looked_for(own["find"])
        if any(params.get(name, value) != value for name, value in found.items()):
            wrong = f"{own['find']!r} contradicts a filter above. Shown without it."
        else:
            params |= found
            words += [described] if described else []
        ignored += [wrong] if wrong else []
    order = own["sort"] or "newest"
    fingerprint = _fingerprint(chosen, params, order)
    return Search(params, order, ", ".join(words), tuple(ignored), fingerprint)


def looked_for(written: str) -> tuple[dict[str, str], str, str]:
    """What the field `find` asks for: parameters, the same in words, and what of it cannot be asked."""
    hit = _ATTRIBUTE.fullmatch(written)
    if hit is None:
        return {"find": written}, f"“{formats.shortened(written)}”", ""
    key, value = hit[1], hit[2].strip()
    if key == "min_tokens" and not _is_count(value):
        return {}, "", f"{value!r} is no number of tokens. Shown without it."
    if key in NAMED:
        return {NAMED[key]: value}, f"{key} {formats.shortened(value)}", ""
    if not value:
        return {"attribute": key}, f"any {key}", ""
    return {"attribute": key, "attribute_value": value}, f"{key} = {formats.shortened(value)}", ""


def leaf_of(written: str | None, search: Search) -> Leaf:
    """The page of the list that the address names; the first when it was written for another search."""
    number, _, rest = (written or "").partition("~")
    fingerprint, _, after = rest.partition("~")
    if fingerprint != search.fingerprint or not _POSITION.fullmatch(after) or not _is_count(number):
        return Leaf()
    return Leaf(int(number), after)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _number(written: str, *, whole: bool) -> str | None:
    """A number as a query takes it; None when it is none, or less than nothing."""
    try:
        number = Decimal(written.replace(",", ".").lstrip("$"))
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number < 10**6 * (1000 if whole else 1):
        return None
    return str(int(number)) if whole else f"{number:f}"


def _fingerprint(chosen: Filters, params: Mapping[str, str], order: str) -> str:
    """Tells one list of calls from another; not by its window, which moves with the clock."""
    custom = (chosen.window.since, chosen.window.until) if chosen.range_name == "custom" else ()
    said = (chosen.project, chosen.range_name, custom, sorted(params.items()), order)
    return f"{crc32(repr(said).encode()):08x}"
