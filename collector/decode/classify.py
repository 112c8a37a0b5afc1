"""Which family of emitters each span is of, and what it is by itself: call, carrier, wrapper or context.

A family's marks are tried on all spans at once, most specific family first; regular expressions on each distinct name
once. A family whose attributes and scopes do not occur in a batch costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from collector.conventions.columns import Family, Is, Role
from collector.decode.attributes import Attributes, Mask
from collector.decode.sources import Ruling

# Beyond so many distinct names one vectorised search is cheaper than a step each.
_FEW = 200
# So many alternatives of a rule are named where it is put into words.
_FEW_TEXTS = 2
NO_FAMILY = -1


class Names:
    """Texts of which a batch has few different ones."""

    def __init__(self, texts: pa.Array) -> None:
        encoded = pc.fill_null(texts, "").dictionary_encode()
        self._distinct = encoded.dictionary
        self._codes = encoded.indices.to_numpy(zero_copy_only=False)

    def take(self, rows: npt.NDArray[np.int64]) -> Names:
        """The names at these rows."""
        taken = object.__new__(Names)
        taken._distinct, taken._codes = self._distinct, self._codes[rows]
        return taken

    def matching(self, pattern: str) -> Mask:
        """Which of them the pattern matches from the start."""
        if len(self._distinct) > _FEW:
            fits = pc.match_substring_regex(self._distinct, f"^(?:{pattern})").to_numpy(zero_copy_only=False)
        else:
            compiled = re2.compile(pattern)
            texts = self._distinct.to_pylist()
            fits = np.array([compiled.match(text) is not None for text in texts], dtype=np.bool_)
        if not fits.any():
            return np.zeros(len(self._codes), dtype=np.bool_)
        matching: Mask = fits[self._codes]
        return matching


class Conditions:
    """Conditions on the spans of a batch, each tried once."""

    def __init__(
        self, attributes: Attributes, span_names: pa.Array, scopes: Names, kinds: pa.Array, failed: pa.Array
    ) -> None:
        self.attributes = attributes
        self._span_name_texts = span_names
        self._span_names: Names | None = None
        self._scopes = scopes
        self._kinds = kinds
        self._failed: Mask = failed.to_numpy(zero_copy_only=False)
        self._known: dict[Is, Mask | None] = {}

    def where(self, condition: Is) -> Mask | None:
        """Which spans fit; None when none does."""
        if condition not in self._known:
            self._known[condition] = self._all_parts(condition)
        return self._known[condition]

    def _all_parts(self, condition: Is) -> Mask | None:
        fits: Mask = np.ones(self.attributes.n_owners, dtype=np.bool_)
        for part in self._parts(condition):
            fits = fits & part
            # The dearer parts are not looked at when a cheap one rules everything out.
            if not fits.any():
                return None
        return fits

    def _parts(self, condition: Is) -> Iterator[Mask]:
        if condition.has:
            yield self.attributes.any_of(condition.has)
        if condition.failed is not None:
            yield self._failed == condition.failed
        if condition.scope is not None:
            yield self._scopes.matching(condition.scope)
        if condition.value is not None:
            yield self.attributes.is_one_of(*condition.value)
        if condition.lacks:
            yield ~self.attributes.any_of(condition.lacks)
        if condition.kinds:
            yield pc.is_in(self._kinds, pa.array(condition.kinds)).to_numpy(zero_copy_only=False)
        if condition.span_name is not None:
            if self._span_names is None:
                self._span_names = Names(self._span_name_texts)
            yield self._span_names.matching(condition.span_name)


@dataclass(frozen=True)
class Classified:
    """Of each span the number of its family (NO_FAMILY for none), its role, and which rule said so."""

    families: Sequence[Family]
    family_of: npt.NDArray[np.int16]
    role_of: npt.NDArray[np.int8]  # number of ROLES
    rule_of: npt.NDArray[np.int16]  # number of `rules`
    rules: Sequence[str]

    def present(self) -> list[tuple[Family, Mask]]:
        """The families that have a span here, and which."""
        numbers = np.flatnonzero(np.bincount(self.family_of + 1)[1:])
        return [(self.families[number], self.family_of == number) for number in numbers.tolist()]

    def is_role(self, *roles: Role) -> Mask:
        """Which spans have one of these roles."""
        wanted = np.array([role in roles for role in ROLES])
        chosen: Mask = wanted[self.role_of]
        return chosen

    def roles(self) -> pa.Array:
        """The role of each span as text."""
        return pa.array(ROLES, pa.string()).take(pa.array(self.role_of))

    def ruling(self) -> Ruling:
        """What `sources` says of it."""
        names = [None, *(family.name for family in self.families)]
        return Ruling(self.family_of + 1, names, self.rule_of, self.rules)

    def emitters(self) -> pa.Array:
        """The family of each span by name, NULL for none."""
        names = pa.array([family.name for family in self.families], pa.string())
        return names.take(pa.array(self.family_of, mask=self.family_of == NO_FAMILY))


ROLES: tuple[Role, ...] = ("context", "call", "carrier", "wrapper")


def classify(conditions: Conditions, families: Sequence[Family]) -> Classified:
    """`families` in the order in which a span is tried on them."""
    family_of = np.full(conditions.attributes.n_owners, NO_FAMILY, dtype=np.int16)
    for number, family in enumerate(families):
        for mark in family.marks:
            fits = conditions.where(mark)
            if fits is not None:
                family_of[fits & (family_of == NO_FAMILY)] = number
    role_of = np.zeros(len(family_of), dtype=np.int8)
    rule_of = np.zeros(len(family_of), dtype=np.int16)
    rules = ["no family's marks fit"]
    found = Classified(families, family_of, role_of, rule_of, rules)
    for family, mine in found.present():
        for rows, role, why in _roles(conditions, family, mine):
            role_of[rows], rule_of[rows] = ROLES.index(role), len(rules)
            rules.append(f"{role}: {why}")
    return found


def _roles(conditions: Conditions, family: Family, mine: Mask) -> Iterator[tuple[Mask, Role, str]]:
    left = mine
    for condition, role in family.roles:
        fits = conditions.where(condition)
        if fits is not None and (taken := fits & left).any():
            yield taken, role, in_words(condition)
            left = left & ~taken
    if left.any():
        yield left, family.otherwise, "no other rule of the family fits"


def in_words(condition: Is) -> str:
    """The condition as a person reads it."""
    said = []
    if condition.has:
        said.append("has " + " or ".join(condition.has))
    if condition.lacks:
        said.append("lacks " + " and ".join(condition.lacks))
    if condition.value is not None:
        key, texts = condition.value
        said.append(f"{key} is {' or '.join(texts[:_FEW_TEXTS])}{' …' if len(texts) > _FEW_TEXTS else ''}")
    if condition.scope is not None:
        said.append(f"scope like {condition.scope}")
    if condition.span_name is not None:
        said.append(f"span name like {condition.span_name}")
    if condition.kinds:
        said.append("kind is " + " or ".join(condition.kinds))
    if condition.failed is not None:
        said.append("has failed" if condition.failed else "has not failed")
    return " and ".join(said) or "always"
