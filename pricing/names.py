"""Which model a name in telemetry means: match rules as the vendors' books write them, and names of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pricing.cards import Card
from pricing.holding import counting


@dataclass(frozen=True)
class Rule:
    """When a name is this model: any listed text matches, or every rule of `all` does."""

    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    regex: tuple[re.Pattern[str], ...] = ()
    all: tuple[Rule, ...] = ()

    def matches(self, name: str) -> bool:
        """`name` in lower case: case never counts."""
        return (
            name in self.equals
            or name.startswith(self.starts_with)
            or name.endswith(self.ends_with)
            or any(part in name for part in self.contains)
            or any(pattern.search(name) for pattern in self.regex)
            or (bool(self.all) and all(rule.matches(name) for rule in self.all))
        )


def read_rule(match: Mapping[str, Any]) -> Rule:
    def texts(clause: str) -> tuple[str, ...]:
        return tuple(text.lower() for text in match.get(clause, ()))

    return Rule(
        equals=texts("equals"),
        starts_with=texts("starts_with"),
        ends_with=texts("ends_with"),
        contains=texts("contains"),
        regex=tuple(re.compile(pattern) for pattern in match.get("regex", ())),
        all=tuple(read_rule(part) for part in match.get("all", ())),
    )


_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def dashed(name: str) -> str:
    """`gpt-5.2-20251211`, as LiteLLM and OpenRouter write it, with the dashes of the vendor's own name."""
    return _COMPACT_DATE.sub(r"-\1-\2-\3", name)


@dataclass(frozen=True)
class LocalNames:
    """Names that recorded cards bring, by provider (lower case): whole ones, and beginnings, the longest first."""

    exact: Mapping[tuple[str, str], str]
    beginnings: Mapping[str, tuple[tuple[str, str], ...]]

    def find(self, provider: str, name: str) -> str | None:
        """The model key; both in lower case."""
        if key := self.exact.get((provider, name)):
            return key
        beginnings = self.beginnings.get(provider, ())
        return next((key for beginning, key in beginnings if name.startswith(beginning)), None)

    def knows(self, provider: str) -> bool:
        return provider in self.beginnings or any(provider == other for other, _ in self.exact)


NO_NAMES = LocalNames({}, {})


def local_names(cards: Iterable[Card], shipped: frozenset[str]) -> LocalNames:
    """The names of cards that count: neither withdrawn nor held. Models of `shipped` keep the names that their book has.

    Of two cards with one name the one recorded last has it.
    """
    exact: dict[tuple[str, str], str] = {}
    beginnings: dict[str, dict[str, str]] = {}
    for card in sorted(counting(cards), key=_recorded):
        provider = card.provider.strip().lower()
        if card.model_key not in shipped:
            exact[provider, card.model.lower()] = card.model_key
        pattern = (card.name_pattern or "").lower()
        if pattern.endswith("*"):
            beginnings.setdefault(provider, {})[pattern.removesuffix("*")] = card.model_key
        elif pattern:
            exact[provider, pattern] = card.model_key
    return LocalNames(
        exact,
        {
            provider: tuple(sorted(names.items(), key=lambda name: (-len(name[0]), name)))
            for provider, names in beginnings.items()
        },
    )


def _recorded(card: Card) -> datetime:
    return card.recorded_at or datetime.min  # noqa: DTZ901 - UTC, as the store has it
