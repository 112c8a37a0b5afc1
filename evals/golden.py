"""Golden sets: JSON Lines of cases, pinned by content hashes so that only equal cases are ever paired.

A line is {"id": "inv-001", "input": {"document": "…"}, "expected": …, "cluster": "customer-7"}; the last two
are optional. Cases that share a document, a template or a user belong to one cluster: they are not
independent evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from errors import SuiteError
from evals.folder import write_durably
from evals.sections import did_you_mean

_EXAMPLE = '{"id": "inv-001", "input": {"document": "…"}, "expected": {"category": "invoice"}}'
_KEYS = ("id", "input", "expected", "cluster")


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `cluster` is its own id when the file names none; `content_hash` pins all but the id."""

    case_id: str
    input: Mapping[str, object]
    expected: object
    cluster: str
    content_hash: str


@dataclass(frozen=True)
class GoldenSet:
    """Cases in file order. `content_hash` covers ids and contents, not order."""

    name: str
    path: str
    cases: tuple[Case, ...]
    content_hash: str


def load(path: Path) -> GoldenSet:
    """Read a golden set. Raises SuiteError naming the file and line of the first mistake."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise SuiteError(f"{path}: no such golden set. Create it with one line a case: {_EXAMPLE}") from None
    except (OSError, UnicodeDecodeError) as failed:
        raise SuiteError(f"{path}: cannot be read as UTF-8 text ({failed}). Save it as UTF-8.") from failed
    first_lines: dict[str, int] = {}
    cases = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        case = _case(line, f"{path}: line {number}")
        if case.case_id in first_lines:
            raise SuiteError(
                f"{path}: line {number}: id {case.case_id!r} was used on line {first_lines[case.case_id]}. "
                "Give every case its own id."
            )
        first_lines[case.case_id] = number
        cases.append(case)
    if not cases:
        raise SuiteError(f"{path}: the golden set has no case. Write one line a case: {_EXAMPLE}")
    return _pinned(path.parent.name or path.stem, str(path), cases)


def append(path: Path, line: str) -> Case:
    """Add a case to a golden set, or begin one with it; the file is whole at every moment. Returns the case.

    Raises SuiteError when the line is no case, the file is no golden set, or a case of that id or content is there already.
    """
    case = _case(line, "the new case")
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        known = load(path).cases if before.strip() else ()
        for one in known:
            if one.case_id == case.case_id or one.content_hash == case.content_hash:
                raise SuiteError(f"{path}: case {one.case_id!r} is already there. Nothing was added.")
        write_durably(
            path.resolve(), before + ("" if before.endswith("\n") or not before else "\n") + line + "\n"
        )
    except (OSError, UnicodeDecodeError) as failed:
        raise SuiteError(f"{path}: cannot be written ({failed}). Name a file that you may write.") from failed
    return case


def subset(golden: GoldenSet, most: int, always: Iterable[str]) -> GoldenSet:
    """At most this many cases: those in `always` first, then the others in file order."""
    wanted = set(always)
    order = sorted(golden.cases, key=lambda case: case.case_id not in wanted)
    kept = {case.case_id for case in order[:most]}
    return _pinned(golden.name, golden.path, [case for case in golden.cases if case.case_id in kept])


def _pinned(name: str, path: str, cases: list[Case]) -> GoldenSet:
    pins = sorted(f"{case.case_id}\t{case.content_hash}" for case in cases)
    return GoldenSet(name, path, tuple(cases), digest(pins))


def _case(line: str, where: str) -> Case:
    try:
        row = json.loads(line)
    except ValueError as failed:
        raise SuiteError(f"{where}: not JSON ({failed}). Example: {_EXAMPLE}") from None
    if not isinstance(row, dict):
        raise SuiteError(f"{where}: not a JSON object. Example: {_EXAMPLE}")
    for key in row:
        if key not in _KEYS:
            raise SuiteError(
                f"{where}: unknown key {key!r}{did_you_mean(key, _KEYS)}. Known: {', '.join(_KEYS)}."
            )
    case_id, given = row.get("id"), row.get("input")
    if not isinstance(case_id, str) or not case_id:
        raise SuiteError(f"{where}: `id` is {case_id!r}, not a text. Example: {_EXAMPLE}")
    if not isinstance(given, dict):
        raise SuiteError(f"{where}: `input` is {given!r}, not an object of variables. Example: {_EXAMPLE}")
    cluster = row.get("cluster", case_id)
    if not isinstance(cluster, str) or not cluster:
        raise SuiteError(f'{where}: `cluster` is {cluster!r}, not a text. Example: "cluster": "customer-7"')
    pin = digest([given, row.get("expected"), cluster])
    return Case(case_id, given, row.get("expected"), cluster, pin)


def digest(content: object) -> str:
    """16 hex digits that pin any JSON content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
