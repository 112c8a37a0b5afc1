"""Getting a run folder into the store: records by the receiver's records API, late spans by OTLP.

The folder is the queue. What was not delivered stays in it and is tried again by the next `eval run` or
`gate`; everything carries its own key, so sending twice adds nothing.
"""

from __future__ import annotations

import base64
import itertools
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from errors import ConfigError, ServerError, SuiteError
from evals.folder import RunFolder, write_durably
from store.projects import PROJECT_HEADER, is_project
from store.remote import DEFAULT_RECEIVER_URL, bearer, post_records
from store.trust import Verification, verification

_ROWS_AT_ONCE = 10_000
_LISTEN_TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Receiver:
    """Where telemetry and records go. `project` None leaves it to the key."""

    url: str
    project: str | None = None
    api_key: str | None = field(default=None, repr=False)
    # How its certificate is checked; None as the environment says.
    verify: Verification | None = None
    # Whether the environment named it; else it is only where one usually is.
    is_named: bool = True

    @classmethod
    def from_environment(cls, project: str | None) -> Receiver:
        """STEELYARD_OTLP_URL, else OTEL_EXPORTER_OTLP_ENDPOINT, else this machine. Raises ConfigError."""
        if project is not None and not is_project(project):
            raise ConfigError(f"--project {project!r} cannot name a project. Example: --project search-team")
        url = os.environ.get("STEELYARD_OTLP_URL") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        return cls(
            (url or DEFAULT_RECEIVER_URL).rstrip("/"),
            project,
            os.environ.get("STEELYARD_API_KEY"),
            is_named=url is not None,
        )

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.api_key) | ({PROJECT_HEADER: self.project} if self.project else {})

    @property
    def exporter_url(self) -> str | None:
        """Where spans can go while they are made; None when they must wait in the run folder for `deliver`.

        The OTLP exporter checks certificates by name only, and a server that is known by its very certificate has
        none that fits: each of its exports would fail for five seconds first.
        """
        return None if isinstance(self.verify, ssl.SSLContext) else self.url

    def listens(self) -> bool:
        """Does anything accept connections there? Asked first, so that an absent one costs no time-outs."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=_LISTEN_TIMEOUT_S).close()
        except OSError:
            return False
        return True


def deliver(folder: RunFolder, receiver: Receiver) -> None:
    """Send what this folder has and the store does not. Raises ServerError; what was sent stays sent.

    Only the last records wait for their commit: the receiver's queue is in order, so it vouches for the rest.
    """
    stored = folder.read_run()
    _send_spans(folder.unsent_spans, receiver)
    if not folder.delivered.exists():
        for kind in ("prompt_versions", "golden_sets"):
            _post(receiver, kind, stored[kind])
        for rows in _batches(folder.read_results()):
            _post(receiver, "results", rows)
        _post(receiver, "runs", [stored["run"]], wait_commit=not folder.verdicts.exists())
    if folder.verdicts.exists():
        _post(receiver, "verdicts", folder.read_verdicts(), wait_commit=True)
    write_durably(folder.delivered, _state(folder) + "\n")


def is_delivered(folder: RunFolder) -> bool:
    """Does the store have everything, the newest verdict included?"""
    marked = folder.delivered.read_text("utf-8").strip() if folder.delivered.exists() else None
    return marked == _state(folder) and not folder.unsent_spans.exists()


def deliver_older(runs: Path, receiver: Receiver) -> int:
    """Try again for other folders under `runs`, each into its own project; returns how many got through."""
    done = 0
    for path in sorted(runs.iterdir()) if runs.is_dir() else []:
        folder = RunFolder(path)
        if not folder.run.is_file() or is_delivered(folder):
            continue
        try:
            deliver(folder, replace(receiver, project=folder.read_run()["project"]))
        except SuiteError:
            continue  # A damaged folder is its owner's to repair, not this run's to stop for.
        done += 1
    return done


def _post(receiver: Receiver, kind: str, rows: list[dict[str, Any]], *, wait_commit: bool = False) -> None:
    post_records(
        receiver.url,
        kind,
        rows,
        project=receiver.project,
        api_key=receiver.api_key,
        verify=receiver.verify,
        wait_commit=wait_commit,
    )


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(rows, _ROWS_AT_ONCE)):
        yield batch


def _send_spans(unsent: Path, receiver: Receiver) -> None:
    """Send kept export requests as they were; their span ids make a second delivery harmless."""
    if not unsent.exists():
        return
    headers = {"content-type": "application/x-protobuf", **receiver.headers}
    try:
        verify = verification(receiver.url) if receiver.verify is None else receiver.verify
        with httpx.Client(timeout=30, trust_env=False, verify=verify) as http:
            for line in unsent.read_bytes().splitlines():
                answer = http.post(
                    f"{receiver.url}/v1/traces", content=base64.b64decode(line), headers=headers
                )
                answer.raise_for_status()
    except httpx.HTTPError as failed:
        raise ServerError(
            f"the receiver at {receiver.url} did not take the run's spans: {failed}"
        ) from failed
    unsent.unlink()


def _state(folder: RunFolder) -> str:
    """What `delivered` holds when everything is: the newest verdict's id, or `no verdict`."""
    return str(folder.read_verdict()["verdict_id"]) if folder.verdict.exists() else "no verdict"
