"""A child's tie to its supervisor: when the supervisor is gone, however it died, the child stops too."""

from __future__ import annotations

import os
import signal
import sys
import threading


def follow_parent() -> None:
    """Stop this process as by SIGTERM when standard input ends: the supervisor holds the other end of the pipe."""
    threading.Thread(target=_wait_for_the_end, name="lifeline", daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
