"""A run folder: everything one run paid for and decided, portable as a CI artifact.

run.json        what was compared, pinned by hashes, and the rule that gates it
journal.jsonl   every answer as it came in (with its text), fsynced: an interrupted run keeps them
results.jsonl   one score per case × arm × metric, as the store keeps them (no text)
verdict.json    the newest verdict; exit codes come only from it
verdicts.jsonl  every verdict ever made of this run: deciding again is a look, and looks are counted
junit.xml, report.md   for CI and for people
unsent_spans    spans that no receiver took yet
delivered       the verdict up to which everything reached the store
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from errors import SuiteError

FORMAT = 1


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run.json"
        self.journal = path / "journal.jsonl"
        self.results = path / "results.jsonl"
        self.verdict = path / "verdict.json"
        self.verdicts = path / "verdicts.jsonl"
        self.junit = path / "junit.xml"
        self.markdown = path / "report.md"
        self.unsent_spans = path / "unsent_spans"
        self.delivered = path / "delivered"

    @classmethod
    def create(cls, parent: Path, run_id: str) -> RunFolder:
        """A new folder. Raises SuiteError when it cannot be made."""
        try:
            (parent / run_id).mkdir(parents=True)
        except OSError as failed:
            raise SuiteError(
                f"{parent}: cannot make a run folder ({failed}). Choose another with --out."
            ) from failed
        return cls(parent / run_id)

    @classmethod
    def find(cls, name: str, runs: Path) -> RunFolder:
        """By path, or by run id under `runs`. Raises SuiteError when there is none."""
        for path in (Path(name), runs / name):
            if (path / "run.json").is_file():
                return cls(path)
        raise SuiteError(
            f"{name}: no run folder, and no run of that id under {runs}. A run folder holds run.json; "
            "`steelyard eval run SUITE` writes one and prints its path."
        )

    def read_run(self) -> dict[str, Any]:
        """Raises SuiteError when run.json is damaged or from a newer version."""
        run = _read_json(self.run)
        if run.get("format") != FORMAT:
            raise SuiteError(
                f"{self.run}: run folder format {run.get('format')!r}, this version reads {FORMAT}. "
                "Use the Steelyard version that wrote it, or run the suite again."
            )
        return run

    def read_results(self) -> Iterator[dict[str, Any]]:
        """Result rows, one at a time. Raises SuiteError when the file is missing or damaged."""
        try:
            with self.results.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        except FileNotFoundError:
            raise SuiteError(
                f"{self.results}: missing: the run did not finish. Run the suite again."
            ) from None
        except ValueError as failed:
            raise SuiteError(
                f"{self.results}: damaged ({failed}). Restore the folder or run again."
            ) from failed

    def read_verdict(self) -> dict[str, Any]:
        return _read_json(self.verdict)

    def read_verdicts(self) -> list[dict[str, Any]]:
        """Every verdict ever made of this run, oldest first."""
        return [json.loads(line) for line in self.verdicts.read_text(encoding="utf-8").splitlines()]

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Store a verdict: on disk when this returns, since exit codes are made of it."""
        with self.verdicts.open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(verdict, ensure_ascii=False) + "\n")
        write_durably(self.verdict, json.dumps(verdict, indent=2, ensure_ascii=False) + "\n")


def write_durably(path: Path, text: str) -> None:
    """Replace a file's content: the old or the new is there after a crash, never half of one."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _fsync_folder(path.parent)


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write JSON Lines, one row at a time."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"{path}: missing. Name a finished run's folder, or run the suite again.") from None
    except (OSError, ValueError) as failed:
        raise SuiteError(
            f"{path}: damaged ({failed}). Restore the folder or run the suite again."
        ) from failed
    if not isinstance(content, dict):
        raise SuiteError(f"{path}: damaged (not an object). Restore the folder or run the suite again.")
    return content


def _fsync_folder(folder: Path) -> None:
    # A rename is durable only when its folder is; Windows neither needs nor allows it.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
