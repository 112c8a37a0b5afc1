"""How often each process had to be started again: written by the supervisor, read by whoever tells people.

A child cannot know it of itself, and the supervisor answers no requests, so it is a small file in the data
directory, replaced whole at every restart. It begins anew with each supervisor.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "processes.json"


@dataclass(frozen=True)
class Ended:
    """How one process fared since its supervisor started. `last_at` is ISO 8601 in UTC, "" for never."""

    n_restarts: int = 0
    last_how: str = ""
    last_at: str = ""


class Restarts:
    """The supervisor's own count. Without a path it is kept for nobody else."""

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self._path = path
        self._by_name = {name: Ended() for name in names}
        self._write()

    def ended(self, name: str, how: str) -> None:
        """A process ended by itself and is started again."""
        n_restarts = self._by_name[name].n_restarts + 1
        self._by_name[name] = Ended(n_restarts, how, datetime.now(UTC).isoformat(timespec="seconds"))
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump({name: asdict(ended) for name, ended in self._by_name.items()}, file)
            new.replace(self._path)
        except OSError:
            return  # a full disk: the count is a help, never a reason not to start a process again


def read(data: Path) -> Mapping[str, Ended]:
    """By process name; empty when no supervisor wrote here."""
    try:
        found = json.loads((data / FILE_NAME).read_text("utf-8"))
        return {str(name): Ended(**ended) for name, ended in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
