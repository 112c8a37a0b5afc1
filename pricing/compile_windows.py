"""Compile the sizes of models' context windows from the genai-prices package: `python -m pricing.compile_windows`.

Of the same models, from the same snapshot, as the price books (`compile_books`); a test holds the file equal to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from genai_prices import __version__ as genai_prices_version
from genai_prices.data_snapshot import get_snapshot

from pricing.compile_books import CHECKED_ON, PROVIDERS

WINDOWS = Path(__file__).parent / "windows.toml"
_HEADER = """\
# How many tokens of input and output together a model takes, compiled by `python -m pricing.compile_windows` from
# genai-prices {version}. Do not edit: a test holds this file equal to the compiler's output. A model that is not here has a
# window that nobody told us.

source = "genai-prices {version}"
checked_on = {checked_on}
"""


def compile_windows() -> str:
    """The text of the file."""
    found = {provider.id: provider for provider in get_snapshot().providers}
    head = _HEADER.format(version=genai_prices_version, checked_on=CHECKED_ON)
    stanzas = [
        "\n".join([f"[tokens.{provider}]", *lines])
        for provider in PROVIDERS
        if (
            lines := [
                f"{json.dumps(model.id)} = {model.context_window}"
                for model in sorted(found[provider].models, key=lambda model: model.id)
                if model.context_window
            ]
        )
    ]
    return "\n\n".join([head.rstrip(), *stanzas]) + "\n"


if __name__ == "__main__":
    WINDOWS.write_text(compile_windows(), encoding="utf-8")
