"""What can be chosen above a page, without Streamlit: ranges of time, and everything that narrows a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dashboard import formats
from errors import QueryError
from store.catalog import named_queries

CUSTOM = "custom"
DEFAULT_RANGE = "7d"
# Widths of buckets that divide a UTC day, and how many of them a figure reads well with.
_BUCKET_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
_MOST_BUCKETS = 90
# Further back nothing is kept, and a figure of more days than this would be one of stripes.
LONGEST = timedelta(days=400)


class CannotNarrowError(QueryError):
    """What is asked for is more than the page's query can leave out."""


@dataclass(frozen=True)
class Range:
    """A window that ends now, and the width of its buckets (they divide a UTC day)."""

    name: str
    length: timedelta
    bucket_minutes: int

    @property
    def bucket(self) -> timedelta:
        return timedelta(minutes=self.bucket_minutes)


RANGES = {
    found.name: found
    for found in (
        Range("1h", timedelta(hours=1), 2),
        Range("24h", timedelta(hours=24), 30),
        Range("7d", timedelta(days=7), 180),
        Range("30d", timedelta(days=30), 720),
        Range("90d", timedelta(days=90), 1440),
    )
}


@dataclass(frozen=True)
class Window:
    """Half-open, in UTC: since a bucket's start, until a full minute."""

    since: datetime
    until: datetime
    bucket_minutes: int

    @property
    def before(self) -> Window:
        """The window of the same length that ends where this one begins."""
        return Window(self.since - (self.until - self.since), self.since, self.bucket_minutes)


def window(chosen: Range, now: datetime) -> Window:
    """The chosen range up to now, begun on a bucket's edge so that only the last bucket is cut."""
    until = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Window(_on_edge(until - chosen.length, chosen.bucket), until, chosen.bucket_minutes)


def custom_window(since: datetime | None, until: datetime | None, now: datetime) -> tuple[Window, str]:
    """The window between two UTC times, begun on a bucket's edge, and what was changed in it, in words.

    Without an end it goes up to now, without a beginning it is the 7 days before its end; a window that ends before it
    begins, or is too long for a figure, is shortened to what can be shown.
    """
    latest = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = min(until, latest) if until else latest
    start = since or end - RANGES[DEFAULT_RANGE].length
    said = ""
    if start >= end:
        said = f"The range begins at {formats.moment_exact(start)}, not before its end. Shown: the day before the end."
        start = end - timedelta(days=1)
    elif end - start > LONGEST:
        said = f"The range is longer than {LONGEST.days} days. Shown: the last {LONGEST.days} days of it."
        start = end - LONGEST
    width = bucket_for(end - start)
    return Window(_on_edge(start, timedelta(minutes=width)), end, width), said


def bucket_for(length: timedelta) -> int:
    """The width in minutes that cuts a window of this length into a number of buckets that reads well."""
    fits = (minutes for minutes in _BUCKET_MINUTES if length <= _MOST_BUCKETS * timedelta(minutes=minutes))
    return next(fits, _BUCKET_MINUTES[-1])


def _on_edge(at: datetime, bucket: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // bucket * bucket


@dataclass(frozen=True)
class Filters:
    """What is chosen above the page."""

    project: str
    window: Window  # what a page of a range shows; Spend shows `month`
    range_name: str  # 1h, 24h, 7d, 30d, 90d or custom
    environment: str | None  # None = all; empty = calls that name none
    tenant_id: str | None
    model: str | None
    prompt_name: str | None
    dimension: str | None  # a further dimension to filter by; set together with its value
    dimension_value: str | None  # empty = calls without a value in it
    by: str | None  # what to group by; None = what the page does by itself
    month: date
    models_in_order: Sequence[str]  # every model, most calls first: what fixes a model's colour
    own: Mapping[str, str | None]  # the fields of pages' own, by key; None = says nothing

    @property
    def described(self) -> str:
        """The filters that narrow the page, in words; empty when none does."""
        parts = [
            f"{formats.dimension(name)} {formats.in_dimension(value, name)}"
            for name, value in self.narrowing.items()
        ]
        return ", ".join(parts)

    @property
    def narrowing(self) -> dict[str, str]:
        """What narrows the page, by the names of queries' parameters; empty text = calls that have none."""
        chosen = {
            "environment": self.environment,
            "tenant_id": self.tenant_id,
            "model": self.model,
            "prompt_name": self.prompt_name,
        }
        further = {} if self.dimension is None else {self.dimension: self.dimension_value or ""}
        return {name: value for name, value in chosen.items() if value is not None} | further

    def of(self, query: str) -> dict[str, str]:
        """The same as parameters of the named query of this name.

        What the query has no parameter for becomes its `dimension`. Raises CannotNarrowError when that is taken: a page that
        left a filter out would show other calls than it says.
        """
        known = {param.name for param in named_queries()[query].params}
        given = {name: value for name, value in self.narrowing.items() if name in known}
        left = [(name, value) for name, value in self.narrowing.items() if name not in known]
        if len(left) > ("dimension" in known):
            names = " and ".join(formats.dimension(name) for name, _ in left)
            raise CannotNarrowError(
                f"This page cannot be narrowed by {names} at once. Clear one of the filters."
            )
        for name, value in left:
            given |= {"dimension": name, "dimension_value": value}
        return given

    @property
    def compared_with(self) -> str:
        """The window before this one, in words: `vs prev 7d`."""
        length = self.window.until - self.window.since
        hours = round(length / timedelta(hours=1))
        told = self.range_name
        if told == CUSTOM:
            told = f"{hours // 24}d" if hours >= 48 else f"{hours}h" if hours else "range"
        return f"prev {told}"
