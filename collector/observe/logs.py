"""The log: one line an event on stderr, as text for a person or as JSON for a machine. Never content.

    log = logs.of("store server")
    log.warning("segment_quarantined", f"{path.name} cannot be stored ({reason})", segment=path.name)

gives `store server: 00017…seg cannot be stored (…)` as text, and as JSON the same message with its event, level,
time and fields. What libraries log goes the same way, without what their exceptions quote. An event that repeats is
cut short: ten lines, then one every six seconds that says how many were left out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

_ROOT = "steelyard"
_BURST = 10
_REFILL_S = 6.0
# Events and loggers that are counted apart; beyond it all others share one allowance.
_MOST_KINDS = 500
_LONGEST_MESSAGE = 2_000

# What stands between quotes in a library's message may be anybody's: a value that does not convert, a body.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|'.*$|\".*$", re.DOTALL)


class Log:
    """The log of one process or part, as people know it: `receiver`, `store server`, `steelyard`."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._logger = logging.getLogger(f"{_ROOT}.{part.replace(' ', '_')}")

    def info(self, event: str, message: str, **fields: object) -> None:
        self._say(logging.INFO, event, message, fields)

    def warning(self, event: str, message: str, **fields: object) -> None:
        self._say(logging.WARNING, event, message, fields)

    def error(self, event: str, message: str, **fields: object) -> None:
        self._say(logging.ERROR, event, message, fields)

    def _say(self, level: int, event: str, message: str, fields: dict[str, object]) -> None:
        if not logging.getLogger().handlers:
            configure()  # a command or a test that set nothing up still tells its person
        self._logger.log(level, message, extra={"part": self._part, "event": event, "fields": fields})


def of(part: str) -> Log:
    """The log of this part."""
    return Log(part)


def configure(log_format: str = "text", level: str = "info") -> None:
    """Send everything this process logs to stderr, libraries included. `log_format` is text, json or auto.

    Call it once, first thing in an entry point. A later call replaces the earlier.
    """
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(_Json() if is_json(log_format) else _Text())
    handler.addFilter(_Allowance())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_ROOT).setLevel(level.upper())
    logging.captureWarnings(True)
    sys.excepthook = _last_words
    threading.excepthook = lambda died: _last_words(
        died.exc_type, died.exc_value or died.exc_type(), died.exc_traceback
    )


def adopt(*libraries: str) -> None:
    """Let the lines of libraries that set up handlers of their own go where ours go."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in libraries:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True


def is_json(log_format: str) -> bool:
    """Whether lines are for a machine: `auto` means unless a person sits at the terminal."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


def without_quotes(text: str) -> str:
    """The first line of a message of a library, without what it quotes: that may be a piece of somebody's prompt."""
    return _QUOTED.sub("'…'", text.strip().split("\n", 1)[0])[:_LONGEST_MESSAGE]


def described(error: BaseException) -> str:
    """An exception in a log line: its class, and what it says without quoting."""
    said = error.strerror or "" if isinstance(error, OSError) else without_quotes(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _last_words(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(_ROOT).critical("stopping, by a mistake of ours", exc_info=(kind, error, where))


class _Stderr:
    """The stderr of the moment: tests and daemons replace it after we are set up."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Allowance(logging.Filter):
    """A burst of lines of one event, then a trickle: a loop that complains must not fill a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float, int]] = {}  # by event: allowance, when, left out since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING and not record.name.startswith(_ROOT):
            return False  # what a library is doing is not what we are: uvicorn tells of every request
        kind = str(getattr(record, "event", record.name))
        now = time.monotonic()
        with self._lock:
            if kind not in self._left and len(self._left) >= _MOST_KINDS:
                kind = ""
            allowance, at, left_out = self._left.get(kind, (float(_BURST), now, 0))
            allowance = min(float(_BURST), allowance + (now - at) / _REFILL_S)
            if allowance < 1:
                self._left[kind] = (allowance, now, left_out + 1)
                return False
            self._left[kind] = (allowance - 1, now, 0)
        record.left_out = left_out
        return True


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        more = getattr(record, "left_out", 0)
        repeated = f" ({more} more of these were left out)" if more else ""
        return f"{_part(record)}: {_message(record)}{repeated}" + "".join(
            f"\n  {line}" for line in _trace(record)
        )


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": _part(record),
            "event": getattr(record, "event", "library"),
            "message": _message(record),
            **getattr(record, "fields", {}),
        }
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        if trace := _trace(record):
            line["trace"] = trace
        return json.dumps(line, ensure_ascii=False, default=str)


def _part(record: logging.LogRecord) -> str:
    return str(
        getattr(record, "part", record.name.replace(".", " ") if record.name == _ROOT else record.name)
    )


def _message(record: logging.LogRecord) -> str:
    """Ours as it is; a library's without its arguments, which are whatever it was working on."""
    if hasattr(record, "event") or record.name == _ROOT:
        return record.getMessage()
    return without_quotes(record.getMessage())


def _trace(record: logging.LogRecord) -> list[str]:
    """Where a bug is: files, lines and the class of the exception. Its text only without what it quotes."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    frames = traceback.extract_tb(error.__traceback__)
    return [*(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames), described(error)]
