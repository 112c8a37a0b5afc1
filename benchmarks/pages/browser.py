"""How long a person waits in a real browser until a page can be used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

_PATIENCE_MS = 120_000
_SCREEN = ViewportSize(width=1440, height=900)
# The script has ended, nothing is a placeholder, and every figure, whose code loads late, is drawn. In ms since the navigation.
_USABLE = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const figures = [...document.querySelectorAll('[data-testid=stPlotlyChart]')];
    const isDone = app && app.getAttribute('data-test-script-state') === 'notRunning'
        && document.querySelector('h1')
        && !document.querySelector('[data-testid=stSkeleton]')
        && figures.every(figure => figure.querySelector('.main-svg'));
    return isDone ? performance.now() : 0;
}"""


@dataclass(frozen=True)
class Wait:
    """Milliseconds from the navigation until the page can be used."""

    first_visit_ms: float  # nothing in the browser's cache
    again_ms: float  # scripts and styles kept


@contextmanager
def browser() -> Iterator[Browser | None]:
    """Chromium or Chrome; None where there is none, and nothing is measured with it then."""
    named = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, named)), None)
    if path is None:
        yield None
        return
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *sandbox])
        yield running
        running.close()


def wait(running: Browser, first: str, again: str) -> Wait:
    """Two addresses of one page, opened one after the other by a new visitor."""
    with running.new_context(viewport=_SCREEN) as context:
        return Wait(*(_opened(context.new_page(), address) for address in (first, again)))


def _opened(page: Page, address: str) -> float:
    page.goto(address, wait_until="commit", timeout=_PATIENCE_MS)
    found = page.wait_for_function(_USABLE, timeout=_PATIENCE_MS, polling=50)
    usable_ms = float(found.json_value())
    page.close()
    return usable_ms
