"""How much the models of a project take in one call, as queries want it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

from pricing.book import Book, load_book
from pricing.windows import windows_of

# The windows go with every question; so many models are more than anybody's conversations use.
_MOST_MODELS = 200


def as_parameter(models: Sequence[str]) -> str | None:
    """The parameter `windows` of queries: model -> tokens, as JSON; None when no window is known."""
    found = windows_of(_book(), [model for model in models[:_MOST_MODELS] if model])
    return json.dumps(found) if found else None


@cache
def _book() -> Book:
    return load_book()
