"""A segment that kills the process is found and set aside; one that was only there when somebody killed it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.commit.crashloop import MARKER, SET_ASIDE_AFTER, CrashLoop


class DiedError(Exception):
    """Stands for a death: the process ends with its mark in place."""


def segments(spool: Path, n: int) -> list[Path]:
    paths = [spool / f"{number:014d}-receiver-{number:08d}.seg" for number in range(n)]
    for path in paths:
        path.touch()
    return paths


def die_over(spool: Path, paths: list[Path], times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DiedError), CrashLoop(spool).watch(paths, deadly=(DiedError,)):
            raise DiedError


def test_a_commit_that_ends_leaves_no_mark(tmp_path: Path) -> None:
    with CrashLoop(tmp_path).watch(segments(tmp_path, 3)):
        assert (tmp_path / MARKER).exists()
    assert not (tmp_path / MARKER).exists()


def test_an_error_that_the_process_survives_is_no_death(tmp_path: Path) -> None:
    one, *_ = segments(tmp_path, 1)
    with pytest.raises(ValueError, match="survived"), CrashLoop(tmp_path).watch([one]):
        raise ValueError("survived")
    assert CrashLoop(tmp_path).deaths(one) == 0


@pytest.mark.parametrize(("deaths", "at_most"), [(0, 100), (1, 64), (2, 16), (3, 4), (4, 1), (5, 1)])
def test_the_more_often_a_process_died_the_fewer_segments_are_tried_together(
    tmp_path: Path, deaths: int, at_most: int
) -> None:
    paths = segments(tmp_path, 100)
    die_over(tmp_path, paths, deaths)
    assert CrashLoop(tmp_path).together(paths) == paths[:at_most]


def test_what_is_committed_is_cleared_and_what_died_with_it_stays_suspect(tmp_path: Path) -> None:
    paths = segments(tmp_path, 10)
    die_over(tmp_path, paths[:8], 3)
    crashes = CrashLoop(tmp_path)
    with crashes.watch(crashes.together(paths)):
        pass
    assert [crashes.deaths(path) for path in paths] == [0, 0, 0, 0, 3, 3, 3, 3, 0, 0]
    assert crashes.has_suspects()


def test_neighbours_before_a_suspect_are_committed_without_it(tmp_path: Path) -> None:
    paths = segments(tmp_path, 4)
    die_over(tmp_path, [paths[2]])
    assert CrashLoop(tmp_path).together(paths) == paths[:2]


def test_the_segment_that_kills_is_poison_and_its_neighbours_are_not(tmp_path: Path) -> None:
    """As a committer meets it: it takes what it may, and dies whenever the deadly one is among them."""
    waiting = segments(tmp_path, 200)
    deadly = waiting[77]
    for _ in range(100):
        crashes = CrashLoop(tmp_path)
        if found := crashes.poison(waiting):
            break
        while deadly not in (taken := list(crashes.together(waiting))):
            with crashes.watch(taken):
                waiting = [path for path in waiting if path not in taken]
        die_over(tmp_path, taken)
    assert found == deadly
    assert deadly in waiting


def test_a_poison_that_was_set_aside_is_forgotten(tmp_path: Path) -> None:
    [one] = segments(tmp_path, 1)
    die_over(tmp_path, [one], SET_ASIDE_AFTER)
    CrashLoop(tmp_path).forget(one)
    assert CrashLoop(tmp_path).poison([one]) is None
    assert not (tmp_path / MARKER).exists()


def test_progress_between_deaths_clears_the_segment(tmp_path: Path) -> None:
    [one] = segments(tmp_path, 1)
    die_over(tmp_path, [one], SET_ASIDE_AFTER - 1)
    with CrashLoop(tmp_path).watch([one]):
        pass
    die_over(tmp_path, [one])
    assert CrashLoop(tmp_path).deaths(one) == 1


def test_a_segment_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    [one] = segments(tmp_path, 1)
    die_over(tmp_path, [one], SET_ASIDE_AFTER)
    one.unlink()
    assert CrashLoop(tmp_path).deaths(one) == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"deaths": {"a": "b"}}', b'{"committing": 3, "deaths": []}', b"\xff"]
)
def test_a_damaged_mark_is_read_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MARKER).write_bytes(content)
    assert CrashLoop(tmp_path).poison(segments(tmp_path, 1)) is None
