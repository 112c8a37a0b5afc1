"""The checks of a gate as text, whatever the writer of its verdict left out or added. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dashboard import formats, pieces
from dashboard.formats import count, points
from dashboard.source import Row


def checks_of(run: Row) -> list[dict[str, str]]:
    """The checks of the newest verdict, each as text."""
    return [
        {
            "verdict": verdict_word(check.get("verdict")),
            "check": formats.shortened(str(check.get("name", formats.UNKNOWN)), 80),
            "threshold": _threshold(check),
            "observed": _observed(check),
            "n": _as_text(check.get("n")),
            "reason": formats.shortened(str(check.get("reason") or formats.UNKNOWN), 300),
        }
        for check in stored_checks(run)
    ]


def stored_checks(run: Row) -> list[Mapping[str, Any]]:
    """The checks as they are stored, without what is none."""
    text = run["checks"]
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return []
    return [check for check in found or [] if isinstance(check, dict)]


def n_compared(run: Row) -> int | None:
    """How many independent cases the difference rests on, else how many the verdict does; None when there is none."""
    found = (check.get("n") for check in stored_checks(run) if check.get("name") == "margin")
    n = next(found, None)
    return n if isinstance(n, int) else run["n_paired"]


def not_held(run: Row) -> list[str]:
    """The names of the checks that did not pass."""
    return [
        formats.shortened(str(check.get("name", formats.UNKNOWN)).replace("_", " "), 30)
        for check in stored_checks(run)
        if check.get("verdict") != "PASS"
    ]


def verdict_word(verdict: object) -> str:
    text, _ = pieces.VERDICTS.get(
        verdict if isinstance(verdict, str) else None, (f"? {formats.shortened(str(verdict), 20)}", "gray")
    )
    return text


def _threshold(check: Mapping[str, Any]) -> str:
    """The limit of a check of ours in its own unit; of any other, as it was written."""
    match check.get("name"), check.get("threshold"):
        case "margin", int() | float() as margin:
            return f"drop ≤ {points(margin, sign=False)} points"
        case "floor", int() | float() as floor:
            return f"≥ {100 * floor:.1f} %"
        case "missing", int() | float() as most:
            return f"≤ {100 * most:.1f} %"
        case "must_pass", int() | float():
            return "all pass"
        case _, value:
            return _as_text(value)


def _observed(check: Mapping[str, Any]) -> str:
    match check.get("name"), check.get("observed"):
        case "margin", int() | float() as difference:
            return f"{points(difference)} {formats.interval(check.get('low'), check.get('high'))}".rstrip(
                " –"
            )
        case "floor" | "missing" | "must_pass", int() | float() as part:
            return f"{100 * part:.1f} %"
        case _, value:
            return _as_text(value)


def _as_text(value: object) -> str:
    match value:
        case None:
            return formats.UNKNOWN
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
        case float():
            return f"{value:.4g}"
        case list():
            return "[" + ", ".join(_as_text(part) for part in value) + "]"
        case _:
            return formats.shortened(str(value), 120)
