"""Context windows: the committed file is what the compiler writes, and a name is looked up as prices are."""

from __future__ import annotations

import pytest

from pricing.windows import windows, windows_of
from tests.stores import shipped_book


def test_running_the_compiler_again_reproduces_the_committed_file() -> None:
    pytest.importorskip(
        "genai_prices", reason="genai-prices is not installed: pip install 'steelyard[prices]'"
    )
    from pricing.compile_windows import WINDOWS, compile_windows

    assert compile_windows() == WINDOWS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o", 128_000),
        ("gpt-4o-2024-08-06", 128_000),
        ("claude-3-5-haiku-20241022", 200_000),
        # Its price is known, its window is not.
        ("command-r-plus", None),
        ("acme-finetune", None),
        ("", None),
    ],
)
def test_the_window_of_a_model_is_known_by_any_of_its_names(model: str, tokens: int | None) -> None:
    assert windows_of(shipped_book(), [model]).get(model) == tokens


def test_every_window_is_of_a_model_of_the_books() -> None:
    keys = {
        f"{book.provider}/{model.name}" for book in shipped_book().providers.values() for model in book.models
    }
    assert windows().keys() <= keys
