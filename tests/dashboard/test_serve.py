from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dashboard.theme import OPTIONS
from tests.dashboard.data import a_store
from tests.dashboard.serving import serving


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_soon_after_a_signal(tmp_path: Path, sent: signal.Signals) -> None:
    with serving("--store-file", str(a_store(tmp_path / "store.duckdb"))) as (_, process):
        asked_at = time.monotonic()
        process.send_signal(sent)
        process.wait(timeout=10)
        assert time.monotonic() - asked_at < 5


def test_supervised_it_ends_when_its_standard_input_does() -> None:
    with serving("--supervised") as (_, process):
        assert process.stdin
        process.stdin.close()
        process.stdin = None
        process.wait(timeout=10)


def test_on_its_own_it_outlives_its_standard_input() -> None:
    with serving() as (_, process):
        assert process.stdin
        process.stdin.close()
        process.stdin = None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)


def test_a_taken_port_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "dashboard.serve", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 3
    assert f"the dashboard cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "choose another port, for example --port 8502" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nothing_is_sent_home_and_nothing_is_watched() -> None:
    assert OPTIONS["browser.gatherUsageStats"] is False
    assert OPTIONS["server.fileWatcherType"] == "none"
    assert OPTIONS["runner.magicEnabled"] is False
    assert OPTIONS["client.toolbarMode"] == "viewer"
    assert "global.enableAgentApi" not in OPTIONS and "server.enableAgentApi" not in OPTIONS
