"""One dashboard and one browser for all journeys of a module: to start them takes longer than most journeys.

Not for longer: while Playwright runs in a thread, nothing else there can run an event loop of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.dashboard import browsing
from tests.dashboard.browsing import Dashboard


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with browsing.a_browser(chromium_path) as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Dashboard]:
    with browsing.a_dashboard(tmp_path_factory.mktemp("store"), browser) as running:
        yield running


@pytest.fixture
def url(dashboard: Dashboard) -> str:
    return dashboard.url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browsing.a_page(browser) as opened:
        yield opened
