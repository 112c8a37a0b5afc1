"""The families of emitters, one module each: to add an emitter, add a file that has a FAMILY, and its captures.

A module's name is its family's name. Found in the folder when this package is imported; a family that is broken stops
the start, because every number after it would be wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable

from collector.conventions.columns import Family


def discovered() -> tuple[Family, ...]:
    """The FAMILY of every module in this folder, the most specific first.

    Raises TypeError or ValueError, naming the module, on one that has none, or one of another name, or no marks.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return by_precedence(_family(name) for name in names)


def by_precedence(families: Iterable[Family]) -> tuple[Family, ...]:
    """Sorted as spans are tried on them. Raises ValueError when two have one name."""
    ordered = tuple(sorted(families, key=lambda family: (family.precedence, family.name)))
    for name, n_families in Counter(family.name for family in ordered).items():
        if n_families > 1:
            raise ValueError(f"{n_families} families of emitters are named {name!r}: rename one")
    return ordered


def _family(name: str) -> Family:
    found = getattr(importlib.import_module(f"{__name__}.{name}"), "FAMILY", None)
    where = f"collector/conventions/families/{name}.py"
    if not isinstance(found, Family):
        raise TypeError(f"{where} has no constant FAMILY of type Family (collector/conventions/columns.py)")
    if found.name != name:
        raise ValueError(f"{where}: its family is named {found.name!r}; a file is named as its family is")
    if not found.marks:
        raise ValueError(f"{where}: a family without marks recognises no span; give it at least one")
    return found


FAMILIES: tuple[Family, ...] = discovered()
# The SDKs of providers themselves, and whose they are.
NATIVE: frozenset[str] = frozenset(family.name for family in FAMILIES if family.native_of)
NATIVE_PROVIDERS: frozenset[str] = frozenset(family.native_of for family in FAMILIES if family.native_of)
CARRIERS: frozenset[str] = frozenset(
    family.name for family in FAMILIES if any(role == "carrier" for _, role in family.roles)
)
SPAN_PER_ATTEMPT: frozenset[str] = frozenset(
    family.name for family in FAMILIES if family.has_span_per_attempt
)
