"""Moments on the command line: a day, or a time of a day, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Moment(click.ParamType[datetime]):
    """`2026-10-01` (its first moment) or `2026-10-01T12:30:00Z`: UTC without a zone, as the store has it."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Fails with a usage error that gives an example."""
        if isinstance(value, datetime):
            return value
        try:
            return moment(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


MOMENT = Moment()


def moment(text: str) -> datetime:
    """Raises ValueError that says how to write it."""
    try:
        if _DAY.fullmatch(text) or text.endswith("Z"):
            return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass  # such as the 31st of February: said below like every other
    raise ValueError(f"{text!r} is no time: write it in UTC as 2026-10-01 or 2026-10-01T12:30:00Z")


def wire(at: datetime | None) -> str | None:
    """As records and parameters of queries have it."""
    return None if at is None else f"{at.isoformat()}Z"


def shown(at: datetime | None, otherwise: str = "–") -> str:
    """For people: the day, with the time where it is not the day's first moment."""
    if at is None:
        return otherwise
    return f"{at:%Y-%m-%d}" if at.time() == datetime.min.time() else f"{at:%Y-%m-%d %H:%M:%S}"


def today() -> datetime:
    """The first moment of this UTC day, without a zone."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
