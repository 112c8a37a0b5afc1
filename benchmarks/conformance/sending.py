"""The captures as one shuffled stream through the real door, with the store server killed now and then where asked."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.receiver.otlp import PROTOBUF, read_traces
from tests.captures import split_spans, trace_captures
from tests.servers import Server, start_server

_CONNECTIONS = 4
# Between two kills: long enough that the next one starts and commits, mostly.
_ALIVE_S = (0.2, 1.5)
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Sent:
    """What was sent, and the rows of `calls` afterwards."""

    n_requests: int
    n_kills: int
    rows: Sequence[dict[str, Any]]


def shuffled(seed: int) -> list[tuple[bytes, str]]:
    """(body, media type) of every request: each capture as it was sent, and each of its spans alone, twice."""
    captures = trace_captures()
    spans = [
        (alone, PROTOBUF) for one in captures for alone in split_spans(read_traces(one.body, one.media).body)
    ]
    requests = [*((one.body, one.media) for one in captures), *spans, *spans]
    random.Random(seed).shuffle(requests)
    return requests


def send_all(seed: int, *, with_kills: bool) -> Sent:
    """Send the stream to a collector of its own; with kills all of it again afterwards."""
    requests = shuffled(seed)
    with tempfile.TemporaryDirectory() as folder, start_server(Path(folder) / "data") as server:
        n_kills = 0
        if with_kills:
            with _killing(server, random.Random(seed)) as kills:
                post(server, requests)
            n_kills = len(kills)
            post(server, shuffled(seed + 1))
        else:
            post(server, requests)
        server.wait_until_committed(patience_s=_PATIENCE_S)
        rows = server.rows("select * from calls")
    return Sent(len(requests) * (2 if with_kills else 1), n_kills, rows)


def post(server: Server, requests: Sequence[tuple[bytes, str]]) -> None:
    """Send the requests on a few connections at once, each until it is accepted."""

    def one(request: tuple[bytes, str]) -> None:
        give_up_at = time.monotonic() + _PATIENCE_S
        while (status := server.post("/v1/traces", *request)[0]) != 200:
            if status not in (429, 502, 503, 504) or time.monotonic() > give_up_at:
                raise SystemExit(f"the collector answered {status} to a captured request")
            time.sleep(0.1)

    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        list(threads.map(one, requests))


def kill_store_server(server: Server) -> None:
    """kill -9, whatever it is doing."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid_of("collector.server"), signal.SIGKILL)


@contextlib.contextmanager
def _killing(server: Server, dice: random.Random) -> Iterator[list[float]]:
    """Kill the store server at random moments for as long as this lasts; the list grows by each kill."""
    kills: list[float] = []
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            kill_store_server(server)
            kills.append(time.monotonic())
            over.wait(dice.uniform(*_ALIVE_S))

    thread = threading.Thread(target=run, name="killer")
    thread.start()
    try:
        yield kills
    finally:
        over.set()
        thread.join()
