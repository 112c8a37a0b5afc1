"""What many tests share: a real collector on free ports, and a real browser where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import Server, start_server

# These tests start interpreters by the dozen: let the first one leave its bytecode for the others.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_left_out: list[str] = []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running `steelyard collect` on a data directory of its own, shared by a module's tests."""
    with start_server(tmp_path_factory.mktemp("data") / "steelyard") as running:
        yield running


@pytest.fixture
def server_on() -> Callable[[Path], object]:
    """Start a server on a given data directory: `with server_on(path) as server: ...`."""
    return start_server


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The system's Chromium or Chrome; in CI, as root, it is installed when there is none."""
    found = _find_browser()
    if found is None and os.environ.get("CI") and hasattr(os, "geteuid") and os.geteuid() == 0:
        _install_browser()
        found = _find_browser()
    if found is None:
        pytest.skip("no Chromium or Chrome on this machine")
    return found


def _find_browser() -> str | None:
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return named
    on_path = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    return on_path or (str(_MAC_CHROME) if _MAC_CHROME.exists() else None)


def _install_browser() -> None:
    if shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            # Another worker may be at it already: wait for it.
            patient = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
            subprocess.run([*patient, *words], check=False, env=quiet, stdout=subprocess.DEVNULL)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "browser" in report.keywords:
        _left_out.append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        terminalreporter.section("browser tests left out", sep="-")
        for nodeid in _left_out:
            terminalreporter.line(f"  {nodeid}")
        terminalreporter.line(
            "No Chromium or Chrome was found. To run them: `sudo apt-get install -y chromium`, or set CHROMIUM_PATH."
        )
