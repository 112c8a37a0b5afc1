"""`steelyard demo`: a page worth looking at in under a minute, and gone again with one flag."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import webbrowser
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from collector.configure import load_settings
from collector.datadir import running_server
from collector.settings import CollectorSettings
from commands.demo import budgets, evals_history, load, traffic
from commands.demo.story import DAYS, Edition
from commands.local import LocalServer, local_server
from commands.processes import running
from commands.up import data_options
from store.projects import DEMO_PROJECT
from store.reader import Reader, ServerReader

# A call has not ended yet when it begins: the demo stops a little before now.
_SETTLED = timedelta(minutes=2)
_HOW_TO_REMOVE = "Remove the demo, and nothing else: steelyard demo --remove"


@click.command("demo", short_help="Load realistic demo data into project `demo` and open the page on it.")
@data_options
@click.option("--dashboard", type=int, metavar="PORT", help="Dashboard port (default 8501).")
@click.option("--remove", is_flag=True, help="Remove project `demo`, all of it and nothing else.")
@click.option("--no-open", is_flag=True, help="Print the page's address, open no browser.")
@click.option(
    "--calls", type=click.IntRange(100, 1_000_000), default=50_000, help="How many calls (default 50000)."
)
def command(
    data: Path | None,
    otlp_http: int | None,
    otlp_grpc: int | None,
    api: int | None,
    dashboard: int | None,
    remove: bool,
    no_open: bool,
    calls: int,
) -> None:
    """Load realistic demo data into project `demo` and open the page on it.

    Ninety days of invented calls and a few eval runs, through the same doors as your own telemetry and kept
    apart from it by their project. Loading again on the same day adds nothing; on a later day the old demo
    is replaced. Starts everything, as `steelyard up` does, unless a server runs on the data directory.

    \b
    Example:
      steelyard demo
      steelyard demo --remove
    """
    flags = {"data": data, "otlp_http": otlp_http, "otlp_grpc": otlp_grpc, "api": api, "dashboard": dashboard}
    settings = load_settings(flags)
    if remove:
        _remove(settings)
    elif server := running_server(settings.data):
        _load(local_server(settings.data, server, as_owner=True), calls)
        _show(server.dashboard_url, no_open)
    else:
        _load_and_stay(settings, calls, no_open)


def _load_and_stay(settings: CollectorSettings, calls: int, no_open: bool) -> None:
    with contextlib.suppress(KeyboardInterrupt), running(settings, with_dashboard=True) as up:
        _load(local_server(settings.data, up.address, as_owner=True), calls)
        _show(up.dashboard_url, no_open)
        _say("Ctrl-C stops everything; the data stays.")
        up.wait()


def _remove(settings: CollectorSettings) -> None:
    if server := running_server(settings.data):
        _erase(local_server(settings.data, server, as_owner=True))
    elif settings.store_path.exists():
        # Only its own server changes a store, so one runs for as long as this takes.
        with running(settings, with_dashboard=False) as up:
            _erase(local_server(settings.data, up.address, as_owner=True))
    else:
        _say(f"There is no store in {settings.data}, so there is no demo to remove.")


def _erase(server: LocalServer) -> None:
    with ServerReader(server.client()) as reader:
        if load.is_loaded(reader):
            load.erase(server, reader)
            _say("Project `demo` is gone. Everything else is as it was.")
        else:
            _say("Project `demo` is empty already.")


def _load(server: LocalServer, calls: int) -> None:
    began_at = time.monotonic()
    with ServerReader(server.client()) as reader:
        edition = _make_room(server, reader, calls)
        _say(f"Loading about {calls:,} demo calls: {DAYS} days until {edition.until:%Y-%m-%d %H:%M} UTC")
        n_calls = load.send_spans(server, traffic.batches(edition))
        records = evals_history.records(edition) | {"budgets": budgets.records(edition)}
        load.send_records(server, records)
        n_records = {kind: len(records[kind]) for kind in ("runs", "results", "verdicts")}
        load.wait_until_visible(reader, {"calls": n_calls} | n_records)
    seconds = time.monotonic() - began_at
    _say(f"{n_calls:,} calls and {len(records['runs'])} eval runs are visible after {seconds:.0f} s")


def _make_room(server: LocalServer, reader: Reader, calls: int) -> Edition:
    """The edition to load: the one that is there if it is today's, else a fresh one, alone."""
    fresh = Edition(calls, (datetime.now(UTC) - _SETTLED).replace(microsecond=0))
    stored = load.loaded_edition(reader)
    if stored and _is_of_the_same_day(stored, fresh):
        return stored
    if load.is_loaded(reader):
        _say("Removing the demo that is there")
        load.erase(server, reader)
    return fresh


def _is_of_the_same_day(stored: Edition, fresh: Edition) -> bool:
    """Loading it again, to the byte, adds nothing, and completes a load that was interrupted."""
    return stored == replace(fresh, until=stored.until) and stored.until.date() == fresh.until.date()


def _show(dashboard_url: str | None, no_open: bool) -> None:
    if dashboard_url is None:
        _say("This server runs without a dashboard: stop it and use `steelyard up` to see the page.")
    else:
        page = f"{dashboard_url}/?project={DEMO_PROJECT}"
        click.echo(page)
        if not no_open and _has_display():
            webbrowser.open(page)
    _say(_HOW_TO_REMOVE)


def _has_display() -> bool:
    """Without one, `webbrowser` would start a text browser in this very terminal."""
    return sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ


def _say(text: str) -> None:
    click.echo(text, err=True)
