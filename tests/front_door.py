"""The command line through the entry point of the installed script, in the process of the test."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from steelyard import main


@dataclass(frozen=True)
class Done:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def front_door(*words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run `steelyard WORDS`; without `env`, in this environment but for what it says of Steelyard.

    For claims that are not about processes: an interpreter and its imports take half a second each time.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        mock.patch.dict(os.environ, _plain() if env is None else env, clear=True),
        mock.patch.object(sys, "argv", ["steelyard", *map(str, words)]),
        _process_as_before(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main()
    return Done(code, out.getvalue(), err.getvalue())


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("STEELYARD_")}


@contextlib.contextmanager
def _process_as_before() -> Iterator[None]:
    """What a command changes of its process: who gets Ctrl-C and SIGTERM, and what mode new files have."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    mask = os.umask(0o077)
    os.umask(mask)
    try:
        yield
    finally:
        os.umask(mask)
        for number, handler in before.items():
            signal.signal(number, handler)
