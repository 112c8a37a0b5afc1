"""How the rooms of this folder ask for rows: `dashboard.source.read` is one such way, a command's reader another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

Row = Mapping[str, Any]


class Ask(Protocol):
    """The rows of a named query. Times in UTC, with or without a zone."""

    def __call__(
        self, name: str, project: str, /, **params: str | int | datetime | None
    ) -> Sequence[Row]: ...
