"""What is recorded about prices, read from the server or the file; and the names that telemetry and people use."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import click

from errors import ConfigError
from pricing.book import Book, load_book
from pricing.prices import Prices, prices_of
from store.prices import records_by
from store.reader import Reader, rows

data_option = click.option(
    "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
)
by_option = click.option("--by", "recorded_by", help="Who records it (default: your user name here).")
note_option = click.option("--note", help="Why.")


@cache
def _book() -> Book:
    """The shipped book: 0.2 s, for a command that looks before and after."""
    return load_book()


def known_prices(reader: Reader) -> Prices:
    """Every record, laid out."""
    return prices_of(_book(), records_by(lambda name: rows(reader.query(name))))


def recorder(named: str | None) -> str:
    """Who records: as told, else the user of this machine. Raises ConfigError where there is no such name."""
    try:
        return named or getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise ConfigError("who records this? This machine has no user name: add --by NAME") from None


def now() -> datetime:
    """UTC without a zone, as the store has it."""
    return datetime.now(UTC).replace(tzinfo=None)


def billing_name(prices: Prices, provider: str) -> str:
    """The provider by the name of its book, where there is one: `Azure.AI.OpenAI` is `azure`."""
    written = provider.strip().lower()
    return prices.book.aliases.get(written, prices.book.aliases.get(written.split(".")[0], provider.strip()))


def model_key_of(prices: Prices, provider: str, model: str, *, is_own: bool = False) -> str:
    """The model key that a price for this name is about: what calls of that name resolve to, else a key of its own.

    `is_own`: of its own in any case, unless a book has a model of exactly that name.
    """
    own = f"{billing_name(prices, provider)}/{model.strip()}"
    return own if is_own else prices.book.resolve(provider, model.strip()) or own


def find_model(prices: Prices, provider: str | None, model: str) -> str:
    """The key of the model that somebody means. Raises ConfigError when it is none or could be several."""
    recorded = {card.model_key for card in prices.records.cards}
    if model in recorded or model in prices.book.model_keys:
        return model
    if found := prices.book.resolve(provider, model):
        return found
    if provider is None:
        of_any = sorted(key for key in recorded if key.partition("/")[2] == model)
        candidates = tuple(dict.fromkeys((*prices.book.candidates(None, model), *of_any)))
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise ConfigError(f"{model!r} may mean {_few(candidates)}. Name one of these, or add --provider.")
    of = f" of {provider}" if provider else ""
    raise ConfigError(
        f"no price book and no record names a model {model!r}{of}. `steelyard prices list` shows the models; "
        f"`steelyard prices override {provider or 'PROVIDER'} {model} --input … --output …` sets its price."
    )


def _few(keys: tuple[str, ...], most: int = 8) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
