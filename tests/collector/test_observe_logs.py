"""The log: one line an event, in two forms, never with content, never without end."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap

import pytest

from collector.observe import logs


def said(script: str) -> str:
    """What a process of its own writes on stderr: `configure` replaces what a whole process logs with."""
    ran = subprocess.run(
        [sys.executable, "-c", f"from collector.observe import logs\n{textwrap.dedent(script)}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stderr


def test_a_line_for_people_is_the_part_and_the_message() -> None:
    script = """
        logs.configure("text")
        logs.of("store server").warning("segment_quarantined", "a.seg cannot be stored", segment="a.seg")
    """
    assert said(script) == "store server: a.seg cannot be stored\n"


def test_a_line_for_machines_has_the_event_and_its_fields() -> None:
    script = """
        logs.configure("json")
        logs.of("steelyard").warning("process_ended", "the receiver ended", process="receiver", n=2)
    """
    line = json.loads(said(script))
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "part": "steelyard",
        "event": "process_ended",
        "message": "the receiver ended",
        "process": "receiver",
        "n": 2,
    }


def test_off_a_terminal_auto_means_json() -> None:
    assert (
        json.loads(said('logs.configure("auto"); logs.of("receiver").info("began", "here")'))["message"]
        == "here"
    )


def test_what_is_below_the_level_is_not_said() -> None:
    script = """
        logs.configure("text", "error")
        logs.of("receiver").warning("a", "not said")
        logs.of("receiver").error("b", "said")
    """
    assert said(script) == "receiver: said\n"


def test_an_event_that_repeats_is_cut_short() -> None:
    script = """
        logs.configure("text")
        for at in range(1000):
            logs.of("receiver").error("spool_write_failed", f"the disk did not take it, try {at}")
        logs.of("receiver").error("another", "another event")
    """
    lines = said(script).splitlines()
    assert lines[0] == "receiver: the disk did not take it, try 0"
    # Ten at once and one more every six seconds: a slow machine may take a few of those for the loop.
    assert 10 <= len(lines[:-1]) <= 20
    assert lines[-1] == "receiver: another event"


def test_the_line_after_a_cut_says_how_many_were_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    allowance = logs._Allowance()
    record = logging.LogRecord("steelyard.receiver", logging.ERROR, "", 0, "again", None, None)
    record.event = "again"
    assert [allowance.filter(record) for _ in range(12)] == [True] * 10 + [False] * 2
    now += 6.0  # one line more every six seconds
    assert allowance.filter(record)
    assert record.left_out == 2


def test_what_a_library_quotes_is_left_out() -> None:
    script = """
        import logging
        logs.configure("text")
        logging.getLogger("uvicorn.error").error("cannot convert 'my secret prompt' to a number")
    """
    assert said(script) == "uvicorn.error: cannot convert '…' to a number\n"


def test_a_bug_shows_where_it_is_and_not_what_it_was_working_on() -> None:
    script = """
        logs.configure("text")
        def deep():
            raise ValueError("could not read 'my secret prompt'")
        deep()
    """
    found = said(script)
    assert "in deep" in found and "ValueError: could not read" in found
    assert "my secret prompt" not in found


def test_a_bug_in_a_thread_is_told_the_same_way() -> None:
    script = """
        import threading
        logs.configure("json")
        def deep():
            raise ValueError("could not read 'my secret prompt'")
        thread = threading.Thread(target=deep); thread.start(); thread.join()
    """
    line = json.loads(said(script))
    assert line["level"] == "critical" and line["trace"][-1] == "ValueError: could not read '…'"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Could not convert string 'abc' to INT32", "Could not convert string '…' to INT32"),
        ('no such column "customer name"', "no such column '…'"),
        ("cut in the middle of 'a prompt that never", "cut in the middle of '…'"),
        ("the first line\nand the text of the query", "the first line"),
        ("nothing quoted", "nothing quoted"),
    ],
)
def test_quotes_are_taken_out(text: str, left: str) -> None:
    assert logs.without_quotes(text) == left


def test_an_error_of_the_system_names_no_file_of_a_user() -> None:
    assert logs.described(FileNotFoundError(2, "No such file or directory", "/home/ann/x")) == (
        "FileNotFoundError: No such file or directory"
    )
