"""`python -m benchmarks.pages`: see benchmarks/README.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from playwright.sync_api import Browser

from benchmarks.pages.big_store import BigStore, big_store
from benchmarks.pages.browser import Wait, browser, wait
from benchmarks.pages.floor import bare_page
from benchmarks.pages.measure import Cost, Crowd, Subject, address, cost, crowd, let_answers_age
from dashboard.places import PLACES
from tests.servers import start_server

# The first page answers at `/`.
PAGES = ("", *(place.path for place in PLACES[1:]))
# Budgets of a warm run: server CPU, queries, bytes, figures; and the time in a browser.
BUDGET_CPU_MS, BUDGET_QUERIES, BUDGET_KB, BUDGET_FIGURES, BUDGET_USABLE_MS = 200, 6, 200, 3, 1_500


@dataclass(frozen=True)
class Page:
    """What opening one page costs: right after a start, warm with everything asked anew, and once more the same."""

    name: str
    cold: Cost
    warm: Cost
    again: Cost
    waited: Wait | None

    @property
    def is_within(self) -> bool:
        return (
            self.warm.cpu_ms <= BUDGET_CPU_MS
            and self.warm.n_queries <= BUDGET_QUERIES
            and self.warm.kilobytes <= BUDGET_KB
            and self.warm.n_figures <= BUDGET_FIGURES
            and (self.waited is None or self.waited.again_ms <= BUDGET_USABLE_MS)
        )


@click.command()
@click.option("--calls", type=click.IntRange(50_000), default=10_000_000, show_default=True)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path(".benchmark"),
    show_default=True,
    help="Folder in which the store is made once and kept (2 GB at 10 million calls).",
)
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Warm runs of each page.")
@click.option("--visitors", type=click.IntRange(1), default=20, show_default=True, help="At once.")
@click.option(
    "--page", "only", multiple=True, help="Only this page; repeat it. The first page is `overview`."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def main(calls: int, store: Path, runs: int, visitors: int, only: tuple[str, ...], form: str) -> None:
    """Measure what every page costs on a store of ten million calls.

    \b
    Example:
      python -m benchmarks.pages --page overview --page spend
    """
    pages = [page for page in PAGES if not only or (page or PLACES[0].path) in only]
    made = big_store(store, calls)
    with browser() as running, start_server(made.data, command="up") as server:
        subject = Subject(
            server.dashboard_url,
            server.pid_of("dashboard.serve"),
            server.pid_of("collector.server"),
            server.process.pid,
            server.api_url,
        )
        measured = [_measured(subject, page, made, runs, running) for page in pages]
        at_once = crowd(subject, pages, visitors, lambda n: address(made.until, minutes_earlier=1_000 + n))
    with browser() as running, bare_page() as nothing:
        bare = _bare(nothing, runs, running)
    click.echo(
        _as_json(made, measured, at_once, bare)
        if form == "json"
        else _as_table(made, measured, at_once, bare)
    )


def _measured(subject: Subject, page: str, made: BigStore, runs: int, running: Browser | None) -> Page:
    print(f"  /{page}", file=sys.stderr, flush=True)
    cold = cost(subject, page, [address(made.until)])
    let_answers_age()
    warm = cost(subject, page, [address(made.until, minutes_earlier=n) for n in range(1, runs + 1)])
    again = cost(subject, page, [address(made.until, minutes_earlier=runs)] * runs)
    waited = (
        None
        if running is None
        else wait(
            running,
            *(f"{subject.url}/{page}?{address(made.until, minutes_earlier=100 + n)}" for n in range(2)),
        )
    )
    return Page(page or PLACES[0].path, cold, warm, again, waited)


def _bare(nothing: Subject, runs: int, running: Browser | None) -> Page:
    cold, warm = (cost(nothing, "", [""] * n) for n in (1, runs))
    return Page(
        "(floor)", cold, warm, warm, None if running is None else wait(running, nothing.url, nothing.url)
    )


def _as_table(made: BigStore, measured: Sequence[Page], at_once: Crowd, bare: Page) -> str:
    head = (
        f"{'page':<12}{'cold':>7}{'warm':>7}{'of it':>10}{'again':>7}{'queries':>9}{'kB':>7}{'figures':>9}"
        f"{'first':>8}{'usable':>8}   budget"
    )
    units = f"{'':<12}{'ms CPU':>7}{'ms CPU':>7}{'the store':>10}{'ms CPU':>7}{'':>9}{'':>7}{'':>9}{'ms':>8}{'ms':>8}"
    return "\n".join(
        [
            f"{made.n_calls:,} calls, pages over 30 days",
            head,
            units,
            *(_line(page, "kept" if page.is_within else "BROKEN") for page in measured),
            _line(bare, ""),
            "",
            f"{at_once.n_visitors} visitors at once, every page each: {at_once.n_runs} runs in {at_once.seconds:.1f} s, "
            f"{at_once.cpu_ms_per_run:.0f} ms CPU a run; a run took {at_once.run_p50_s:.2f} s (p50), "
            f"{at_once.run_p95_s:.2f} s (p95); other programs used {at_once.used_by_others:.0%} of the machine meanwhile",
            f"budget of a warm run: {BUDGET_CPU_MS} ms CPU of dashboard and store server, {BUDGET_QUERIES} queries, "
            f"{BUDGET_KB} kB, {BUDGET_FIGURES} figures; usable within {BUDGET_USABLE_MS} ms",
        ]
    )


def _line(page: Page, judged: str) -> str:
    first, usable = (
        (f"{page.waited.first_visit_ms:.0f}", f"{page.waited.again_ms:.0f}") if page.waited else ("–", "–")
    )
    return (
        f"{page.name:<12}{page.cold.cpu_ms:>7.0f}{page.warm.cpu_ms:>7.0f}{page.warm.store_ms:>10.0f}"
        f"{page.again.cpu_ms:>7.0f}{page.warm.n_queries:>9.1f}{page.warm.kilobytes:>7.0f}{page.warm.n_figures:>9}"
        f"{first:>8}{usable:>8}   {judged}"
    )


def _as_json(made: BigStore, measured: Sequence[Page], at_once: Crowd, bare: Page) -> str:
    return json.dumps(
        {
            "calls": made.n_calls,
            "pages": [asdict(page) for page in measured],
            "crowd": asdict(at_once),
            "floor": asdict(bare),
        },
        indent=2,
    )


if __name__ == "__main__":
    main()
