"""A real `steelyard collect` or `up` in a process of its own, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from collector.keys import read_local_token
from store.reader import ServerReader
from store.remote import StoreClient
from store.trust import exactly, verification
from tests.stores import a_new_file, shipped_book

STEELYARD = Path(sys.executable).with_name("steelyard")
START_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running Steelyard."""

    data_dir: Path
    receiver_url: str
    api_url: str
    dashboard_url: str
    process: subprocess.Popen[bytes]
    stderr_path: Path
    grpc_target: str
    certificate: Path | None = None  # that it serves TLS with

    def said(self) -> str:
        """What it wrote on stderr so far."""
        return self.stderr_path.read_text("utf-8")

    @property
    def client(self) -> StoreClient:
        """The read API as the owner of the data directory uses it."""
        verify = verification(self.api_url, certificate=self.certificate)
        return StoreClient(self.api_url, api_key=read_local_token(self.data_dir), verify=verify)

    def reader(self) -> ServerReader:
        return ServerReader(self.client)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT."""
        with self.reader() as reader:
            found: list[dict[str, Any]] = reader.sql(sql).to_pylist()
        return found

    def value(self, sql: str) -> Any:
        """The one value of a SELECT."""
        return next(iter(self.rows(sql)[0].values()))

    def post(
        self, path: str, body: bytes, content_type: str = "application/x-protobuf", **headers: str
    ) -> tuple[int, bytes]:
        """POST to the receiver; (status, body)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.receiver_url + path,
            data=body,
            headers={"content-type": content_type, **named},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    @property
    def tls(self) -> ssl.SSLContext | None:
        return exactly(self.certificate) if self.certificate else None

    def wait_until_committed(self, patience_s: float = 30.0) -> None:
        """Until nothing that was accepted waits in the spool."""
        give_up_at = time.monotonic() + patience_s
        while any((self.data_dir / "spool").glob("*.open")) or any((self.data_dir / "spool").glob("*.seg")):
            if time.monotonic() > give_up_at:
                raise AssertionError(f"the spool is not empty after {patience_s} s")
            time.sleep(0.02)

    def pid_of(self, module: str) -> int:
        """The process id of the supervised process that runs this module, once it runs."""
        give_up_at = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < give_up_at:
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if module in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                        return child.pid
            time.sleep(0.02)
        raise AssertionError(f"no process runs {module}")


@contextlib.contextmanager
def start_server(
    data_dir: Path, *, command: str = "collect", env: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run `steelyard collect` (or `up`) on free ports; stops it as Ctrl-C would."""
    *ports, grpc_port = free_ports(4)
    argv = [
        str(STEELYARD),
        command,
        "--data",
        str(data_dir),
        "--otlp-http",
        str(ports[0]),
        "--otlp-grpc",
        str(grpc_port),
        "--api",
        str(ports[1]),
    ]
    if command == "up":
        argv += ["--dashboard", str(ports[2])]
    elif not data_dir.exists():
        # What a first start makes of it takes 0.3 s: only `up` does so here, and the tests of the command itself.
        data_dir.mkdir(mode=0o700, parents=True)
        (data_dir / "store.duckdb").write_bytes(a_new_file(shipped_book()))
    certificate = (env or {}).get("STEELYARD_TLS_CERT")
    scheme = "https" if certificate else "http"
    stderr_path = data_dir.with_name(f"{data_dir.name}.stderr-{ports[0]}")
    stderr_path.parent.mkdir(parents=True, exist_ok=True)
    with stderr_path.open("wb") as stderr:
        process = subprocess.Popen(argv, env={**os.environ, **(env or {})}, stderr=stderr)
    running = Server(
        data_dir,
        *(f"{used}://127.0.0.1:{port}" for used, port in zip((scheme, scheme, "http"), ports, strict=True)),
        process=process,
        stderr_path=stderr_path,
        grpc_target=f"127.0.0.1:{grpc_port}",
        certificate=Path(certificate) if certificate else None,
    )
    try:
        _wait_until_ready(running, command)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
        print(running.said(), file=sys.stderr)  # pytest shows it beside a failure


def free_ports(n: int) -> list[int]:
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_until_ready(running: Server, command: str) -> None:
    give_up_at = time.monotonic() + START_PATIENCE_S
    urls = [f"{running.receiver_url}/healthz", f"{running.api_url}/api/v1/health"]
    if command == "up":
        urls.append(f"{running.dashboard_url}/_stcore/health")
    while urls:
        urls = [url for url in urls if not _answers(url, running.tls)]
        if urls and (running.process.poll() is not None or time.monotonic() > give_up_at):
            raise AssertionError(f"`steelyard {command}` did not start: {urls} silent")
        time.sleep(0.05)


def _answers(url: str, tls: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=tls) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def health(server: Server) -> dict[str, Any]:
    """What the store server says of itself."""
    with urllib.request.urlopen(f"{server.api_url}/api/v1/health", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
