"""What the page asks: every query of it takes the window and the filters above the page."""

from __future__ import annotations

from dashboard import source
from dashboard.filters import Filters, Window
from dashboard.source import Row


def read(
    filters: Filters, query: str, window: Window | None = None, /, **more: str | int | None
) -> list[Row]:
    """The rows of a named query, of this window or of the one that is chosen."""
    shown = window or filters.window
    return source.read(
        query, filters.project, since=shown.since, until=shown.until, **more, **filters.of(query)
    )


def over_time(filters: Filters, query: str, **more: str | int) -> list[Row]:
    """The rows of a named query that has buckets."""
    return read(filters, query, bucket_minutes=filters.window.bucket_minutes, **more)
