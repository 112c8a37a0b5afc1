"""The half of a commit that needs no database: which segments come next, read and decoded.

It runs while the database stores the segments before, so that two cores do one thing each.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.commit.unpack import Group, SpoolFile, groups
from collector.decode.rules import Rules
from collector.observe import committing as observe
from collector.settings import MEGABYTE
from collector.spool.segments import read_segment, sealed_segments

# One commit takes at most this much of the spool: large commits are several times cheaper a row, but a commit is
# also what a reader waits for, and its rows are in memory. About 70,000 spans: more than a row group of the store.
COMMIT_MAX_BYTES = 64 * MEGABYTE
# Spans can be much smaller than usual; behind the segment that makes it so many rows a commit ends.
COMMIT_MAX_ROWS = 100_000
# Errors of reading a file that say nothing about the file.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


@dataclass(frozen=True)
class Unreadable:
    """A file in the spool that is no segment we know."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Prepared:
    """Segments of one commit, decoded; or the reason why they are not."""

    paths: Sequence[Path]
    groups: Sequence[Group]
    unreadable: Sequence[Unreadable] = ()
    failure: Exception | None = None

    @property
    def files(self) -> list[SpoolFile]:
        """What is known of the segments; their records are decoded and gone."""
        return [one for group in self.groups for one in group.files]


def next_segments(spool_dir: Path, taken: Collection[Path]) -> list[Path]:
    """The oldest sealed segments that are not taken yet, as many as one commit may hold."""
    return _up_to(COMMIT_MAX_BYTES, [path for path in sealed_segments(spool_dir) if path not in taken])


def prepare(paths: Sequence[Path], rules: Rules) -> Prepared:
    """Read and decode the segments, or the first of them when those make a commit.

    What goes wrong is in the answer; only trouble of the machine is raised.
    """
    started = time.monotonic()
    unreadable: list[Unreadable] = []
    try:
        # One file after the other: their bytes are as many again as what becomes of them.
        decoded = groups(_readable(paths, unreadable), rules, COMMIT_MAX_ROWS)
    except MemoryError:
        raise
    except Exception as failed:  # noqa: BLE001 - one of them does it; the committer finds out which
        return Prepared(paths, (), unreadable, failed)
    observe.decoded(time.monotonic() - started)
    return Prepared([one.path for group in decoded for one in group.files], decoded, unreadable)


def _readable(paths: Sequence[Path], unreadable: list[Unreadable]) -> Iterator[SpoolFile]:
    for path in paths:
        try:
            yield SpoolFile(path, read_segment(path))
        except FileNotFoundError:
            continue  # somebody took it away
        except OSError as failed:
            if failed.errno in _OUT_OF_RESOURCES:
                raise MemoryError(f"{path.name} cannot be read now: {failed.strerror}") from failed
            unreadable.append(Unreadable(path, f"{failed.strerror}"))
        except Exception as foreign:  # noqa: BLE001 - a foreign or damaged file is kept for a person
            unreadable.append(Unreadable(path, str(foreign)))


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
