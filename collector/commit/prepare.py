"""The half of a commit that needs no database: which segments come next, read and decoded.

It runs while the database stores the segments before, so that two cores do one thing each.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.commit.unpack import Group, SpoolFile, groups
from collector.observe import committing as observe
from collector.privacy.policy import ContentPolicy
from collector.settings import MEGABYTE
from collector.spool.segments import read_segment, sealed_segments

# One commit takes at most this much of the spool: large commits are several times cheaper a row, but a commit is
# also what a reader waits for, and its rows are in memory. About 70,000 spans: more than a row group of the store.
COMMIT_MAX_BYTES = 64 * MEGABYTE
# Errors of reading a file that say nothing about the file.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


@dataclass(frozen=True)
class Unreadable:
    """A file in the spool that is no segment we know."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Prepared:
    """Segments of one commit: decoded, or with the reason why they are not."""

    files: Sequence[SpoolFile]
    groups: Sequence[Group]
    unreadable: Sequence[Unreadable] = ()
    failure: Exception | None = None

    @property
    def paths(self) -> list[Path]:
        return [one.path for one in self.files]


def next_segments(spool_dir: Path, taken: Collection[Path]) -> list[Path]:
    """The oldest sealed segments that are not taken yet, as many as one commit may hold."""
    return _up_to(COMMIT_MAX_BYTES, [path for path in sealed_segments(spool_dir) if path not in taken])


def prepare(paths: Sequence[Path], policy: ContentPolicy) -> Prepared:
    """Read and decode the segments. What goes wrong is in the answer; only trouble of the machine is raised."""
    files: list[SpoolFile] = []
    unreadable: list[Unreadable] = []
    for path in paths:
        try:
            files.append(SpoolFile(path, read_segment(path)))
        except FileNotFoundError:
            continue  # somebody took it away
        except OSError as failed:
            if failed.errno in _OUT_OF_RESOURCES:
                raise MemoryError(f"{path.name} cannot be read now: {failed.strerror}") from failed
            unreadable.append(Unreadable(path, f"{failed.strerror}"))
        except Exception as foreign:  # noqa: BLE001 - a foreign or damaged file is kept for a person
            unreadable.append(Unreadable(path, str(foreign)))
    return decode(files, policy, unreadable)


def decode(
    files: Sequence[SpoolFile], policy: ContentPolicy, unreadable: Sequence[Unreadable] = ()
) -> Prepared:
    """Decode segments that are read already."""
    started = time.monotonic()
    try:
        decoded = groups(files, policy)
    except MemoryError:
        raise
    except Exception as failed:  # noqa: BLE001 - one of them does it; the committer finds out which
        return Prepared(files, (), unreadable, failed)
    observe.decoded(time.monotonic() - started)
    return Prepared(files, decoded, unreadable)


def _up_to(max_bytes: int, paths: Sequence[Path]) -> list[Path]:
    """The oldest segments that fit one commit, at least one."""
    taken: list[Path] = []
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
        if taken and total > max_bytes:
            break
        taken.append(path)
    return taken
