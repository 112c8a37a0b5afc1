"""Which segment kills the process: remembered across deaths, so that it is set aside instead of killing for ever.

An exception names its segment; a native crash or the kernel's out-of-memory killer names nothing. So before a
commit the names of its segments are written down, and struck out when it is over. Whoever starts next and finds
them there knows that a process died over them: it happened to be killed, or one of them did it.

    deaths over the same segment      what follows
    none                              it is committed with all that wait
    1, 2, 3                           with at most 64, 16, 4 of those that died with it
    4 to 9                            alone
    SET_ASIDE_AFTER                   it is poison: into quarantine

Fewer at a time, so that the innocent get through, and so that a process which somebody kills every few seconds still
makes progress: a commit that is smaller is also over sooner.

A commit that succeeds clears its segments, so the deaths must follow one another without any progress between.
With the supervisor's backoff that takes about a minute, in which the receiver goes on taking telemetry.

The file is not fsynced: it counts deaths of the process, and what a process has written outlives it. A power
failure may cost a count, never a segment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

MARKER = "committing"
_TOGETHER_AFTER_ONE_DEATH = 64
SET_ASIDE_AFTER = 10


class CrashLoop:
    """The deaths over each waiting segment. One committer owns it."""

    def __init__(self, spool_dir: Path) -> None:
        self._marker = spool_dir / MARKER
        deaths = _after_a_death(_read(self._marker))
        # A segment that is gone was committed, or taken away by a person.
        self._deaths = {name: n for name, n in deaths.items() if (spool_dir / name).exists()}
        self._write([])

    def deaths(self, path: Path) -> int:
        """How often a process died over this segment, with no commit of it since."""
        return self._deaths.get(path.name, 0)

    def poison(self, paths: Sequence[Path]) -> Path | None:
        """The segment among these that has killed the process too often, if there is one.

        Once it is set aside it is forgotten with `forget`.
        """
        return next((path for path in paths if self.deaths(path) >= SET_ASIDE_AFTER), None)

    def forget(self, path: Path) -> None:
        """The segment has left the spool."""
        self._deaths.pop(path.name, None)
        self._write([])

    def together(self, paths: Sequence[Path]) -> Sequence[Path]:
        """The first of these that one commit may take: fewer of those over which a process died, and none beside."""
        if not paths:
            return paths
        deaths = self.deaths(paths[0])
        alike = next((at for at, path in enumerate(paths) if self.deaths(path) != deaths), len(paths))
        return paths[: alike if deaths == 0 else min(alike, _at_most(deaths))]

    def has_suspects(self) -> bool:
        """Whether a process died over some segment that has not been committed since."""
        return bool(self._deaths)

    @contextmanager
    def watch(
        self,
        paths: Sequence[Path],
        beside: Sequence[Path] = (),
        deadly: tuple[type[BaseException], ...] = (),
    ) -> Iterator[None]:
        """Around the commit of `paths` and the decoding of those `beside`: a mark stays only when the process dies in it.

        `deadly` are the exceptions after which the process ends itself: they count as its death.
        """
        self._write([path.name for path in (*paths, *beside)])
        try:
            yield
        except deadly:
            raise
        except BaseException:
            self._write([])
            raise
        for path in paths:
            self._deaths.pop(path.name, None)
        self._write([])

    def _write(self, committing: Sequence[str]) -> None:
        if not committing and not self._deaths:
            self._marker.unlink(missing_ok=True)
            return
        # Renamed into place: a half-written file would forget every death.
        draft = self._marker.with_suffix(".new")
        try:
            draft.write_text(json.dumps({"committing": list(committing), "deaths": self._deaths}), "utf-8")
            draft.rename(self._marker)
        except OSError:
            # A full disk: the count is a help, never a reason not to commit what would make room.
            draft.unlink(missing_ok=True)


def _at_most(deaths: int) -> int:
    """How many segments that share this many deaths one commit takes: a quarter for each death more."""
    return max(1, _TOGETHER_AFTER_ONE_DEATH >> 2 * (deaths - 1))


def _after_a_death(found: Mapping[str, object]) -> dict[str, int]:
    """The deaths so far, with one more for each segment whose commit did not end."""
    known, committing = found.get("deaths"), found.get("committing")
    deaths: dict[str, int] = {}
    if isinstance(known, dict):
        deaths = {str(name): n for name, n in known.items() if isinstance(n, int)}
    for name in committing if isinstance(committing, list) else []:
        deaths[str(name)] = deaths.get(str(name), 0) + 1
    return deaths


def _read(marker: Path) -> Mapping[str, object]:
    try:
        found = json.loads(marker.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
