"""Keep the processes of one data directory running: start, restart with backoff, stop in order.

Each process is its own failure domain. A child that dies is started again; the others never notice. The
children hold the supervisor's lock with it, so a data directory stays "in use" until the last one is gone.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.observe import logs
from collector.processes.restarts import Restarts

_FIRST_BACKOFF_S = 0.1
_LAST_BACKOFF_S = 5.0
# A process that ran this long was healthy: its next death starts the backoff anew.
_HEALTHY_AFTER_S = 20.0
_LOOK_EVERY_S = 0.05

_log = logs.of("steelyard")


@dataclass(frozen=True)
class ProcessSpec:
    """One process to keep running, and how to see that it answers."""

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool]
    # Listening sockets that it inherits: the supervisor holds them, so they outlive its death.
    sockets: Sequence[socket.socket] = ()
    # How long it may take to stop by itself; the store server commits what is left of the spool.
    stop_patience_s: float = 10.0
    # Environment of its own, on top of ours.
    env: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Runs the processes until told to stop. `specs` are in the order in which to stop them."""

    def __init__(
        self, specs: Sequence[ProcessSpec], *, lock_fd: int, restarts_path: Path | None = None
    ) -> None:
        restarts = Restarts(restarts_path, [spec.name for spec in specs])
        self._children = [_Child(spec, lock_fd, restarts) for spec in specs]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, patience_s: float) -> None:
        """Start everything and return when all of it answers; raises TimeoutError naming what does not."""
        for child in self._children:
            child.start()
        self._thread.start()
        give_up_at = time.monotonic() + patience_s
        waiting = list(self._children)
        while waiting:
            waiting = [child for child in waiting if not child.spec.is_ready()]
            if waiting and time.monotonic() > give_up_at:
                raise TimeoutError(", ".join(child.spec.name for child in waiting))
            if waiting:
                time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Stop each process in order, giving it its time, and return when all are gone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for child in self._children:
            child.stop_listening()
        for child in self._children:
            child.stop()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            for child in self._children:
                child.restart_if_dead()


class _Child:
    """One supervised process."""

    def __init__(self, spec: ProcessSpec, lock_fd: int, restarts: Restarts) -> None:
        self.spec = spec
        self._lock_fd = lock_fd
        self._restarts = restarts
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._backoff_s = _FIRST_BACKOFF_S
        self._start_at: float | None = None

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which then stops the children in order.
        # The pipe on standard input is the child's lifeline: it ends when we do, however we die.
        self._process = subprocess.Popen(
            self.spec.argv,
            stdin=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **self.spec.env},
            pass_fds=(self._lock_fd, *(held.fileno() for held in self.spec.sockets)),
        )
        self._started_at, self._start_at = time.monotonic(), None

    def restart_if_dead(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        now = time.monotonic()
        if self._start_at is None:
            if now - self._started_at > _HEALTHY_AFTER_S:
                self._backoff_s = _FIRST_BACKOFF_S
            self._start_at = now + self._backoff_s
            how = _how(self._process.returncode)
            _log.warning(
                "process_ended",
                f"the {self.spec.name} ended ({how}); starting it again in {self._backoff_s:g} s",
                process=self.spec.name,
                how=how,
            )
            self._restarts.ended(self.spec.name, how)
            self._backoff_s = min(self._backoff_s * 2, _LAST_BACKOFF_S)
        elif now >= self._start_at:
            self._close_lifeline()
            self.start()

    def stop_listening(self) -> None:
        """Let go of the sockets: from now on only the process itself takes connections, as long as it lives."""
        for held in self.spec.sockets:
            held.close()

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(self.spec.stop_patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_lifeline()

    def _close_lifeline(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def _how(returncode: int) -> str:
    return f"killed by signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
