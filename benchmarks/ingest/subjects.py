"""Who is measured: a fresh `steelyard collect`, or a peer that takes the same requests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from errors import QueryError, ServerError
from store.reader import ServerReader
from store.remote import StoreClient

START_PATIENCE_S = 240.0
HOW_TO_GET_PHOENIX = """the peer needs an environment of its own:
  python3 -m venv /tmp/phoenix && /tmp/phoenix/bin/pip install arize-phoenix
  python -m benchmarks.ingest --peer phoenix --peer-python /tmp/phoenix/bin/python"""


class Subject(Protocol):
    """A running server under load."""

    @property
    def name(self) -> str: ...

    @property
    def otlp_port(self) -> int: ...

    @property
    def process(self) -> subprocess.Popen[bytes]: ...

    @property
    def data_dir(self) -> Path: ...

    def visible_spans(self) -> int:
        """How many spans a reader sees now."""
        ...

    def visible_of(self, span_ids: Sequence[bytes], oldest_s: float) -> list[bytes]:
        """Which of these spans a reader sees now; the oldest was sent that many seconds ago."""
        ...


@dataclass(frozen=True)
class Steelyard:
    """`steelyard collect` on an empty directory, asked through its read API."""

    otlp_port: int
    api_url: str
    process: subprocess.Popen[bytes]
    data_dir: Path
    name: str = "steelyard"

    def visible_spans(self) -> int:
        return next(iter(self._rows("select count(*) from spans")), 0)

    def visible_of(self, span_ids: Sequence[bytes], oldest_s: float) -> list[bytes]:
        wanted = ", ".join(str(int.from_bytes(span_id, "big")) for span_id in span_ids)
        # Bounded by time, as every query of a page is.
        found = self._rows(
            f"select span_id from spans where started_at > now()::timestamp - interval {int(oldest_s) + 5} second "
            f"and span_id in ({wanted})"
        )
        return [int(span_id).to_bytes(8, "big") for span_id in found]

    def _rows(self, sql: str) -> list[int]:
        with contextlib.suppress(QueryError, ServerError), ServerReader(StoreClient(self.api_url)) as reader:
            return [int(value) for value in reader.sql(sql).column(0).to_pylist()]
        return []  # busy at this moment: the next look tells


@dataclass(frozen=True)
class Phoenix:
    """Arize Phoenix with its SQLite store, whose rows are counted in the file."""

    otlp_port: int
    process: subprocess.Popen[bytes]
    data_dir: Path
    name: str = "phoenix"

    def visible_spans(self) -> int:
        return int(self._rows("select count(*) from spans")[0])

    def visible_of(self, span_ids: Sequence[bytes], oldest_s: float) -> list[bytes]:
        wanted = ", ".join(f"'{span_id.hex()}'" for span_id in span_ids)
        found = self._rows(f"select span_id from spans where span_id in ({wanted})")
        return [bytes.fromhex(str(span_id)) for span_id in found]

    def _rows(self, sql: str) -> list[Any]:
        path = self.data_dir / "phoenix.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return [value for (value,) in database.execute(sql).fetchall()]


@contextlib.contextmanager
def steelyard(data_dir: Path, env: Mapping[str, str]) -> Iterator[Steelyard]:
    """Start it, stop it in order."""
    otlp, grpc, api = free_ports(3)
    argv = [sys.executable, "-m", "steelyard", "collect", "--data", str(data_dir)]
    argv += ["--otlp-http", str(otlp), "--api", str(api)]
    # The gRPC port by the environment: an older release has no flag for it.
    with _process(argv, {"STEELYARD_OTLP_GRPC": str(grpc), **env}) as process:
        running = Steelyard(otlp, f"http://127.0.0.1:{api}", process, data_dir)
        _until_it_answers(process, f"http://127.0.0.1:{otlp}/healthz", f"{running.api_url}/api/v1/health")
        yield running


@contextlib.contextmanager
def phoenix(data_dir: Path, python: Path | None) -> Iterator[Phoenix]:
    """Start it, stop it; raises SystemExit with what to install when it is not there."""
    if python is None or shutil.which(str(python)) is None:
        raise SystemExit(HOW_TO_GET_PHOENIX)
    http, grpc = free_ports(2)
    data_dir.mkdir(parents=True, exist_ok=True)
    env = {
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_WORKING_DIR": str(data_dir),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with _process([str(python), "-m", "phoenix.server.main", "serve"], env) as process:
        _until_it_answers(process, f"http://127.0.0.1:{http}/healthz")
        yield Phoenix(http, process, data_dir)


def free_ports(n: int) -> list[int]:
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def _process(argv: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(120)
        if process.poll() is None:
            process.kill()


def _until_it_answers(process: subprocess.Popen[bytes], *urls: str) -> None:
    give_up_at = time.monotonic() + START_PATIENCE_S
    for url in urls:
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise SystemExit(f"{url} did not answer; what the server wrote above says why")
            time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
