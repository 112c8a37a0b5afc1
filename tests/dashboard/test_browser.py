"""Journeys through the real dashboard in a real browser."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from dashboard import source
from tests.dashboard.data import RUN_ID, a_call, a_failed_call, a_result, a_run, a_store, a_verdict
from tests.dashboard.serving import serving
from tests.servers import start_server

pytestmark = pytest.mark.browser

# A page is ready when Streamlit has run it and the figures, which load late, are drawn.
READY_MS = 30_000
OPENED_AGAIN = 6
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Streamlit asks for these two below the page's own path before it asks at the root; its 404s are expected.
PROBES = re.compile(r"/_stcore/(health|host-config)$")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard on a store with 9 calls of the last days and a blocked gate."""
    now = source.now()
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
    ] * 3
    calls += [a_failed_call(started_at=now - timedelta(hours=2), tenant_id="hooli") for _ in range(2)]
    passed = "01KAMRAGANSWER000000000001"
    store = a_store(
        tmp_path_factory.mktemp("store") / "store.duckdb",
        spans=calls,
        runs=[a_run(), a_run(run_id=passed, prompt_name="rag-answer", suite="rag.yaml")],
        verdicts=[a_verdict(), a_verdict(run_id=passed, verdict="PASS", difference=0.01)],
        results=[a_result(score=0.0), a_result(variant="baseline", score=1.0)],
    )
    with serving("--store-file", str(store)) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=[*FLAGS, *sandbox])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(READY_MS)
    expect.set_options(timeout=READY_MS)
    yield opened
    opened.close()


def visit(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("h1").wait_for()


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()
    expect(page.locator("h1")).to_have_text(name)


def metric(page: Page, label: str) -> str:
    box = page.get_by_test_id("stMetric").filter(has_text=label)
    return box.get_by_test_id("stMetricValue").inner_text().strip()


def choose(page: Page, key: str, option: str) -> None:
    """Choose as a person does: who opens a list while the page is still at work may see it close, and opens it again."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(OPENED_AGAIN):
        page.locator(f".st-key-{key} input").click()
        with contextlib.suppress(PlaywrightTimeoutError):
            wanted.click(timeout=5_000)
            return
        page.keyboard.press("Escape")
    pytest.fail(f"the list {key!r} was opened {OPENED_AGAIN} times and never offered {option!r}")


def test_a_deep_link_gives_the_same_numbers_to_whoever_opens_it(
    browser: Browser, page: Page, url: str
) -> None:
    visit(page, f"{url}/?range=30d&tenant=hooli")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    seen = [metric(page, label) for label in ("Spend", "Requests", "Error rate")]
    assert seen == ["$121.50", "5", "40.0 %"]
    with browser.new_context() as another:
        theirs = another.new_page()
        visit(theirs, page.url)
        expect(theirs.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
        assert [metric(theirs, label) for label in ("Spend", "Requests", "Error rate")] == seen


def test_a_filter_survives_navigation_back_and_reload(page: Page, url: str) -> None:
    visit(page, f"{url}/?range=30d&tenant=hooli")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    for name in ("Spend", "Gates", "Overview"):
        go_to(page, name)
    expect(page).to_have_url(re.compile(r"/\?range=30d&tenant=hooli$"))
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Gates")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Spend")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    page.reload()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    expect(page).to_have_url(re.compile(r"/\?range=30d&tenant=hooli$"))


def test_a_choice_is_in_the_address_and_back_undoes_it(page: Page, url: str) -> None:
    visit(page, url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$10.00")
    page.get_by_text("30d", exact=True).click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$131.50")
    expect(page).to_have_url(re.compile(r"\?range=30d$"))


def test_a_dimension_and_its_value_are_in_the_address_and_survive_other_pages(page: Page, url: str) -> None:
    visit(page, url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$10.00")
    choose(page, "dim", "team")
    choose(page, "value", "search")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$3.00")
    expect(page).to_have_url(re.compile(r"\?dim=team&value=search$"))
    for name in ("Spend", "Gates", "Overview"):
        go_to(page, name)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$3.00")
    page.reload()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$3.00")
    choose(page, "dim", "provider")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$10.00")
    expect(page).to_have_url(re.compile(r"\?dim=provider$"))


def test_a_card_of_a_blocked_gate_opens_evidence_that_has_an_address(page: Page, url: str) -> None:
    visit(page, f"{url}/gates")
    page.get_by_role("button", name="Evidence").first.click()
    expect(page).to_have_url(re.compile(rf"/gates\?run={RUN_ID}$"))
    evidence = page.locator(".st-key-evidence")
    expect(evidence).to_contain_text("exact_match fell by 50.0 points")
    expect(evidence).to_contain_text(f"steelyard gate {RUN_ID}")
    page.reload()
    expect(evidence).to_contain_text("exact_match fell by 50.0 points")
    page.get_by_role("button", name="Close the evidence").click()
    expect(evidence).to_have_count(0)


def test_the_overview_also_answers_at_its_own_name(page: Page, url: str) -> None:
    visit(page, f"{url}/overview")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$10.00")
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_no_request_leaves_this_machine_and_the_console_has_no_error(page: Page, url: str) -> None:
    asked: list[str] = []
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not PROBES.search(message.location.get("url", "")):
            wrong.append(f"{message.text} {message.location}")

    page.on("request", lambda request: asked.append(request.url))
    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in ("/", "/spend", "/gates", f"/gates?run={RUN_ID}", "/setup"):
        visit(page, url + path)
        page.wait_for_load_state("networkidle")
    for path in ("/", "/gates"):
        visit(page, url + path)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert [request for request in asked if not request.startswith((url, "data:", "blob:"))] == []
    assert wrong == []


def test_the_csv_is_what_the_page_says(page: Page, url: str, tmp_path: Path) -> None:
    visit(page, f"{url}/spend")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, exact decimals").click()
    file = tmp_path / "spend.csv"
    download.value.save_as(file)
    header, *rows = file.read_text("utf-8").splitlines()
    cost = header.split(",").index("cost_usd")
    assert f"${sum(Decimal(row.split(',')[cost]) for row in rows if row.split(',')[cost]):,.2f}" == metric(
        page, "Cost of the month"
    )


def test_it_recovers_by_itself_when_the_store_comes(page: Page, tmp_path: Path) -> None:
    store = tmp_path / "store.duckdb"
    with serving("--store-file", str(store)) as (url, _):
        page.goto(url)
        expect(page.get_by_text("The store does not answer")).to_be_visible()
        expect(page.locator("body")).not_to_contain_text("Traceback")
        a_store(store, spans=[a_call(started_at=source.now() - timedelta(hours=1))])
        expect(page.get_by_test_id("stMetricValue").first).to_have_text("$0.0035")


def test_it_reads_a_store_server_and_says_which(page: Page, tmp_path: Path) -> None:
    with start_server(tmp_path / "data") as running, serving("--api-url", running.api_url) as (url, _):
        visit(page, url)
        expect(page.get_by_text("No calls yet")).to_be_visible()
        visit(page, f"{url}/setup")
        expect(page.get_by_text("Waiting for the first span")).to_be_visible()
        expect(page.locator("body")).to_contain_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={running.receiver_url}")
        expect(page.get_by_test_id("stMetricValue").first).to_have_text("✓ up")
