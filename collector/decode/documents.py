"""Texts that are documents: JSON, or the repr of a Python value, as emitters put them into attributes.

A document is read once for each distinct text, and only for spans of a family that has its values there. Whatever a
sender writes, reading it raises nothing: what cannot be read has no values.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from typing import Any

from collector.conventions.columns import Reading

# A document far beyond what any emitter sends is not read; a repr is read 100 times slower than JSON.
_LONGEST_JSON = 4_000_000
_LONGEST_REPR = 65_536
# Beyond it a double no longer counts.
_TOO_MANY = 2.0**53


def read(text: str | None) -> Any:
    """The value that the text stands for; None when it is no document."""
    if not text or len(text) > _LONGEST_JSON:
        return None
    try:
        return json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        return _read_repr(text) if text.lstrip()[:1] in ("{", "[", "(") else None


def at(node: Any, path: str) -> Any:
    """What stands at the path, None when nothing does. A text on the way may be a document again."""
    for name in path.split("."):
        if isinstance(node, str):
            node = read(node) if node[:1] in ("{", "[") else None
        if isinstance(node, dict):
            node = node.get(name)
        elif isinstance(node, list | tuple) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            return None
    return node


def unquoted(text: str | None) -> str | None:
    """A text that is written as a JSON string, without its quotes; every other as it is."""
    if text is None or len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    found = read(text)
    return (found or None) if isinstance(found, str) else text


def as_text(value: Any) -> str | None:
    """A scalar as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if math.isfinite(value) else None
    return _storable(unquoted(value)) if isinstance(value, str) else None


def as_number(value: Any) -> float | None:
    """A number, also as text; NULL for what is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_count(value: Any) -> int | None:
    """A whole number that can be a count."""
    number = as_number(value)
    return round(number) if number is not None and 0 <= number < _TOO_MANY else None


def as_flag(value: Any) -> bool | None:
    """A bool, also as text."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def as_first_text(value: Any) -> str | None:
    """The first element of a list (or of a JSON text of one), or a scalar, as text."""
    if isinstance(value, str) and value.startswith("["):
        found = read(value)
        value = found if isinstance(found, list) else value
    if isinstance(value, list | tuple):
        return as_text(value[0]) if value else None
    return as_text(value)


AS: dict[Reading, Callable[[Any], Any]] = {
    "text": as_text,
    "count": as_count,
    "number": as_number,
    "flag": as_flag,
    "first_text": as_first_text,
}


def _storable(text: str | None) -> str | None:
    """The text, unless it is empty or not Unicode: a repr can hold half a surrogate pair."""
    try:
        return text if text and text.encode() else None
    except UnicodeEncodeError:
        return None


def _read_repr(text: str) -> Any:
    if len(text) > _LONGEST_REPR:
        return None
    try:
        # Literals only, never code. What is nested too deep for the parser is no document either.
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
