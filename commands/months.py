"""UTC months as people write them: 2026-10."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import click

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Month(click.ParamType[date]):
    """The first day of a UTC month that is written as YYYY-MM."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        if not _MONTH.fullmatch(value):
            self.fail(f"{value!r}: write it as YYYY-MM, for example 2026-10", param, ctx)
        return date.fromisoformat(f"{value}-01")


MONTH = Month()


def first_moment(month: date) -> datetime:
    """When the month begins, UTC without a zone."""
    return datetime(month.year, month.month, 1)  # noqa: DTZ001 - UTC, as the store has it


def month_after(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
