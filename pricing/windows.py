"""Sizes of models' context windows: how many tokens of input and output together one call may have."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from pricing.book import Book


@cache
def windows() -> Mapping[str, int]:
    """Tokens by model key, e.g. `openai/gpt-4o`; a model that is not there has a window that is not known."""
    document = tomllib.loads(files("pricing").joinpath("windows.toml").read_text("utf-8"))
    return {
        f"{provider}/{model}": tokens
        for provider, models in document["tokens"].items()
        for model, tokens in models.items()
    }


def windows_of(book: Book, models: Iterable[str]) -> dict[str, int]:
    """The window of each of these names of models, as telemetry has them, in tokens; without those that are not known.

    A name that several vendors have is taken to have the largest window of theirs: a call is rather not called near its
    limit than wrongly so.
    """
    found = {model: _tokens(book, model) for model in models}
    return {model: tokens for model, tokens in found.items() if tokens is not None}


def _tokens(book: Book, model: str) -> int | None:
    known = windows()
    keys = book.candidates(None, model)
    # Resold, `azure/openai/gpt-4o` is the model of the last two parts.
    sizes = [known[key] for full in keys for key in (full, full.partition("/")[2]) if key in known]
    return max(sizes, default=None)
