"""What the processes of a run cost: CPU and memory of each, and how much of the machine somebody else used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Cost:
    """One process over the run."""

    process: str
    cpu_s: float
    peak_rss_mb: float


class Watch:
    """From now on, over a process and its children."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._before = {process.pid: _cpu_s(process) for process in self._tree()}
        self._machine_before = _machine_s()
        self._started_at = time.monotonic()

    def costs(self) -> list[Cost]:
        """What each process has used since; its memory peak is that of its whole life."""
        return [
            Cost(
                _name(process),
                _cpu_s(process) - self._before.get(process.pid, 0.0),
                _peak_rss_bytes(process.pid) / MEGABYTE,
            )
            for process in self._tree()
        ]

    def used_by_others(self, ours_s: float) -> float:
        """The share of all cores (0 to 1) that neither the server nor the benchmark used; `ours_s`: the latter's."""
        elapsed_s = (time.monotonic() - self._started_at) * (psutil.cpu_count() or 1)
        ours = ours_s + sum(cost.cpu_s for cost in self.costs())
        return max(0.0, (_machine_s() - self._machine_before - ours) / elapsed_s)

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _machine_s() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guest time is in user time as well.
    return sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def _peak_rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return psutil.Process(pid).memory_info().rss


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    return {"collector.receiver": "receiver", "collector.server": "store server"}.get(module, "supervisor")
