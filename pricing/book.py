"""The price book: which model a call used, and the dated rates of every model we know.

    book = load_book()
    book.resolve_call("azure.ai.openai", "gpt-4o-2024-08-06", "my-gpt4")   # -> 'azure/openai/gpt-4o'
    book.cards                                                             # -> every card of the shipped books
    book.with_cards(recorded).resolve("my-vllm", "acme-8b")                # -> 'my-vllm/acme-8b'

Python only resolves names, once per distinct combination in a batch; the arithmetic is set-based SQL
(`charge.sql`). Whoever sends the bill decides the book, so a model on Azure is priced by Azure's rules, never by
a model name alone.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files

from pricing.cards import Card
from pricing.limits import MAX_CACHED_NAMES, MAX_NAME_LENGTH
from pricing.names import NO_NAMES, LocalNames, dashed, local_names
from pricing.shipped import ProviderBook, RegionRule, cards_of, model_key, read_provider, read_regions

# A router is no seller: the vendor is the first part of its model names, when they have one.
ROUTER = "litellm"


@dataclass(frozen=True)
class Book:
    """Every provider's book. `version` changes with any byte of them: `genai-prices 0.2.3 (6f0c…)`."""

    version: str
    providers: Mapping[str, ProviderBook]
    aliases: Mapping[str, str]
    without_book: frozenset[str]
    regions: tuple[RegionRule, ...] = ()
    local: LocalNames = NO_NAMES
    _resolved: dict[tuple[str | None, str], str | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """The cards of the shipped books, layer `snapshot`; who stores one adds when and by whom it was recorded."""
        return tuple(cards_of(self.providers, self.regions))

    @cached_property
    def model_keys(self) -> frozenset[str]:
        """Every model that the shipped books name, with a price or without."""
        return frozenset(
            model_key(book, owner, model.name)
            for book in self.providers.values()
            for owner in (book, *(self.providers[other] for other in book.falls_back_to))
            for model in owner.models
        )

    def with_cards(self, cards: Iterable[Card]) -> Book:
        """This book, knowing also the names that recorded cards bring.

        A card whose model no shipped book has is found by its provider (any text) and model, word for word; a
        `name_pattern` (`ft:gpt-4o*`) by its beginning, the longest first. Both go before the shipped rules.
        """
        return replace(self, local=local_names(cards, self.model_keys), _resolved={})

    def resolve_call(
        self,
        provider: str | None,
        model_answered: str | None,
        model_requested: str | None,
        host_provider: str | None = None,
    ) -> str | None:
        """The model key of a call: the name that answered decides, else the name that was asked for.

        Where it runs (`host_provider`) owns the price, not whose model it is.
        """
        seller = self.seller(provider, host_provider)
        return self.resolve(seller, model_answered) or self.resolve(seller, model_requested)

    def seller(self, provider: str | None, host_provider: str | None) -> str | None:
        """Who bills a call: the host, where it is known to bill; a proxy of somebody's own passes on the provider's price."""
        host = (host_provider or "").strip().lower()
        bills = host in self.without_book or self._book(host) is not None or self.local.knows(host)
        return host_provider if bills else provider

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
        if key := self._find_local(provider, name):
            return key
        if provider and provider.lower() == ROUTER:
            vendor, _, name = name.partition("/") if "/" in name else ("", "", name)
            return self._find(vendor, name)
        book = self._book(provider) if provider else self._only_book_naming(name)
        return None if book is None else self._find_in(book, name) or self._find_in(book, dashed(name))

    def _find_local(self, provider: str | None, name: str) -> str | None:
        if not provider:
            return None
        written = provider.strip().lower()
        own = self._book(provider)
        spellings = (written, own.provider) if own else (written,)
        return next((key for one in spellings if (key := self.local.find(one, name))), None)

    def _find_in(self, book: ProviderBook, name: str) -> str | None:
        for owner in (book, *(self.providers[other] for other in book.falls_back_to)):
            if found := owner.find(name):
                return model_key(book, owner, found)
        return None

    def _book(self, provider: str) -> ProviderBook | None:
        provider = provider.strip().lower()
        alias = self.aliases.get(provider) or self.aliases.get(provider.split(".")[0])
        return self.providers[alias] if alias else None

    def _only_book_naming(self, name: str) -> ProviderBook | None:
        books = [book for book in self.providers.values() if book.names_exactly(name)]
        return books[0] if len(books) == 1 else None

    def candidates(self, provider: str | None, model: str | None) -> tuple[str, ...]:
        """The model keys that a name nobody resolved may mean: what each book would take it for, for a person to judge."""
        if not model or len(model) > MAX_NAME_LENGTH:
            return ()
        name = model.lower()
        own = self._book(provider) if provider else None
        books = [own] if own else list(self.providers.values())
        exact = [book for book in books if book.names_exactly(name)]
        found = (self._find_in(book, name) or self._find_in(book, dashed(name)) for book in exact or books)
        return tuple(key for key in found if key)


def load_book() -> Book:
    """Read every book that ships with the package: about 60 ms for 700 models, so once per process."""
    folder = files("pricing")
    texts = {
        entry.name: entry.read_bytes()
        for entry in sorted((folder / "books").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
    books = [read_provider(tomllib.loads(text.decode())) for text in texts.values()]
    names = (folder / "providers.toml").read_bytes()
    regions = (folder / "regions.toml").read_bytes()
    content = hashlib.sha256(b"".join([*texts.values(), names, regions])).hexdigest()[:12]
    sources = ", ".join(sorted({book.source_version for book in books}))
    named = tomllib.loads(names.decode())
    return Book(
        version=f"{sources} ({content})",
        providers={book.provider: book for book in books},
        aliases=named["books"],
        without_book=frozenset(named["without_book"]["hosts"]),
        regions=read_regions(tomllib.loads(regions.decode())),
    )
