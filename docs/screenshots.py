"""Make the pictures of docs/images from a running demo.

    steelyard demo --no-open
    python docs/screenshots.py --url http://127.0.0.1:8501

Needs the `test` extra (Playwright, Pillow) and a Chromium or Chrome on the machine.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PAGES = {"overview": "/", "spend": "/spend", "gates": "/gates", "setup": "/setup"}
SCREEN = (1440, 900)

# The hero is shown some 900 px wide: two halves of 611 px keep its text near 10 px there. So narrow,
# Streamlit stacks a page's columns, and a card fills the width.
HALF = (611, 1400)
HERO_HEIGHT = 590
HERO_FADE = 48  # both halves go on below the picture
HERO_GAP = 14
HERO_SCALE = 2
# The gate of the hero: the demo's prompt that got worse by more than its margin.
BLOCKED_GATE = "support-reply"


def main() -> None:
    given = _arguments()
    IMAGES.mkdir(exist_ok=True)
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.browser, args=["--disable-gpu", *sandbox])
        for name, path in PAGES.items():
            _save(
                _page_picture(browser, f"{given.url}{path}?project={given.project}"), IMAGES / f"{name}.png"
            )
        _save(_hero(browser, given.url, given.project), IMAGES / "spend-and-gate.png")
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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


def _page_picture(browser: Browser, url: str) -> Image.Image:
    page = _open(browser, url, SCREEN, scale=1)
    picture = _picture(page.screenshot())
    page.close()
    return picture


def _hero(browser: Browser, url: str, project: str) -> Image.Image:
    """Spend by tenant, beside the evidence for a blocked gate."""
    page = _open(browser, f"{url}/spend?project={project}", HALF, HERO_SCALE)
    spend = _picture(page.locator(".st-key-every-tenant").screenshot())
    page.goto(f"{url}/gates?project={project}")
    _settle(page)
    gate = page.locator('[class*="st-key-gate-"]').filter(has_text=BLOCKED_GATE)
    gate.get_by_role("button", name="Evidence").click()
    page.locator(".st-key-evidence").wait_for()
    _settle(page)
    evidence = _picture(page.locator(".st-key-evidence").screenshot())
    page.close()
    return _side_by_side(spend, evidence)


def _open(browser: Browser, url: str, size: tuple[int, int], scale: int) -> Page:
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale, color_scheme="light"
    )
    page.goto(url)
    _settle(page)
    return page


def _settle(page: Page) -> None:
    """Until figures and tables, whose code loads late, are drawn."""
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
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
    picture.save(path, optimize=True)
    print(f"{path}: {picture.width}×{picture.height}, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
