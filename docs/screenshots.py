"""Make the pictures of docs/images from a running demo: every page, light and dark.

    steelyard demo --no-open
    python docs/screenshots.py --url http://127.0.0.1:8501

Needs the `test` extra (Playwright, Pillow) and a Chromium or Chrome on the machine.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

Theme = Literal["light", "dark"]

IMAGES = Path(__file__).parent / "images"
PAGES = {
    "overview": "/?range=30d",
    "spend": "/spend",
    "reliability": "/reliability?range=30d",
    "traces": "/traces?status=errors",
    "sessions": "/sessions",
    "evals": "/evals?range=90d",
    "gates": "/gates",
    "sql": "/sql",
    "setup": "/setup",
}
THEMES: tuple[Theme, ...] = ("light", "dark")
SCREEN = (1440, 900)
# A picture takes a third of the room so. Chosen by their spread, not by how much of the page has them: small signs keep theirs.
COLOURS = 256
PATIENCE_MS = 60_000

# The hero is shown some 900 px wide: two halves of 611 px keep its text near 10 px there. So narrow,
# Streamlit stacks a page's columns, and a card fills the width.
HALF = (611, 1400)
HERO_HEIGHT = 590
HERO_FADE = 48  # both halves go on below the picture
HERO_GAP = 14
HERO_SCALE = 2
# The gate of the hero: the demo's prompt that got worse by more than its margin.
BLOCKED_GATE = "support-reply"
_DRAWN = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const figures = [...document.querySelectorAll('[data-testid=stPlotlyChart]')];
    const skeletons = [...document.querySelectorAll('[data-testid=stSkeleton]')];
    return app && app.getAttribute('data-test-script-state') === 'notRunning'
        && !skeletons.some(one => one.checkVisibility())
        && figures.every(figure => figure.querySelector('.main-svg'));
}"""


def main() -> None:
    given = _arguments()
    IMAGES.mkdir(exist_ok=True)
    with _browser(given.browser) as browser:
        for name in given.pages or PAGES:
            for theme in THEMES:
                address = f"{given.url}{_with(PAGES[name], project=given.project)}"
                _save(_page_picture(browser, address, theme, _opening(name)), IMAGES / f"{name}-{theme}.png")
        if not given.pages:
            _save(_hero(browser, given.url, given.project), IMAGES / "spend-and-gate.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="only these (default: every page)")
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="the running dashboard")
    parser.add_argument("--project", default="demo")
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )
    parser.add_argument(
        "--browser", default=os.environ.get("CHROMIUM_PATH", found), help="path of Chromium or Chrome"
    )
    return parser.parse_args()


@contextmanager
def _browser(path: str) -> Iterator[Browser]:
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *sandbox])
        yield browser
        browser.close()


def _with(address: str, **more: str) -> str:
    query = "&".join(f"{key}={value}" for key, value in more.items())
    return f"{address}{'&' if '?' in address else '?'}{query}"


def _opening(name: str) -> Callable[[Page], None] | None:
    """What is opened on a page before its picture is made: pages that show what one row holds."""
    tables = {"traces": "calls-card", "sessions": "every-session", "spend": "spend-rows"}
    return None if name not in tables else lambda page: _click_first_row(page, tables[name])


def _click_first_row(page: Page, container: str) -> None:
    table = page.locator(f'[class*="st-key-{container}"]').get_by_test_id("stDataFrame").first
    table.click(position={"x": 40, "y": 34 + 14})
    page.wait_for_timeout(1_000)
    _settle(page)


def _page_picture(
    browser: Browser, url: str, theme: Theme, opening: Callable[[Page], None] | None
) -> Image.Image:
    page = _open(browser, url, SCREEN, scale=1, theme=theme)
    if opening:
        opening(page)
    page.mouse.move(SCREEN[0] - 2, SCREEN[1] - 2)  # nothing is hovered over
    page.wait_for_timeout(500)
    picture = _picture(page.screenshot())
    page.close()
    return picture


def _hero(browser: Browser, url: str, project: str) -> Image.Image:
    """Spend by tenant, beside the evidence for a blocked gate."""
    page = _open(browser, f"{url}/spend?project={project}", HALF, HERO_SCALE)
    spend = _picture(page.locator(".st-key-spend-rows").screenshot())
    page.goto(f"{url}/gates?project={project}")
    _settle(page)
    gate = page.locator('[class*="st-key-gate-"]').filter(has_text=BLOCKED_GATE)
    gate.get_by_role("button", name="Evidence").click()
    page.locator(".st-key-evidence").wait_for()
    _settle(page)
    evidence = _picture(page.locator(".st-key-evidence").screenshot())
    page.close()
    return _side_by_side(spend, evidence)


def _open(browser: Browser, url: str, size: tuple[int, int], scale: int, theme: Theme = "light") -> Page:
    page = browser.new_page(
        viewport=ViewportSize(width=size[0], height=size[1]), device_scale_factor=scale, color_scheme=theme
    )
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    _settle(page)
    return page


def _settle(page: Page) -> None:
    """Until figures and tables, whose code loads late, are drawn."""
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function(_DRAWN, polling=100)
    page.wait_for_timeout(1_500)


def _side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    height = min(HERO_HEIGHT * HERO_SCALE, left.height, right.height)
    gap = HERO_GAP * HERO_SCALE
    both = Image.new("RGB", (left.width + gap + right.width, height), "white")
    both.paste(left.crop((0, 0, left.width, height)), (0, 0))
    both.paste(right.crop((0, 0, right.width, height)), (left.width + gap, 0))
    fade = Image.linear_gradient("L").resize((both.width, HERO_FADE * HERO_SCALE))
    both.paste("white", (0, height - fade.height, both.width, height), fade)
    return both


def _picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _save(picture: Image.Image, path: Path) -> None:
    small = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path}: {picture.width}×{picture.height}, {path.stat().st_size // 1024} kB", flush=True)


if __name__ == "__main__":
    main()
