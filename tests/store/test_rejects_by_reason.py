"""The named query behind "Refused or unreadable": kinds of refusals, not single ones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from store.reader import FileReader, rows
from tests.dashboard.data import NOW, a_store


def kinds(folder: Path, *rejects: tuple[str, int | None]) -> list[tuple[Any, ...]]:
    """(reason, times, items) of what the query finds; the rejects came a second apart."""
    stored = [
        {
            "project": "default",
            "signal": "traces",
            "reason": reason,
            "n_items": n_items,
            "received_at": NOW + timedelta(seconds=at),
        }
        for at, (reason, n_items) in enumerate(rejects)
    ]
    reader = FileReader(a_store(folder / "store.duckdb", rejects=stored))
    since = f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    found = rows(reader.query("rejects_by_reason", project="default", since=since))
    reader.close()
    return [(row["reason"], row["n_refusals"], row["n_items"]) for row in found]


def test_requests_that_differ_in_their_counts_are_one_kind(tmp_path: Path) -> None:
    found = kinds(
        tmp_path,
        ("invalid span id: 3 (service shop, scope x); invalid start time: 4", 7),
        ("invalid span id: 11 (service shop, scope x); invalid start time: 1", 12),
    )
    assert found == [("invalid span id (service shop, scope x); invalid start time", 2, 19)]


def test_senders_are_kept_apart_the_newest_first(tmp_path: Path) -> None:
    found = kinds(tmp_path, ("invalid span id: 1 (service a)", 1), ("invalid span id: 1 (service b)", 1))
    assert found == [("invalid span id (service b)", 1, 1), ("invalid span id (service a)", 1, 1)]


def test_what_was_withheld_does_not_make_a_kind_of_its_own(tmp_path: Path) -> None:
    reason = "400: the body is not protobuf (OTLP/HTTP)"
    withheld = f"{reason} (and 34 more requests like it, which were not recorded one by one)"
    assert kinds(tmp_path, (reason, None), (withheld, None)) == [(reason, 2, None)]


def test_one_fault_of_many_segments_is_one_kind(tmp_path: Path) -> None:
    found = kinds(
        tmp_path, ("001-ab-1.seg: not a spool segment", None), ("002-ab-2.seg: not a spool segment", 5)
    )
    assert found == [("not a spool segment", 2, 5)]
