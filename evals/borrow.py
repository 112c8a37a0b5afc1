"""A stored run as a baseline: CI machines forget, the store does not.

What a comparison needs of the baseline (its pins, its candidate's scores) is read from the store server and
kept as a run folder under `runs/.borrowed/`, so that a verdict rests on files here like any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from errors import SuiteError, UserError
from evals.folder import FORMAT, RunFolder, write_durably, write_lines
from store.projects import DEFAULT_PROJECT
from store.remote import DEFAULT_API_URL, StoreClient

_PINS = ("run_id", "status", "provider", "model", "scorers_hash", "golden_set_hash", "candidate_version")


def named_store() -> StoreClient:
    """The store server that the environment names, else the usual place on this machine."""
    url = os.environ.get("STEELYARD_URL", DEFAULT_API_URL)
    return StoreClient(url, api_key=os.environ.get("STEELYARD_API_KEY"))


def find_baseline(
    name: str, runs: Path, project: str | None, store: Callable[[], StoreClient] = named_store
) -> RunFolder:
    """A run by path, by id under `runs`, or by id from the store server. Raises SuiteError when none has it."""
    try:
        return RunFolder.find(name, runs)
    except SuiteError as not_here:
        try:
            return _borrow(name, runs, project, store())
        except UserError as not_there:
            raise SuiteError(f"{not_here} Nor from the store: {not_there}") from None


def _borrow(run_id: str, runs: Path, project: str | None, client: StoreClient) -> RunFolder:
    try:
        found = client.rows("runs", project=project, params={"run_id": run_id, "limit": "1"})
        if not found:
            where = f"project {project or DEFAULT_PROJECT}"
            raise SuiteError(f"{client.url} has no run {run_id} in {where}.")
        results = client.rows("run_results", project=project, params={"run_id": run_id})
    finally:
        client.close()
    folder = RunFolder(runs / ".borrowed" / run_id)
    folder.path.mkdir(parents=True, exist_ok=True)
    write_lines(folder.results, results)
    run = {"format": FORMAT, "project": project, "run": {pin: found[0][pin] for pin in _PINS}}
    write_durably(folder.run, json.dumps(run, indent=2) + "\n")
    return folder
