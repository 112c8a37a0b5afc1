"""Hours in minutes: does anything grow? `python -m benchmarks.soak --minutes 30`.

Runs `steelyard collect` on a fresh data directory and sends it spans at a fixed rate, half over HTTP and half over
gRPC, as exporters do, with hostile requests in between. Every few seconds it looks at the memory of every process,
at the lag and at the spool. At the end it prints a table and a verdict: growth of memory in MB an hour (a line
fitted after the warm-up), and spans acknowledged against spans stored.

DuckDB holds the rows of its write-ahead log in memory until a checkpoint (at 256 MB of log, or when idle) and caches
blocks up to its limit (setting store_memory_mb). That is bounded and no leak, so what it says it holds is a column of
its own, and the store server's growth is judged without it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import psutil

from benchmarks.idle_memory import weights
from tests.servers import Server, start_server
from tests.spans import a_call, export

MEGABYTE = 1_000_000
SAMPLE_EVERY_S = 5.0
SPANS_PER_REQUEST = 20
HOSTILE_EVERY_S = 0.5
# Growth beyond this is a leak; below it is noise of an allocator over a run of minutes.
GROWTH_MAX_MB_PER_HOUR = 20.0
# Shared machines are slow and their figures jump: a line fitted to less says nothing.
LEAST_MINUTES = 2.0
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_BOMB = bytes.fromhex("1f8b0800000000000003")


@dataclass
class Sent:
    """What was sent, and what came of it."""

    acked_spans: int = 0
    failed_requests: int = 0
    hostile: Counter[str] = field(default_factory=Counter)  # by status


@dataclass(frozen=True)
class Sample:
    """One look. Memory is resident bytes by process."""

    at_s: float
    rss: dict[str, int]
    waiting_s: float
    spool_bytes: int
    store_bytes: int
    database_bytes: int  # what DuckDB says it holds in memory: rows not checkpointed yet, and its cache


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the collector for a while and see what grows.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=500.0, help="spans a second")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, start_server(Path(folder) / "data") as server:
        samples, sent = asyncio.run(_soak(server, given.minutes * 60, given.rate))
        server.wait_until_committed(patience_s=120.0)
        stored = int(server.value("select count(*) from spans"))
    _print_samples(samples)
    return _verdict(samples, sent, stored)


async def _soak(server: Server, seconds: float, rate: float) -> tuple[list[Sample], Sent]:
    sent = Sent()
    samples: list[Sample] = []
    ends_at = time.monotonic() + seconds
    per_door = rate / 2 / SPANS_PER_REQUEST
    async with aiohttp.ClientSession() as http, grpc.aio.insecure_channel(server.grpc_target) as channel:
        await asyncio.gather(
            _steadily(per_door, ends_at, lambda: _over_http(http, server, sent)),
            _steadily(per_door, ends_at, lambda: _over_grpc(channel, sent)),
            _steadily(1 / HOSTILE_EVERY_S, ends_at, lambda: _hostile(http, server, sent)),
            _watch(http, server, samples, ends_at),
        )
    return samples, sent


async def _steadily(per_second: float, ends_at: float, send: Any) -> None:
    """Start a request at every tick, whether or not the last one is answered."""
    running: set[asyncio.Task[None]] = set()
    due = time.monotonic()
    while (due := due + 1 / per_second) < ends_at:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.ensure_future(send())
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def _batch() -> bytes:
    calls = [a_call(duration_ms=random.randint(50, 5000), tenant__id=f"tenant-{random.randint(1, 50)}")]
    calls += [a_call() for _ in range(SPANS_PER_REQUEST - 1)]
    return export(*calls, service__name=f"service-{random.randint(1, 10)}")


async def _over_http(http: aiohttp.ClientSession, server: Server, sent: Sent) -> None:
    headers = {"content-type": "application/x-protobuf"}
    try:
        async with http.post(f"{server.receiver_url}/v1/traces", data=_batch(), headers=headers) as answer:
            await answer.read()
            _count(sent, answer.status == 200)
    except (aiohttp.ClientError, TimeoutError):
        _count(sent, False)


async def _over_grpc(channel: grpc.aio.Channel, sent: Sent) -> None:
    try:
        await channel.unary_unary(_EXPORT)(_batch(), timeout=30.0)
        _count(sent, True)
    except grpc.aio.AioRpcError:
        _count(sent, False)


def _count(sent: Sent, is_acked: bool) -> None:
    if is_acked:
        sent.acked_spans += SPANS_PER_REQUEST
    else:
        sent.failed_requests += 1


async def _hostile(http: aiohttp.ClientSession, server: Server, sent: Sent) -> None:
    """What scanners, broken clients and fuzzers send; each must be refused, none may cost memory."""
    path, body, headers = random.choice(
        [
            ("/v1/traces", os.urandom(2000), {"content-type": "application/x-protobuf"}),
            ("/v1/traces", b'{"resourceSpans": [' * 2000, {"content-type": "application/json"}),
            (
                "/v1/logs",
                _BOMB + os.urandom(500),
                {"content-type": "application/json", "content-encoding": "gzip"},
            ),
            ("/v1/metrics", b"x", {"content-type": f"text/{random.getrandbits(64):x}"}),
            (f"/{random.getrandbits(64):x}", b"", {}),
            (
                "/v1/traces",
                b"",
                {"content-type": "application/json", "x-steelyard-project": "NO SUCH PROJECT"},
            ),
            (
                "/v1/traces",
                b"{}",
                {"content-type": "application/json", "authorization": f"Bearer sy_{random.random()}"},
            ),
        ]
    )
    try:
        async with http.post(f"{server.receiver_url}{path}", data=body, headers=headers) as answer:
            await answer.read()
            sent.hostile[str(answer.status)] += 1
    except (aiohttp.ClientError, TimeoutError) as broken:
        sent.hostile[type(broken).__name__] += 1


async def _watch(http: aiohttp.ClientSession, server: Server, samples: list[Sample], ends_at: float) -> None:
    began_at = time.monotonic()
    async for _ in _ticks(ends_at):
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, psutil.NoSuchProcess):
            async with http.get(f"{server.api_url}/api/v1/pipeline") as answer:
                state = await answer.json()
            found = await asyncio.to_thread(weights, server.process.pid)
            samples.append(
                Sample(
                    time.monotonic() - began_at,
                    {one.name: one.rss for one in found},
                    state["oldest_waiting_s"] or 0.0,
                    state["spool"]["bytes"],
                    (state["store"]["file_bytes"] or 0) + (state["store"]["wal_bytes"] or 0),
                    await asyncio.to_thread(_database_bytes, server),
                )
            )


def _database_bytes(server: Server) -> int:
    return int(server.value("select cast(sum(memory_usage_bytes) as bigint) from duckdb_memory()"))


async def _ticks(ends_at: float) -> AsyncIterator[None]:
    while time.monotonic() < ends_at:
        yield
        await asyncio.sleep(SAMPLE_EVERY_S)


def _print_samples(samples: Sequence[Sample]) -> None:
    names = list(samples[0].rss)
    print(
        "minute"
        + "".join(f"{name + ' MB':>17}" for name in names)
        + f"{'DuckDB MB':>11}{'lag s':>8}{'spool MB':>10}{'store MB':>10}"
    )
    shown = samples[:: max(1, len(samples) // 30)]
    for one in shown:
        print(
            f"{one.at_s / 60:6.1f}"
            + "".join(f"{one.rss.get(name, 0) / MEGABYTE:17.1f}" for name in names)
            + f"{one.database_bytes / MEGABYTE:11.1f}{one.waiting_s:8.2f}{one.spool_bytes / MEGABYTE:10.2f}"
            + f"{one.store_bytes / MEGABYTE:10.1f}"
        )


def _verdict(samples: Sequence[Sample], sent: Sent, stored: int) -> int:
    warm = [one for one in samples if one.at_s >= samples[-1].at_s / 3]
    growth = {name: _mb_per_hour(warm, name) for name in samples[0].rss}
    of_database = _slope([(one.at_s / 3600, one.database_bytes / MEGABYTE) for one in warm])
    growth["store server without DuckDB's own"] = growth.pop("store server") - of_database
    print()
    print(f"acked {sent.acked_spans:,} spans, stored {stored:,}; {sent.failed_requests:,} requests failed")
    print(
        "hostile requests answered: "
        + ", ".join(f"{n:,}× {status}" for status, n in sorted(sent.hostile.items()))
    )
    print("lag: highest " + f"{max(one.waiting_s for one in samples):.2f} s")
    print(f"growth of DuckDB's own memory after the warm-up: {of_database:+.1f} MB/h")
    print("growth after the warm-up: " + ", ".join(f"{name} {mb:+.1f} MB/h" for name, mb in growth.items()))
    is_exact = stored == sent.acked_spans
    is_long = samples[-1].at_s >= LEAST_MINUTES * 60
    is_flat = all(mb <= GROWTH_MAX_MB_PER_HOUR for mb in growth.values())
    words = [
        "nothing lost or doubled" if is_exact else "SPANS LOST OR DOUBLED",
        ("memory is flat" if is_flat else "MEMORY GROWS")
        if is_long
        else "too short to tell whether memory is flat",
    ]
    print("verdict: " + "; ".join(words))
    return 0 if is_exact and (is_flat or not is_long) else 1


def _mb_per_hour(samples: Sequence[Sample], name: str) -> float:
    """Slope of the least-squares line through resident memory over time."""
    return _slope([(one.at_s / 3600, one.rss[name] / MEGABYTE) for one in samples if name in one.rss])


def _slope(points: Sequence[tuple[float, float]]) -> float:
    mean_h = sum(hours for hours, _ in points) / len(points)
    mean_mb = sum(mb for _, mb in points) / len(points)
    spread = sum((hours - mean_h) ** 2 for hours, _ in points)
    return sum((hours - mean_h) * (mb - mean_mb) for hours, mb in points) / spread if spread else 0.0


if __name__ == "__main__":
    sys.exit(main())
