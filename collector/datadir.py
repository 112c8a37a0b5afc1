"""The data directory: made private, locked by whoever runs on it, and telling others where that is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from errors import DataDirError

_LOCK = "lock"
# A supervisor that was killed leaves children that need a moment to commit and go.
_STOPPING_PATIENCE_S = 12.0


@dataclass(frozen=True)
class ServerAddress:
    """Where the server of a data directory is."""

    pid: int
    receiver_url: str
    api_url: str
    dashboard_url: str | None
    # The file of the certificate that it serves, with TLS: programs on this machine trust exactly that one.
    certificate: str | None = None


def prepare(data: Path) -> None:
    """Make the directory and its rooms, for this user alone; raises DataDirError when it cannot be written."""
    try:
        for room in (data, data / "spool", data / "exports", data / "backups"):
            room.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in data.glob("store.duckdb*"):
            path.chmod(0o600)  # releases up to 0.1.0 left it readable to others
        probe = data / f".probe-{os.getpid()}"
        probe.write_bytes(b"steelyard")
        probe.unlink()
    except OSError as refused:
        raise DataDirError(
            f"the data directory {data} cannot be used: {refused.strerror}. Make it writable for this user with "
            "room to spare, or name another with --data DIR or $STEELYARD_DATA."
        ) from refused


def lock(data: Path, address: ServerAddress) -> int:
    """Take the directory for this process and its children; returns the lock's file descriptor.

    Raises DataDirError naming who holds it. Waits a little when the holder's supervisor is already dead.
    """
    fd = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    give_up_at = time.monotonic() + _STOPPING_PATIENCE_S
    while not _try_lock(fd):
        holder = _read(data)
        if holder is None or _is_alive(holder.pid) or time.monotonic() > give_up_at:
            os.close(fd)
            raise DataDirError(_in_use(data, holder))
        time.sleep(0.1)
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(asdict(address)).encode(), 0)
    return fd


def running_server(data: Path) -> ServerAddress | None:
    """The server that runs on this directory now, if one does."""
    try:
        fd = os.open(data / _LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _try_lock(fd) else _read(data)
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data: Path) -> ServerAddress | None:
    try:
        content: Mapping[str, object] = json.loads((data / _LOCK).read_text("utf-8"))
        return ServerAddress(**content)  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError):
        return None  # being written at this moment


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _in_use(data: Path, holder: ServerAddress | None) -> str:
    if holder is None:
        return f"the data directory {data} is in use by another Steelyard. Stop that one, or name another with --data DIR."
    where = f" Its dashboard is {holder.dashboard_url}." if holder.dashboard_url else ""
    return (
        f"the data directory {data} is in use by the Steelyard with process id {holder.pid}.{where} "
        f"Use that one, stop it (Ctrl-C in its terminal, or `kill {holder.pid}`), or name another with --data DIR."
    )
