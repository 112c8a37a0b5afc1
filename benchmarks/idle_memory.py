"""What an idle collector weighs: `python -m benchmarks.idle_memory`.

Starts `steelyard collect` and `steelyard up` on empty data directories, waits until they have settled, and prints
resident and proportional memory of every process. RSS counts what processes share (the interpreter, libc) once for
each; PSS counts it once in all. The floor is a Python that has imported the same libraries and does nothing: what
lies above it is ours.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.servers import start_server

MEGABYTE = 1_000_000
BUDGETS_MB = {"collect": (250, 190), "up": (500, 380)}
# What each process cannot do without; imported only, nothing opened.
FLOORS = {
    "steelyard": "click",
    "receiver": "uvicorn, uvloop, httptools, starlette.applications, grpc.aio, google.protobuf.json_format, "
    "prometheus_client, opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    "store server": "uvicorn, uvloop, httptools, starlette.applications, duckdb, pyarrow, pyarrow.compute, ptars, "
    "numpy, prometheus_client",
    "dashboard": "streamlit.web.bootstrap, pandas, plotly.graph_objects, pyarrow, duckdb",
}
_MODULES = {
    "collector.receiver": "receiver",
    "collector.server": "store server",
    "dashboard.serve": "dashboard",
}
_MEASURE = """
import sys, {libraries}
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Weight:
    """Memory of one process in bytes."""

    name: str
    rss: int
    pss: int
    n_threads: int


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Memory of an idle collector.")
    parser.add_argument("commands", nargs="*", help="collect, up (default: both)")
    parser.add_argument("--settle-s", type=float, default=15.0, help="how long to wait before weighing")
    given = parser.parse_args(argv)
    for command in given.commands or ("collect", "up"):
        with (
            tempfile.TemporaryDirectory() as folder,
            start_server(Path(folder) / "data", command=command) as server,
        ):
            time.sleep(given.settle_s)
            found = weights(server.process.pid)
        report(command, found)


def weights(pid: int) -> list[Weight]:
    """The process and everything below it."""
    top = psutil.Process(pid)
    return [weight(one, name_of(one)) for one in (top, *top.children(recursive=True))]


def weight(process: psutil.Process, name: str) -> Weight:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii")
    rss, pss = (int(re.findall(rf"^{field}: +(\d+) kB", rollup, re.M)[0]) * 1024 for field in ("Rss", "Pss"))
    return Weight(name, rss, pss, process.num_threads())


def name_of(process: psutil.Process) -> str:
    return next((name for module, name in _MODULES.items() if module in process.cmdline()), "steelyard")


def report(command: str, found: Sequence[Weight]) -> None:
    must, aim = BUDGETS_MB[command]
    print(f"\nsteelyard {command}, idle")
    print(f"{'process':<14}{'RSS MB':>9}{'PSS MB':>9}{'threads':>9}{'floor RSS':>11}")
    floors = [floor(one.name) for one in found]
    for one, bare in zip(found, floors, strict=True):
        print(
            f"{one.name:<14}{one.rss / MEGABYTE:>9.1f}{one.pss / MEGABYTE:>9.1f}{one.n_threads:>9}{bare / MEGABYTE:>11.1f}"
        )
    rss, pss = sum(one.rss for one in found), sum(one.pss for one in found)
    print(f"{'sum':<14}{rss / MEGABYTE:>9.1f}{pss / MEGABYTE:>9.1f}{'':>9}{sum(floors) / MEGABYTE:>11.1f}")
    print(f"budget {must} MB, aim {aim} MB: {'kept' if rss <= must * MEGABYTE else 'BROKEN'} by RSS")


def floor(name: str) -> int:
    """RSS in bytes of a bare Python that has imported the libraries of this process."""
    script = _MEASURE.format(libraries=FLOORS[name])
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as bare:
        assert bare.stdout is not None and bare.stdin is not None
        if bare.stdout.readline().strip() != "ready":
            raise SystemExit(f"the floor of the {name} cannot be measured: its libraries cannot be imported")
        measured = weight(psutil.Process(bare.pid), name).rss
        bare.stdin.close()
    return measured


if __name__ == "__main__":
    main()
