"""The floor: a page of Streamlit's that reads nothing and shows one line. What lies above it is ours."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.pages.measure import Subject
from tests.servers import free_ports

_PAGE = "import streamlit as st\nst.title('Nothing')\n"
_PATIENCE_S = 60.0


@contextmanager
def bare_page() -> Iterator[Subject]:
    """Served by Streamlit as it comes, on a free port."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory() as room:
        script = Path(room) / "nothing.py"
        script.write_text(_PAGE, "utf-8")
        options = {
            "server.port": port,
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            url = f"http://127.0.0.1:{port}"
            try:
                _wait_until_it_answers(url)
                yield Subject(url, process.pid)
            finally:
                process.terminate()


def _wait_until_it_answers(url: str) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_at:
        with suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit("Streamlit alone does not start, so there is no floor to measure")
