"""Texts that are documents: JSON, or the repr of a Python value, as emitters put them into attributes.

A document is read once for each distinct text, and only for spans of a family that has its values there. Whatever a
sender writes, reading it raises nothing: what cannot be read has no values.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
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


class Paths:
    """Places in documents that are looked up together: what their paths share is walked once."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._tree: _Tree = {}
        for path in paths:
            tree = self._tree
            names = path.split(".")
            for name in names[:-1]:
                tree = tree.setdefault(name, ([], {}))[1]
            tree.setdefault(names[-1], ([], {}))[0].append(path)

    def values(self, document: Any) -> dict[str, Any]:
        """What stands at each path, of those at which something does. A text on the way may be a document again."""
        found: dict[str, Any] = {}
        _walk(document, self._tree, found)
        return found


# By the name of a step: the paths that end with it, and the steps below.
_Tree = dict[str, tuple[list[str], "_Tree"]]


@lru_cache(maxsize=256)
def paths_of(paths: tuple[str, ...]) -> Paths:
    """These paths, made ready once."""
    return Paths(paths)


def at(node: Any, path: str) -> Any:
    """What stands at the path, None when nothing does."""
    return paths_of((path,)).values(node).get(path)


def _walk(node: Any, tree: _Tree, found: dict[str, Any]) -> None:
    if isinstance(node, str):
        node = read(node) if node[:1] in ("{", "[") else None
    if isinstance(node, dict):
        # Of many paths a document has few members.
        members = [(node[name], tree[name]) for name in node.keys() & tree.keys()]
    elif isinstance(node, list | tuple):
        members = [(_element(node, name), below) for name, below in tree.items()]
    else:
        return
    for member, (paths, below) in members:
        if member is not None:
            for path in paths:
                found[path] = member
            if below:
                _walk(member, below, found)


def _element(node: Sequence[Any], name: str) -> Any:
    if name.isdecimal():
        return node[int(name)] if int(name) < len(node) else None
    key, is_choice, wanted = name.partition("=")
    if not is_choice:
        return None
    return next(
        (one for one in node if isinstance(one, dict) and str(one.get(key)).lower() == wanted.lower()), None
    )


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
