"""The real dashboard in a real browser, and what a journey through it is made of."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Position, ViewportSize, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from dashboard import source
from tests.dashboard.data import (
    A_BUDGET,
    SPAN_ID,
    TRACE_ID,
    a_call,
    a_content,
    a_failed_call,
    a_result,
    a_run,
    a_store,
    a_verdict,
    an_unpriced_call,
)
from tests.dashboard.serving import serving

# A page is ready when Streamlit has run it and the figures, which load late, are drawn.
READY_MS = 60_000
# Not at every frame, which is what Playwright does by itself: a page at rest makes none.
LOOK_EVERY_MS = 100
SCREEN = ViewportSize(width=1440, height=900)
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_OPENED_AGAIN = 6
PASSED_RUN = "01KAMRAGANSWER000000000001"
# What is not there yet, in words; empty when the page has run and all of it is drawn.
_PENDING = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const state = app ? app.getAttribute('data-test-script-state') : 'no app';
    // What is in a closed drawer or behind a tab is drawn when it is opened.
    const visible = name => [...document.querySelectorAll(`[data-testid=${name}]`)].filter(one => one.checkVisibility());
    const undrawn = [
        ...visible('stPlotlyChart').filter(figure => !figure.querySelector('.main-svg')),
        ...visible('stDataFrame').filter(table => !table.querySelector('canvas')),
    ];
    return [
        state === 'notRunning' ? '' : `the script: ${state}`,
        ...visible('stSkeleton').map(one => `a placeholder in ${one.closest('[class*=st-key-]')?.className}`),
        ...undrawn.map(one => `a figure or table in ${one.closest('[class*=st-key-]')?.className}`),
    ].filter(Boolean).join('; ');
}"""


@dataclass(frozen=True)
class Dashboard:
    """One that runs, and what its first visitor saw before there was a store, and after."""

    url: str
    said_without_store: str
    first_figure: str


@contextlib.contextmanager
def a_browser(path: str) -> Iterator[Browser]:
    sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *sandbox])
        expect.set_options(timeout=READY_MS)
        yield running
        running.close()


@contextlib.contextmanager
def a_page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport=SCREEN)
    opened.set_default_timeout(READY_MS)
    yield opened
    opened.close()


@contextlib.contextmanager
def a_dashboard(folder: Path, browser: Browser) -> Iterator[Dashboard]:
    """Started before its store is there, so that its first page has to wait for it."""
    store = folder / "store.duckdb"
    with serving("--store-file", str(store)) as (url, _), a_page(browser) as page:
        page.goto(url)
        expect(page.get_by_text("The store does not answer")).to_be_visible()
        said = page.locator("body").inner_text()
        # Made elsewhere and moved: a page that looks meanwhile finds no half of a store.
        the_store(folder / "made.duckdb").replace(store)
        expect(page.get_by_test_id("stMetricValue").first).to_have_text("$12.00")
        yield Dashboard(url, said, metric(page, "Spend"))


def the_store(path: Path) -> Path:
    """Calls of the last days, a trace with a retry, a budget that is exceeded, and two gates: one blocked."""
    now = source.now()
    since_midnight = now - now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    lately = now - min(timedelta(minutes=10), since_midnight / 2)  # of this month, on its first day too
    calls = [
        a_call(
            started_at=now - timedelta(hours=n),
            list_cost_usd=Decimal(n),
            dims={"team": "search" if n < 3 else "ads"},
        )
        for n in range(1, 5)
    ]
    calls += [
        a_call(started_at=now - timedelta(days=20), tenant_id="hooli", list_cost_usd=Decimal("40.5"))
        for _ in range(3)
    ]
    calls += [a_failed_call(started_at=now - timedelta(hours=2), tenant_id="hooli")]
    calls += [an_unpriced_call(started_at=now - timedelta(hours=3), session_id="conversation-1")]
    request = {"trace_id": TRACE_ID, "tenant_id": "hooli", "request_id": TRACE_ID, "parent_span_id": 1}
    whole = {
        "project": "default",
        "day": lately.date(),
        "trace_id": TRACE_ID,
        "span_id": 1,
        "span_name": "POST /answer",
        "started_at": lately,
        "received_at": lately,
        "duration_ns": 3_000_000_000,
        "service_name": "api",
        "status": "ok",
        "role": "context",
    }
    calls += [
        whole,
        a_failed_call(started_at=lately, attempt=1, **request),
        a_call(
            started_at=lately + timedelta(seconds=2),
            attempt=2,
            span_id=int(SPAN_ID, 16),
            list_cost_usd=Decimal(2),
            attributes='{"gen_ai.operation.name": "chat"}',
            **request,
        ),
    ]
    answers = {"A": "The parcel is in Berlin.", "B": "The parcel was lost in Berlin."}
    return a_store(
        path,
        spans=calls,
        budgets=[
            A_BUDGET | {"dimension": "tenant_id", "dimension_value": "hooli", "monthly_usd": Decimal(1)}
        ],
        runs=[a_run(), a_run(run_id=PASSED_RUN, prompt_name="rag-answer", suite="rag.yaml")],
        verdicts=[
            a_verdict(n_cases=3, n_better=1, n_worse=1),
            a_verdict(run_id=PASSED_RUN, verdict="PASS", difference=0.01),
        ],
        results=[
            a_result(
                case_id=case, variant=variant, score=score, trace_id=trace_id(case, variant), span_id="a" * 16
            )
            for case, baseline, candidate in (("kept", 1.0, 1.0), ("lost", 1.0, 0.0), ("won", 0.0, 1.0))
            for variant, score in (("baseline", baseline), ("candidate", candidate))
        ],
        contents=[
            a_content(
                trace_id=trace_id("lost", variant),
                span_id=int("a" * 16, 16),
                key="gen_ai.output.messages",
                body=answers[name],
                occurred_at=now - timedelta(hours=2),
            )
            for name, variant in (("A", "baseline"), ("B", "candidate"))
        ],
    )


def trace_id(case: str, variant: str) -> str:
    """Of the call that answered this case."""
    return f"{case.encode().hex()}{variant.encode().hex()}"[:32].ljust(32, "0")


def visit(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("h1").wait_for()


def settle(page: Page) -> None:
    """Until the page has run and everything on it is drawn."""
    page.locator("h1").wait_for()
    try:
        page.wait_for_function(f"() => !({_PENDING})()", polling=LOOK_EVERY_MS)
    except PlaywrightTimeoutError:
        pytest.fail(f"{page.url} is not ready after {READY_MS / 1000:.0f} s: {page.evaluate(_PENDING)}")


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()
    expect(page.locator("h1")).to_have_text(name)


def metric(page: Page, label: str) -> str:
    box = page.get_by_test_id("stMetric").filter(has_text=label)
    return box.get_by_test_id("stMetricValue").first.inner_text().strip()


def choose(page: Page, key: str, option: str) -> None:
    """Choose as a person does: who opens a list while the page is still at work may see it close, and opens it again."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(_OPENED_AGAIN):
        page.locator(f".st-key-{key} input").click()
        with contextlib.suppress(PlaywrightTimeoutError):
            wanted.click(timeout=5_000)
            return
        page.keyboard.press("Escape")
    pytest.fail(f"the list {key!r} was opened {_OPENED_AGAIN} times and never offered {option!r}")


def click_row(page: Page, table: str, row: int, *, opens: re.Pattern[str]) -> None:
    """Click a row of the table in the container of this key until the address says what it opens.

    Tables are drawn on a canvas, so there is nothing but a place to click on; and a click on a page that is still at work
    may be lost, as with `choose`.
    """
    header_px, row_px = 34, 29
    place = Position(x=40, y=header_px + row * row_px + row_px / 2)
    for _ in range(_OPENED_AGAIN):
        page.locator(f".st-key-{table}").get_by_test_id("stDataFrame").first.click(position=place)
        with contextlib.suppress(PlaywrightTimeoutError):
            page.wait_for_url(opens, timeout=5_000, wait_until="commit")
            return
    pytest.fail(f"row {row} of the table {table!r} was clicked {_OPENED_AGAIN} times and opened nothing")


def has(key: str, value: str) -> re.Pattern[str]:
    """An address that says this."""
    return re.compile(rf"[?&]{re.escape(key)}={re.escape(value)}(&|$)")
