"""The collector's state in words, for the Setup page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dashboard import pipeline
from dashboard.formats import size
from dashboard.snippets import KEY, snippets

NOW = datetime(2026, 11, 21, 12, 0, 30)  # noqa: DTZ001 - the store's times are UTC without a zone


def a_process(**changed: Any) -> dict[str, Any]:
    return {"up": True, "reasons": [], "restarts": 0, "last_end": None, "last_end_at": None, **changed}


def a_state(**changed: Any) -> dict[str, Any]:
    """A collector that is well, has stored everything, and keeps what it keeps by default."""
    return {
        "processes": {"receiver": a_process(), "store server": a_process(), "dashboard": a_process(up=None)},
        "problem": None,
        "oldest_waiting_s": None,
        "newest_received_at": "2026-11-21T12:00:00.000+00:00",
        "commits_last_minute": 40,
        "rows_last_minute": 21_000,
        "spool": {"bytes": 0, "limit_bytes": 2_000_000_000, "segments": 0},
        "quarantine": {
            "segments": 0,
            "bytes": 0,
            "reasons": [],
            "kept_days": 7,
            "directory": "/d/spool/quarantine",
        },
        "disk": {"free_bytes": 80_000_000_000, "reserve_bytes": 64_000_000},
        "store": {"file_bytes": 1_240_000_000, "wal_bytes": None},
        "access": {"public": False, "keys_required": False},
        "captures_content": False,
        "retention_days": {"spans": None, "charges": None, "contents": 30, "rejects": 30, "log_records": 90},
        **changed,
    }


def shown(state: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {figure.label: (figure.value, figure.note) for figure in pipeline.figures(state, NOW)}


def told(state: dict[str, Any]) -> list[str]:
    return [f"{trouble.level}: {trouble.what} {trouble.advice}" for trouble in pipeline.troubles(state)]


def test_a_sound_pipeline_reads_from_left_to_right() -> None:
    assert shown(a_state()) == {
        "Receiver and store": ("✓ up", "no restarts"),
        "Oldest waiting": ("none", "newest stored came 30 s ago"),
        "Waiting to be stored": ("0 B", "0 % of 2.00 GB"),
        "Commits, last minute": ("40", "21.0k rows"),
        "Disk free": ("80.0 GB", "store 1.24 GB, log 0 B"),
    }
    assert told(a_state()) == []


def test_a_silent_receiver_comes_first_and_says_what_to_do() -> None:
    state = a_state()
    state["processes"]["receiver"] = a_process(up=False, reasons=["it does not answer"], restarts=3)
    assert shown(state)["Receiver and store"] == ("✕ down", "receiver restarted 3×")
    assert told(state)[0].startswith("error: The receiver does not answer. It is started again by itself")


def test_a_reason_not_to_be_ready_is_repeated_word_for_word() -> None:
    state = a_state()
    state["processes"]["receiver"] = a_process(reasons=["the disk has 3 MB free"])
    assert shown(state)["Receiver and store"][0] == "▲ look below"
    assert told(state)[0].startswith("error: The receiver cannot do its work now: the disk has 3 MB free.")
    assert "Make room on the disk" in told(state)[0]


def test_data_that_waits_too_long_is_told_with_its_age() -> None:
    [said] = told(
        a_state(oldest_waiting_s=75.0, spool={"bytes": 5_000_000, "limit_bytes": 10**9, "segments": 2})
    )
    assert said.startswith("warning: 5.00 MB wait to be stored, the oldest for 1 min 15 s.")


def test_a_spool_that_is_half_full_is_told_even_when_it_is_young() -> None:
    assert told(a_state(spool={"bytes": 600, "limit_bytes": 1000, "segments": 1}))
    assert not told(a_state(spool={"bytes": 400, "limit_bytes": 1000, "segments": 1}))


def test_little_disk_is_told_before_data_is_refused() -> None:
    [said] = told(a_state(disk={"free_bytes": 200_000_000, "reserve_bytes": 64_000_000}))
    assert said.startswith("warning: The disk has 200 MB free. Below 64.0 MB new data is refused.")


@pytest.mark.parametrize(("n", "words"), [(1, "1 segment"), (1200, "1,200 segments")])
def test_quarantine_says_why_where_and_how_long(n: int, words: str) -> None:
    kept = {
        "segments": n,
        "bytes": 850_000,
        "reasons": ["not a spool segment"],
        "kept_days": 7,
        "directory": "/q",
    }
    [said] = told(a_state(quarantine=kept))
    assert said.startswith(f"warning: {words} (850 kB) could not be stored: not a spool segment.")
    assert "in /q for 7 days" in said


def test_tables_that_are_kept_equally_long_share_a_line() -> None:
    assert pipeline.kept_for(a_state()["retention_days"]) == [
        ("kept for ever", "spans, charges"),
        ("kept 90 days", "log records"),
        ("kept 30 days", "contents, rejects"),
    ]


def test_where_keys_are_needed_every_snippet_that_sends_says_where_one_goes() -> None:
    with_keys = snippets("http://h:1", "http://h:2", needs_key=True)
    assert [title for title, (text, _) in with_keys.items() if KEY not in text] == []
    without = snippets("http://h:1", "http://h:2", needs_key=False)
    assert [title for title, (text, _) in without.items() if KEY in text] == []


def test_snippets_name_the_doors_and_leave_no_gap() -> None:
    texts = {title: text for title, (text, _) in snippets("http://h:1", "http://h:2", needs_key=True).items()}
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://h:2\n" in texts["gRPC"]
    for title in ("HTTP", "Python", "JavaScript", "Langfuse SDK"):
        assert "http://h:1" in texts[title]
    for text in texts.values():
        assert not any(
            f"{{{name}}}" in text
            for name in ("http_url", "grpc_url", "header", "python_headers", "js_headers")
        )


def test_the_python_snippet_compiles() -> None:
    for needs_key in (True, False):
        compile(snippets("http://h:1", "http://h:2", needs_key=needs_key)["Python"][0], "snippet", "exec")


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (53_740_000, "53.7 MB"),
        (2 * 10**12, "2.00 TB"),
    ],
)
def test_a_size_has_three_digits_and_a_unit(n_bytes: int | None, text: str) -> None:
    assert size(n_bytes) == text
