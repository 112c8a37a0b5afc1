"""Journeys of the three users through the real dashboard in a real browser."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard import source
from tests.dashboard.browsing import (
    Dashboard,
    choose,
    click_row,
    go_to,
    has,
    metric,
    settle,
    visit,
)
from tests.dashboard.data import RUN_ID, SPAN_ID, TRACE_ID
from tests.servers import start_server
from tests.spans import a_call, export

pytestmark = pytest.mark.browser

# What hooli did in 30 days: three calls at $40.50 and one at $2, and two that failed.
HOOLI = {"Spend": "$123.50", "Requests": "6", "Error rate": "33.3 %"}


def test_a_deep_link_gives_the_same_numbers_to_whoever_opens_it_and_survives_navigation_back_and_reload(
    browser: Browser, page: Page, url: str
) -> None:
    visit(page, f"{url}/?range=30d&tenant=hooli")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(HOOLI["Spend"])
    assert {label: metric(page, label) for label in HOOLI} == HOOLI
    for name in ("Reliability", "Traces", "Overview"):
        go_to(page, name)
    expect(page).to_have_url(re.compile(r"/\?range=30d&tenant=hooli$"))
    for name in ("Traces", "Reliability", "Overview"):
        page.go_back()
        expect(page.locator("h1")).to_have_text(name)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(HOOLI["Spend"])
    page.reload()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(HOOLI["Spend"])
    expect(page).to_have_url(re.compile(r"/\?range=30d&tenant=hooli$"))
    with browser.new_context() as another:
        theirs = another.new_page()
        visit(theirs, page.url)
        expect(theirs.get_by_test_id("stMetricValue").first).to_have_text(HOOLI["Spend"])
        assert {label: metric(theirs, label) for label in HOOLI} == HOOLI


def test_a_range_is_in_the_address_also_one_between_two_times(page: Page, url: str) -> None:
    visit(page, url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$12.00")
    page.get_by_text("30d", exact=True).click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$133.50")
    expect(page).to_have_url(re.compile(r"\?range=30d$"))
    page.get_by_text("custom", exact=True).click()
    begins, ends = (f"{source.now() - timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (21, 19))
    for label, written in (("From (UTC)", begins), ("To (UTC)", ends)):
        page.get_by_label(label).fill(written)
        page.get_by_label(label).press("Enter")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")
    page.reload()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$121.50")


def test_a_dimension_and_its_value_are_in_the_address_and_survive_other_pages(page: Page, url: str) -> None:
    visit(page, url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$12.00")
    choose(page, "dim", "team")
    choose(page, "value", "search")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$3.00")
    expect(page).to_have_url(re.compile(r"\?dim=team&value=search$"))
    for name in ("Gates", "Overview"):
        go_to(page, name)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$3.00")
    choose(page, "dim", "provider")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("$12.00")
    expect(page).to_have_url(re.compile(r"\?dim=provider$"))


def test_what_needs_attention_leads_to_the_spend_of_the_tenant(page: Page, url: str) -> None:
    visit(page, url)
    page.get_by_role("link", name=re.compile("Budget of tenant hooli: exceeded")).click()
    expect(page.locator("h1")).to_have_text("Spend")
    expect(page).to_have_url(has("tenant", "hooli"))
    expect(page).to_have_url(has("month", f"{source.now():%Y-%m}"))
    settle(page)
    expect(page.locator("body")).to_contain_text("over")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Overview")


def test_a_row_of_the_search_opens_its_waterfall_which_has_an_address(page: Page, url: str) -> None:
    visit(page, f"{url}/traces?tenant=hooli")
    settle(page)
    click_row(page, "calls-card", 0, opens=has("id", TRACE_ID))
    expect(page).to_have_url(has("span", SPAN_ID))
    waterfall = page.locator(f".st-key-waterfall-{TRACE_ID}")
    expect(waterfall).to_contain_text("POST /answer")
    expect(waterfall.locator("g.trace.bars").first).to_be_visible()
    page.reload()
    expect(waterfall).to_contain_text("POST /answer")
    page.get_by_role("button", name="Close").first.click()
    expect(waterfall).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/traces\?tenant=hooli$"))


def test_a_comparison_leads_to_the_case_that_got_worse_and_to_both_answers(page: Page, url: str) -> None:
    visit(page, f"{url}/evals?prompt=support-reply")
    settle(page)
    page.get_by_text("regressed", exact=True).click()
    expect(page).to_have_url(has("show", "regressed"))
    settle(page)
    click_row(page, "case-table", 0, opens=has("case", "lost"))
    opened = page.locator(".st-key-open-case")
    expect(opened).to_contain_text("The parcel was lost in Berlin.")
    expect(opened).to_contain_text("The parcel is in Berlin.")
    page.reload()
    expect(opened).to_contain_text("The parcel was lost in Berlin.")


def test_a_blocked_gate_leads_to_its_evidence_and_on_to_every_case(page: Page, url: str) -> None:
    visit(page, f"{url}/gates")
    page.get_by_role("button", name="Evidence").first.click()
    expect(page).to_have_url(re.compile(rf"/gates\?run={RUN_ID}$"))
    evidence = page.locator(".st-key-evidence")
    expect(evidence).to_contain_text("exact_match fell by 50.0 points")
    expect(evidence).to_contain_text(f"steelyard gate {RUN_ID}")
    page.reload()
    evidence.get_by_role("link", name="Case by case").click()
    expect(page.locator("h1")).to_have_text("Prompts & evals")
    expect(page).to_have_url(has("run", RUN_ID))
    expect(page.locator("body")).to_contain_text("1 worse")
    page.go_back()
    expect(evidence).to_contain_text("exact_match fell by 50.0 points")
    page.get_by_role("button", name="Close").first.click()
    expect(evidence).to_have_count(0)


def test_the_rows_of_both_files_sum_to_what_the_page_says(page: Page, url: str, tmp_path: Path) -> None:
    visit(page, f"{url}/spend?month={source.now():%Y-%m}")
    settle(page)
    shown = page.get_by_test_id("stMetricValue").first.inner_text()
    with page.expect_download() as asked:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = csv.DictReader(io.StringIO(asked.value.path().read_text("utf-8")))
    costs = [row["cost_usd"] for row in rows]
    assert f"${sum(Decimal(cost) for cost in costs if cost):,.2f}" == shown
    with page.expect_download() as asked:
        page.get_by_role("button", name="Parquet", exact=True).click()
    table = pq.read_table(asked.value.path())
    assert [str(cost or "") for cost in table["cost_usd"].to_pylist()] == costs


def test_it_recovers_by_itself_when_the_store_comes(dashboard: Dashboard) -> None:
    assert "The store does not answer" in dashboard.said_without_store
    assert "Traceback" not in dashboard.said_without_store
    assert dashboard.first_figure == "$12.00"


def test_a_new_installation_waits_for_the_first_span_and_shows_it_by_itself(
    page: Page, tmp_path: Path
) -> None:
    with start_server(tmp_path / "data", command="up") as running:
        visit(page, running.dashboard_url)
        expect(page.get_by_text("No calls yet")).to_be_visible()
        visit(page, f"{running.dashboard_url}/setup")
        expect(page.get_by_text("Waiting for the first span")).to_be_visible()
        expect(page.locator("body")).to_contain_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={running.receiver_url}")
        expect(page.get_by_test_id("stMetricValue").first).to_have_text("✓ up")
        status, _ = running.post("/v1/traces", export(a_call()))
        assert status == 200
        expect(page.get_by_text("Is data flowing?")).to_be_visible()
        expect(page.get_by_text("Last span")).to_be_visible()
