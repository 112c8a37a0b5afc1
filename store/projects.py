"""Projects: the wall around everything stored. Stamped by the receiver, never changed afterwards."""

from __future__ import annotations

import re

DEFAULT_PROJECT = "default"
DEMO_PROJECT = "demo"
PROJECT_HEADER = "x-steelyard-project"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_project(name: str) -> bool:
    """Whether this can name a project."""
    return _NAME.fullmatch(name) is not None
