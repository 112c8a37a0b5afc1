"""Addresses of the dashboard's pages, for commands to print: people and CI jobs follow them.

Light on purpose, as `commands.local` is: the eval commands import it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from collector.datadir import running_server
from commands.local import usual_directory
from evals.outbox import Receiver
from store.projects import DEFAULT_PROJECT

DASHBOARD_URL = "STEELYARD_DASHBOARD_URL"
# Where `steelyard up` has its pages unless it is told otherwise.
_USUAL_URL = "http://127.0.0.1:8501"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def of_run(run_id: str, receiver: Receiver) -> str:
    """Where a run that was sent to this receiver is seen: the gate's evidence, and its cases, a line each."""
    project = receiver.project
    query = {"run": run_id} | ({"project": project} if project not in (None, DEFAULT_PROJECT) else {})
    base = _dashboard_of(receiver)
    lines = [f"{base or ''}{_path(page, query)}" for page in ("gates", "evals")]
    if base is None:
        lines.append(f"on its dashboard; {DASHBOARD_URL}=https://… makes whole addresses of these")
    return "\n".join(lines)


def _path(page: str, query: Mapping[str, str | None]) -> str:
    return f"/{page}?{urlencode(query)}"


def _dashboard_of(receiver: Receiver) -> str | None:
    """The dashboard of the store that this receiver feeds; None when nothing says where that is."""
    if named := os.environ.get(DASHBOARD_URL):
        return named.rstrip("/")
    here = running_server(usual_directory())
    if here and here.receiver_url == receiver.url and here.dashboard_url:
        return here.dashboard_url
    return _USUAL_URL if urlsplit(receiver.url).hostname in _THIS_MACHINE else None
