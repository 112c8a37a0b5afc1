"""Every page in a real browser, in both themes: it can be used by all, asks nobody else, and complains of nothing."""

from __future__ import annotations

import gzip
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

from dashboard.places import PLACES
from tests.dashboard.browsing import READY_MS, SCREEN, Dashboard, settle, visit
from tests.dashboard.data import RUN_ID, SPAN_ID, TRACE_ID

pytestmark = [pytest.mark.browser, pytest.mark.tour]

# What is open on a page, besides what it shows by itself; a page that is not here is looked at as it is.
OPENED = {
    "spend": "?open=hooli",
    "traces": f"?id={TRACE_ID}&span={SPAN_ID}",
    "sessions": "?session=conversation-1",
    "evals": f"?run={RUN_ID}&case=lost",
    "gates": f"?run={RUN_ID}",
}
# Streamlit asks for these two below the page's own path before it asks at the root; its 404s are expected.
PROBES = re.compile(r"/_stcore/(health|host-config)$")
BACKGROUNDS: Mapping[Literal["light", "dark"], str] = {
    "light": "rgb(255, 255, 255)",
    "dark": "rgb(13, 17, 23)",
}


@dataclass
class Tour:
    """What was seen on a visit of every page: requests, complaints of the console, and what axe-core found."""

    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    barriers: list[str] = field(default_factory=list)
    backgrounds: set[tuple[str, str]] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def tour(browser: Browser, dashboard: Dashboard) -> Tour:
    """Every page once, by its own name, looked at in both themes."""
    seen = Tour()
    page = browser.new_page(viewport=SCREEN)
    page.set_default_timeout(READY_MS)

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not PROBES.search(message.location.get("url", "")):
            seen.wrong.append(f"{message.text} {message.location}")

    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("console", note)
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    for place in PLACES:
        visit(page, f"{dashboard.url}/{place.path}{OPENED.get(place.path, '')}")
        settle(page)
        seen.titles.append(page.locator("h1").inner_text())
        seen.texts[place.path] = page.locator("body").inner_text()
        for theme in BACKGROUNDS:
            page.emulate_media(color_scheme=theme)
            # What a theme changes is colours: the other rules look once.
            only = None if theme == "light" else "color-contrast"
            seen.barriers += [f"{theme} {place.path}: {barrier}" for barrier in _barriers(page, only)]
            seen.backgrounds.add((theme, _background(page)))
    page.close()
    return seen


def _barriers(page: Page, only: str | None) -> list[str]:
    """What keeps some people from using this page, by axe-core's rules or by one of them."""
    options: dict[str, list[str]] = {"resultTypes": ["violations"]} | ({"runOnly": [only]} if only else {})
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}) {node['html'][:200]}" for rule in found for node in rule["nodes"]
    ]


def _background(page: Page) -> str:
    return str(
        page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    )


def test_no_request_leaves_this_machine(tour: Tour, url: str) -> None:
    assert [request for request in tour.asked if not request.startswith((url, "data:", "blob:"))] == []


def test_the_console_has_no_error(tour: Tour) -> None:
    assert tour.wrong == []


def test_every_page_can_be_used_by_all_in_light_and_dark(tour: Tour) -> None:
    assert tour.backgrounds == set(BACKGROUNDS.items())
    assert tour.barriers == []


def test_every_page_answers_at_its_own_name_and_shows_what_its_address_opens(tour: Tour) -> None:
    assert tour.titles == [place.title for place in PLACES]
    assert f"Trace {TRACE_ID[:8]}" in tour.texts["traces"]
    assert "The parcel was lost in Berlin." in tour.texts["evals"]
    assert f"steelyard gate {RUN_ID}" in tour.texts["gates"]
    for path, text in tour.texts.items():
        assert "which this page does not read" not in text and "Traceback" not in text, path


def test_scripts_come_compressed_once_and_whole(url: str) -> None:
    with urllib.request.urlopen(url) as page:
        (script,) = re.findall(r'src="\./(static/js/index\.[^"]+\.js)"', page.read().decode())
    plain = urllib.request.urlopen(f"{url}/{script}").read()
    for _ in range(2):
        asked = urllib.request.Request(f"{url}/{script}", headers={"accept-encoding": "gzip"})
        with urllib.request.urlopen(asked) as answer:
            body = answer.read()
            assert answer.headers["content-encoding"] == "gzip"
            assert "immutable" in answer.headers["cache-control"]
        assert len(body) < len(plain) / 2
        assert gzip.decompress(body) == plain
    part = urllib.request.Request(
        f"{url}/{script}", headers={"accept-encoding": "gzip", "range": "bytes=0-99"}
    )
    with urllib.request.urlopen(part) as answer:
        assert (answer.status, answer.read()) == (206, plain[:100])
