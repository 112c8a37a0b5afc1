"""The price book: which model a call used, and the dated rates of every model we know.

    book = load_book()
    book.resolve_call("azure.ai.openai", "gpt-4o-2024-08-06", "my-gpt4")   # -> 'azure/openai/gpt-4o'
    book.card_rows(), book.rate_rows()                                     # -> the tables `rate_cards`, `rates`

Python only resolves names, once per distinct combination in a batch; the arithmetic is set-based SQL
(`charge.sql`). The books are `books/<provider>.toml`, compiled by `compile_books.py`. Whoever sends the bill
decides the book, so a model on Azure is priced by Azure's rules, never by a model name alone.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from importlib.resources import files
from itertools import pairwise
from typing import Any

STANDARD = "standard"
REQUEST_UNIT = "request"

# Bounds what hostile or generated names can hold in memory; a full cache starts over, which costs about
# 50 µs for each name seen again.
MAX_CACHED_NAMES = 20_000
MAX_NAME_LENGTH = 256


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


@dataclass(frozen=True)
class Card:
    """A model and variant from a day on. `rates`: (unit, above how many input tokens, USD per million)."""

    variant: str
    valid_from: date
    rates: tuple[tuple[str, int, Decimal], ...]
    estimated: str | None


@dataclass(frozen=True)
class Model:
    name: str
    rule: Rule
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class ProviderBook:
    """One vendor's models in the order their rules are tried, and whose models it resells at list price."""

    provider: str
    falls_back_to: tuple[str, ...]
    currency: str
    source: str
    source_version: str
    checked_on: date
    models: tuple[Model, ...]

    def find(self, name: str) -> str | None:
        return next((model.name for model in self.models if model.rule.matches(name)), None)

    def names_exactly(self, name: str) -> bool:
        return any(name == model.name.lower() or name in model.rule.equals for model in self.models)


@dataclass(frozen=True)
class Book:
    """Every provider's book. `version` changes with any byte of them: `genai-prices 0.2.3 (6f0c…)`."""

    version: str
    providers: Mapping[str, ProviderBook]
    aliases: Mapping[str, str]
    _resolved: dict[tuple[str | None, str], str | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def resolve_call(
        self, provider: str | None, model_answered: str | None, model_requested: str | None
    ) -> str | None:
        """The model key of a call: the name that answered decides, else the name that was asked for."""
        return self.resolve(provider, model_answered) or self.resolve(provider, model_requested)

    def resolve(self, provider: str | None, model: str | None) -> str | None:
        """The model key, e.g. `openai/gpt-4o` or, resold, `azure/openai/gpt-4o`; None when no rule says so.

        `provider` as telemetry has it (`providers.toml`). Without one, only a name that exactly one vendor
        has word for word is taken; anything else would be a guess.
        """
        if not model or len(model) > MAX_NAME_LENGTH or len(provider or "") > MAX_NAME_LENGTH:
            return None
        if (provider, model) not in self._resolved:
            if len(self._resolved) >= MAX_CACHED_NAMES:
                self._resolved.clear()
            self._resolved[provider, model] = self._find(provider, model.lower())
        return self._resolved[provider, model]

    def _find(self, provider: str | None, name: str) -> str | None:
        if provider and provider.lower() == "litellm":
            # A router: the vendor is the first part of its model names, when they have one.
            provider, _, name = name.partition("/") if "/" in name else ("", "", name)
        book = self._book(provider) if provider else self._only_book_naming(name)
        return None if book is None else self._find_in(book, name) or self._find_in(book, _dashed(name))

    def _find_in(self, book: ProviderBook, name: str) -> str | None:
        if found := book.find(name):
            return f"{book.provider}/{found}"
        for other in book.falls_back_to:
            if found := self.providers[other].find(name):
                return f"{book.provider}/{other}/{found}"
        return None

    def _book(self, provider: str) -> ProviderBook | None:
        provider = provider.strip().lower()
        alias = self.aliases.get(provider) or self.aliases.get(provider.split(".")[0])
        return self.providers[alias] if alias else None

    def _only_book_naming(self, name: str) -> ProviderBook | None:
        books = [book for book in self.providers.values() if book.names_exactly(name)]
        return books[0] if len(books) == 1 else None

    def card_rows(
        self, recorded_at: datetime | None = None, recorded_by: str | None = None
    ) -> list[dict[str, Any]]:
        """Rows of `rate_cards`. `recorded_at` is the moment the caller stores them, in UTC."""
        return [
            {
                "rate_card": dated.rate_card,
                "model_key": dated.model_key,
                "provider": dated.provider,
                "model": dated.model,
                "variant": dated.card.variant,
                "currency": dated.book.currency,
                "valid_from": _midnight(dated.card.valid_from),
                "valid_to": dated.valid_to and _midnight(dated.valid_to),
                "estimated_because": dated.card.estimated,
                "source": dated.book.source,
                "source_version": dated.book.source_version,
                "checked_on": dated.book.checked_on,
                "recorded_at": recorded_at,
                "recorded_by": recorded_by,
            }
            for dated in self._dated_cards
        ]

    def rate_rows(self) -> list[dict[str, Any]]:
        """Rows of `rates`."""
        return [
            {
                "rate_card": dated.rate_card,
                "unit": unit,
                "tier_from_tokens": above_tokens,
                "per_million": usd_per_million,
            }
            for dated in self._dated_cards
            for unit, above_tokens, usd_per_million in dated.card.rates
        ]

    @cached_property
    def _dated_cards(self) -> list[_DatedCard]:
        return [
            dated
            for book in self.providers.values()
            for owner in (book, *(self.providers[other] for other in book.falls_back_to))
            for model in owner.models
            for dated in _dated(book, owner, model)
        ]


@dataclass(frozen=True)
class _DatedCard:
    """A card with its identity and its end: what one row of `rate_cards` says."""

    provider: str
    model: str
    model_key: str
    book: ProviderBook
    card: Card
    valid_to: date | None

    @property
    def rate_card(self) -> str:
        variant = "" if self.card.variant == STANDARD else f"+{self.card.variant}"
        return f"{self.model_key}{variant}@{self.card.valid_from}"


def _dated(seller: ProviderBook, owner: ProviderBook, model: Model) -> Iterator[_DatedCard]:
    """The model's cards as `seller` bills them: a reseller has the list price, not the batch price."""
    resold = seller is not owner
    key = f"{seller.provider}/{owner.provider}/{model.name}" if resold else f"{owner.provider}/{model.name}"
    for variant in sorted({card.variant for card in model.cards}):
        if resold and variant != STANDARD:
            continue
        cards = sorted((c for c in model.cards if c.variant == variant), key=lambda card: card.valid_from)
        for card, following in pairwise([*cards, None]):
            assert card is not None
            yield _DatedCard(
                seller.provider, model.name, key, owner, card, following.valid_from if following else None
            )


_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def _dashed(name: str) -> str:
    """`gpt-5.2-20251211`, as LiteLLM and OpenRouter write it, with the dashes of the vendor's own name."""
    return _COMPACT_DATE.sub(r"-\1-\2-\3", name)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())  # UTC, naive: the store's TIMESTAMP is UTC by contract


# Reading the files


def load_book() -> Book:
    """Read every book that ships with the package: about 60 ms for 700 models, so once per process."""
    folder = files("pricing")
    texts = {
        entry.name: entry.read_bytes()
        for entry in sorted((folder / "books").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
    books = [_read_provider(tomllib.loads(text.decode())) for text in texts.values()]
    aliases = (folder / "providers.toml").read_bytes()
    content = hashlib.sha256(b"".join([*texts.values(), aliases])).hexdigest()[:12]
    sources = ", ".join(sorted({book.source_version for book in books}))
    return Book(
        version=f"{sources} ({content})",
        providers={book.provider: book for book in books},
        aliases=tomllib.loads(aliases.decode())["books"],
    )


def _read_provider(document: Mapping[str, Any]) -> ProviderBook:
    return ProviderBook(
        provider=document["provider"],
        falls_back_to=tuple(document["falls_back_to"]),
        currency=document["currency"],
        source=document["source"],
        source_version=document["source_version"],
        checked_on=document["checked_on"],
        models=tuple(_read_model(model) for model in document["model"]),
    )


def _read_model(stanza: Mapping[str, Any]) -> Model:
    return Model(
        name=stanza["name"],
        rule=_read_rule(stanza["match"]),
        cards=tuple(_read_card(card) for card in stanza.get("card", ())),
    )


def _read_rule(match: Mapping[str, Any]) -> Rule:
    def texts(clause: str) -> tuple[str, ...]:
        return tuple(text.lower() for text in match.get(clause, ()))

    return Rule(
        equals=texts("equals"),
        starts_with=texts("starts_with"),
        ends_with=texts("ends_with"),
        contains=texts("contains"),
        regex=tuple(re.compile(pattern) for pattern in match.get("regex", ())),
        all=tuple(_read_rule(part) for part in match.get("all", ())),
    )


TOKEN_RATES = "usd_per_million_tokens"
REQUEST_RATE = "usd_per_million_requests"


def _read_card(stanza: Mapping[str, Any]) -> Card:
    rates = [
        (unit, int(key.removeprefix(TOKEN_RATES).removeprefix("_above_") or 0), Decimal(usd))
        for key, tier in stanza.items()
        if key.startswith(TOKEN_RATES)
        for unit, usd in tier.items()
    ]
    if REQUEST_RATE in stanza:
        rates.append((REQUEST_UNIT, 0, Decimal(stanza[REQUEST_RATE])))
    return Card(
        variant=stanza.get("variant", STANDARD),
        valid_from=stanza["valid_from"],
        rates=tuple(rates),
        estimated=stanza.get("estimated"),
    )
