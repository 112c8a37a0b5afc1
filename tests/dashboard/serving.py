"""The dashboard in a process of its own, for tests."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from tests.servers import free_ports

START_PATIENCE_S = 60.0


@contextlib.contextmanager
def serving(*arguments: str, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `python -m dashboard.serve` on a free port, or this one: its URL and its process, once it answers."""
    port = port or free_ports(1)[0]
    command = [sys.executable, "-m", "dashboard.serve", "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process)
        yield url, process
    finally:
        if process.poll() is None:
            process.terminate()
        _, said = process.communicate(timeout=30)
        print(said.decode(), file=sys.stderr)  # pytest shows it beside a failure


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_PATIENCE_S
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise AssertionError(f"the dashboard does not answer at {url}")
        time.sleep(0.05)
